//! What the name's own servers answered during a run, and since when each address is certainly not among it.
//!
//! An address with a share *s* of the answers is missing from *n* of them with probability (1 − s)ⁿ: it is gone
//! only when every server has answered so often without it that chance does not explain that. Nothing of a
//! resolver enters here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::observation::Observation;
use crate::plan;
use crate::resolver::ResolverReply;
use crate::statistics::Alpha;
use crate::truth::Truth;

/// Shares of the answers that are too small to be waited for, as for sampling.
const RAREST: f64 = 0.001;
/// Equal records that are assumed where fewer were seen, and the most that Route 53 allows: as for sampling.
const FEWEST_RECORDS: usize = 8;
const MOST_RECORDS: usize = 100;
/// Steps of one server's count that are kept; where there are more, the oldest are joined.
const MOST_MARKS: usize = 1_024;
/// Addresses of one server that are kept.
const MOST_ADDRESSES: usize = 4_096;

/// What the servers answered so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authority {
    servers: BTreeMap<SocketAddr, Server>,
    /// The smallest share of the answers that an address can have, where the fleet says so.
    smallest_share: Option<f64>,
}

#[derive(Clone, Debug, Default)]
struct Server {
    /// Answers with authority.
    answers: u64,
    /// Of those, the ones without an address.
    empty: u64,
    ttls: BTreeSet<u32>,
    /// For each address, when it was last seen, and how many answers there were by then.
    seen: BTreeMap<Ipv4Addr, (Duration, u64)>,
    /// How many answers there were at which time.
    marks: Vec<(Duration, u64)>,
}

impl Authority {
    /// Starts with these servers, and nothing seen.
    pub(crate) fn new(servers: &[SocketAddr], truth: Option<&Truth>) -> Self {
        Self {
            servers: servers.iter().map(|server| (*server, Server::default())).collect(),
            smallest_share: truth.map(|truth| truth.smallest_share(RAREST).0),
        }
    }

    /// Takes what was sampled by `at`. The order of the samples is not known: what is in any of them counts as
    /// answered up to then.
    pub(crate) fn sampled(observations: &[Observation], at: Duration, truth: Option<&Truth>) -> Self {
        let servers: Vec<SocketAddr> = observations.iter().map(|observed| observed.server).collect();
        let mut authority = Self::new(&servers, truth);
        for observed in observations {
            let Some(server) = authority.servers.get_mut(&observed.server) else { continue };
            // A server without authority is a cache, which says little about the zone.
            if observed.sampled.without_authority > 0 {
                continue;
            }
            server.answers = observed.sampled.answers;
            server.empty = observed.sampled.empty;
            server.ttls =
                observed.sampled.ttls.keys().chain(observed.over_tcp.ttls.keys()).copied().collect();
            server.seen = observed.addresses().map(|address| (address, (at, server.answers))).collect();
            server.marks.push((at, server.answers));
        }
        authority
    }

    /// Takes one reply of a server.
    pub(crate) fn note(&mut self, server: SocketAddr, at: Duration, reply: &ResolverReply) {
        let Some(server) = self.servers.get_mut(&server) else { return };
        if !reply.authoritative || !reply.rcode.is_answer() {
            return;
        }
        server.answers += 1;
        server.empty += u64::from(reply.addresses.is_empty());
        server.ttls.extend(reply.addresses.values());
        for address in reply.addresses.keys() {
            if server.seen.len() < MOST_ADDRESSES || server.seen.contains_key(address) {
                server.seen.insert(*address, (at, server.answers));
            }
        }
        server.mark(at);
    }

    /// Returns the servers.
    pub(crate) fn servers(&self) -> Vec<SocketAddr> {
        self.servers.keys().copied().collect()
    }

    /// Returns the servers that answer; where none does yet, all of them.
    pub(crate) fn worth_asking(&self) -> Vec<SocketAddr> {
        let none = !self.answers();
        let answering = self.servers.iter().filter(|(_, server)| none || server.answers > 0);
        answering.map(|(address, _)| *address).collect()
    }

    /// Says whether any server answers, with addresses or with their absence.
    pub(crate) fn answers(&self) -> bool {
        self.servers.values().any(|server| server.answers > 0)
    }

    /// Returns when the last answer came.
    pub(crate) fn last_answer(&self) -> Option<Duration> {
        self.servers.values().filter_map(|server| server.marks.last()).map(|(at, _)| *at).max()
    }

    /// Says whether every answer of every server had an address.
    pub(crate) fn always_has_addresses(&self) -> bool {
        self.answers() && self.servers.values().all(|server| server.empty == 0)
    }

    /// Says whether every server answers.
    pub(crate) fn all_answer(&self) -> bool {
        self.servers.values().all(|server| server.answers > 0)
    }

    /// Returns the longest TTL that a server gave the record, in seconds.
    pub(crate) fn ttl_secs(&self) -> Option<u32> {
        self.servers.values().flat_map(|server| server.ttls.iter().copied()).max()
    }

    /// Returns every address that was answered at any time.
    pub(crate) fn addresses(&self) -> BTreeSet<Ipv4Addr> {
        self.servers.values().flat_map(|server| server.seen.keys().copied()).collect()
    }

    /// Returns when any server last answered with an address.
    pub(crate) fn last_seen(&self, address: Ipv4Addr) -> Option<Duration> {
        self.servers.values().filter_map(|server| server.seen.get(&address)).map(|(at, _)| *at).max()
    }

