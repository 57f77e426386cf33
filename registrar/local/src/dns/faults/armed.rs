//! Faults that are armed: what is wrong, and how far it has come since.
//!
//! All their randomness begins at one seed whenever they are armed. It is not that of the honest draws,
//! which a fault therefore leaves as they would be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_net::xfer::Protocol;
use hickory_proto::op::Edns;
use hickory_proto::rr::RecordType as WireType;
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_server::server::Request;
use rand::SeedableRng;
use rand::rngs::StdRng;
use registrar_core::name::RecordName;
use tokio::sync::watch;

use super::NameServerFaults;
use super::answer::Asked;
use crate::dns::lookup::Response;
use crate::dns::message::Reply;
use crate::dns::transport::Delivery;
use crate::route53::PublishedZone;

/// Code of the option that carries an extended error (RFC 8914 §2).
const EXTENDED_ERROR: u16 = 15;

/// Reads and changes the faults of a running name server.
#[derive(Clone, Debug)]
pub struct FaultsHandle {
    armed: watch::Sender<Arc<Armed>>,
    seed: u64,
}

/// Faults, and what they count.
#[derive(Debug)]
pub(crate) struct Armed {
    pub(crate) faults: NameServerFaults,
    /// Nothing at all is wrong.
    pub(crate) is_sound: bool,
    state: Mutex<State>,
    seed: u64,
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    /// Queries that are still to be dropped.
    to_drop: u32,
    /// How often sticky names were asked for.
    asked: BTreeMap<RecordName, u64>,
    /// How far each record set of a name in rotation is from its turn.
    turns: BTreeMap<RecordName, Vec<i64>>,
    /// The last hosted zone, and how it is known here.
    known: Option<(Arc<PublishedZone>, Arc<PublishedZone>)>,
}

impl FaultsHandle {
    /// Arms the first faults. Whatever is random about any of them begins at `seed`.
    pub(crate) fn new(faults: NameServerFaults, seed: u64) -> Self {
        Self { armed: watch::Sender::new(Arc::new(Armed::new(faults, seed))), seed }
    }

    /// Returns the faults as they are now.
    #[must_use]
    pub fn get(&self) -> NameServerFaults {
        self.armed().faults.clone()
    }

    /// Replaces the faults from the next query on. What they count begins anew, even where they are the
    /// same.
    pub fn set(&self, faults: NameServerFaults) {
        self.armed.send_replace(Arc::new(Armed::new(faults, self.seed)));
    }

    pub(crate) fn armed(&self) -> Arc<Armed> {
        Arc::clone(&self.armed.borrow())
    }

    /// Waits until connections over TCP are no longer closed at once, or are, as they are not now.
    pub(crate) fn turns(&self, closes: bool) -> impl Future<Output = ()> + Send + use<> {
        let mut armed = self.armed.subscribe();
        async move {
            // There is no end to wait for: whoever waits can arm faults himself.
            let _ = armed.wait_for(|armed| armed.faults.tcp_close != closes).await;
        }
    }
}

impl Armed {
    fn new(faults: NameServerFaults, seed: u64) -> Self {
        let state = State {
            rng: seeded(seed, "faults", 0),
            to_drop: faults.drop_first,
            asked: BTreeMap::new(),
            turns: BTreeMap::new(),
            known: None,
        };
        let is_sound = faults == NameServerFaults::default();
        Self { faults, is_sound, state: Mutex::new(state), seed }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether a request gets no reply.
    pub(crate) fn ignores(&self, protocol: Protocol) -> bool {
        let faults = &self.faults;
        if faults.dead {
            return true;
        }
        if protocol != Protocol::Udp {
            return faults.tcp_dead || faults.tcp_close;
        }
        let mut state = self.state();
        let is_first = state.to_drop > 0;
        state.to_drop = state.to_drop.saturating_sub(1);
        is_first || faults.drop_share.hits(&mut state.rng)
    }

    /// Returns the hosted zone as this name server knows it, edited once for each of its states.
    pub(crate) fn known(&self, hosted_zone: Arc<PublishedZone>) -> Arc<PublishedZone> {
        if !self.faults.diverges() {
            return hosted_zone;
        }
        let mut state = self.state();
        if let Some((original, known)) = &state.known
            && Arc::ptr_eq(original, &hosted_zone)
        {
            return Arc::clone(known);
        }
        let known = Arc::new(self.faults.diverged(&hosted_zone));
        state.known = Some((hosted_zone, Arc::clone(&known)));
        known
    }

    /// Returns the random numbers for the addresses of a name that sticks to its draws.
    pub(crate) fn sticky(&self, name: &RecordName, wire_type: WireType) -> Option<StdRng> {
        let sticky = self.faults.sticky.iter().find(|sticky| sticky.name == *name)?;
        if wire_type != WireType::A {
            return None;
        }
        let mut state = self.state();
        let asked = state.asked.entry(name.clone()).or_default();
        let draw = *asked / sticky.queries;
        *asked += 1;
        Some(seeded(self.seed, name.as_str(), draw))
    }

    /// Makes an answer wrong.
    pub(crate) fn distort(&self, asked: &Asked<'_>, response: &mut Response) {
        let State { rng, turns, .. } = &mut *self.state();
        let turn = |weights: &[u8]| next_turn(turns.entry(asked.name.clone()).or_default(), weights);
        self.faults.distort(asked, response, rng, turn);
    }

    /// Adds what a reply says about itself.
    pub(crate) fn annotate(&self, reply: &mut Reply) {
        if let (Some(code), Some(edns)) = (self.faults.ede, &mut reply.edns) {
            ede(edns, code);
        }
    }

    /// Puts a reply on the wire, as well as the faults let it.
    pub(crate) fn deliver(&self, reply: Reply, request: &Request) -> Delivery {
        self.faults.deliver(reply, request, &mut self.state().rng)
    }
}

/// Adds an extended error without a text (RFC 8914 §2).
pub(crate) fn ede(edns: &mut Edns, code: u16) {
    edns.options_mut().insert(EdnsOption::Unknown(EXTENDED_ERROR, code.to_be_bytes().to_vec()));
}

/// Begins random numbers that depend on a seed, on what they are for, and on a count.
pub(crate) fn seeded(seed: u64, purpose: &str, count: u64) -> StdRng {
    // FNV-1a: any mixture will do that is the same on every machine.
    let octets = purpose.bytes().chain(count.to_be_bytes());
    let mixed = octets.fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    });
    StdRng::seed_from_u64(mixed)
}

