//! Medians, ratios, and what the figures are meant to reach.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// The median of some measurements with the smallest and the largest, in the measurements' own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The one in the middle, or the mean of the two.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) min: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Spread {
    /// Summarises measurements; none without any.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let lower = if values.len().is_multiple_of(2) { *values.get(middle.checked_sub(1)?)? } else { upper };
        Some(Self { median: f64::midpoint(lower, upper), min, max })
    }
}

/// What one process did, from its start to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// From the start of the process to its first request for work.
    pub(crate) start: Duration,
    /// The first invocation, with one event.
    pub(crate) first: Duration,
    /// Later invocations with one event each.
    pub(crate) warm: Vec<Duration>,
    /// Later invocations with ten events each.
    pub(crate) batch: Vec<Duration>,
    /// The most memory that it had resident.
    pub(crate) peak_memory_kib: u64,
    /// Calls by operation: in the first invocation, and in all warm and all batches.
    pub(crate) first_calls: Calls,
    /// In the later invocations with one event.
    pub(crate) warm_calls: Calls,
    /// In the later invocations with ten events.
    pub(crate) batch_calls: Calls,
}

/// Calls by operation.
pub(crate) type Calls = BTreeMap<String, u64>;

/// The figures of one side.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    /// Milliseconds.
    pub(crate) start_ms: Spread,
    /// Milliseconds.
    pub(crate) first_invocation_ms: Spread,
    /// Milliseconds.
    pub(crate) warm_invocation_ms: Spread,
    /// Milliseconds.
    pub(crate) batch_of_ten_ms: Spread,
    /// Mebibytes.
    pub(crate) peak_memory_mib: Spread,
    /// Calls of one invocation.
    pub(crate) first_calls: Spread,
    /// Calls of one invocation.
    pub(crate) warm_calls: Spread,
    /// Calls of one invocation.
    pub(crate) batch_calls: Spread,
    /// By operation, in all repetitions.
    pub(crate) calls: Calls,
}

impl Figures {
    /// Summarises samples; none without any.
    pub(crate) fn of(samples: &[Sample]) -> Option<Self> {
        let durations =
            |of: fn(&Sample) -> Vec<Duration>| Spread::of(samples.iter().flat_map(of).map(millis));
        let per_invocation = |of: fn(&Sample) -> (u64, usize)| {
            Spread::of(samples.iter().map(of).filter(|(_, count)| *count > 0).map(|(sum, n)| ratio(sum, n)))
        };
        let mut calls = Calls::new();
        for sample in samples {
            for (operation, count) in
                [&sample.first_calls, &sample.warm_calls, &sample.batch_calls].into_iter().flatten()
            {
                *calls.entry(operation.clone()).or_default() += count;
            }
        }
        Some(Self {
            start_ms: durations(|sample| vec![sample.start])?,
            first_invocation_ms: durations(|sample| vec![sample.first])?,
            warm_invocation_ms: durations(|sample| sample.warm.clone())?,
            batch_of_ten_ms: durations(|sample| sample.batch.clone())?,
            peak_memory_mib: Spread::of(samples.iter().map(|sample| ratio(sample.peak_memory_kib, 1024)))?,
            first_calls: per_invocation(|sample| (total(&sample.first_calls), 1))?,
            warm_calls: per_invocation(|sample| (total(&sample.warm_calls), sample.warm.len()))?,
            batch_calls: per_invocation(|sample| (total(&sample.batch_calls), sample.batch.len()))?,
            calls,
        })
    }
}

/// Adds up calls.
pub(crate) fn total(calls: &Calls) -> u64 {
    calls.values().sum()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls and kibibytes are far below 2^52")]
fn ratio(sum: u64, count: usize) -> f64 {
    sum as f64 / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let spread = Spread::of([5.0, 1.0, 3.0]).unwrap();
        assert_eq!(spread, Spread { median: 3.0, min: 1.0, max: 5.0 });
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 9.0]).unwrap().median, 3.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn calls_are_counted_for_each_invocation() {
        let calls = |count| Calls::from([("ec2:DescribeInstances".to_owned(), count)]);
        let sample = Sample {
            warm: vec![Duration::from_millis(200); 4],
            batch: vec![Duration::from_millis(300); 2],
            peak_memory_kib: 13 * 1024,
            first_calls: calls(6),
            warm_calls: calls(16),
            batch_calls: calls(8),
            ..Sample::default()
        };
        let figures = Figures::of(&[sample.clone(), sample]).unwrap();
        assert_eq!((figures.warm_calls.median, figures.batch_calls.median), (4.0, 4.0));
        assert_eq!(figures.peak_memory_mib.median, 13.0);
        assert_eq!(figures.calls, calls(60));
        assert!((figures.warm_invocation_ms.median - 200.0).abs() < 1e-9);
    }
}
