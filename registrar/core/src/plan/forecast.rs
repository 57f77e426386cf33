//! What a plan will cost, and when it will be done, at what an account may ask of Route 53.
//!
//! Route 53 throttles an account at 10 requests a second with a burst of 50, and at 100 changes a second with
//! a burst of 1,500, where CREATE and DELETE count 1 and UPSERT counts 2 (Developer Guide, "Throttling of API
//! requests"). It is arithmetic on a plan: nobody waits here, and what others in the account spend is not known.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Batch, Plan};
use crate::ids::HostedZoneId;
use crate::record_set::ChangeAction;

/// Requests that come back each second, and how many there are at most.
pub const REQUESTS_PER_SEC: f64 = 10.0;
/// The most requests that can be left.
pub const REQUEST_BURST: f64 = 50.0;
/// Changes that come back each second.
pub const CHANGES_PER_SEC: f64 = 100.0;
/// The most changes that can be left.
pub const CHANGE_BURST: f64 = 1_500.0;

/// Record sets in a hosted zone, unless the quota was raised (Route 53 Developer Guide, "Quotas").
pub const MOST_IN_HOSTED_ZONE: u64 = 10_000;

/// What is left of an account's budget now, and the share of what comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouteBudget {
    /// Requests that may go at once; below zero where they are owed.
    pub requests: f64,
    /// Changes that may go at once; below zero where they are owed.
    pub changes: f64,
    /// The share of the account's rates that is ours, above 0 and at most 1.
    pub share: f64,
}

impl Default for RouteBudget {
    /// Full buckets, all of them ours.
    fn default() -> Self {
        Self { requests: REQUEST_BURST, changes: CHANGE_BURST, share: 1.0 }
    }
}

impl RouteBudget {
    /// Spends one request with so many changes, and returns how many seconds it has to wait for them.
    fn spend(&mut self, changes: f64) -> f64 {
        let for_request = ((1.0 - self.requests) / (REQUESTS_PER_SEC * self.share)).max(0.0);
        let for_changes = ((changes - self.changes) / (CHANGES_PER_SEC * self.share)).max(0.0);
        let wait = for_request.max(for_changes);
        let refilled = |left: f64, per_sec: f64, burst: f64| {
            (left + wait * per_sec * self.share).min((burst * self.share).max(left))
        };
        let requests = refilled(self.requests, REQUESTS_PER_SEC, REQUEST_BURST);
        // A request above the burst waits until it is paid for, and is not refused for ever.
        let there = refilled(self.changes, CHANGES_PER_SEC, CHANGE_BURST.max(changes / self.share));
        (self.requests, self.changes) = (requests - 1.0, there - changes);
        wait
    }
}

/// What a plan will cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// Requests that change something.
    pub requests: usize,
    /// Changes in them.
    pub changes: usize,
    /// Milliseconds until the last request is accepted, network and other changes in progress left out.
    pub done_in_ms: u64,
    /// What the budget leaves of them at once, by which the others are waited for: whether all of it is there.
    pub at_full_budget: bool,
    /// The hosted zones whose record sets were counted.
    pub hosted_zones: BTreeMap<HostedZoneId, ZoneForecast>,
}

/// How full a hosted zone is, and will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ZoneForecast {
    /// Record sets that it has.
    pub records: u64,
    /// Record sets that it will have.
    pub records_after: u64,
    /// How many it may have; not known where the quota was raised.
    pub most: Option<u64>,
}

impl ZoneForecast {
    /// Says whether less than a fifth will be left.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        self.most.is_some_and(|most| self.records_after.saturating_mul(5) >= most.saturating_mul(4))
    }
}

impl Plan {
    /// Says what the plan costs, and when it is done with such a budget.
    #[must_use]
    pub fn forecast(&self, mut budget: RouteBudget) -> Forecast {
        let at_full_budget = budget == RouteBudget::default();
        let mut changes = 0;
        let mut secs = 0.0;
        for batch in &self.batches {
            let cost = batch.changes().count();
            changes += cost;
            secs += budget.spend(f64::from(u32::try_from(cost).unwrap_or(u32::MAX)));
        }
        Forecast {
            requests: self.batches.len(),
            changes,
            done_in_ms: whole_millis(secs),
            at_full_budget,
            hosted_zones: zones(&self.batches, &self.hosted_zone_records),
        }
    }
}

/// Returns what the hosted zones will have whose record sets were counted.
pub(super) fn zones(
    batches: &[Batch],
    counted: &BTreeMap<HostedZoneId, u64>,
) -> BTreeMap<HostedZoneId, ZoneForecast> {
    let forecast = |(id, records): (&HostedZoneId, &u64)| {
        let changes = || batches.iter().filter(|batch| batch.hosted_zone_id == *id).flat_map(Batch::changes);
        let count = |action| changes().filter(|change| change.action == action).count() as u64;
        let records_after =
            (records + count(ChangeAction::Create)).saturating_sub(count(ChangeAction::Delete));
        (id.clone(), ZoneForecast { records: *records, records_after, most: most_in(*records) })
    };
    counted.iter().map(forecast).collect()
}

