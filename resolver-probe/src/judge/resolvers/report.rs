//! Writes down what was seen of one resolver.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::View;
use crate::report::{AddressVerdict, ResolverAnswer, ResolverReport, Sighting};
use crate::staleness::{Fate, Series, Sign};
use crate::statistics::{CachedAnswer, draws_through_cache};

/// Replies that a report has in full.
const MOST_SIGHTINGS: usize = 256;
/// Machines that are named.
const MOST_NSIDS: usize = 64;

pub(super) fn report(view: &View<'_>) -> ResolverReport {
    let (series, reference) = (view.series, view.reference);
    let points = series.points();
    let signs = &view.signs.signs;
    let mut habits: Vec<String> = signs.iter().map(|sign| sign.habit().to_owned()).collect();
    habits.dedup();
    let nsids: BTreeSet<String> = series.replies().filter_map(|(_, reply)| reply.nsid.clone()).collect();
    ResolverReport {
        resolver: series.resolver.clone(),
        asked: series.asked.len() as u64,
        answered: series.answers().count() as u64,
        draws: draws(view),
        failures: failures(series),
        answers: view.fates.iter().map(|(address, fate)| answer(view, *address, fate)).collect(),
        authority_ttl_secs: reference.authority.ttl_secs(),
        highest_ttl_secs: points.iter().map(|point| point.highest_ttl_secs).max(),
        lowest_ttl_secs: points.iter().map(|point| point.ttl_secs).min(),
        extended_errors: extended_errors(series),
        caches_at_least: view.signs.sawtooth.caches(),
        minimum_ttl_at_least_secs: signs.iter().find_map(|sign| match sign {
            Sign::TtlAbove { highest_ttl_secs, .. } => Some(*highest_ttl_secs),
            _ => None,
        }),
        maximum_ttl_secs: signs.iter().find_map(|sign| match sign {
            Sign::Clamped { ttl_secs } => Some(*ttl_secs),
            _ => None,
        }),
        nsids: nsids.into_iter().take(MOST_NSIDS).collect(),
        habits,
        signs: signs.clone(),
        stale: view
            .fates
            .iter()
            .filter_map(|(_, fate)| match fate {
                Fate::Stale(interval) | Fate::Expired(interval) => Some(interval.clone()),
                _ => None,
            })
            .collect(),
        sightings: sightings(series),
    }
}

fn answer(view: &View<'_>, address: Ipv4Addr, fate: &Fate) -> ResolverAnswer {
    let points = view.series.points();
    let count = points.iter().filter(|point| point.reply.addresses.contains_key(&address)).count() as u64;
    let is_in_zone = view.reference.authority.last_seen(address).is_some();
    let by_truth = view.reference.truth.map(|truth| crate::judge::verdict_of_answered(truth, address));
    let verdict = match (fate, by_truth) {
        (Fate::Stale(_) | Fate::Expired(_), _) => AddressVerdict::StaleAnswer,
        (Fate::Suspect(_) | Fate::Unproven, _) => AddressVerdict::Undecided,
        // What only a cache has, within its TTL, is no record of the zone.
        (_, Some(AddressVerdict::StaleRecord)) if !is_in_zone => AddressVerdict::NotJudged,
        (_, verdict) => verdict.unwrap_or(AddressVerdict::NotJudged),
    };
    ResolverAnswer { address, count, verdict }
}

/// One draw for each generation of the cache; what is stale is no draw, and an alias none of this name.
fn draws(view: &View<'_>) -> u64 {
    let points = view.series.points();
    let fresh = points.iter().filter(|point| !view.signs.stale_at.contains(&point.at));
    let places: Vec<Ipv4Addr> = view.fates.iter().map(|(address, _)| *address).collect();
    let answers: Vec<CachedAnswer> = fresh
        .filter_map(|point| {
            let first = point.reply.addresses.keys().next()?;
            let answer = places.iter().position(|address| address == first)?;
            Some(CachedAnswer { at: point.at, answer, ttl_secs: point.ttl_secs })
        })
        .collect();
    match view.reference.authority.ttl_secs() {
        Some(ttl) => draws_through_cache(ttl, &answers).len() as u64,
        // Without the authority's TTL, a stretched one looks like any other.
        None => u64::from(!answers.is_empty()),
    }
}

fn failures(series: &Series) -> BTreeMap<String, u64> {
    let mut failures = BTreeMap::new();
    for asked in &series.asked {
        let why = match &asked.outcome {
            Err(failure) => failure.to_string(),
            Ok(reply) if !reply.rcode.is_answer() => reply.rcode.to_string(),
            Ok(_) => continue,
        };
        *failures.entry(why).or_default() += 1;
    }
    failures
}

fn extended_errors(series: &Series) -> BTreeMap<u16, u64> {
    let mut errors = BTreeMap::new();
    for error in series.replies().flat_map(|(_, reply)| &reply.extended_errors) {
        *errors.entry(error.code).or_default() += 1;
    }
    errors
}

fn sightings(series: &Series) -> Vec<Sighting> {
    let replies = series.answers().take(MOST_SIGHTINGS);
    replies
        .map(|(at, reply)| Sighting {
            at,
            addresses: reply.addresses.clone(),
            rtt: reply.rtt,
            says_stale: reply.says_stale(),
        })
        .collect()
}
