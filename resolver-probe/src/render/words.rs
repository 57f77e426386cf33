//! Words, numbers and colours that all forms of a report share.
//!
//! Nothing is judged here, and nothing laid out.

use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::reach::Liveness;
use crate::report::{AddressVerdict, FindingId, Severity, TransportState, Verdict};

/// Names one, and several, of a kind of finding.
pub(super) fn kind(id: FindingId) -> (&'static str, &'static str) {
    match id {
        FindingId::StaleRecord => ("stale record", "stale records"),
        FindingId::BlackholedEntry => ("blackholed entry", "blackholed entries"),
        FindingId::ForeignOwner => ("foreign owner", "foreign owners"),
        FindingId::StaleAnswer => ("stale answer", "stale answers"),
        FindingId::WrongWeights => ("wrong weights", "wrong weights"),
        FindingId::ForeignRecord => ("foreign record", "foreign records"),
        FindingId::TtlStretched => ("stretched TTL", "stretched TTLs"),
        FindingId::VantageBlind => ("cannot be judged from here", "cannot be judged from here"),
        FindingId::EmptyAnswer => ("no address", "no addresses"),
        FindingId::MissingIp => ("missing address", "missing addresses"),
        FindingId::NsUnreachable => ("no answer", "no answers"),
        FindingId::Lame => ("lame", "lame"),
        FindingId::TcpDead => ("TCP dead", "TCP dead"),
        FindingId::NsDiverged => ("diverging address", "diverging addresses"),
        FindingId::TtlMismatch => ("wrong TTL", "wrong TTLs"),
        FindingId::TruthIncomplete => ("fleet not seen whole", "fleet not seen whole"),
        FindingId::TooFewSamples => ("too few samples", "too few samples"),
        FindingId::PoolPaused => ("pool paused", "pool paused"),
        FindingId::NegativeTtlLong => ("long negative TTL", "long negative TTLs"),
    }
}

/// The stable name of a verdict on an address, and its colour.
pub(super) fn verdict(verdict: AddressVerdict) -> (&'static str, Style) {
    let plain = Style::new();
    match verdict {
        AddressVerdict::StaleRecord => ("stale-record", AnsiColor::Red.on_default()),
        AddressVerdict::ForeignOwner => ("foreign-owner", AnsiColor::Red.on_default()),
        AddressVerdict::BlackholedEntry => ("blackholed-entry", AnsiColor::Red.on_default()),
        AddressVerdict::StaleAnswer => ("stale-answer", AnsiColor::Yellow.on_default()),
        AddressVerdict::VantageBlind => ("vantage-blind", AnsiColor::Magenta.on_default()),
        AddressVerdict::MissingIp => ("missing-ip", AnsiColor::Yellow.on_default()),
        AddressVerdict::Unknown => ("unknown", AnsiColor::Magenta.on_default()),
        AddressVerdict::Undecided => ("undecided", AnsiColor::Magenta.on_default()),
        AddressVerdict::Fallback => ("fallback", plain),
        AddressVerdict::Idle => ("idle", plain),
        AddressVerdict::NotJudged => ("not-judged", plain),
        AddressVerdict::Ok => ("ok", AnsiColor::Green.on_default()),
    }
}

/// Says whether a verdict needs nobody to look: tables fold such addresses together.
pub(super) fn is_calm(verdict: AddressVerdict) -> bool {
    match verdict {
        AddressVerdict::StaleRecord
        | AddressVerdict::ForeignOwner
        | AddressVerdict::BlackholedEntry
        | AddressVerdict::MissingIp
        | AddressVerdict::StaleAnswer
        | AddressVerdict::Unknown => false,
        AddressVerdict::Undecided
        | AddressVerdict::VantageBlind
        | AddressVerdict::Fallback
        | AddressVerdict::Idle
        | AddressVerdict::NotJudged
        | AddressVerdict::Ok => true,
    }
}

/// The stable name of what an address is alive to.
pub(super) fn liveness(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Alive => "alive",
        Liveness::Refused => "refused",
        Liveness::Unreachable => "unreachable",
        Liveness::Filtered => "filtered",
        Liveness::WrongIdentity => "wrong-identity",
        Liveness::WrongReply => "wrong-reply",
        Liveness::SilentHostUp => "silent-host-up",
        Liveness::Silent => "silent",
        Liveness::VantageBlind => "vantage-blind",
        Liveness::NotProbed => "not-probed",
    }
}