/// Returns how many record sets a hosted zone may have: where it has more than the quota, that was raised, and nobody
/// says to what.
pub(crate) fn most_in(records: u64) -> Option<u64> {
    (records <= MOST_IN_HOSTED_ZONE).then_some(MOST_IN_HOSTED_ZONE)
}

/// Says which hosted zones will be nearly full.
pub(super) fn notes(zones: &BTreeMap<HostedZoneId, ZoneForecast>) -> impl Iterator<Item = String> {
    zones.iter().filter(|(_, zone)| zone.is_nearly_full()).map(|(id, zone)| {
        let ZoneForecast { records, records_after, .. } = zone;
        let after = if records == records_after {
            format!("has {}", thousands(*records))
        } else {
            format!("has {} and will have {}", thousands(*records), thousands(*records_after))
        };
        format!(
            "hosted zone {id} {after} of the {} record sets that Route 53 allows (hint: give a pool a hosted zone of \
             its own, or remove records there that nobody needs)",
            thousands(MOST_IN_HOSTED_ZONE)
        )
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is neither negative nor long"
)]
fn whole_millis(secs: f64) -> u64 {
    (secs * 1_000.0).ceil().max(0.0) as u64
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize, one: &str, many: &str| {
            format!("{} {}", thousands(count as u64), if count == 1 { one } else { many })
        };
        write!(
            f,
            "Forecast: {}, {}, done in {} s at {}",
            counted(self.requests, "request", "requests"),
            counted(self.changes, "change", "changes"),
            self.done_in_ms.div_ceil(1_000),
            if self.at_full_budget { "Route 53's full budget" } else { "what is left of Route 53's budget" }
        )
    }
}

/// Writes a number with a comma after each three digits.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(budget: &mut RouteBudget, requests: usize, changes: f64) -> f64 {
        (0..requests).map(|_| budget.spend(changes)).sum()
    }

    #[test]
    fn a_burst_costs_nothing_and_what_is_beyond_comes_back_at_a_hundred_a_second() {
        assert!(secs(&mut RouteBudget::default(), 1, 1_000.0).abs() < 1e-9);
        assert!((secs(&mut RouteBudget::default(), 2, 1_000.0) - 5.0).abs() < 1e-9);
        assert!((secs(&mut RouteBudget::default(), 10, 1_000.0) - 85.0).abs() < 1e-9);
    }

    #[test]
    fn many_small_requests_wait_for_requests_and_not_for_changes() {
        assert!((secs(&mut RouteBudget::default(), 60, 1.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_budget_that_is_owed_or_shared_takes_longer() {
        let mut owed = RouteBudget { changes: -100.0, ..RouteBudget::default() };
        assert!((owed.spend(100.0) - 2.0).abs() < 1e-9);
        let mut shared = RouteBudget { requests: 25.0, changes: 750.0, share: 0.5 };
        assert!((shared.spend(1_000.0) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_left_is_what_comes_back_while_waiting_less_what_it_took() {
        let spent = |requests, changes, cost| {
            let mut half = RouteBudget { requests, changes, share: 0.5 };
            [half.spend(cost), half.requests, half.changes]
        };
        let cases = [
            ("nothing to wait for", spent(10.0, 100.0, 40.0), [0.0, 9.0, 60.0]),
            ("for a part of a request", spent(0.5, 100.0, 1.0), [0.1, 0.0, 104.0]),
            ("for changes", spent(10.0, 50.0, 100.0), [1.0, 14.0, 0.0]),
            ("until the requests are full", spent(24.0, 0.0, 100.0), [2.0, 24.0, 0.0]),
            ("for more changes than a burst", spent(20.0, 750.0, 1_000.0), [5.0, 24.0, 0.0]),
            ("with more than our share", spent(40.0, 100.0, 100.0), [0.0, 39.0, 0.0]),
        ];
        for (case, spent, expected) in cases {
            let close = spent.iter().zip(expected).all(|(spent, expected)| (spent - expected).abs() < 1e-9);
            assert!(close, "{case}: waited, requests and changes left: {spent:?} and not {expected:?}");
        }
    }

    #[test]
    fn numbers_have_commas_and_units_their_number() {
        let forecast = |requests, changes, done_in_ms| Forecast {
            requests,
            changes,
            done_in_ms,
            at_full_budget: true,
            hosted_zones: BTreeMap::new(),
        };
        assert_eq!(
            forecast(3, 1_104, 0).to_string(),
            "Forecast: 3 requests, 1,104 changes, done in 0 s at Route 53's full budget"
        );
        assert_eq!(
            forecast(1, 1, 1).to_string(),
            "Forecast: 1 request, 1 change, done in 1 s at Route 53's full budget"
        );
        assert_eq!(thousands(123_456), "123,456");
    }

    #[test]
    fn a_hosted_zone_over_the_usual_quota_has_a_raised_one() {
        assert_eq!((most_in(10_000), most_in(10_001)), (Some(10_000), None));
        let zone = |records_after, most| ZoneForecast { records: 0, records_after, most }.is_nearly_full();
        assert_eq!(
            [zone(7_999, Some(10_000)), zone(8_000, Some(10_000)), zone(90_000, None)],
            [false, true, false]
        );
    }
}
