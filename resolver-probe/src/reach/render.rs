//! Writes what was found of addresses for a person, and for a program.
//!
//! Pure: a document in, a text out. Colour comes as escape codes, which the caller's stream may drop.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::evidence::{Echo, Handshake, ReachEvidence, ReplyDetail};
use super::probe::{ReachProbe, Transport};
use super::report::{ReachDocument, ReachReport};
use super::sentence::{ms, versions};
use super::verdict::Liveness;
use crate::report::{Severity, Verdict};

/// Writes the document as JSON, followed by a line break.
#[must_use]
pub fn render_json(document: &ReachDocument) -> String {
    // Its numbers are whole and its keys are texts: there is nothing that JSON cannot hold.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// Writes the document for a person: a line for monitoring, and the evidence of each address.
///
/// The first line has the form of the Monitoring Plugins, with performance data after a `|`, which
/// therefore stands nowhere else.
#[must_use]
pub fn render_human(document: &ReachDocument) -> String {
    let mut text = headline(document);
    for report in &document.addresses {
        text.push('\n');
        text.push_str(&block(report, &document.probe));
    }
    let _ = writeln!(
        text,
        "\n{} from the {}, {}. Seed {}.",
        document.probe,
        place(document),
        count(document.addresses.len() as u64, "address", "addresses"),
        document.seed
    );
    text
}

fn place(document: &ReachDocument) -> &'static str {
    match document.vantage {
        super::Vantage::Internet => "internet",
        super::Vantage::Carrier => "carrier's network",
        super::Vantage::Vpc => "VPC",
    }
}

fn headline(document: &ReachDocument) -> String {
    let (word, style) = match document.verdict {
        Verdict::Ok => ("OK", AnsiColor::Green.on_default()),
        Verdict::Warning => ("WARNING", AnsiColor::Yellow.on_default()),
        Verdict::Critical => ("CRITICAL", AnsiColor::Red.on_default()),
        Verdict::Unknown => ("UNKNOWN", AnsiColor::Magenta.on_default()),
    };
    let word = styled(word, style.bold());
    format!("REACH {word} - {} | {}\n", said(document), performance_data(document))
}

/// The worst address's sentence, and how many more are as bad; or how many are alive.
pub(crate) fn said(document: &ReachDocument) -> String {
    let worst = document.addresses.iter().map(|report| report.severity).min();
    let mut as_bad = document.addresses.iter().filter(|report| Some(report.severity) == worst);
    let Some(first) = as_bad.next() else { return "no address was asked".to_owned() };
    match (worst, as_bad.count()) {
        (_, 0) => plain(&first.message),
        (Some(Severity::Info), more) => format!("{} addresses answer {}", more + 1, document.probe),
        (_, more) => format!("{}, and {more} more", plain(&first.message)),
    }
}

/// Performance data of the Monitoring Plugins.
pub(crate) fn performance_data(document: &ReachDocument) -> String {
    let alive = document.addresses.iter().filter(|report| report.liveness == Liveness::Alive).count();
    let sum = |of: fn(&ReachEvidence) -> u64| -> u64 {
        document.addresses.iter().map(|report| of(&report.evidence)).sum()
    };
    let slowest = document.addresses.iter().filter_map(|report| report.evidence.rtt).map(|rtt| rtt.max_us);
    let slowest = slowest.max().map_or_else(String::new, |us| format!(" rtt_max={us}us;;;0"));
    format!(
        "addresses={};;;0 alive={alive};;;0 sent={};;;0 replies={};;;0{slowest}",
        document.addresses.len(),
        sum(|evidence| evidence.sent),
        sum(|evidence| evidence.replies),
    )
}

fn block(report: &ReachReport, probe: &ReachProbe) -> String {
    let (word, style) = match report.severity {
        Severity::Critical => ("CRITICAL", AnsiColor::Red.on_default()),
        Severity::Warning => ("WARNING", AnsiColor::Yellow.on_default()),
        Severity::Unknown => ("UNKNOWN", AnsiColor::Magenta.on_default()),
        Severity::Info => ("OK", AnsiColor::Green.on_default()),
    };
    let mut text = format!("{} {}\n", styled(word, style), plain(&report.message));
    for (label, value) in evidence(&report.evidence, probe) {
        let _ = writeln!(text, "  {label:10}{}", plain(&value));
    }
    text
}

