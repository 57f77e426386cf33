//! Events as lines for a person: one each, with the time first.
//!
//! Addresses that should be answered and are answered at the beginning make no line: there may be hundreds.

use std::fmt::Write as _;

use registrar_core::{SignedDuration, Timestamp};

use super::event::{Event, Happening, Standing, Summary};
use crate::report::{Severity, Verdict};

/// Addresses appear while a watch begins; later, it is news.
const BEGINNING: SignedDuration = SignedDuration::from_secs(60);

/// Writes an event as a line; nothing where it is none for a person.
#[must_use]
pub fn line(event: &Event, started_at: Timestamp) -> Option<String> {
    let mut line = format!("{} ", clock(event.at));
    let begins = event.at.duration_since(started_at) < BEGINNING;
    match &event.happening {
        Happening::Appeared { .. } if begins => return None,
        Happening::Started { rate_per_sec, resolvers, .. } => {
            let _ = write!(line, "watching {}: {rate_per_sec} queries a second to each server", event.name);
            if !resolvers.is_empty() {
                let _ = write!(line, ", and {}", resolvers.join(", "));
            }
        }
        Happening::Servers { servers } => {
            let named = servers.iter().map(|(server, name)| match name {
                Some(name) => format!("{server} ({name})"),
                None => server.to_string(),
            });
            let _ = write!(line, "asking {}", named.collect::<Vec<_>>().join(", "));
        }
        Happening::Truth { addresses } => {
            let _ = write!(line, "{} addresses should be answered", addresses.len());
        }
        Happening::Appeared { server, address, .. } => {
            let _ = write!(line, "{address} appeared at {server}");
        }
        Happening::Vanished { server, address, last_seen_at, answers } => {
            let last = clock(*last_seen_at);
            let _ = write!(line, "{address} vanished from {server}: last seen {last}, {answers} answers ago");
        }
        Happening::Opened(standing) => {
            let _ = write!(line, "{}", opened(standing));
        }
        Happening::Changed(standing) => {
            let _ = write!(line, "now {}", opened(standing));
        }
        Happening::Closed(standing) => {
            let finding = &standing.finding;
            let lasted = lasted(standing, event.at);
            let _ = write!(line, "over {}: {} (lasted {lasted})", finding.id, finding.message);
        }
        Happening::Summary(summary) => {
            let _ = write!(line, "{}", headline(summary));
        }
        Happening::Ended { summary, .. } => {
            let _ = write!(line, "ended: {}", headline(summary));
        }
    }
    line.push('\n');
    Some(printable(&line))
}

fn opened(standing: &Standing) -> String {
    let finding = &standing.finding;
    format!("{} {}: {}", word(finding.severity), finding.id, finding.message)
}

/// How long a finding stood: never a moment, always between two bounds.
fn lasted(standing: &Standing, at: Timestamp) -> String {
    let (least, most) =
        (standing.last_seen_at.duration_since(standing.since), at.duration_since(standing.since));
    format!("{} to {}", span(least), span(most))
}

/// Says in one line how everything stands.
#[must_use]
pub fn headline(summary: &Summary) -> String {
    let answers: u64 = summary.servers.iter().map(|server| server.answers).sum();
    let findings = summary.findings.iter().filter(|standing| standing.finding.severity != Severity::Info);
    let mut text =
        format!("{} - {} servers, {answers} answers", verdict(summary.verdict), summary.servers.len());
    let count = findings.clone().count();
    match findings.map(|standing| &standing.finding).next() {
        None => text.push_str(", nothing wrong"),
        Some(first) if count == 1 => {
            let _ = write!(text, ", {}: {}", first.id, first.message);
        }
        Some(first) => {
            let _ = write!(text, ", {count} findings, first {}: {}", first.id, first.message);
        }
    }
    text
}

/// The word for a verdict that monitoring knows.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "OK",
        Verdict::Warning => "WARNING",
        Verdict::Critical => "CRITICAL",
        Verdict::Unknown => "UNKNOWN",
    }
}

pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::Warning => "WARNING",
        Severity::Unknown => "UNKNOWN",
        Severity::Info => "INFO",
    }
}

/// The time of day in UTC, to the second; the date is the file's.
pub(super) fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    let seconds = text.split(['.', 'Z']).next().unwrap_or(&text);
    format!("{seconds}Z")
}

/// A time span as people say it: `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn span(span: SignedDuration) -> String {
    let secs = span.as_secs().max(0);
    match secs {
        0..60 => format!("{secs} s"),
        60..3_600 => format!("{} min {} s", secs / 60, secs % 60),
        3_600..86_400 => format!("{} h {} min", secs / 3_600, secs % 3_600 / 60),
        86_400.. => format!("{} d {} h", secs / 86_400, secs % 86_400 / 3_600),
        i64::MIN..0 => "0 s".to_owned(),
    }
}

/// What comes from the network moves no cursor.
pub(super) fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_say_them() {
        let said = |secs| span(SignedDuration::from_secs(secs));
        assert_eq!(
            [said(-3), said(42), said(200), said(7_500), said(273_600)],
            ["0 s", "42 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"]
        );
    }

    #[test]
    fn times_are_to_the_second() {
        let at: Timestamp = "2026-11-21T12:00:00.123456Z".parse().unwrap();
        assert_eq!(clock(at), "2026-11-21T12:00:00Z");
    }

    #[test]
    fn what_came_from_the_network_moves_no_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\n");
    }
}
