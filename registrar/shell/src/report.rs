//! Errors on standard error, with what to do about them, and time spans on the command line.
//!
//! An error's text may end in `(hint: …)`; a person gets the hint on a line of its own.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use jiff::SignedDuration;

/// Writes an error and its causes to standard error, and its hint below.
pub fn report_error(error: &anyhow::Error) {
    let joined = format!("{error:#}");
    let (problem, hint) = split_hint(&joined);
    tell(format_args!("error: {problem}"));
    if let Some(hint) = hint {
        tell(format_args!("hint: {hint}"));
    }
}

/// Writes a line to standard error. There is nowhere left to report that it could not be written.
pub fn tell(line: impl Display) {
    drop(writeln!(anstream::stderr(), "{line}"));
}

fn split_hint(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(" (hint: ") {
        Some((problem, hint)) => (problem, Some(hint.strip_suffix(')').unwrap_or(hint))),
        None => (text, None),
    }
}

/// Reads a positive time span such as `500ms`, `1s` or `2m`, of a day at most.
///
/// # Errors
/// When it is not one.
pub fn duration(text: &str) -> Result<Duration, String> {
    const HINT: &str = "write a positive time span such as 500ms, 1s or 2m, of a day at most";
    let span: SignedDuration = text.parse().map_err(|_| HINT.to_owned())?;
    if !span.is_positive() || span > SignedDuration::from_hours(24) {
        return Err(HINT.to_owned());
    }
    Duration::try_from(span).map_err(|_| HINT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_what_stands_in_the_last_parenthesis() {
        assert_eq!(split_hint("no such pool (hint: name it)"), ("no such pool", Some("name it")));
        assert_eq!(split_hint("no such pool (really)"), ("no such pool (really)", None));
    }

    #[test]
    fn time_spans_are_positive_and_at_most_a_day() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["0s", "-1s", "25h", "1", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
