//! Judges what stands: findings with the times at which they were first and last seen.
//!
//! A pure function of the state; what was counted has its own patience, so that nothing is judged on a whim. The
//! names of the findings and their severities are those of a check.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use registrar_core::Timestamp;

use super::event::Standing;
use super::look::{Shares, expects};
use super::server::{Known, Presence, ServerState};
use super::state::State;
use super::trail::Trail;
use crate::judge::finding;
use crate::report::{Finding, FindingId, Severity};
use crate::statistics::Effect;
use crate::truth::{Standing as Place, Truth};

/// Replies that do not answer until a server is called lame: one may be a bad moment.
const LAME: u64 = 3;
/// Reads of the truth that fail one after the other until the truth counts as unknown: a file may just be written.
const FAILED_READS: u32 = 3;

/// Returns everything that stands.
pub(super) fn standing(state: &State) -> Vec<Standing> {
    let mut all = Vec::new();
    for (address, server) in &state.servers {
        of_server(state, *address, server, &mut all);
        if let Some(truth) = &state.truth {
            of_addresses(state, truth, (*address, server), &mut all);
        }
    }
    all.extend(diverged(state));
    all.extend(of_truth(state));
    all.extend(state.discovered.iter().map(|(finding, since)| stands(finding.clone(), *since, state.now)));
    all.extend(state.resolvers.iter().flat_map(|resolver| resolver.standing(state.now)));
    all
}

/// Returns what could not be told until the end: a watch that looked too shortly is not a good sign.
pub(super) fn undecided(state: &State) -> Vec<Standing> {
    let too_few = |message: String| finding(FindingId::TooFewSamples, Severity::Unknown, message);
    let began = |finding: Finding| stands(finding, state.started_at, state.now);
    if state.servers.is_empty() {
        return vec![began(too_few("no server was asked".to_owned()))];
    }
    let of_server = |(address, server): (&SocketAddr, &ServerState)| {
        if server.tally.answers == 0 {
            let queries = server.tally.queries;
            let message = format!("{address} answered none of {queries} queries before the watch ended");
            return Some(began(too_few(message).at(*address)));
        }
        let truth = state.truth.as_deref()?;
        let shares = Shares::new(Some(truth), BTreeMap::new(), server);
        let open = |(address, presence): &(&Ipv4Addr, &Presence)| {
            let expected = expects(truth, **address) && presence.trail.is_none() && !presence.is_gone;
            expected && matches!(shares.of(**address), Known::Share(_))
        };
        let open: Vec<String> =
            server.addresses.iter().filter(open).map(|(address, _)| address.to_string()).collect();
        let answers = server.tally.answers;
        let message =
            format!("{} not in {answers} answers of {address}, which may be chance", listed(&open)?);
        Some(began(too_few(message).at(*address).with("answers", answers)))
    };
    state.servers.iter().filter_map(of_server).collect()
}

/// Names the first, and how many more there are.
fn listed(names: &[String]) -> Option<String> {
    let (first, rest) = names.split_first()?;
    Some(if rest.is_empty() { format!("{first} is") } else { format!("{first} and {} more are", rest.len()) })
}

fn stands(finding: Finding, since: Timestamp, last_seen_at: Timestamp) -> Standing {
    Standing { finding, since, last_seen_at }
}

fn on(trail: &Trail, finding: Finding) -> Standing {
    let finding = finding.with("count", trail.sightings).with("share", rounded(trail.share()));
    stands(finding, trail.first_at, trail.last_at)
}

/// Four decimals, as in a check's report.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

