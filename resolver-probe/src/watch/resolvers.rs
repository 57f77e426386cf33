//! What was heard of one resolver, and what its cache does to the name.
//!
//! It keeps its last answers alone. What is stale is told from the history of the authority: an address that was answered
//! when nobody can remember is not called stale here, whatever a check of that moment might say.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use registrar_core::{SignedDuration, Timestamp};

use super::event::{ResolverSummary, Standing, Tooth};
use super::server::Streak;
use crate::history::History;
use crate::judge::finding;
use crate::report::{Finding, FindingId, Severity, StaleInterval};
use crate::resolver::{ResolverExchange, ResolverReply};
use crate::staleness::{Asked, Gone, Series, Sign, signs};
use crate::truth::{Standing as Place, Truth};

/// Answers that are kept: some minutes of one a second, in which every habit of a cache shows several times.
const KEPT: usize = 512;
/// Answers that are drawn: as wide as a terminal.
const TEETH: usize = 90;
/// Questions lost one after the other until a resolver counts as silent. Each is tried three times.
const LOST_IN_A_ROW: u64 = 4;
/// A stale address is over when it was not answered for twice the longest TTL, and a little more: a cache's answers are no
/// draws, but none of its entries outlives that.
const LIVES: i32 = 2;
const A_LITTLE_MORE: SignedDuration = SignedDuration::from_secs(10);

/// What was heard of one resolver.
#[derive(Clone, Debug)]
pub(crate) struct ResolverState {
    asked: u64,
    answered: u64,
    series: Series,
    lost: Streak,
    /// Addresses that it answered after it may have.
    stale: BTreeMap<Ipv4Addr, Stale>,
    /// What its answers show, and since when: that it stretches, and that it serves stale.
    stretches: Option<(Sign, Timestamp)>,
    serves_stale: Option<(String, Timestamp)>,
    authority_ttl_secs: Option<u32>,
}

#[derive(Clone, Debug)]
struct Stale {
    interval: StaleInterval,
    since: Timestamp,
    /// Who has the address, where the fleet says that nobody serves there.
    owner: Option<(Option<String>, String)>,
}

/// What an answer is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference<'a> {
    pub(crate) history: &'a History,
    pub(crate) truth: Option<&'a Truth>,
    /// The name servers' TTL, where it was seen, in seconds.
    pub(crate) ttl_secs: Option<u32>,
    pub(crate) started_at: Timestamp,
}

impl ResolverState {
    pub(crate) fn new(resolver: String) -> Self {
        Self {
            asked: 0,
            answered: 0,
            series: Series::new(resolver),
            lost: Streak::default(),
            stale: BTreeMap::new(),
            stretches: None,
            serves_stale: None,
            authority_ttl_secs: None,
        }
    }

    /// Takes a question that is over.
    pub(crate) fn note(&mut self, exchange: &ResolverExchange, reference: Reference<'_>, at: Timestamp) {
        self.asked += 1;
        self.authority_ttl_secs = reference.ttl_secs;
        let since = Duration::try_from(at.duration_since(reference.started_at)).unwrap_or_default();
        self.series.asked.push(Asked { at: since, outcome: exchange.outcome.clone() });
        let forgotten = self.series.asked.len().saturating_sub(KEPT);
        self.series.asked.drain(..forgotten);
        match &exchange.outcome {
            Err(why) => self.lost.note(Some(why.to_string()), LOST_IN_A_ROW, at),
            Ok(reply) => {
                self.answered += 1;
                self.lost.note(None, LOST_IN_A_ROW, at);
                if reply.alias.is_none() {
                    self.note_addresses(reply, reference, at);
                }
            }
        }
    }

