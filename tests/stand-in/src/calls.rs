//! What was called, when, and with what result.
//!
//! Every request that reaches the stand-in is a call, also one that is refused or dropped; requests to
//! its own control interface are not.

use std::collections::BTreeMap;

use registrar_core::Timestamp;
use serde::Serialize;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// When it arrived, by the world's clock.
    pub at: Timestamp,
    /// Service and operation, such as `ec2:DescribeInstances`, whether or not the stand-in knows it.
    pub operation: String,
    /// The Region that it was signed for.
    pub region: String,
    /// The account that it was made as.
    pub account: String,
    /// What it asked for, at most 500 characters.
    pub summary: String,
    /// `ok`, an error code, or what a fault did; empty while it is being served.
    pub outcome: String,
    #[serde(skip)]
    number: u64,
}

/// The longest summary in characters; more would fill a test's output with one change batch.
const LONGEST_SUMMARY: usize = 500;

/// Every call since the last time they were cleared, in order of arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallLog {
    calls: Vec<Call>,
    arrived: u64,
}

impl CallLog {
    /// Enters a call and returns the number that `settle` wants.
    pub(crate) fn enter(
        &mut self,
        at: Timestamp,
        operation: String,
        caller: (String, String),
        summary: &str,
    ) -> u64 {
        self.arrived += 1;
        let (account, region) = caller;
        let summary = summary.chars().take(LONGEST_SUMMARY).collect();
        let number = self.arrived;
        self.calls.push(Call { at, operation, region, account, summary, outcome: String::new(), number });
        number
    }

    /// Says how a call ended, unless it was cleared meanwhile.
    pub(crate) fn settle(&mut self, number: u64, outcome: &str) {
        if let Ok(index) = self.calls.binary_search_by_key(&number, |call| call.number) {
            outcome.clone_into(&mut self.calls[index].outcome);
        }
    }

    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in &self.calls {
            *counts.entry(call.operation.clone()).or_default() += 1;
        }
        counts
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }
}