fn of_server(state: &State, address: SocketAddr, server: &ServerState, all: &mut Vec<Standing>) {
    // Resolvers turn to another server when one fails: that is critical only where none is left.
    let failure = if is_answered(state) { Severity::Warning } else { Severity::Critical };
    let udp = &server.over_udp;
    if let (Some(since), Some(last)) = (udp.since, udp.last_at) {
        let message = format!("{address} does not answer over UDP: {}", udp.why);
        let found = finding(FindingId::NsUnreachable, failure, message).at(address);
        all.push(stands(found.with("lost", udp.failures()), since, last));
    }
    let tcp = &server.over_tcp;
    if let (Some(since), Some(last)) = (tcp.since, tcp.last_at) {
        let message = format!("{address} does not answer over TCP: {}", tcp.why);
        let found = finding(FindingId::TcpDead, Severity::Warning, message).at(address);
        all.push(stands(found.with("failed", tcp.failures()), since, last));
    }
    if let Some((said, trail)) = server.lame.as_ref().filter(|(_, trail)| trail.sightings >= LAME) {
        let message = format!("{address} does not answer as an authority should: {said}");
        all.push(on(
            trail,
            finding(FindingId::Lame, failure, message).at(address).with("said", said.as_str()),
        ));
    }
    if let Some(trail) = &server.empty {
        let expected = state.truth.as_ref().is_none_or(|truth| truth.expected().next().is_some());
        let severity = if trail.share() < 1.0 { Severity::Warning } else { Severity::Critical };
        if expected {
            let message = format!("{address} answers with no address at all");
            all.push(on(trail, finding(FindingId::EmptyAnswer, severity, message).at(address)));
        }
    }
    if let (Some((ttl, trail)), Some(truth)) = (&server.other_ttl, &state.truth) {
        let expected = truth.ttl_secs();
        let message = format!("{address} answers with a TTL of {ttl} s, and the pool's is {expected} s");
        let found = finding(FindingId::TtlMismatch, Severity::Warning, message).at(address);
        all.push(on(trail, found.with("ttl_secs", u64::from(*ttl))));
    }
}

fn is_answered(state: &State) -> bool {
    state.servers.values().any(|server| server.tally.answers > 0 && server.over_udp.since.is_none())
}

fn of_addresses(
    state: &State,
    truth: &Truth,
    (server, heard): (SocketAddr, &ServerState),
    all: &mut Vec<Standing>,
) {
    for (address, presence) in &heard.addresses {
        let settles = state.settling.get(address).is_some_and(|until| state.now < *until);
        match (&presence.trail, presence.gone_at) {
            (Some(trail), None) if !settles => {
                let found =
                    stale(truth, server, *address, trail).filter(|_| trail.last_at >= presence.settles_at);
                all.extend(found.map(|found| {
                    let standing = on(trail, found);
                    Standing { since: standing.since.max(presence.settles_at), ..standing }
                }));
            }
            (trail, Some(gone_at)) if expects(truth, *address) => {
                let last_seen = trail.map_or(state.started_at, |trail| trail.last_at);
                all.push(stands(missing(truth, server, *address, presence, heard), last_seen, gone_at));
            }
            (Some(_) | None, _) => {}
        }
    }
    let Some(watch) = &heard.weights else { return };
    if let Some(wrong) = watch.wrong() {
        let effect = &wrong.fit.effect;
        let Some(worst) = watch.addresses().get(effect.worst.index) else { return };
        let found =
            finding(FindingId::WrongWeights, Severity::Warning, off(server, *worst, effect)).at(server);
        let found = found
            .with("address", worst.to_string())
            .with("observed_share", rounded(effect.worst.observed))
            .with("expected_share", rounded(effect.worst.expected))
            .with("total_variation", rounded(effect.total_variation))
            .with("answers", wrong.fit.answers)
            .with("p_value", wrong.p_value);
        all.push(stands(found, wrong.since, state.now));
    }
}

fn off(server: SocketAddr, worst: Ipv4Addr, effect: &Effect) -> String {
    format!(
        "{server} does not answer in proportion to the weights: {worst} has {:.1} % of the answers, and should \
         have {:.1} %",
        effect.worst.observed * 100.0,
        effect.worst.expected * 100.0,
    )
}

