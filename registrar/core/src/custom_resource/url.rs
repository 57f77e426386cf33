//! The address that CloudFormation's answer goes to: whoever has it can answer, so it is never shown.

use std::fmt;

/// The longest address, in bytes; CloudFormation's have about a thousand.
const LONGEST_URL: usize = 8 * 1024;

/// A pre-signed address. Neither `Debug` nor an error shows it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(String);

impl ResponseUrl {
    /// Reads an address of `http` or `https` with a host.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = text.len() <= LONGEST_URL && text.bytes().all(|byte| byte.is_ascii_graphic());
        let url = Self(text.to_owned());
        (plain && url.host().is_some_and(|host| !host.is_empty())).then_some(url)
    }

    /// Returns the address, for the request that answers and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the host and port, which are no secret.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let (scheme, rest) = self.0.split_once("://")?;
        let http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let authority = rest.split(['/', '?', '#']).next().filter(|_| http)?;
        Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_with_a_host_are_taken() {
        for good in ["https://bucket.s3.amazonaws.com/key?X-Amz-Signature=1", "HTTP://127.0.0.1:8080/answer"]
        {
            assert!(ResponseUrl::parse(good).is_some(), "{good} was refused");
        }
        let long = format!("https://host/{}", "x".repeat(LONGEST_URL));
        for bad in [
            "",
            "host/key",
            "file:///etc/passwd",
            "https://",
            "https:///key",
            "https://a b/",
            "https://a/\n",
            &long,
        ] {
            assert!(ResponseUrl::parse(bad).is_none(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_host_shows_neither_credentials_nor_the_signature() {
        let url =
            ResponseUrl::parse("https://user:secret@bucket.example.com:8443/key?X-Amz-Signature=1").unwrap();
        assert_eq!(url.host(), Some("bucket.example.com:8443"));
        assert_eq!(format!("{url:?}"), "ResponseUrl(not shown)");
    }
}