    fn note_addresses(&mut self, reply: &ResolverReply, reference: Reference<'_>, at: Timestamp) {
        for address in reply.addresses.keys() {
            match gone(*address, reference).and_then(|gone| gone.interval(*address, at)) {
                None => drop(self.stale.remove(address)),
                Some(interval) => {
                    let owner = reference.truth.and_then(|truth| owner(truth, *address));
                    let since = self.stale.get(address).map_or(at, |stale| stale.since);
                    self.stale.insert(*address, Stale { interval, since, owner });
                }
            }
        }
    }

    /// Looks at what its answers show, and lets go of what is over.
    pub(crate) fn look(&mut self, now: Timestamp) {
        let signs = signs(self.authority_ttl_secs, &self.series).signs;
        let above = signs.iter().find(|sign| matches!(sign, Sign::TtlAbove { .. }));
        let since = |before: Option<Timestamp>| before.unwrap_or(now);
        self.stretches = above.map(|sign| (sign.clone(), since(self.stretches.as_ref().map(|(_, at)| *at))));
        let stale: Vec<String> =
            signs.iter().filter(|sign| sign.is_stale()).map(ToString::to_string).collect();
        self.serves_stale = (!stale.is_empty())
            .then(|| (stale.join("; "), since(self.serves_stale.as_ref().map(|(_, at)| *at))));
        let highest = self.series.points().iter().map(|point| point.highest_ttl_secs).max().unwrap_or(0);
        let longest = SignedDuration::from_secs(highest.max(self.authority_ttl_secs.unwrap_or(0)).into());
        let over = longest.saturating_mul(LIVES).saturating_add(A_LITTLE_MORE);
        self.stale.retain(|_, stale| now.duration_since(stale.interval.last_answered_at) <= over);
    }

    pub(crate) fn standing(&self, now: Timestamp) -> Vec<Standing> {
        let mut all: Vec<Standing> = self.stale.values().map(|stale| self.of_stale(stale)).collect();
        let resolver = &self.series.resolver;
        if let (Some(since), Some(last)) = (self.lost.since, self.lost.last_at) {
            let message = format!("resolver {resolver} does not answer: {}", self.lost.why);
            let finding = self.finding(FindingId::NsUnreachable, Severity::Warning, message);
            let finding = finding.with("lost", self.lost.failures());
            all.push(Standing { finding, since, last_seen_at: last });
        }
        if let Some((sign, since)) = &self.stretches {
            let ttl = self.authority_ttl_secs.unwrap_or(0);
            let message = format!("resolver {resolver}: {sign}, and the authority's TTL is {ttl} s");
            let finding = self.finding(FindingId::TtlStretched, Severity::Warning, message);
            let finding = match sign {
                Sign::TtlAbove { highest_ttl_secs, .. } => {
                    finding.with("highest_ttl_secs", u64::from(*highest_ttl_secs))
                }
                _ => finding,
            };
            let finding = finding.with("authority_ttl_secs", u64::from(ttl));
            all.push(Standing { finding, since: *since, last_seen_at: now });
        }
        if let Some((signs, since)) = self.serves_stale.as_ref().filter(|_| self.stale.is_empty()) {
            let message = format!(
                "resolver {resolver} answers from its cache after the TTL is over ({signs}): what is removed from the \
                 zone may be answered there long after"
            );
            let finding = self.finding(FindingId::StaleAnswer, Severity::Warning, message);
            all.push(Standing { finding, since: *since, last_seen_at: now });
        }
        all
    }

