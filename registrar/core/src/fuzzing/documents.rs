//! Hostile parameters and files: pool documents, state, orders, places and reviewed plans.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Kept, in_proportion, is_line, promise};
use crate::orders::OrdersDocument;
use crate::places::Places;
use crate::plan::{Plan, ReviewedPlan};
use crate::pool::{Policy, WhenEmpty};
use crate::state_document::PoolStateDocument;

/// Bytes of a standard SSM parameter.
const PARAMETER: usize = 4096;

/// Reads a pool's document; what can be used is within the limits of Route 53.
pub fn pool_document(text: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(text);
    let policy = match Policy::parse(&text) {
        Ok(policy) => policy,
        Err(error) => {
            promise(!error.hint.is_empty(), || format!("{error} has no hint"))?;
            return in_proportion("an error", &format!("{error} {}", error.hint), &text);
        }
    };
    promise((1..=86_400).contains(&policy.ttl_secs), || format!("a TTL of {} s", policy.ttl_secs))?;
    promise(policy.max_removals.percent <= 100, || format!("{:?}", policy.max_removals))?;
    promise(policy.name.child("registrar-owner").is_ok(), || "no room for owner marks".to_owned())?;
    promise(policy.name.child("l00").is_ok(), || "no room for leaves".to_owned())?;
    let has_fallback = policy.fallback.is_some();
    promise(has_fallback == (policy.when_empty == WhenEmpty::Fallback), || format!("{policy:?}"))?;
    promise(policy.default_weight >= policy.smallest_weight(), || format!("{policy:?}"))?;
    let selector = policy.selector();
    let selects_nothing = selector.wavelength_zones.is_empty()
        && selector.tags.is_empty()
        && selector.auto_scaling_groups.is_empty();
    promise(!selects_nothing, || "a pool that selects every instance".to_owned())
}

/// Reads a pool's state; written again it fits a parameter, and counts no removal less.
pub fn pool_state(text: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(text);
    let state = match PoolStateDocument::parse(&text) {
        Ok(state) => state,
        Err(error) => return in_proportion("an error", &error.to_string(), &text),
    };
    let held = state.held_since.keys().map(|held| held.what.len() + held.reason.len()).sum::<usize>();
    promise(held <= 100 * text.len(), || format!("{held} bytes of holds out of {}", text.len()))?;
    let written = state.to_text();
    promise(written.len() <= PARAMETER, || format!("a state of {} bytes", written.len()))?;
    let again = PoolStateDocument::parse(&written).map_err(|error| format!("{written}: {error}"))?;
    let counted = |state: &PoolStateDocument| state.removals.values().sum::<usize>();
    promise(counted(&again) >= counted(&state).min(10_000), || format!("{text} is kept as {written}"))?;
    // A count of nothing need not be kept.
    let newest = |state: &PoolStateDocument| {
        let mut counted = state.removals.iter().rev().filter(|(_, count)| **count > 0);
        counted.next().map(|(at, _)| *at)
    };
    let forgets = newest(&again).map(Timestamp::as_second) < newest(&state).map(Timestamp::as_second);
    promise(!forgets, || format!("{text} is kept as {written}"))
}

/// Reads an operator's orders; what can be written again is read as it was.
pub fn orders(text: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(text);
    let orders = match OrdersDocument::parse(&text) {
        Ok(orders) => orders,
        Err(error) => return in_proportion("an error", &error.to_string(), &text),
    };
    let Ok(written) = orders.to_text() else { return Ok(()) };
    promise(written.len() <= PARAMETER, || format!("orders of {} bytes", written.len()))?;
    match OrdersDocument::parse(&written) {
        Ok(again) if again == orders => Ok(()),
        other => Err(format!("{written} is read as {other:?}")),
    }
}

/// Reads a parameter with places; written again they are the same.
pub fn places(text: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(text);
    let mut places = Places::default();
    if let Err(error) = places.read(&text) {
        return in_proportion("an error", &error.to_string(), &text);
    }
    let mut again = Places::default();
    for parameter in places.to_parameters() {
        promise(parameter.len() <= PARAMETER, || format!("a parameter of {} bytes", parameter.len()))?;
        again.read(&parameter).map_err(|error| format!("{parameter}: {error}"))?;
    }
    promise(again == places, || format!("{places:?} is read as {again:?}"))
}

/// Reads a reviewed plan, and holds it against a plan that changes nothing.
pub fn reviewed_plan(text: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(text);
    let reviewed = match ReviewedPlan::parse(&text) {
        Ok(reviewed) => reviewed,
        Err(error) => return in_proportion("an error", &error.to_string(), &text),
    };
    let nothing = Plan {
        deployment: reviewed.deployment().clone(),
        observed_at: Timestamp::UNIX_EPOCH,
        pools: Vec::new(),
        batches: Vec::new(),
        observed: BTreeMap::new(),
        hosted_zone_records: BTreeMap::new(),
        gaps: Vec::new(),
        notes: Vec::new(),
    };
    reviewed.covers(&nothing).map_err(|error| format!("nothing is more than was reviewed: {error}"))?;
    let Err(moved) = reviewed.matches(&nothing) else { return Ok(()) };
    promise(moved.differences.len() <= 10, || format!("{} differences", moved.differences.len()))?;
    is_line("what moved", &moved.to_string(), super::ESCAPED * text.len() + super::WORDS)
}
