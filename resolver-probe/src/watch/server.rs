//! What was heard of one server: how it answers, and which addresses come and go.
//!
//! It counts, and says when an address is there or gone; whether that is right is judged elsewhere.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use registrar_core::Timestamp;

use super::trail::{Trail, spend};
use super::weights::WeightWatch;
use crate::observation::{UdpExchange, UdpFate};
use crate::wire::Reply;

/// Route 53 Developer Guide, "Quotas": records of one name and type.
pub(crate) const MOST_RECORDS: usize = 100;
/// Addresses that are kept of one server. A server that answers
/// random addresses shall not fill the memory.
const MOST_ADDRESSES: usize = 256;
/// Queries lost one after the other until a server counts as silent. Each is tried four times: where one datagram
/// in ten is lost by chance, that happens once in 10^16 queries.
const LOST_IN_A_ROW: u64 = 4;
/// The same over TCP, where the kernel tries again by itself.
const FAILED_OVER_TCP: u64 = 3;
/// How unlikely the absence of a fault has to be, if it were still there, until it is over. Being wrong opens it
/// again at the next sighting.
pub(crate) const CLOSED: f64 = 1e-3;

/// What was heard of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerState {
    /// The names that it has in the zone.
    pub(crate) name_server: Option<String>,
    pub(crate) tally: Tally,
    pub(crate) addresses: BTreeMap<Ipv4Addr, Presence>,
    /// The TTL of the last answer, in seconds.
    pub(crate) ttl_secs: Option<u32>,
    pub(crate) weights: Option<WeightWatch>,
    /// When the history was last told what it answers.
    pub(crate) told_at: Option<Timestamp>,
    /// Replies with a TTL that is not the pool's.
    pub(crate) other_ttl: Option<(u32, Trail)>,
    /// Replies that do not answer, or not with authority, with what the last one said.
    pub(crate) lame: Option<(String, Trail)>,
    /// Answers without an address.
    pub(crate) empty: Option<Trail>,
    /// Queries over TCP without an answer, with why the last one failed.
    pub(crate) over_tcp: Streak,
    /// Queries over UDP without an answer.
    pub(crate) over_udp: Streak,
}

/// Queries and what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) queries: u64,
    pub(crate) tries: u64,
    pub(crate) replies: u64,
    /// Replies that answer the question, with addresses or with their absence.
    pub(crate) answers: u64,
    pub(crate) last_answer_at: Option<Timestamp>,
    /// Addresses that were not kept, since there were too many.
    pub(crate) left_out: u64,
}

/// Failures one after the other, and then successes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streak {
    failures: u64,
    successes: u64,
    /// When the first of the failures was, once there are enough of them.
    pub(crate) since: Option<Timestamp>,
    first_at: Option<Timestamp>,
    pub(crate) last_at: Option<Timestamp>,
    pub(crate) why: String,
}

impl Streak {
    /// Counts one more: it stands from so many failures in a row on, until so many successes in a row.
    pub(crate) fn note(&mut self, failure: Option<String>, enough: u64, at: Timestamp) {
        match failure {
            Some(why) => {
                self.first_at.get_or_insert(at);
                (self.failures, self.successes) = (self.failures + 1, 0);
                (self.last_at, self.why) = (Some(at), why);
                if self.failures >= enough {
                    self.since = self.since.or(self.first_at);
                }
            }
            None => {
                (self.failures, self.first_at) = (0, None);
                self.successes += 1;
                if self.successes >= enough {
                    self.since = None;
                }
            }
        }
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }
}

/// What is known of an address's share, beside how often it was seen at this server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// The share that it should have, 0 to 1.
    Share(f64),
    /// How it is answered by another server, which should be like this one.
    Elsewhere(Trail),
    /// An earlier watch may have seen it: it may be one of 100.
    Remembered,
    /// Its absence says nothing.
    Nothing,
}

/// One address at one server.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    pub(crate) trail: Option<Trail>,
    /// Answers without it, where it was never seen.
    misses: u64,
    /// Answers before this moment do not count: what they should hold is just changing.
    pub(crate) settles_at: Timestamp,
    pub(crate) is_gone: bool,
    /// When an address that should be there was found not to be.
    pub(crate) gone_at: Option<Timestamp>,
    /// Answers with it since the watch began.
    pub(crate) answers: u64,
}

impl Presence {
    /// An address that may or may not be answered from this moment on.
    pub(crate) fn expected(settles_at: Timestamp) -> Self {
        Self { trail: None, misses: 0, settles_at, is_gone: false, gone_at: None, answers: 0 }
    }

    /// Says whether it is answered, as far as was seen.
    pub(crate) fn is_there(&self) -> bool {
        self.trail.is_some() && !self.is_gone
    }

    /// Answers since it was seen last, or ever.
    pub(crate) fn gap(&self) -> u64 {
        self.trail.map_or(self.misses, |trail| trail.gap())
    }

    /// Returns the probability of not having seen it for so long, if it is still there: with the share that it
    /// had of late, and with what else is known, whichever is larger.
    pub(crate) fn chance(&self, known: Known) -> f64 {
        let gap = self.gap();
        let of_late = self.trail.map(|trail| trail.chance_of_gap());
        match (known, of_late) {
            (Known::Share(share), of_late) => (1.0 - share).powf(gap as f64).max(of_late.unwrap_or(0.0)),
            (Known::Elsewhere(_) | Known::Remembered | Known::Nothing, Some(of_late)) => of_late,
            (Known::Elsewhere(trail), None) => trail.chance_of(gap),
            (Known::Remembered, None) => (1.0 - 1.0 / MOST_RECORDS as f64).powf(gap as f64),
            (Known::Nothing, None) => 1.0,
        }
    }