/// An answer with an address that should not be there is proof, until so many without it that it would have shown.
fn stale(truth: &Truth, server: SocketAddr, address: Ipv4Addr, trail: &Trail) -> Option<Finding> {
    let (instance, why) = match truth.standing(address) {
        Place::NotServing(instance, why) => {
            (Some(instance), format!("instance {instance}, which has it, {why}"))
        }
        Place::Nobody if truth.is_retired() => (None, "the pool is retired".to_owned()),
        Place::Nobody => (None, "no serving instance has it".to_owned()),
        Place::Expected(_) | Place::Fallback | Place::Unsure(_) => return None,
    };
    if trail.chance_that_it_goes_on() <= super::server::CLOSED {
        return None;
    }
    let severity = if truth.keeps_last() { Severity::Warning } else { Severity::Critical };
    let message = format!("{address} is answered by {server}, but {why}");
    let mut found = finding(FindingId::StaleRecord, severity, message).about(address).at(server);
    found.instance = instance.map(ToString::to_string);
    Some(found)
}

fn missing(
    truth: &Truth,
    server: SocketAddr,
    address: Ipv4Addr,
    presence: &Presence,
    heard: &ServerState,
) -> Finding {
    let serves =
        |(address, presence): (&Ipv4Addr, &Presence)| presence.is_there() && expects(truth, *address);
    let severity = match (heard.addresses.iter().any(serves), truth.is_paused()) {
        (false, _) => Severity::Critical,
        (true, false) => Severity::Warning,
        (true, true) => Severity::Info,
    };
    let instance = match truth.standing(address) {
        Place::Expected(instance) => instance.map(ToString::to_string),
        Place::Fallback | Place::NotServing(..) | Place::Unsure(_) | Place::Nobody => None,
    };
    let owner = instance.as_ref().map_or("the fallback".to_owned(), |id| format!("instance {id}"));
    let share = truth.share_beside(address, 0).unwrap_or_default();
    let gap = presence.gap();
    let message = format!(
        "{address} of {owner} is in none of the last {gap} answers of {server}, and should be in {:.1} % of them",
        share * 100.0,
    );
    let mut found = finding(FindingId::MissingIp, severity, message).about(address).at(server);
    found.instance = instance;
    found.with("answers", gap).with("expected_share", rounded(share))
}

/// Without a truth, the servers are each other's: an address that is not here, and that another answers.
fn diverged(state: &State) -> Vec<Standing> {
    let mut all = Vec::new();
    for (server, heard) in state.servers.iter().filter(|_| state.truth.is_none()) {
        let elsewhere = state.elsewhere(*server);
        for (address, presence) in heard.addresses.iter().filter(|(_, presence)| presence.is_gone) {
            // Where all servers let go of an address, some are known to earlier than others.
            let Some(seen) = elsewhere.get(address).filter(|seen| Some(seen.last_at) > presence.gone_at)
            else {
                continue;
            };
            let gap = presence.gap();
            let message =
                format!("{address} is answered by other servers, and in none of {gap} answers of {server}");
            let found =
                finding(FindingId::NsDiverged, Severity::Warning, message).about(*address).at(*server);
            let since = presence.trail.map_or(seen.first_at, |trail| trail.last_at);
            all.push(stands(found.with("answers", gap), since, seen.last_at));
        }
    }
    all
}

fn of_truth(state: &State) -> Vec<Standing> {
    let mut all = Vec::new();
    let finding = |message: String| finding(FindingId::TruthIncomplete, Severity::Unknown, message);
    if let Some((why, times, since)) =
        state.truth_failed.as_ref().filter(|(_, times, _)| *times >= FAILED_READS)
    {
        let message = format!("what should be answered could not be read: {why}");
        all.push(stands(finding(message).with("times", u64::from(*times)), *since, state.now));
    } else if let Some(gap) = state.truth.as_ref().and_then(|truth| truth.gaps().first()) {
        let message = format!("what should be answered is not known for certain: {gap}");
        all.push(stands(finding(message), state.started_at, state.now));
    }
    if state.truth.as_ref().is_some_and(|truth| truth.is_paused()) {
        let message = "the pool is paused: its records are not kept in step".to_owned();
        let paused = crate::judge::finding(FindingId::PoolPaused, Severity::Info, message);
        all.push(stands(paused, state.started_at, state.now));
    }
    all
}
