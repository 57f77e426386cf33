//! Parsing of JSON from outside, with errors that name the line and the JSON path.
//!
//! This decides nothing about the content; each format's module does.

use serde::de::DeserializeOwned;

/// How much of a problem, and of a path, is kept, in characters: both quote what was read.
const LONGEST_QUOTE: usize = 300;

/// JSON that could not be read as the expected format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}, at {path}: {problem}")]
pub struct JsonError {
    /// Line of the problem, from 1; the last line where the text ends too early.
    pub line: usize,
    /// Column of the problem, from 1.
    pub column: usize,
    /// JSON path of the value that was being read, `.` for the document itself.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

/// Reads `text` as a `T`.
///
/// # Errors
/// When it is not JSON, or not a `T`, or goes on after its end.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        // The key or index that was cut off is shown as "?"; what it stands in says where it was.
        let path = error.path().to_string();
        let known = path.trim_end_matches('?').trim_end_matches('.');
        from_serde(if known.is_empty() { "." } else { known }.to_owned(), error.inner())
    })?;
    deserializer.end().map_err(|error| from_serde(".".to_owned(), &error))?;
    Ok(value)
}

/// Describes an error of a value that stands at `path`.
pub(crate) fn from_serde(path: String, error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    let problem = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
    JsonError { line: error.line(), column: error.column(), path: bounded(&path), problem: bounded(problem) }
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_error_names_line_path_and_problem() {
        let error = parse::<BTreeMap<String, Vec<u8>>>("{\n \"a\": [1, \"x\"]\n}").unwrap_err();
        assert_eq!((error.line, error.path.as_str()), (2, "a[1]"));
        assert_eq!(error.problem, "invalid type: string \"x\", expected u8");
    }

    #[test]
    fn a_text_that_ends_early_is_an_error() {
        let error = parse::<BTreeMap<String, u8>>("{\"a\": 1,").unwrap_err();
        assert!(error.problem.contains("EOF"), "{error}");
    }

    #[test]
    fn a_text_that_goes_on_is_an_error() {
        assert!(parse::<u8>("1 2").is_err());
    }

    #[test]
    fn an_error_quotes_no_more_than_a_line_of_what_was_read() {
        let text = format!("{{\"{}\": \"{}\"}}", "k".repeat(100_000), "v".repeat(100_000));
        let error = parse::<BTreeMap<String, u8>>(&text).unwrap_err();
        assert!(error.to_string().chars().count() < 700, "{error}");
        assert!(
            error.path.ends_with('…') && error.problem.starts_with("invalid type: string \"vvv"),
            "{error}"
        );
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
        let text = "[".repeat(100_000);
        assert!(parse::<serde_json::Value>(&text).is_err());
    }
}
