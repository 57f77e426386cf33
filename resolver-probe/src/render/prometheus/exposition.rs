//! The text format of Prometheus: families of samples, escaped, each announced once.
//!
//! Prometheus, "Exposition formats", version 0.0.4. It knows no report.

use crate::render::words;

/// Metrics in the order in which they are written.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

/// A metric that may go up and down, with its samples.
#[derive(Debug)]
pub(crate) struct Gauge {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl Gauge {
    /// Begins a metric; `name` and `help` are ours, and plain.
    pub(crate) fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: "gauge", help, samples: Vec::new() }
    }

    /// Starts a family of counters, which only grow while the program runs.
    pub(crate) fn counter(name: &'static str, help: &'static str) -> Self {
        Self { kind: "counter", ..Self::new(name, help) }
    }

    /// Adds a sample with its labels.
    pub(crate) fn push(&mut self, labels: Vec<(&'static str, String)>, value: f64) {
        self.samples.push((labels, value));
    }
}

impl Exposition {
    /// Writes a metric. One without samples is left out.
    pub(crate) fn push(&mut self, gauge: &Gauge) {
        if gauge.samples.is_empty() {
            return;
        }
        let Gauge { name, kind, help, samples } = gauge;
        self.text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        for (labels, value) in samples {
            let labels: Vec<String> =
                labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            self.text.push_str(&format!("{name}{labels} {}\n", number(*value)));
        }
    }

    /// Returns the text; it ends with a line break, as the format asks for.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// Escapes a label's value. What no dashboard could show is replaced before.
fn escaped(value: &str) -> String {
    words::visible(value).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Writes a number as Go reads it: a probability may be very small.
fn number(value: f64) -> String {
    if value == 0.0 || (1e-4..1e15).contains(&value.abs()) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}
