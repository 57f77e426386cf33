//! What becomes of an address that a resolver answers and the authority does not.
//!
//! For as long as a cache may keep it, it is only suspect: it is waited for until it goes, or the time is over that
//! honest caches have.

use std::net::Ipv4Addr;

use registrar_core::{SignedDuration, Timestamp};

use super::reference::{Gone, Reference, Standing};
use super::series::{Point, Series};
use super::signs::Signs;
use crate::report::StaleInterval;

/// Answers in a row without the address before it counts as gone from the resolver.
const CLEAN: usize = 3;

/// What is known of one address at one resolver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The authority answers it, or should.
    Valid,
    /// The resolver answered it after it may have.
    Stale(StaleInterval),
    /// The resolver answered it while it may have, and the answer shows itself that it had expired.
    Expired(StaleInterval),
    /// It is gone, and the resolver had it for no longer than it may.
    Dropped,
    /// It is gone, and the resolver may have it until then.
    Suspect(Timestamp),
    /// The authority was not seen to answer it, and that proves nothing.
    Unproven,
}

/// Tells what became of an address, by what was seen up to now.
pub(crate) fn fate(reference: &Reference<'_>, series: &Series, signs: &Signs, address: Ipv4Addr) -> Fate {
    let points = series.points();
    let has = |point: &&Point<'_>| point.reply.addresses.contains_key(&address);
    let Some(last) = points.iter().rev().find(has) else { return Fate::Dropped };
    let gone = match reference.standing(address) {
        Standing::Valid => return Fate::Valid,
        Standing::Unproven => return Fate::Unproven,
        Standing::Gone(gone) => gone,
    };
    let answered_at = reference.at(last.at);
    if let Some(interval) = gone.interval(address, answered_at) {
        return Fate::Stale(interval);
    }
    let flagged = points.iter().rev().filter(has).find(|point| signs.stale_at.contains(&point.at));
    if let Some(interval) = flagged.and_then(|point| by_its_signs(reference, &gone, address, point)) {
        return Fate::Expired(interval);
    }
    let since = points.iter().rev().take_while(|point| !has(point)).count();
    let ran_out = points.last().is_some_and(|end| reference.at(end.at) > runs_out(reference, last, address));
    let is_over = points.last().is_some_and(|end| reference.at(end.at) > gone.allowed_until());
    if is_over || (since >= CLEAN && ran_out) { Fate::Dropped } else { Fate::Suspect(gone.allowed_until()) }
}

/// An answer that its own signs call stale had expired: that is enough where the address is gone by then.
fn by_its_signs(
    reference: &Reference<'_>,
    gone: &Gone,
    address: Ipv4Addr,
    point: &Point<'_>,
) -> Option<StaleInterval> {
    let answered_at = reference.at(point.at);
    // What was answered before it was certain that it is gone may have been right at the time.
    (answered_at >= gone.last_valid_at.unwrap_or(Timestamp::MIN)).then(|| gone.at_least(address, answered_at))
}

/// Returns when the resolver's own TTL of an address is over.
fn runs_out(reference: &Reference<'_>, point: &Point<'_>, address: Ipv4Addr) -> Timestamp {
    let ttl = point.reply.addresses.get(&address).copied().unwrap_or(0);
    let left = SignedDuration::from_secs(i64::from(ttl) + 1);
    reference.at(point.at).saturating_add(left).unwrap_or(Timestamp::MAX)
}

/// Says whether asking on until `end` can tell more of a resolver's addresses than is known.
pub(super) fn is_open(reference: &Reference<'_>, series: &Series, end: Timestamp) -> bool {
    let signs = super::signs(reference.ttl_secs(), series);
    let points = series.points();
    series.addresses().into_iter().any(|address| match fate(reference, series, &signs, address) {
        Fate::Valid | Fate::Stale(_) | Fate::Expired(_) | Fate::Dropped => false,
        Fate::Unproven => reference.authority.answers() && reference.authority.all_answer(),
        Fate::Suspect(until) => {
            let last = points.iter().rev().find(|point| point.reply.addresses.contains_key(&address));
            until < end || last.is_some_and(|point| runs_out(reference, point, address) < end)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{STARTED_AT, address, observation};
    use crate::resolver::ResolverReply;
    use crate::staleness::testing::{resolved, secs, series};
    use crate::staleness::{Authority, signs};

    /// What becomes of 192.0.2.9, which the authority does not answer since 1 s into the run, with TTL 20.
    fn fate_of(replies: Vec<(u64, ResolverReply)>) -> (Fate, bool) {
        let authority = Authority::sampled(&[observation(1, &[(1, 150)])], secs(1), None);
        let reference =
            Reference { authority: &authority, truth: None, history: None, started_at: STARTED_AT };
        let series = series(replies);
        let signs = signs(Some(20), &series);
        let end = STARTED_AT + SignedDuration::from_secs(30);
        (fate(&reference, &series, &signs, address(9)), is_open(&reference, &series, end))
    }

    #[test]
    fn within_the_ttl_an_address_is_suspect_and_asked_for_again() {
        let until = STARTED_AT + SignedDuration::from_secs(23);
        let (fate, open) = fate_of(vec![(500, resolved(&[(9, 18)])), (1_600, resolved(&[(9, 17)]))]);
        assert_eq!((fate, open), (Fate::Suspect(until), true));
    }

    #[test]
    fn beyond_the_ttl_it_is_stale_for_at_least_the_difference() {
        let (fate, open) = fate_of(vec![(500, resolved(&[(9, 60)])), (26_900, resolved(&[(9, 34)]))]);
        let Fate::Stale(interval) = fate else { panic!("{fate:?}") };
        assert_eq!((interval.at_least_secs, interval.at_most_secs, open), (5, None, false));
    }

    #[test]
    fn an_address_that_goes_in_time_is_not_stale() {
        let clean = |at| (at, resolved(&[(1, 20)]));
        let (fate, open) =
            fate_of(vec![(500, resolved(&[(9, 2)])), clean(4_000), clean(5_000), clean(6_000)]);
        assert_eq!((fate, open), (Fate::Dropped, false));
        // One clean answer may come from another cache.
        let (fate, _) = fate_of(vec![(500, resolved(&[(9, 2)])), clean(4_000)]);
        assert!(matches!(fate, Fate::Suspect(_)));
        let (fate, _) = fate_of(vec![(500, resolved(&[(9, 18)])), clean(23_500)]);
        assert_eq!(fate, Fate::Dropped);
    }

    #[test]
    fn an_address_that_its_signs_call_stale_need_not_be_waited_for() {
        let (fate, open) = fate_of(vec![(1_500, resolved(&[(9, 30)]).said_to_be_stale())]);
        let Fate::Expired(interval) = fate else { panic!("{fate:?}") };
        assert_eq!((interval.at_least_secs, open), (1, false));
        let (fate, _) = fate_of(vec![(500, resolved(&[(9, 30)])), (1_600, resolved(&[(1, 19)]))]);
        assert!(matches!(fate, Fate::Expired(_)), "{fate:?}");
    }

    #[test]
    fn what_the_authority_answers_is_valid() {
        let (fate, _) = fate_of(vec![(500, resolved(&[(1, 20)]))]);
        assert_eq!(fate, Fate::Dropped);
        let authority = Authority::sampled(&[observation(1, &[(9, 150)])], secs(1), None);
        let reference =
            Reference { authority: &authority, truth: None, history: None, started_at: STARTED_AT };
        let series = series([(40_000, resolved(&[(9, 30)]).said_to_be_stale())]);
        assert_eq!(super::fate(&reference, &series, &Signs::default(), address(9)), Fate::Valid);
    }
}