    /// Returns when it was certain that no server answers with an address any more. `None` while that is not
    /// certain: too few answers, or a server that gave none.
    pub(crate) fn gone_by(&self, address: Ipv4Addr) -> Option<Duration> {
        let enough = self.enough();
        let by = self.servers.values().map(|server| server.gone_by(address, enough));
        by.collect::<Option<Vec<Duration>>>()?.into_iter().max()
    }

    /// Returns how many more answers of each server it takes before any address can be gone.
    pub(crate) fn missing(&self) -> BTreeMap<SocketAddr, u64> {
        let enough = self.enough();
        let missing =
            self.servers.iter().map(|(address, server)| (*address, enough.saturating_sub(server.answers)));
        missing.filter(|(_, missing)| *missing > 0).collect()
    }

    /// Returns how many answers without an address leave no doubt: chance explains them once in a million.
    fn enough(&self) -> u64 {
        let seen = self.addresses().len();
        let equal = 1.0 / (seen + 1).clamp(FEWEST_RECORDS, MOST_RECORDS) as f64;
        plan::enough(self.smallest_share.unwrap_or(equal), Alpha::default().get())
    }
}

impl Server {
    fn gone_by(&self, address: Ipv4Addr, enough: u64) -> Option<Duration> {
        let (_, before) = self.seen.get(&address).copied().unwrap_or_default();
        let mark = self.marks.iter().find(|(_, answers)| *answers >= before.saturating_add(enough));
        mark.map(|(at, _)| *at)
    }

    fn mark(&mut self, at: Duration) {
        if self.marks.len() >= MOST_MARKS {
            // Fewer steps say that something is gone later than it was, and never earlier.
            let mut place = 0;
            self.marks.retain(|_| {
                place += 1;
                place % 2 == 0
            });
        }
        self.marks.push((at, self.answers));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{address, observation, server, truth};
    use crate::staleness::testing::{authoritative, secs};

    /// Notes `count` answers of a server with this address, one each 10 ms from `from` on.
    fn note(authority: &mut Authority, n: u8, from: Duration, count: u32, last: u8) {
        for turn in 0..count {
            authority.note(server(n), from + Duration::from_millis(10) * turn, &authoritative(&[(last, 4)]));
        }
    }

    #[test]
    fn an_address_is_gone_when_chance_does_not_explain_its_absence_at_any_server() {
        let mut authority = Authority::new(&[server(1), server(2)], None);
        assert_eq!((authority.answers(), authority.ttl_secs()), (false, None));
        note(&mut authority, 1, secs(0), 103, 1);
        note(&mut authority, 2, secs(5), 104, 1);
        assert_eq!(authority.gone_by(address(9)), None);
        assert_eq!(authority.missing(), [(server(1), 1)].into());
        note(&mut authority, 1, secs(2), 1, 1);
        assert_eq!(authority.gone_by(address(9)), Some(secs(5) + Duration::from_millis(1_030)));
        assert_eq!((authority.missing().len(), authority.ttl_secs()), (0, Some(4)));
        assert_eq!(authority.gone_by(address(1)), None);
    }

    #[test]
    fn an_address_that_was_answered_is_gone_so_many_answers_later() {
        let mut authority = Authority::new(&[server(1)], None);
        note(&mut authority, 1, secs(0), 10, 9);
        note(&mut authority, 1, secs(10), 103, 1);
        assert_eq!(authority.gone_by(address(9)), None);
        note(&mut authority, 1, secs(20), 1, 1);
        assert_eq!(authority.gone_by(address(9)), Some(secs(20)));
        assert_eq!(authority.last_seen(address(9)), Some(Duration::from_millis(90)));
    }

    #[test]
    fn samples_are_of_one_time_and_a_fleet_knows_the_smallest_share() {
        let sampled = Authority::sampled(&[observation(1, &[(1, 60), (2, 60)])], secs(1), None);
        assert_eq!(sampled.gone_by(address(9)), Some(secs(1)));
        assert_eq!((sampled.gone_by(address(1)), sampled.last_seen(address(1))), (None, Some(secs(1))));
        let one = [("i-1", "192.0.2.1", "running", "1")];
        let truth = truth("", &one);
        let sampled = Authority::sampled(&[observation(1, &[(1, 120)])], secs(1), Some(&truth));
        assert_eq!(sampled.gone_by(address(9)), None);
    }

    #[test]
    fn a_server_that_does_not_answer_leaves_everything_open() {
        let silent = Observation::new(server(2));
        let sampled = Authority::sampled(&[observation(1, &[(1, 200)]), silent], secs(1), None);
        assert_eq!(sampled.gone_by(address(9)), None);
        let mut cache = Authority::new(&[server(1)], None);
        cache.note(server(1), secs(0), &ResolverReply { authoritative: false, ..authoritative(&[(1, 4)]) });
        assert!(!cache.answers());
    }

    #[test]
    fn marks_that_are_joined_make_nothing_gone_earlier() {
        let mut authority = Authority::new(&[server(1)], None);
        note(&mut authority, 1, secs(0), 5_000, 1);
        assert!(authority.servers[&server(1)].marks.len() <= MOST_MARKS);
        assert!(authority.gone_by(address(9)).unwrap() >= Duration::from_millis(1_030));
    }
}
