//! What was seen of one address: packets, replies, times and errors.
//!
//! These are counts only; whether they are good or bad is for the verdict to say.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::obstacle::Obstacle;

/// What was seen of one address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReachEvidence {
    /// Packets that were sent, repetitions included, or connections that were begun.
    pub sent: u64,
    /// Requests that were answered as they should be, or connections that were made.
    pub replies: u64,
    /// Replies to a request after another try of it was answered already.
    pub late: u64,
    /// Replies that came twice.
    pub duplicates: u64,
    /// Replies to something that was not asked.
    pub mismatched: u64,
    /// Messages that are no reply of the protocol, or not the expected one.
    pub garbage: u64,
    /// How long replies took.
    pub rtt: Option<Rtt>,
    /// What the last reply said.
    pub reply: Option<ReplyDetail>,
    /// What the last ICMP error said.
    pub obstacle: Option<Obstacle>,
    /// Why nothing, or nothing more, could be sent from here.
    pub failure: Option<String>,
    /// Whether the deadline passed before the last request had its time.
    pub unfinished: bool,
    /// How a QUIC handshake beside the probe ended, where one was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake: Option<Handshake>,
    /// What an ICMP echo request beside the probe showed of the host.
    pub echo: Option<Echo>,
}

/// How long replies took, in microseconds, from the packet that they answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rtt {
    /// The shortest.
    pub min_us: u64,
    /// The median; of an even number, the lower of the two in the middle.
    pub median_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// What a reply said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "protocol", rename_all = "kebab-case")]
pub enum ReplyDetail {
    /// A STUN Binding reply.
    Stun {
        /// Our own address as the server saw it.
        reflexive: Option<SocketAddr>,
        /// Whether the reply is an error, which shows life just as well.
        is_error: bool,
        /// The code of an error.
        error_code: Option<u16>,
    },
    /// A QUIC Version Negotiation packet.
    Quic {
        /// The versions that the server offers, in its order, such as `0x00000001`.
        #[serde(serialize_with = "in_hexadecimal")]
        versions: Vec<u32>,
    },
    /// An SRT induction reply.
    Srt {
        /// The version of the handshake.
        version: u32,
        /// The cipher that is proposed: 0 none, 2 AES-128, 3 AES-192, 4 AES-256.
        encryption: u16,
        /// The largest packet that the listener takes, in octets.
        mtu: u32,
    },
}

/// How a QUIC handshake ended. Its packets are not among those that are counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Handshake {
    /// It was completed, with the right certificate and the right application protocol.
    Agreed {
        /// How long that took, in microseconds.
        took_us: u64,
    },
    /// The certificate is somebody else's.
    WrongIdentity {
        /// What is wrong with it.
        why: String,
    },
    /// It was begun, and broken off.
    Failed {
        /// What broke it off.
        why: String,
    },
    /// It was not completed in time.
    Silent,
}

/// What an ICMP echo request beside the probe showed of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Echo {
    /// It was answered: the host is up.
    Answered {
        /// How long that took, in microseconds.
        rtt_us: u64,
    },
    /// It was not answered.
    Silent,
    /// Something said no.
    Stopped {
        /// What said so.
        obstacle: Obstacle,
    },
    /// It could not be sent: mostly, the system does not allow it.
    NotAsked {
        /// Why, with what to do about it.
        why: String,
    },
    /// The probe itself had told enough before an answer came.
    NotAwaited,
}

impl Rtt {
    /// Sums up some times; `None` where there are none.
    pub(super) fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let (first, last) = (times.first()?, times.last()?);
        let median = times.get((times.len() - 1) / 2)?;
        Some(Self { min_us: micros(*first), median_us: micros(*median), max_us: micros(*last) })
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn in_hexadecimal<S: Serializer>(versions: &[u32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(versions.iter().map(|version| format!("{version:#010x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_up_by_their_extremes_and_the_lower_median() {
        let of = |micros: &[u64]| Rtt::of(micros.iter().map(|us| Duration::from_micros(*us)).collect());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some(Rtt { min_us: 7, median_us: 7, max_us: 7 }));
        assert_eq!(of(&[9, 1, 4, 2]), Some(Rtt { min_us: 1, median_us: 2, max_us: 9 }));
    }
}
