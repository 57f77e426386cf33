//! Metrics in CloudWatch's embedded metric format, one JSON document a line.
//!
//! A document has one value for each metric and one for each dimension, so that the same metric of two
//! kinds needs two documents. Metrics of different kinds share one, which keeps the lines few. Limits
//! (CloudWatch user guide, "Embedded metric format specification"): 30 dimensions in a set, 100 metrics and
//! 1 MiB in a document; there are fewer names than that, so documents stay far below.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::InvocationEvent;
use super::metrics::{Sample, samples};

/// Writes an invocation's metrics, measured at `timestamp`, as lines for standard output.
#[must_use]
pub fn emf(event: &InvocationEvent, namespace: &str, timestamp: Timestamp) -> Vec<String> {
    let documents = samples(event).into_iter().flat_map(pack);
    documents.map(|document| document.write(namespace, timestamp)).collect()
}

/// Samples whose names differ and whose dimensions agree.
#[derive(Default)]
struct Document {
    dimensions: BTreeMap<&'static str, String>,
    samples: BTreeMap<&'static str, Sample>,
}

/// Puts each sample into the first document that has room for its name and its dimensions' values.
fn pack(samples: Vec<Sample>) -> Vec<Document> {
    let mut documents: Vec<Document> = Vec::new();
    for sample in samples {
        let index = documents.iter().position(|document| document.has_room_for(&sample));
        match index.and_then(|index| documents.get_mut(index)) {
            Some(document) => document.add(sample),
            None => {
                let mut document = Document::default();
                document.add(sample);
                documents.push(document);
            }
        }
    }
    documents
}

impl Document {
    fn has_room_for(&self, sample: &Sample) -> bool {
        let agrees = |(key, value): &(&'static str, String)| {
            self.dimensions.get(key).is_none_or(|present| present == value)
        };
        !self.samples.contains_key(sample.name) && sample.dimensions.iter().all(agrees)
    }

    fn add(&mut self, sample: Sample) {
        self.dimensions.extend(sample.dimensions.iter().cloned());
        self.samples.insert(sample.name, sample);
    }

    fn write(self, namespace: &str, timestamp: Timestamp) -> String {
        let mut sets: BTreeMap<Vec<&str>, Vec<Value>> = BTreeMap::new();
        let mut root = Map::new();
        for (key, value) in self.dimensions {
            root.insert(key.to_owned(), Value::String(value));
        }
        for (name, sample) in self.samples {
            let keys = sample.dimensions.iter().map(|(key, _)| *key).collect();
            sets.entry(keys).or_default().push(json!({ "Name": name, "Unit": sample.unit }));
            root.insert(name.to_owned(), sample.value);
        }
        let directives: Vec<Value> = sets
            .into_iter()
            .map(
                |(keys, metrics)| json!({ "Namespace": namespace, "Dimensions": [keys], "Metrics": metrics }),
            )
            .collect();
        let metadata = json!({ "Timestamp": timestamp.as_millisecond(), "CloudWatchMetrics": directives });
        root.insert("_aws".to_owned(), metadata);
        Value::Object(root).to_string()
    }
}