    fn of_stale(&self, stale: &Stale) -> Standing {
        let StaleInterval { address, gone_by, last_answered_at, at_least_secs, at_most_secs, .. } =
            &stale.interval;
        let for_secs = match at_most_secs {
            Some(most) => format!("{at_least_secs} to {most} s"),
            None => format!("at least {at_least_secs} s"),
        };
        let whose = stale.owner.as_ref().map_or_else(String::new, |(_, why)| format!("; {why}"));
        let message = format!(
            "resolver {} still answers {address}, which the name servers had stopped answering by {gone_by:.0}: stale \
             for {for_secs} beyond its TTL{whose}",
            self.series.resolver
        );
        // Where the fleet does not say that nobody serves there, the address may be alive.
        let severity = if stale.owner.is_some() { Severity::Critical } else { Severity::Warning };
        let mut finding = self.finding(FindingId::StaleAnswer, severity, message).about(*address);
        finding.instance = stale.owner.as_ref().and_then(|(instance, _)| instance.clone());
        let finding = finding.with("stale_at_least_secs", *at_least_secs);
        let finding = match at_most_secs {
            Some(most) => finding.with("stale_at_most_secs", *most),
            None => finding,
        };
        Standing { finding, since: stale.since, last_seen_at: *last_answered_at }
    }

    fn finding(&self, id: FindingId, severity: Severity, message: String) -> Finding {
        Finding { resolver: Some(self.series.resolver.clone()), ..finding(id, severity, message) }
    }

    pub(crate) fn summary(&self, started_at: Timestamp) -> ResolverSummary {
        let points = self.series.points();
        let drawn = points.len().saturating_sub(TEETH);
        let tooth = |point: &crate::staleness::Point<'_>| Tooth {
            at: started_at
                .saturating_add(SignedDuration::try_from(point.at).unwrap_or_default())
                .unwrap_or(started_at),
            addresses: point.reply.addresses.keys().copied().collect(),
            ttl_secs: point.ttl_secs,
        };
        let last = self.series.asked.last().and_then(|asked| asked.outcome.as_ref().err());
        let stale = self.stale.values().map(|stale| stale.interval.clone());
        ResolverSummary {
            resolver: self.series.resolver.clone(),
            asked: self.asked,
            answered: self.answered,
            highest_ttl_secs: points.iter().map(|point| point.highest_ttl_secs).max(),
            stale: stale.collect(),
            failure: last.map(ToString::to_string),
            sawtooth: points[drawn..].iter().map(tooth).collect(),
        }
    }
}

/// Returns when an address was gone, as far as the history knows and the fleet agrees.
fn gone(address: Ipv4Addr, reference: Reference<'_>) -> Option<Gone> {
    let stands = reference.truth.map(|truth| truth.standing(address));
    if matches!(stands, Some(Place::Expected(_) | Place::Fallback)) {
        return None;
    }
    let presence = reference.history.of(address)?;
    let ttl_secs = presence.ttl_secs.max(reference.ttl_secs)?;
    Some(Gone { last_valid_at: presence.last_valid_at, by: presence.gone_by?, ttl_secs })
}

