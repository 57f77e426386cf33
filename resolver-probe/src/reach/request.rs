//! One datagram of a probe, and the reading of what may be its reply.
//!
//! It knows which protocol is spoken; sockets and times are the conversation's business.

use rand::RngExt;
use rand::rngs::StdRng;

use super::evidence::ReplyDetail;
use super::packet::{Rejected, echo, quic, srt, stun};
use super::probe::ReachProbe;

/// What to say in datagrams; TCP says nothing.
#[derive(Clone, Debug)]
pub(super) enum Speech {
    Stun,
    Quic,
    Srt,
    Echo,
    Own { send: Vec<u8>, expect: Option<Vec<u8>> },
}

/// A request that was sent, with what its reply has to repeat.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Stun(stun::Request),
    Quic(quic::Request),
    Srt(srt::Request),
    Echo(echo::Request),
    Own { expect: Option<Vec<u8>> },
}

impl Speech {
    /// Returns what a probe says, or `None` where it opens a connection instead.
    pub(super) fn of(probe: &ReachProbe) -> Option<Self> {
        Some(match probe {
            ReachProbe::Stun(_) => Self::Stun,
            ReachProbe::Quic(_) | ReachProbe::QuicHandshake { .. } => Self::Quic,
            ReachProbe::Srt(_) => Self::Srt,
            ReachProbe::Udp { send, expect, .. } => Self::Own { send: send.clone(), expect: expect.clone() },
            ReachProbe::Icmp => Self::Echo,
            ReachProbe::Tcp(_) => return None,
        })
    }

    /// Makes a request, and its datagram. Each has ids of its own, so that a reply tells which of several
    /// it answers.
    pub(super) fn request(&self, random: &mut StdRng) -> (Request, Vec<u8>) {
        match self {
            Self::Stun => {
                let request = stun::Request::new(random.random());
                (Request::Stun(request), request.encode())
            }
            Self::Quic => {
                let request = quic::Request::new(random.random(), random.random(), random.random());
                let mut filling = [0; quic::REQUEST_LENGTH];
                random.fill(&mut filling);
                (Request::Quic(request), request.encode(&filling))
            }
            Self::Srt => {
                let request = srt::Request::new(random.random(), random.random());
                (Request::Srt(request), request.encode())
            }
            Self::Echo => {
                let request = echo::Request::new(random.random(), random.random());
                (Request::Echo(request), request.encode())
            }
            Self::Own { send, expect } => (Request::Own { expect: expect.clone() }, send.clone()),
        }
    }
}

impl Request {
    /// Reads a datagram as the reply to this request.
    pub(super) fn read(&self, datagram: &[u8]) -> Result<Option<ReplyDetail>, Rejected> {
        match self {
            Self::Stun(request) => request.read(datagram).map(|reply| {
                let stun::Reply { reflexive, error_code, is_error } = reply;
                Some(ReplyDetail::Stun { reflexive, is_error, error_code })
            }),
            Self::Quic(request) => {
                request.read(datagram).map(|reply| Some(ReplyDetail::Quic { versions: reply.versions }))
            }
            Self::Srt(request) => request.read(datagram).map(|reply| {
                let srt::Reply { version, encryption, mtu } = reply;
                Some(ReplyDetail::Srt { version, encryption, mtu })
            }),
            Self::Echo(request) => request.read(datagram).map(|()| None),
            Self::Own { expect } => match expect {
                Some(expect) if !datagram.starts_with(expect) => Err(Rejected::Garbage),
                Some(_) | None => Ok(None),
            },
        }
    }

    /// Says whether a reply tells which request it answers.
    pub(super) fn has_id(&self) -> bool {
        !matches!(self, Self::Own { .. })
    }
}