/// Takes a turn of smooth weighted round robin: each record set comes as often as its weight says, and
/// as evenly as that allows. Weights that are all 0 are equal.
fn next_turn(debts: &mut Vec<i64>, weights: &[u8]) -> Option<usize> {
    let equal = weights.iter().all(|weight| *weight == 0);
    debts.resize(weights.len(), 0);
    let mut total = 0;
    for (debt, weight) in debts.iter_mut().zip(weights) {
        let weight = if equal { 1 } else { i64::from(*weight) };
        *debt += weight;
        total += weight;
    }
    let (next, debt) = debts.iter_mut().enumerate().rev().max_by_key(|(_, debt)| **debt)?;
    *debt -= total;
    Some(next)
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    fn armed(faults: &str) -> Armed {
        Armed::new(serde_json::from_str(faults).unwrap(), 42)
    }

    #[test]
    fn turns_follow_the_weights_as_evenly_as_they_can() {
        let mut debts = Vec::new();
        let turns: Vec<usize> = (0..8).map(|_| next_turn(&mut debts, &[1, 2, 1, 0]).unwrap()).collect();
        assert_eq!(turns, [1, 0, 2, 1, 1, 0, 2, 1]);
        let mut debts = Vec::new();
        let equal: Vec<usize> = (0..5).map(|_| next_turn(&mut debts, &[0, 0]).unwrap()).collect();
        assert_eq!(equal, [0, 1, 0, 1, 0]);
        assert_eq!(next_turn(&mut debts, &[]), None);
    }

    #[test]
    fn the_first_queries_over_udp_are_dropped_and_no_other() {
        let armed = armed(r#"{"drop_first": 2}"#);
        assert!(!armed.ignores(Protocol::Tcp));
        let ignored: Vec<bool> = (0..4).map(|_| armed.ignores(Protocol::Udp)).collect();
        assert_eq!(ignored, [true, true, false, false]);
    }

    #[test]
    fn what_is_armed_again_begins_at_the_same_seed() {
        let faults: NameServerFaults = serde_json::from_str(r#"{"drop_share": 0.5}"#).unwrap();
        let handle = FaultsHandle::new(faults.clone(), 7);
        let drops = || (0..64).map(|_| handle.armed().ignores(Protocol::Udp)).collect::<Vec<_>>();
        let first = drops();
        assert!(first.contains(&true) && first.contains(&false));
        assert_ne!(drops(), first);
        handle.set(faults.clone());
        assert_eq!(drops(), first);
        assert_eq!(handle.get(), faults);
    }

    #[test]
    fn a_sticky_name_is_drawn_anew_after_its_queries_and_other_types_do_not_count() {
        let armed = armed(r#"{"sticky": [{"name": "video.example.com", "queries": 3}]}"#);
        let name = "video.example.com".parse().unwrap();
        let mut draws = Vec::new();
        for _ in 0..6 {
            assert!(armed.sticky(&name, WireType::AAAA).is_none());
            draws.push(armed.sticky(&name, WireType::A).unwrap().next_u64());
        }
        assert!(draws[0] == draws[2] && draws[3] == draws[5] && draws[2] != draws[3], "{draws:?}");
        assert!(armed.sticky(&"audio.example.com".parse().unwrap(), WireType::A).is_none());
    }

    #[test]
    fn only_a_server_without_faults_is_sound() {
        assert!(armed("{}").is_sound && !armed(r#"{"truncate_tcp": true}"#).is_sound);
    }
}