fn evidence(seen: &ReachEvidence, probe: &ReachProbe) -> Vec<(&'static str, String)> {
    let mut lines = vec![("sent", sent(seen, probe))];
    if let Some(rtt) = seen.rtt {
        let times = [rtt.min_us, rtt.median_us, rtt.max_us].map(ms).join(", ");
        lines.push(("rtt", format!("{times} (shortest, median, longest)")));
    }
    lines.extend(seen.reply.as_ref().map(|reply| ("reply", said_in(reply))));
    lines.extend(seen.handshake.as_ref().map(|handshake| ("handshake", said_of(handshake))));
    if let Some(icmp) = seen.obstacle.and_then(|obstacle| obstacle.icmp) {
        lines.push(("error", icmp.to_string()));
    }
    lines.extend(seen.failure.as_ref().map(|why| ("failure", why.clone())));
    // Of a port that answers, the echo tells nothing more, and whether it came in time is chance.
    let echo = seen.echo.as_ref().filter(|_| seen.replies == 0).and_then(echo);
    lines.extend(echo.map(|echo| ("echo", echo)));
    lines
}

fn sent(seen: &ReachEvidence, probe: &ReachProbe) -> String {
    let mut parts = match probe.transport() {
        Transport::Tcp => {
            vec![count(seen.sent, "connection", "connections"), format!("{} made", seen.replies)]
        }
        Transport::Udp | Transport::Icmp => {
            vec![count(seen.sent, "packet", "packets"), count(seen.replies, "reply", "replies")]
        }
    };
    let odd = [
        (seen.late, "late"),
        (seen.duplicates, "twice"),
        (seen.mismatched, "to something else"),
        (seen.garbage, "not a reply"),
    ];
    parts.extend(odd.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}

fn said_in(reply: &ReplyDetail) -> String {
    match reply {
        ReplyDetail::Stun { reflexive, is_error, error_code } => {
            let code = error_code.map_or_else(|| "error".to_owned(), |code| format!("error {code}"));
            let kind = if *is_error { code } else { "success".to_owned() };
            let seen = reflexive.map_or_else(String::new, |address| format!(", we come from {address}"));
            format!("STUN {kind}{seen}")
        }
        ReplyDetail::Quic { versions: offered } => format!("QUIC versions {}", versions(offered)),
        ReplyDetail::Srt { version, encryption, mtu } => {
            let cipher = match encryption {
                0 => "no cipher proposed",
                2 => "AES-128",
                3 => "AES-192",
                4 => "AES-256",
                _ => "a cipher that nobody knows",
            };
            format!("SRT handshake version {version}, {cipher}, packets of up to {mtu} octets")
        }
    }
}

fn said_of(handshake: &Handshake) -> String {
    match handshake {
        Handshake::Agreed { took_us } => format!("completed in {}", ms(*took_us)),
        Handshake::WrongIdentity { why } => format!("somebody else's certificate: {why}"),
        Handshake::Failed { why } => format!("broken off: {why}"),
        Handshake::Silent => "not completed in time".to_owned(),
    }
}

fn echo(echo: &Echo) -> Option<String> {
    match echo {
        Echo::Answered { rtt_us } => Some(format!("answered in {}", ms(*rtt_us))),
        Echo::Silent => Some("not answered".to_owned()),
        Echo::Stopped { obstacle } => {
            Some(obstacle.icmp.map_or_else(|| "stopped".to_owned(), |icmp| icmp.to_string()))
        }
        Echo::NotAsked { why } => Some(why.clone()),
        Echo::NotAwaited => None,
    }
}

fn count(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A text of the system may hold what separates performance data.
fn plain(text: &str) -> String {
    text.replace('|', "/")
}

fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}
