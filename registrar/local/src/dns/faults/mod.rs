//! What may be wrong with a name server, changeable while it runs.
//!
//! Any faults combine. Those of the zone and of the answer make a well-formed reply that is wrong; those
//! of the wire send a reply damaged, twice, late, from elsewhere or not at all. `docs/faults.md` lists
//! them.

mod answer;
mod armed;
mod garbage;
mod share;
mod wire;
mod zone;

use std::net::IpAddr;

use registrar_core::name::RecordName;
use serde::{Deserialize, Serialize};

pub(crate) use answer::Asked;
pub use answer::{Lameness, Lie, Lies, LiesExceedAll, Poison, PoisonedSection, Sticky};
pub use armed::FaultsHandle;
pub(crate) use armed::{Armed, ede, seeded};
pub use garbage::{Garbage, GarbageKind};
pub use share::{InvalidShare, Share};
pub use wire::{Delay, WrongQuestion};
pub use zone::{HiddenAddress, OtherWeights};

/// What is wrong with a name server; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameServerFaults {
    /// Answers nothing, neither over UDP nor over TCP.
    pub dead: bool,
    /// Accepts connections over TCP, and answers nothing.
    pub tcp_dead: bool,
    /// Closes connections over TCP as soon as it has accepted them.
    pub tcp_close: bool,
    /// Leaves that many queries over UDP without an answer, from the first after it is armed.
    pub drop_first: u32,
    /// Leaves this share of the queries over UDP without an answer.
    pub drop_share: Share,

    /// Serves the hosted zone as it was that many seconds ago.
    pub lag_secs: u64,
    /// Gives other weights to the record sets of some names.
    pub weights: Vec<OtherWeights>,
    /// Serves some names without one of their addresses.
    pub hide: Vec<HiddenAddress>,
    /// Gives the start of authority this TTL and this minimum: what negative answers may be kept for.
    pub negative_ttl_secs: Option<u32>,

    /// Answers with addresses that need not be in the hosted zone.
    pub lies: Lies,
    /// Denies that these names, and those beneath them, exist.
    pub nxdomain: Vec<RecordName>,
    /// Gives the weighted addresses of these names in turn instead of drawing them.
    pub round_robin: Vec<RecordName>,
    /// Draws the addresses of some names once for many queries.
    pub sticky: Vec<Sticky>,
    /// Gives every answer this TTL.
    pub ttl_secs: Option<u32>,
    /// Adds addresses of names that nobody asked for.
    pub poison: Vec<Poison>,
    /// Does not answer as an authority does.
    pub lame: Option<Lameness>,
    /// Sends this extended error (RFC 8914) to whoever speaks EDNS: 3 is a stale answer, 19 a stale denial.
    pub ede: Option<u16>,

    /// Echoes another question.
    pub question: Option<WrongQuestion>,
    /// Says over UDP that every reply was too long for it, and leaves it empty.
    pub truncate: bool,
    /// Says so over TCP, where nothing is too long.
    pub truncate_tcp: bool,
    /// Sends this share of the replies over UDP twice; every fault below strikes each copy by itself.
    pub duplicate_share: Share,
    /// Gives this share of the replies over UDP an id that nobody chose.
    pub wrong_id_share: Share,
    /// Sends something else than a DNS message over UDP.
    pub garbage: Option<Garbage>,
    /// Sends replies over UDP from this address, which must be the machine's own, and from another port.
    pub wrong_source: Option<IpAddr>,
    /// Holds replies back.
    pub delay: Option<Delay>,
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn read(text: &str) -> Result<NameServerFaults, String> {
        registrar_core::json::parse(text).map_err(|error| error.to_string())
    }

    /// Every fault, in the form of the faults file.
    const EVERY_FAULT: &str = r#"{
        "dead": true, "tcp_dead": true, "tcp_close": true, "drop_first": 2, "drop_share": 0.25,
        "lag_secs": 120,
        "weights": [{"name": "video.example.com", "weights": {"i-1": 0, "192.0.2.2": 200}}],
        "hide": [{"name": "video.example.com", "address": "192.0.2.1"}],
        "negative_ttl_secs": 86400,
        "lies": [{"name": "video.example.com", "address": "192.0.2.66", "share": 0.1}],
        "nxdomain": ["audio.example.com"],
        "round_robin": ["video.example.com"],
        "sticky": [{"name": "video.example.com", "queries": 50}],
        "ttl_secs": 60,
        "poison": [{"name": "bank.example.net", "address": "192.0.2.99", "section": "additional"}],
        "lame": "not-authoritative",
        "ede": 3,
        "question": "other-name",
        "truncate": true, "truncate_tcp": true,
        "duplicate_share": 0.5, "wrong_id_share": 0.5,
        "garbage": {"share": 0.5, "kinds": ["random", "header", "cut", "pointer-loop"]},
        "wrong_source": "127.0.0.77",
        "delay": {"ms": 1800, "share": 0.5}
    }"#;

    #[test]
    fn every_fault_is_read_from_json_and_written_as_it_was_read() {
        let faults = read(EVERY_FAULT).unwrap();
        let (read, written): (serde_json::Value, _) =
            (serde_json::from_str(EVERY_FAULT).unwrap(), serde_json::to_value(&faults).unwrap());
        assert_eq!(read, written);
        assert_eq!((faults.lag_secs, faults.dead), (120, true));
        let lie = &faults.lies.as_slice()[0];
        assert_eq!((lie.address, f64::from(lie.share)), (Ipv4Addr::new(192, 0, 2, 66), 0.1));
    }

    #[test]
    fn each_fault_is_optional_and_so_is_what_refines_it() {
        assert_eq!(read("{}").unwrap(), NameServerFaults::default());
        let faults = read(r#"{"garbage": {}, "delay": {"ms": 5}}"#).unwrap();
        let garbage = faults.garbage.unwrap();
        assert_eq!((garbage.share, garbage.kinds.len()), (Share::ALL, 4));
        assert_eq!(faults.delay.unwrap().share, Share::ALL);
    }

    #[test]
    fn what_cannot_be_armed_is_refused_with_its_path() {
        for (bad, path, problem) in [
            (r#"{"lags": 1}"#, "lags", "unknown field"),
            (r#"{"drop_share": 1.5}"#, "drop_share", "1.5 is not a share"),
            (r#"{"drop_share": -0.1}"#, "drop_share", "-0.1 is not a share"),
            (r#"{"lag_secs": -1}"#, "lag_secs", "-1"),
            (r#"{"lies": [{"name": "a.example.com", "address": "x", "share": 1}]}"#, "lies", "IPv4"),
            (r#"{"lies": {"share": 1}}"#, "lies", "sequence"),
            (r#"{"garbage": {"share": 2}}"#, "garbage.share", "2 is not a share"),
            (r#"{"garbage": {"kinds": ["noise"]}}"#, "garbage.kinds[0]", "noise"),
            (r#"{"garbage": {"kinds": []}}"#, "garbage.kinds", "no kind"),
            (r#"{"sticky": [{"name": "a.example.com", "queries": 0}]}"#, "sticky[0].queries", "nonzero"),
            (r#"{"weights": [{"name": "a.example.com", "weights": {"x": 256}}]}"#, "weights[0]", "256"),
            (r#"{"delay": {"share": 1}}"#, "delay", "ms"),
            (r#"{"lame": "tired"}"#, "lame", "tired"),
            (r#"{"wrong_source": "127.0.0.1:53"}"#, "wrong_source", "IP address"),
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains(&format!("at {path}")) && error.contains(problem), "{bad}: {error}");
        }
    }
}
