//! What may be wrong with a name server, changeable while it runs.
//!
//! Faults are described here and acted upon elsewhere.

use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError, RwLock};

use registrar_core::name::RecordName;
use serde::{Deserialize, Serialize};

/// What is wrong with a name server; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NameServerFaults {
    /// Answers nothing, neither over UDP nor over TCP.
    pub dead: bool,
    /// Answers nothing over TCP.
    pub tcp_dead: bool,
    /// Serves the zone as it was that many seconds ago.
    pub lag_secs: u64,
    /// Answers with an address that need not be in the zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lie: Option<Lie>,
    /// Leaves this share of the queries over UDP without an answer.
    pub drop_share: Share,
    /// Gives every answer this TTL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_secs: Option<u32>,
}

/// A wrong answer to queries for the addresses of a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lie {
    /// The name that is lied about.
    pub name: RecordName,
    /// The address that is given instead of the answer.
    pub address: Ipv4Addr,
    /// The share of the queries that get it.
    pub share: Share,
}

/// A share of all cases, from 0 for none to 1 for every one.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

/// A number that is not a share.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a share from 0 to 1")]
pub struct InvalidShare(f64);

impl Share {
    /// Every case.
    pub const ALL: Self = Self(1.0);

    /// Says whether a uniform draw falls into this share.
    pub(crate) fn covers(self, draw: u32) -> bool {
        f64::from(draw) < self.0 * (f64::from(u32::MAX) + 1.0)
    }
}

impl TryFrom<f64> for Share {
    type Error = InvalidShare;

    fn try_from(share: f64) -> Result<Self, InvalidShare> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(InvalidShare(share)) }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> f64 {
        share.0
    }
}

/// Reads and changes the faults of a running name server.
#[derive(Clone, Debug, Default)]
pub struct FaultsHandle(Arc<RwLock<Arc<NameServerFaults>>>);

impl FaultsHandle {
    /// Returns the faults as they are now.
    #[must_use]
    pub fn get(&self) -> Arc<NameServerFaults> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the faults from the next query on.
    pub fn set(&self, faults: NameServerFaults) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_from_json_and_each_is_optional() {
        let none: NameServerFaults = serde_json::from_str("{}").unwrap();
        assert_eq!(none, NameServerFaults::default());
        let text = r#"{"lag_secs":120,"drop_share":0.25,
            "lie":{"name":"video.example.com","address":"192.0.2.66","share":0.1}}"#;
        let faults: NameServerFaults = serde_json::from_str(text).unwrap();
        assert_eq!((faults.lag_secs, faults.dead), (120, false));
        let lie = faults.lie.unwrap();
        assert_eq!((lie.address, lie.share), (Ipv4Addr::new(192, 0, 2, 66), Share(0.1)));
    }

    #[test]
    fn unknown_faults_and_impossible_shares_are_refused() {
        for bad in [r#"{"lags":1}"#, r#"{"drop_share":1.5}"#, r#"{"drop_share":-0.1}"#, r#"{"lag_secs":-1}"#]
        {
            assert!(serde_json::from_str::<NameServerFaults>(bad).is_err(), "{bad}");
        }
        assert!(Share::try_from(f64::NAN).is_err());
    }

    #[test]
    fn a_share_covers_all_none_or_a_part_of_the_draws() {
        assert!(Share::ALL.covers(u32::MAX) && Share::ALL.covers(0));
        assert!(!Share::default().covers(0));
        let half = Share::try_from(0.5).unwrap();
        assert!(half.covers(u32::MAX / 2) && !half.covers(u32::MAX / 2 + 1));
    }
}