/// Returns the instance that has an address, and why nobody serves there, where that is certain.
fn owner(truth: &Truth, address: Ipv4Addr) -> Option<(Option<String>, String)> {
    match truth.standing(address) {
        Place::NotServing(instance, why) => {
            Some((Some(instance.to_string()), format!("instance {instance}, which has it, {why}")))
        }
        Place::Nobody => Some((None, "no serving instance has it".to_owned())),
        Place::Expected(_) | Place::Fallback | Place::Unsure(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NAME, STARTED_AT, address, server, truth};
    use crate::history::HistoryLine;
    use crate::resolver::Transport;
    use crate::wire::Rcode;

    fn at(secs: i64) -> Timestamp {
        STARTED_AT.checked_add(SignedDuration::from_secs(secs)).unwrap()
    }

    fn answer(last: u8, ttl_secs: u32) -> ResolverExchange {
        let reply = ResolverReply {
            rcode: Rcode::NO_ERROR,
            addresses: BTreeMap::from([(address(last), ttl_secs)]),
            alias: None,
            authoritative: false,
            recursion_available: true,
            authentic: false,
            truncated: false,
            extended_errors: Vec::new(),
            nsid: None,
            ecs_scope: None,
            negative_ttl_secs: None,
            unrelated: 0,
            transport: Transport::Udp,
            rtt: Duration::from_millis(1),
        };
        ResolverExchange { tries: 1, mismatched: 0, garbage: 0, outcome: Ok(reply) }
    }

    /// 192.0.2.9 is answered until second 10, and known to be gone from second 15 on; TTL 20.
    fn history() -> History {
        let name = || NAME.parse().unwrap();
        let change = |secs, appeared: &[u8], vanished: &[u8]| {
            let all = |list: &[u8]| list.iter().map(|last| address(*last)).collect();
            HistoryLine::change(at(secs), name(), server(1), all(appeared), all(vanished), Some(20))
        };
        let mut history = History::default();
        history.add(&change(0, &[1, 9], &[]));
        history.add(&HistoryLine::watching(at(10), name(), server(1), vec![address(9)], Some(20)));
        history.add(&change(15, &[], &[9]));
        history
    }

    fn heard(answers: &[(i64, u8, u32)], truth: Option<&Truth>) -> (ResolverState, Timestamp) {
        let (history, mut state) = (history(), ResolverState::new("192.0.2.53:53".to_owned()));
        let reference = Reference { history: &history, truth, ttl_secs: Some(20), started_at: STARTED_AT };
        let mut now = STARTED_AT;
        for (secs, last, ttl_secs) in answers {
            now = at(*secs);
            state.note(&answer(*last, *ttl_secs), reference, now);
            state.look(now);
        }
        (state, now)
    }

    fn words(state: &ResolverState, now: Timestamp) -> Vec<String> {
        let standing = state.standing(now);
        standing.iter().map(|of| format!("{:?} {}", of.finding.severity, of.finding.id)).collect()
    }

    #[test]
    fn an_address_that_is_gone_is_stale_after_its_ttl_and_not_before() {
        let (state, now) = heard(&[(5, 9, 20), (30, 9, 3), (36, 9, 1)], None);
        assert!(words(&state, now).is_empty(), "{:?}", state.standing(now));
        let (state, now) = heard(&[(5, 9, 20), (40, 9, 0), (50, 9, 0)], None);
        assert_eq!(words(&state, now), ["Warning stale-answer"]);
        let summary = state.summary(STARTED_AT);
        assert_eq!(summary.stale[0].at_least_secs, 15, "{summary:?}");
    }

    #[test]
    fn where_the_fleet_says_that_nobody_serves_there_it_is_critical() {
        let fleet = truth("", &[("i-1", "192.0.2.1", "running", "100")]);
        let (state, now) = heard(&[(60, 9, 5)], Some(&fleet));
        assert_eq!(words(&state, now), ["Critical stale-answer"]);
        let back = truth("", &[("i-9", "192.0.2.9", "running", "100")]);
        let (state, now) = heard(&[(60, 9, 5)], Some(&back));
        assert!(words(&state, now).is_empty());
    }

    #[test]
    fn a_stale_address_is_over_when_no_entry_can_hold_it_any_more() {
        let (mut state, _) = heard(&[(60, 9, 5), (62, 1, 20)], None);
        state.look(at(100));
        assert_eq!(words(&state, at(100)).len(), 1);
        state.look(at(111));
        assert!(words(&state, at(111)).is_empty());
    }

    #[test]
    fn a_ttl_above_the_authority_s_is_told() {
        let (state, now) = heard(&[(1, 1, 300), (2, 1, 299), (3, 1, 298)], None);
        assert_eq!(words(&state, now), ["Warning ttl-stretched"]);
    }

    #[test]
    fn what_is_kept_of_a_resolver_has_a_bound() {
        let answers: Vec<(i64, u8, u32)> =
            (0..2_000).map(|secs| (secs, 1, 20 - (secs % 20) as u32)).collect();
        let (state, now) = heard(&answers, None);
        assert!(state.series.asked.len() <= KEPT && words(&state, now).is_empty());
        assert_eq!(state.summary(STARTED_AT).sawtooth.len(), TEETH);
    }
}
