//! Bounded excerpts of what was discarded, for one log line each; it judges nothing.

use std::fmt;

use serde::Serialize;

use crate::trigger::Dropped;

/// How much of a discarded text is shown, in characters.
const LONGEST_EXCERPT: usize = 200;

/// What pre-signed addresses and the requests that carry them are recognised by, in lower case.
const SIGNS_OF_A_SECRET: [&str; 5] =
    ["responseurl", "x-amz-", "signature=", "awsaccesskeyid", "securitytoken"];

/// The beginning of a text on one line, at most 200 characters, with control characters escaped.
///
/// Where that beginning looks as if it held a pre-signed address or a token, nothing of it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Excerpt(String);

impl Excerpt {
    /// Cuts an excerpt, at the end of a character.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut shown = String::new();
        let mut left = LONGEST_EXCERPT;
        for character in text.chars() {
            let escaped = character.is_control() || is_invisible(character);
            let width = if escaped { character.escape_default().count() } else { 1 };
            if width > left {
                if left == 0 {
                    shown.pop();
                }
                shown.push('…');
                break;
            }
            left -= width;
            if escaped {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        let lower = shown.to_ascii_lowercase();
        if SIGNS_OF_A_SECRET.iter().any(|sign| lower.contains(sign)) {
            return Self("(not shown: it may hold a secret)".to_owned());
        }
        Self(shown)
    }

    /// Returns the excerpt.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters that break lines, or make a terminal show a text other than it is.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text that asks for nothing: why, and how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discarded {
    /// Why it asks for nothing.
    pub why: Dropped,
    /// How it begins.
    pub excerpt: Excerpt,
}

impl Discarded {
    /// Discards a text.
    #[must_use]
    pub fn new(why: Dropped, text: &str) -> Self {
        Self { why, excerpt: Excerpt::of(text) }
    }

    /// Returns the reason as a bounded text: errors quote what was read.
    #[must_use]
    pub fn reason(&self) -> Excerpt {
        Excerpt::of(&self.why.to_string())
    }
}

impl fmt::Display for Discarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason(), self.excerpt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_bounded_and_ends_at_a_character() {
        for text in ["é".repeat(5_000_000), "\u{0}".repeat(10_000), "x".repeat(201), "a\u{202e}".repeat(500)]
        {
            let excerpt = Excerpt::of(&text);
            assert!(excerpt.as_str().chars().count() <= LONGEST_EXCERPT, "{excerpt}");
            assert!(excerpt.as_str().ends_with('…'), "{excerpt}");
        }
        for whole in ["short".to_owned(), "x".repeat(200)] {
            assert_eq!(Excerpt::of(&whole).as_str(), whole);
        }
    }

    #[test]
    fn an_excerpt_is_one_line_whatever_it_quotes() {
        assert_eq!(Excerpt::of("a\nb\u{1b}[31m\u{2028}c").as_str(), "a\\nb\\u{1b}[31m\\u{2028}c");
    }

    #[test]
    fn an_excerpt_shows_nothing_of_a_signed_address() {
        for text in [
            "{\"ResponseURL\":\"https://bucket/key\"}",
            "https://bucket/key?X-Amz-Credential=A",
            "https://bucket/key?AWSAccessKeyId=A&Signature=B",
        ] {
            assert_eq!(Excerpt::of(text).as_str(), "(not shown: it may hold a secret)", "{text}");
        }
    }
}
