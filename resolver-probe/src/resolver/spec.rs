//! What names a resolver on the command line: an address, or a URL that says how to ask.
//!
//! Nothing is looked up here.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::discover::DNS_PORT;

/// RFC 7858 §3.1 and RFC 9250 §4.1.1: DNS over TLS and over QUIC.
const ENCRYPTED_PORT: u16 = 853;
/// RFC 9110 §4.2.2: HTTPS.
const HTTPS_PORT: u16 = 443;

/// A recursive resolver, and how to ask it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResolverSpec {
    /// Over UDP, and TCP where a reply is truncated.
    Plain(SocketAddr),
    /// Over TLS (RFC 7858).
    Tls(Endpoint),
    /// Over HTTPS (RFC 8484), at this path.
    Https(Endpoint, String),
    /// Over QUIC (RFC 9250).
    Quic(Endpoint),
    /// Those that this machine uses.
    System,
}

/// Where an encrypted resolver is, and who it has to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Where it is.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// The name that its certificate has to have, where that is not the host.
    pub name: Option<String>,
}

/// A host by address, or by a name that the system looks up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name.
    Name(String),
}

/// Why a text names no resolver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} {why} (hint: {hint})")]
pub struct ResolverSpecError {
    value: String,
    why: &'static str,
    hint: &'static str,
}

impl FromStr for ResolverSpec {
    type Err = ResolverSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.split_once("://") {
            None if text == "system" => Ok(Self::System),
            None => plain(text).map(Self::Plain),
            Some(("tls", rest)) => endpoint(rest, ENCRYPTED_PORT).map(Self::Tls),
            Some(("quic", rest)) => endpoint(rest, ENCRYPTED_PORT).map(Self::Quic),
            Some(("https", rest)) => https(rest),
            Some(_) => Err(("has a scheme that is not known", "schemes are tls, https and quic")),
        };
        parsed.map_err(|(why, hint)| ResolverSpecError { value: text.to_owned(), why, hint })
    }
}

type Wrong = (&'static str, &'static str);

fn plain(text: &str) -> Result<SocketAddr, Wrong> {
    let wrong = (
        "is no resolver",
        "write system, or 192.0.2.53, 192.0.2.53:5353, tls://dns.example.com, https://dns.example.com/dns-query \
         or quic://dns.example.com",
    );
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = SocketAddr::from_str(text)
        .or_else(|_| IpAddr::from_str(bare).map(|address| SocketAddr::new(address, DNS_PORT)))
        .map_err(|_| wrong)?;
    match address.port() {
        0 => Err(("has port 0", "leave the port out for 53")),
        _ => Ok(address),
    }
}

fn https(rest: &str) -> Result<ResolverSpec, Wrong> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (path, name) = path.split_once('#').map_or((path, None), |(path, name)| (path, Some(name)));
    if path.is_empty() {
        return Err(("has no path", "most resolvers take https://HOST/dns-query"));
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(("has a path with other than printable ASCII characters", "write them as %20"));
    }
    let authority = name.map_or_else(|| authority.to_owned(), |name| format!("{authority}#{name}"));
    Ok(ResolverSpec::Https(endpoint(&authority, HTTPS_PORT)?, format!("/{path}")))
}

/// Reads `HOST[:PORT][#NAME]`.
fn endpoint(text: &str, port: u16) -> Result<Endpoint, Wrong> {
    let (text, name) = text.split_once('#').map_or((text, None), |(text, name)| (text, Some(name)));
    let (host, port) = match IpAddr::from_str(text) {
        Ok(_) => (text, port),
        Err(_) => match text.rsplit_once(':') {
            Some((host, given)) if !given.ends_with(']') => (host, self::port(given)?),
            Some(_) | None => (text, port),
        },
    };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let host = match IpAddr::from_str(bare) {
        Ok(address) => Host::Address(address),
        Err(_) => Host::Name(host_name(host)?),
    };
    Ok(Endpoint { host, port, name: name.map(host_name).transpose()? })
}

fn port(text: &str) -> Result<u16, Wrong> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => Err(("has no such port", "ports are 1 to 65535; write IPv6 addresses in brackets")),
    }
}

/// RFC 1123 §2.1: letters, digits and hyphens, in labels of at most 63.
fn host_name(text: &str) -> Result<String, Wrong> {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(allowed)
    };
    let is_name = text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(label);
    if is_name { Ok(text.to_owned()) } else { Err(("has no host name", "write it as tls://dns.example.com")) }
}

impl fmt::Display for ResolverSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(address) => write!(f, "{address}"),
            Self::Tls(endpoint) => write!(f, "tls://{}{}", endpoint.place(), endpoint.fragment()),
            Self::Https(endpoint, path) => {
                write!(f, "https://{}{path}{}", endpoint.place(), endpoint.fragment())
            }
            Self::Quic(endpoint) => write!(f, "quic://{}{}", endpoint.place(), endpoint.fragment()),
            Self::System => f.write_str("system"),
        }
    }
}

impl Endpoint {
    fn place(&self) -> String {
        match &self.host {
            Host::Address(address) => SocketAddr::new(*address, self.port).to_string(),
            Host::Name(name) => format!("{name}:{}", self.port),
        }
    }

    fn fragment(&self) -> String {
        self.name.as_ref().map_or_else(String::new, |name| format!("#{name}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_resolver_is_written_back_with_its_port() {
        for (text, written) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("system", "system"),
            ("tls://dns.example.com", "tls://dns.example.com:853"),
            ("tls://192.0.2.53:8853#dns.example.com", "tls://192.0.2.53:8853#dns.example.com"),
            ("tls://[2001:db8::53]", "tls://[2001:db8::53]:853"),
            ("tls://2001:db8::53", "tls://[2001:db8::53]:853"),
            ("https://dns.example.com/dns-query", "https://dns.example.com:443/dns-query"),
            ("https://192.0.2.53:8443/a/b#dns.example.com", "https://192.0.2.53:8443/a/b#dns.example.com"),
            ("quic://[2001:db8::53]:853", "quic://[2001:db8::53]:853"),
        ] {
            assert_eq!(text.parse::<ResolverSpec>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_names_no_resolver_is_refused_with_the_value_and_a_hint() {
        for text in [
            "",
            "localhost",
            "192.0.2.53:0",
            "dns.example.com",
            "tls://",
            "tls://192.0.2.53:0",
            "tls://a..b",
            "https://dns.example.com",
            "https:///dns-query",
            "https://dns.example.com/a b",
            "quic://a:x",
            "udp://192.0.2.53",
            "tls://dns.example.com#",
            "http://dns.example.com/dns-query",
        ] {
            let error = text.parse::<ResolverSpec>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} ")) && error.contains("(hint: "), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "(tls|https|quic)://[a-z0-9.:\\[\\]#/-]{0,30}") {
            if let Ok(spec) = text.parse::<ResolverSpec>() {
                prop_assert_eq!(spec.to_string().parse::<ResolverSpec>(), Ok(spec));
            }
        }
    }
}
