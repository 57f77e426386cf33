//! Record names in Route 53's normalised form.
//!
//! Route 53 keeps names in lower case, as absolute names, and writes every byte other than
//! `a-z 0-9 - _` as a three-digit octal escape; two names are equal only after that normalisation.
//! Source: Route 53 Developer Guide, "DNS domain name format". Nothing here resolves a name.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::InvalidId;

/// Longest name in the presentation form that this accepts: 255 octets on the wire, each of which
/// may be escaped to four characters.
const LONGEST_TEXT: usize = 1024;
/// RFC 1035 §2.3.4: labels are 63 octets or less, names 255 octets or less on the wire.
const LONGEST_LABEL: usize = 63;
const LONGEST_WIRE_NAME: usize = 255;

/// A record name: lower case, escaped as Route 53 does, without the trailing dot.
///
/// Names sort as Route 53 lists them: by the labels in reverse, each followed by a dot, in ASCII order
/// (API reference, `ListResourceRecordSets`).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordName(Arc<Forms>);

#[derive(PartialEq, Eq, Hash)]
struct Forms {
    text: String,
    sort_key: String,
}

impl RecordName {
    /// Returns the normalised name without its trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Returns the name as Route 53 prints it, with its trailing dot.
    #[must_use]
    pub fn to_fqdn(&self) -> String {
        format!("{}.", self.0.text)
    }

    /// Says whether this name is `origin` or below it.
    #[must_use]
    pub fn is_within(&self, origin: &RecordName) -> bool {
        self.0.sort_key.starts_with(&origin.0.sort_key)
    }

    /// Returns the labels from left to right, escaped.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.text.split('.')
    }

    /// Returns the name without its leftmost label, or `None` for a name of one label.
    #[must_use]
    pub fn parent(&self) -> Option<RecordName> {
        let (_, parent) = self.0.text.split_once('.')?;
        Some(Self::from_normalised(parent.to_owned()))
    }

    /// Returns `label.<this name>`.
    ///
    /// # Errors
    /// When the result is not a valid name, because it is too long for instance.
    pub fn child(&self, label: &str) -> Result<RecordName, InvalidId> {
        format!("{label}.{}", self.0.text).parse()
    }

    fn from_normalised(text: String) -> Self {
        let mut sort_key = String::with_capacity(text.len() + 1);
        for label in text.rsplit('.') {
            sort_key.push_str(label);
            sort_key.push('.');
        }
        Self(Arc::new(Forms { text, sort_key }))
    }
}

impl FromStr for RecordName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: &str = "a DNS name such as video.bos.edge.example.com";
        let invalid = || InvalidId::new(text, EXPECTED);
        if text.len() > LONGEST_TEXT {
            return Err(invalid());
        }
        let labels = split_labels(text).ok_or_else(invalid)?;
        let wire_length: usize = labels.iter().map(|label| label.len() + 1).sum::<usize>() + 1;
        if labels.iter().any(|label| label.is_empty() || label.len() > LONGEST_LABEL)
            || wire_length > LONGEST_WIRE_NAME
        {
            return Err(invalid());
        }
        let escaped: Vec<String> = labels.iter().map(|label| escape(label)).collect();
        Ok(Self::from_normalised(escaped.join(".")))
    }
}

/// Splits a name into the octets of its labels, resolving `\ooo` and `\.` escapes.
fn split_labels(text: &str) -> Option<Vec<Vec<u8>>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut labels = vec![Vec::new()];
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'.' => labels.push(Vec::new()),
            b'\\' => labels.last_mut()?.push(unescape(&mut bytes)?),
            b' ' | b'\t' | b'\n' | b'\r' => return None,
            other => labels.last_mut()?.push(other.to_ascii_lowercase()),
        }
    }
    Some(labels)
}

fn unescape(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first.to_ascii_lowercase());
    }
    let mut value = u32::from(first.checked_sub(b'0')?);
    for _ in 0..2 {
        let digit = bytes.next().filter(|digit| (b'0'..=b'7').contains(digit))?;
        value = value * 8 + u32::from(digit - b'0');
    }
    u8::try_from(value).ok().map(|byte| byte.to_ascii_lowercase())
}

fn escape(label: &[u8]) -> String {
    let mut text = String::with_capacity(label.len());
    for &byte in label {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("\\{byte:03o}"));
        }
    }
    text
}

impl PartialOrd for RecordName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RecordName {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.sort_key.cmp(&other.0.sort_key) }
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordName({})", self.0.text)
    }
}

impl TryFrom<String> for RecordName {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<RecordName> for String {
    fn from(name: RecordName) -> String {
        name.0.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RecordName {
        text.parse().unwrap()
    }

    #[test]
    fn case_and_the_trailing_dot_do_not_distinguish_names() {
        assert_eq!(name("Video.Bos.Edge.Example.COM."), name("video.bos.edge.example.com"));
        assert_eq!(name("video.example.com").to_fqdn(), "video.example.com.");
    }

    #[test]
    fn a_wildcard_is_written_in_octal() {
        assert_eq!(name("*.example.com").as_str(), "\\052.example.com");
        assert_eq!(name("\\052.example.com"), name("*.example.com"));
    }

    #[test]
    fn an_escaped_dot_does_not_end_a_label() {
        assert_eq!(name("a\\.b.example.com").labels().count(), 3);
        assert_eq!(name("a\\056b.example.com"), name("a\\.b.example.com"));
    }

    #[test]
    fn containment_is_by_label() {
        assert!(name("a.example.com").is_within(&name("example.com")));
        assert!(name("example.com").is_within(&name("example.com")));
        assert!(!name("badexample.com").is_within(&name("example.com")));
        assert!(!name("com").is_within(&name("example.com")));
    }

    #[test]
    fn names_sort_as_route_53_lists_them() {
        let mut names =
            [name("a.example.com"), name("x.a.example.com"), name("a-b.example.com"), name("com")];
        names.sort();
        // "-" (45) stands before "." (46), so a-b comes before everything below a.
        let order: Vec<&str> = names.iter().map(RecordName::as_str).collect();
        assert_eq!(order, ["com", "a-b.example.com", "a.example.com", "x.a.example.com"]);
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        let long_label = format!("{}.example.com", "a".repeat(64));
        let long_name = vec!["a".repeat(60); 5].join(".");
        for bad in
            ["", ".", "a..b", "a b.com", "\\05", "\\9", "\\400", long_label.as_str(), long_name.as_str()]
        {
            assert!(bad.parse::<RecordName>().is_err(), "{bad:?} was accepted");
        }
    }
}