    /// Says whether chance no longer explains its absence at this level, which all its gaps share.
    pub(crate) fn is_absent(&self, known: Known, level: f64) -> bool {
        self.gap() > 0 && self.chance(known) <= self.trail.map_or(spend(level, 0), |trail| trail.level(level))
    }

    /// Begins to count anew: what should be answered has changed.
    pub(crate) fn settle(&mut self, at: Timestamp) {
        self.settles_at = at;
        self.misses = 0;
        self.gone_at = None;
        if let Some(trail) = &mut self.trail {
            trail.forgive();
        }
    }

    fn note(&mut self, hit: bool, at: Timestamp) {
        match &mut self.trail {
            Some(trail) if hit => trail.note(true, at),
            Some(_) | None if !hit && at < self.settles_at => return,
            Some(trail) => trail.note(false, at),
            None if hit => self.trail = Some(Trail::new(at)),
            None => self.misses += 1,
        }
        if hit {
            (self.is_gone, self.gone_at) = (false, None);
            self.answers += 1;
        }
    }
}

impl ServerState {
    /// Counts a finished query, and returns the addresses that are answered for the first time, or again.
    pub(crate) fn note(&mut self, exchange: &UdpExchange, at: Timestamp) -> Vec<Ipv4Addr> {
        self.tally.queries += 1;
        self.tally.tries += exchange.tries;
        let reply = match &exchange.fate {
            UdpFate::Answered(reply) => reply,
            lost => {
                self.over_udp.note(Some(why(lost)), LOST_IN_A_ROW, at);
                return Vec::new();
            }
        };
        self.over_udp.note(None, LOST_IN_A_ROW, at);
        self.tally.replies += 1;
        self.note_lame(reply, at);
        if reply.rcode.is_answer() { self.note_answer(reply, at) } else { Vec::new() }
    }

    /// Counts a finished query over TCP.
    pub(crate) fn note_tcp(&mut self, failure: Option<String>, at: Timestamp) {
        self.over_tcp.note(failure, FAILED_OVER_TCP, at);
    }

    fn note_answer(&mut self, reply: &Reply, at: Timestamp) -> Vec<Ipv4Addr> {
        self.tally.answers += 1;
        self.tally.last_answer_at = Some(at);
        self.ttl_secs = reply.ttls.last().copied().or(self.ttl_secs);
        note(&mut self.empty, reply.addresses.is_empty(), at);
        // Shares are those of single draws: an answer with several addresses is none.
        if let (Some(weights), 1, Some(address)) =
            (&mut self.weights, reply.addresses.len(), reply.addresses.first())
        {
            weights.note(*address);
        }
        let mut appeared = Vec::new();
        for address in &reply.addresses {
            let known = self.addresses.get(address);
            if known.is_none() && self.addresses.len() >= MOST_ADDRESSES {
                self.tally.left_out += 1;
                continue;
            }
            if !known.is_some_and(Presence::is_there) {
                appeared.push(*address);
            }
            self.addresses.entry(*address).or_insert_with(|| Presence::expected(at));
        }
        for (address, presence) in &mut self.addresses {
            presence.note(reply.addresses.contains(address), at);
        }
        appeared
    }

    fn note_lame(&mut self, reply: &Reply, at: Timestamp) {
        let said = match (reply.rcode.is_answer(), reply.authoritative) {
            (false, _) => Some(reply.rcode.to_string()),
            (true, false) => Some("an answer without authority".to_owned()),
            (true, true) => None,
        };
        match (&mut self.lame, said) {
            (Some((last, trail)), Some(said)) => {
                *last = said;
                trail.note(true, at);
            }
            (Some((_, trail)), None) => trail.note(false, at),
            (lame @ None, Some(said)) => *lame = Some((said, Trail::new(at))),
            (None, None) => {}
        }
    }

    /// Counts whether the answer has the TTL that it should have.
    pub(crate) fn note_ttl(&mut self, reply: &Reply, expected: u32, at: Timestamp) {
        if reply.ttls.is_empty() {
            return;
        }
        let other = reply.ttls.iter().find(|ttl| **ttl != expected).copied();
        match (&mut self.other_ttl, other) {
            (Some((last, trail)), other) => {
                *last = other.unwrap_or(*last);
                trail.note(other.is_some(), at);
            }
            (none, Some(other)) => *none = Some((other, Trail::new(at))),
            (None, None) => {}
        }
    }

    /// Lets go of what has not been seen for so long that it is over.
    pub(crate) fn forget(&mut self) {
        let over = |trail: &Trail| trail.chance_that_it_goes_on() <= CLOSED;
        self.empty.take_if(|trail| over(trail));
        self.lame.take_if(|(_, trail)| over(trail));
        self.other_ttl.take_if(|(_, trail)| over(trail));
    }
}

fn note(trail: &mut Option<Trail>, hit: bool, at: Timestamp) {
    match trail {
        Some(trail) => trail.note(hit, at),
        None if hit => *trail = Some(Trail::new(at)),
        None => {}
    }
}

fn why(fate: &UdpFate) -> String {
    match fate {
        UdpFate::Silent | UdpFate::Answered(_) => "no reply came".to_owned(),
        UdpFate::Refused => "the port is closed".to_owned(),
        UdpFate::Truncated(why) | UdpFate::Failed(why) => why.clone(),
    }
}
