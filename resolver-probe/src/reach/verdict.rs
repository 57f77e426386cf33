//! What the evidence about an address comes to, by one table.
//!
//! | evidence | verdict | severity |
//! |---|---|---|
//! | a valid reply to what was asked | alive | none; a warning where QUIC lacks version 1, or the instance does not run |
//! | a QUIC handshake with the right certificate | alive | none |
//! | a QUIC handshake with somebody else's certificate | wrong-identity | critical |
//! | a QUIC handshake that was begun, and broken off | wrong-reply | as below |
//! | versions of QUIC, and no handshake in time | silent-host-up | as below |
//! | blind from here | vantage-blind | unknown |
//! | ICMP port unreachable, or a TCP reset | refused | critical |
//! | ICMP network or host unreachable | unreachable | critical; a warning from the internet to a Carrier IP |
//! | ICMP prohibited | filtered | unknown |
//! | messages that are no reply to what was asked | wrong-reply | a warning; critical where the instance runs |
//! | silence, and an answered echo | silent-host-up | a warning; critical where the instance runs |
//! | silence, and a silent echo | silent | critical |
//! | silence, and no echo to compare with | silent | a warning; critical where the instance runs |
//! | nothing could be sent, or not in time | not-probed | unknown |
//!
//! A reply is proof from anywhere; silence and errors are judged only where the vantage sees.

use std::fmt;

use registrar_core::address::AddressKind;
use serde::Serialize;

use super::evidence::{Echo, Handshake, ReachEvidence, ReplyDetail};
use super::obstacle::{Obstacle, ObstacleKind};
use super::packet::quic;
use super::probe::ReachProbe;
use super::vantage::{Approach, InstanceStanding, ReachTarget, Vantage};
use crate::report::Severity;

/// What an address comes to. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Liveness {
    /// It answers what was asked.
    Alive,
    /// Its host is up, and nothing listens.
    Refused,
    /// There is no such host, or no route to it.
    Unreachable,
    /// Somebody on the way forbids it.
    Filtered,
    /// Something answers, and not what was asked.
    WrongReply,
    /// It answers what was asked, with somebody else's certificate.
    WrongIdentity,
    /// The port is silent, and the host is up.
    SilentHostUp,
    /// The port is silent, and nothing shows that the host is up.
    Silent,
    /// It cannot be judged from here.
    VantageBlind,
    /// It was not asked, or the deadline passed too early.
    NotProbed,
}

impl fmt::Display for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Filtered => "filtered",
            Self::WrongReply => "wrong-reply",
            Self::WrongIdentity => "wrong-identity",
            Self::SilentHostUp => "silent-host-up",
            Self::Silent => "silent",
            Self::VantageBlind => "vantage-blind",
            Self::NotProbed => "not-probed",
        })
    }
}

/// Everything that a verdict is made of.
pub(super) struct Case<'a> {
    pub(super) target: &'a ReachTarget,
    pub(super) probe: &'a ReachProbe,
    pub(super) vantage: Vantage,
    pub(super) approach: Approach,
    pub(super) evidence: &'a ReachEvidence,
}

impl Case<'_> {
    pub(super) fn liveness(&self) -> Liveness {
        let evidence = self.evidence;
        match &evidence.handshake {
            Some(Handshake::Agreed { .. }) => return Liveness::Alive,
            Some(Handshake::WrongIdentity { .. }) => return Liveness::WrongIdentity,
            Some(Handshake::Failed { .. }) => return Liveness::WrongReply,
            Some(Handshake::Silent) if evidence.replies > 0 => return Liveness::SilentHostUp,
            Some(Handshake::Silent) | None => {}
        }
        if evidence.replies > 0 && !self.lacks_handshake() {
            return Liveness::Alive;
        }
        match self.approach {
            Approach::Nowhere(_) => return Liveness::VantageBlind,
            Approach::Blind(..) if evidence.sent > 0 => return Liveness::VantageBlind,
            Approach::Blind(..) | Approach::Sees(_) => {}
        }
        if let Some(obstacle) = self.obstacle() {
            return match obstacle.kind {
                ObstacleKind::Refused => Liveness::Refused,
                ObstacleKind::Unreachable => Liveness::Unreachable,
                ObstacleKind::Filtered => Liveness::Filtered,
            };
        }
        if evidence.sent == 0 || evidence.unfinished || evidence.failure.is_some() {
            return Liveness::NotProbed;
        }
        match evidence.echo {
            _ if evidence.mismatched + evidence.garbage > 0 => Liveness::WrongReply,
            Some(Echo::Answered { .. }) => Liveness::SilentHostUp,
            _ => Liveness::Silent,
        }
    }

    /// Returns what stands in the way of the probe. An echo request that is prohibited says nothing of the
    /// probe; one for which there is no route does.
    pub(super) fn obstacle(&self) -> Option<Obstacle> {
        self.evidence.obstacle.or(match self.evidence.echo {
            Some(Echo::Stopped { obstacle }) if obstacle.kind == ObstacleKind::Unreachable => Some(obstacle),
            _ => None,
        })
    }

    pub(super) fn severity(&self, liveness: Liveness) -> Severity {
        let runs = self.target.instance == InstanceStanding::Running;
        let doubtful = if runs { Severity::Critical } else { Severity::Warning };
        match liveness {
            Liveness::Alive if self.lacks_version_1() || self.is_somebody_else() => Severity::Warning,
            Liveness::Alive => Severity::Info,
            Liveness::Refused | Liveness::WrongIdentity => Severity::Critical,
            Liveness::Unreachable if self.goes_through_the_internet() => Severity::Warning,
            Liveness::Unreachable => Severity::Critical,
            Liveness::WrongReply | Liveness::SilentHostUp => doubtful,
            Liveness::Silent if self.echo_is_silent() => Severity::Critical,
            Liveness::Silent => doubtful,
            Liveness::Filtered | Liveness::VantageBlind | Liveness::NotProbed => Severity::Unknown,
        }
    }

    /// Says whether it was to be seen who answers, and could not.
    fn lacks_handshake(&self) -> bool {
        matches!(self.probe, ReachProbe::QuicHandshake { .. }) && self.evidence.handshake.is_none()
    }

    /// Says whether QUIC is spoken, and not the version that clients begin with.
    pub(super) fn lacks_version_1(&self) -> bool {
        // Where a handshake is completed, it is in version 1, whatever a list of versions says.
        let shaken = matches!(self.evidence.handshake, Some(Handshake::Agreed { .. }));
        match &self.evidence.reply {
            Some(ReplyDetail::Quic { versions }) => !shaken && !versions.contains(&quic::VERSION_1),
            Some(ReplyDetail::Stun { .. } | ReplyDetail::Srt { .. }) | None => false,
        }
    }

    /// Says whether an address answers whose instance cannot.
    pub(super) fn is_somebody_else(&self) -> bool {
        self.evidence.replies > 0 && self.target.instance == InstanceStanding::NotRunning
    }

    /// On the way to a Carrier IP, a router of the internet may be the one that has no route.
    fn goes_through_the_internet(&self) -> bool {
        self.vantage == Vantage::Internet && self.target.kind == AddressKind::CarrierIp
    }

    fn echo_is_silent(&self) -> bool {
        *self.probe == ReachProbe::Icmp || self.evidence.echo == Some(Echo::Silent)
    }
}

#[cfg(test)]
mod tests;
