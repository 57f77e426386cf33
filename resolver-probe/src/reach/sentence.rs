//! One sentence about an address, for a person.
//!
//! It says what was seen and what that may mean; the verdict is made elsewhere.

use std::time::Duration;

use super::evidence::{Echo, Handshake, ReachEvidence, ReplyDetail};
use super::probe::ReachProbe;
use super::vantage::Approach;
use super::verdict::{Case, Liveness};

/// Writes the sentence. It has no times in it, so that the same finding reads the same.
pub(super) fn of(case: &Case<'_>, liveness: Liveness) -> String {
    let address = match case.approach {
        Approach::Sees(at) if at != case.target.address => {
            format!("{} (asked at {at})", case.target.address)
        }
        Approach::Sees(_) | Approach::Blind(..) | Approach::Nowhere(_) => case.target.address.to_string(),
    };
    let what = what(case.probe);
    match liveness {
        Liveness::Alive => format!("{address} answers {what}{}", but(case)),
        Liveness::Refused => {
            format!("{address} refuses {what}: its host is up, and nothing listens there{}", stopped(case))
        }
        Liveness::Unreachable => {
            format!("{address} cannot be reached: there is no such host, or no route to it{}", stopped(case))
        }
        Liveness::Filtered => {
            format!("{address} is filtered, which says nothing of its instance{}", stopped(case))
        }
        Liveness::WrongReply => match &case.evidence.handshake {
            Some(Handshake::Failed { why }) => format!("{address} breaks off the handshake of {what}: {why}"),
            _ => format!("{address} answers, and not {what}: {}", noise(case.evidence)),
        },
        Liveness::WrongIdentity => {
            let why = match &case.evidence.handshake {
                Some(Handshake::WrongIdentity { why }) => why.as_str(),
                _ => "",
            };
            format!("{address} answers {what} with somebody else's certificate: {why}")
        }
        Liveness::SilentHostUp if case.evidence.replies > 0 => {
            format!("{address} names its versions of QUIC, and completes no handshake of {what}")
        }
        Liveness::SilentHostUp => {
            format!("{address} does not answer {what}, and its host is up: the port is mute, or filtered")
        }
        Liveness::Silent => format!("{address} does not answer {what}{}", nor_echo(case)),
        Liveness::VantageBlind => format!("{address} cannot be judged from here: {}", blind(case)),
        Liveness::NotProbed => format!("{address} could not be asked {what}: {}", why_not(case.evidence)),
    }
}

/// Names what is asked: `STUN on UDP port 3478`.
pub(super) fn what(probe: &ReachProbe) -> String {
    match probe {
        ReachProbe::Stun(port) => format!("STUN on UDP port {port}"),
        ReachProbe::Quic(port) => format!("QUIC on UDP port {port}"),
        ReachProbe::QuicHandshake { port, name, .. } => format!("QUIC on UDP port {port} as {name}"),
        ReachProbe::Srt(port) => format!("SRT on UDP port {port}"),
        ReachProbe::Tcp(port) => format!("TCP port {port}"),
        ReachProbe::Udp { port, .. } => format!("UDP port {port}"),
        ReachProbe::Icmp => "ICMP echo".to_owned(),
    }
}

fn but(case: &Case<'_>) -> String {
    let mut text = String::new();
    if let (true, Some(ReplyDetail::Quic { versions })) = (case.lacks_version_1(), &case.evidence.reply) {
        text.push_str(&format!(", but not in version 1: it offers {}", self::versions(versions)));
    }
    if case.is_somebody_else() {
        text.push_str(", although its instance does not run: somebody else may have the address now");
    }
    text
}

/// Lists versions as their wire numbers.
pub(super) fn versions(versions: &[u32]) -> String {
    versions.iter().map(|version| format!("{version:#010x}")).collect::<Vec<_>>().join(", ")
}

fn stopped(case: &Case<'_>) -> String {
    let icmp = case.obstacle().and_then(|obstacle| obstacle.icmp);
    icmp.map_or_else(String::new, |icmp| format!(" ({icmp})"))
}

fn noise(evidence: &ReachEvidence) -> String {
    let strange = evidence.mismatched + evidence.garbage;
    match strange {
        1 => "1 message is no reply to what was asked".to_owned(),
        many => format!("{many} messages are no reply to what was asked"),
    }
}

fn nor_echo(case: &Case<'_>) -> String {
    match (&case.evidence.echo, case.probe) {
        (_, ReachProbe::Icmp) => ": nothing is there, or a security group drops it".to_owned(),
        (Some(Echo::Silent), _) => {
            ", nor ICMP echo: nothing is there, or a security group drops both".to_owned()
        }
        (Some(Echo::NotAsked { .. }), _) => {
            "; whether its host is up is unknown, since ICMP echo could not be sent".to_owned()
        }
        (Some(Echo::Stopped { obstacle }), _) => {
            let by = obstacle.icmp.map_or_else(String::new, |icmp| format!(" ({icmp})"));
            format!("; whether its host is up is unknown, since ICMP echo is stopped{by}")
        }
        (Some(Echo::Answered { .. } | Echo::NotAwaited) | None, _) => String::new(),
    }
}

fn blind(case: &Case<'_>) -> String {
    let why = match case.approach {
        Approach::Blind(_, why) | Approach::Nowhere(why) => why,
        Approach::Sees(_) => "",
    };
    let echo = match case.evidence.echo {
        Some(Echo::Answered { .. }) => "; its host is up, as it answers ICMP echo",
        Some(Echo::Silent) => {
            "; it does not answer ICMP echo either, which does get in unless a security group drops it"
        }
        Some(Echo::Stopped { .. } | Echo::NotAsked { .. } | Echo::NotAwaited) | None => "",
    };
    format!("{why}{echo}")
}

fn why_not(evidence: &ReachEvidence) -> String {
    let failure = evidence.failure.as_deref().map(|why| why.split(" (hint: ").next().unwrap_or(why));
    failure.unwrap_or("the deadline passed before it had its time").to_owned()
}

/// Writes a time in milliseconds.
pub(super) fn ms(us: u64) -> String {
    let ms = Duration::from_micros(us).as_secs_f64() * 1000.0;
    format!("{ms:.2} ms")
}