/// The Monitoring Plugins' word for a verdict, and its colour.
pub(super) fn state(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Ok => ("OK", AnsiColor::Green.on_default()),
        Verdict::Warning => ("WARNING", AnsiColor::Yellow.on_default()),
        Verdict::Critical => ("CRITICAL", AnsiColor::Red.on_default()),
        Verdict::Unknown => ("UNKNOWN", AnsiColor::Magenta.on_default()),
    }
}

/// The word for how bad a finding is, and its colour.
pub(super) fn severity(severity: Severity) -> (&'static str, Style) {
    match severity {
        Severity::Critical => ("CRITICAL", AnsiColor::Red.on_default()),
        Severity::Warning => ("WARNING", AnsiColor::Yellow.on_default()),
        Severity::Unknown => ("UNKNOWN", AnsiColor::Magenta.on_default()),
        Severity::Info => ("INFO", Style::new()),
    }
}

/// The stable name of a severity, as in JSON.
pub(super) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Unknown => "unknown",
        Severity::Info => "info",
    }
}

/// The stable name of a verdict, as in JSON.
pub(super) fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Critical => "critical",
        Verdict::Unknown => "unknown",
    }
}

/// The stable name of a transport's state, as in JSON.
pub(super) fn transport(state: TransportState) -> &'static str {
    match state {
        TransportState::Answers => "answers",
        TransportState::Lossy => "lossy",
        TransportState::Dead => "dead",
        TransportState::NotAsked => "not-asked",
    }
}

/// Writes a share with a decimal: `22.0%`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// Writes a probability so that small ones are told apart: `0.54`, `0.0031`, `2e-7`.
pub(super) fn probability(p: f64) -> String {
    if p >= 0.1 {
        format!("{p:.2}")
    } else if p >= 0.001 {
        format!("{p:.4}")
    } else if p <= 0.0 {
        "0".to_owned()
    } else {
        format!("{p:.0e}")
    }
}

/// Writes a count with its noun: `1 server`, `28,400 answers`.
pub(crate) fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// Writes a number with a comma at each thousand, from 10,000 on.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a time span as a person says it: `85 ms`, `1.2 s`, `42 s`, `3 min`.
pub(crate) fn span(time: Duration) -> String {
    let secs = time.as_secs_f64();
    match secs {
        _ if secs < 1.0 => format!("{} ms", time.as_millis()),
        _ if secs < 10.0 => format!("{secs:.1} s"),
        _ if secs < 120.0 => format!("{secs:.0} s"),
        _ => format!("{:.0} min", secs / 60.0),
    }
}

/// A text of the network, of a file or of the system, fit for one line of a terminal: visible, and without the
/// bar that begins performance data.
pub(super) fn plain(text: &str) -> String {
    visible(text).replace('|', "/")
}

/// A text of the network, of a file or of the system, on one line and without characters that cannot be seen:
/// they could move a cursor, or turn what follows them around.
pub(super) fn visible(text: &str) -> String {
    let fit = |character: char| match character {
        '\n' | '\t' => ' ',
        _ if is_invisible(character) => '\u{fffd}',
        other => other,
    };
    text.chars().map(fit).collect()
}

/// Control characters, and those that change the direction of what follows them (Unicode UAX #9).
pub(super) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_where_they_are_long() {
        for (number, text) in
            [(0, "0"), (9999, "9999"), (10_000, "10,000"), (123_456, "123,456"), (1_234_567, "1,234,567")]
        {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn small_probabilities_are_told_apart() {
        assert_eq!([0.54, 0.0031, 2e-7, 0.0].map(probability), ["0.54", "0.0031", "2e-7", "0"]);
    }

    #[test]
    fn a_hostile_text_moves_no_cursor_and_begins_no_performance_data() {
        assert_eq!(plain("a\u{1b}[31mb|c\nd\u{202e}e"), "a\u{fffd}[31mb/c d\u{fffd}e");
    }

    #[test]
    fn time_spans_are_as_a_person_says_them() {
        let spans = [85, 1_234, 42_000, 180_000].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(spans, ["85 ms", "1.2 s", "42 s", "3 min"]);
    }
}
