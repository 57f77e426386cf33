//! What an address is asked, as it is written on the command line: `stun:3478`, `icmp`, ….
//!
//! It is only read and written here; nothing is sent.

use std::fmt::{self, Write as _};
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

/// The longest request of `udp:`, in octets: what fits into a datagram that no network has to split.
const LONGEST_SEND: usize = 1232;

const PROBE_HINT: &str = "write stun:PORT, quic:PORT, quic:PORT,name=HOST, srt:PORT, tcp:PORT, \
                          udp:PORT,send=HEX,expect=HEX or icmp";
#[cfg(feature = "encrypted")]
const QUIC_HINT: &str = "write quic:PORT, quic:PORT,name=HOST or quic:PORT,name=HOST,alpn=PROTOCOL, such as \
     quic:443,name=edge.example.com";
const UDP_HINT: &str =
    "write udp:PORT,send=HEX or udp:PORT,send=HEX,expect=HEX, such as udp:9999,send=70696e67";

/// What an address is asked to see whether it is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReachProbe {
    /// A STUN Binding request.
    Stun(NonZeroU16),
    /// A QUIC packet that asks for the server's versions.
    Quic(NonZeroU16),
    /// The same, and a whole QUIC handshake beside it, which shows who answers.
    QuicHandshake {
        /// The port that it goes to.
        port: NonZeroU16,
        /// Who the certificate has to be for.
        name: String,
        /// The application protocol that has to be agreed on; without it, HTTP/3.
        alpn: Option<String>,
    },
    /// The induction of an SRT handshake.
    Srt(NonZeroU16),
    /// A TCP connection, which is closed again at once.
    Tcp(NonZeroU16),
    /// A datagram of the operator's own.
    Udp {
        /// The port that it goes to.
        port: NonZeroU16,
        /// The datagram's content.
        send: Vec<u8>,
        /// What a reply has to begin with; without it, every reply counts.
        expect: Option<Vec<u8>>,
    },
    /// An ICMP echo request.
    Icmp,
}

/// What carries a probe. What can be seen of it depends on where the probe stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// ICMP.
    Icmp,
}

/// Why a text is not a probe.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{value:?} {problem} (hint: {hint})")]
pub struct ReachProbeError {
    value: String,
    problem: &'static str,
    hint: &'static str,
}

impl ReachProbe {
    /// Returns what carries the probe.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self {
            Self::Stun(_) | Self::Quic(_) | Self::QuicHandshake { .. } | Self::Srt(_) | Self::Udp { .. } => {
                Transport::Udp
            }
            Self::Tcp(_) => Transport::Tcp,
            Self::Icmp => Transport::Icmp,
        }
    }

    /// Returns the port that it goes to; ICMP has none.
    #[must_use]
    pub fn port(&self) -> Option<NonZeroU16> {
        match self {
            Self::Stun(port) | Self::Quic(port) | Self::Srt(port) | Self::Tcp(port) => Some(*port),
            Self::QuicHandshake { port, .. } | Self::Udp { port, .. } => Some(*port),
            Self::Icmp => None,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Icmp => "ICMP",
        })
    }
}

impl fmt::Display for ReachProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stun(port) => write!(f, "stun:{port}"),
            Self::Quic(port) => write!(f, "quic:{port}"),
            Self::QuicHandshake { port, name, alpn } => {
                write!(f, "quic:{port},name={name}")?;
                alpn.as_ref().map_or(Ok(()), |alpn| write!(f, ",alpn={alpn}"))
            }
            Self::Srt(port) => write!(f, "srt:{port}"),
            Self::Tcp(port) => write!(f, "tcp:{port}"),
            Self::Udp { port, send, expect } => {
                write!(f, "udp:{port},send={}", hex(send))?;
                expect.as_ref().map_or(Ok(()), |expect| write!(f, ",expect={}", hex(expect)))
            }
            Self::Icmp => f.write_str("icmp"),
        }
    }
}

impl Serialize for ReachProbe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for ReachProbe {
    type Err = ReachProbeError;

    fn from_str(text: &str) -> Result<Self, ReachProbeError> {
        if text == "icmp" {
            return Ok(Self::Icmp);
        }
        let (kind, rest) = text.split_once(':').ok_or_else(|| error(text, "is not a probe", PROBE_HINT))?;
        match kind {
            "stun" => port(rest).map(Self::Stun),
            "quic" => quic(rest),
            "srt" => port(rest).map(Self::Srt),
            "tcp" => port(rest).map(Self::Tcp),
            "udp" => udp(rest),
            _ => Err(error(kind, "is not a kind of probe", PROBE_HINT)),
        }
    }
}

fn error(value: &str, problem: &'static str, hint: &'static str) -> ReachProbeError {
    ReachProbeError { value: value.to_owned(), problem, hint }
}

fn port(text: &str) -> Result<NonZeroU16, ReachProbeError> {
    let hint = "write a port from 1 to 65535 after the colon, such as stun:3478";
    text.parse().map_err(|_| error(text, "is not a port", hint))
}

/// Reads `PORT[,name=HOST[,alpn=PROTOCOL]]`.
fn quic(text: &str) -> Result<ReachProbe, ReachProbeError> {
    match text.split_once(',') {
        None => port(text).map(ReachProbe::Quic),
        Some((number, options)) => handshake(port(number)?, options),
    }
}

#[cfg(not(feature = "encrypted"))]
fn handshake(_port: NonZeroU16, options: &str) -> Result<ReachProbe, ReachProbeError> {
    let hint = "build with the feature encrypted, or ask for the versions alone, with quic:PORT";
    Err(error(options, "needs encryption, which this program was built without", hint))
}

#[cfg(feature = "encrypted")]
fn handshake(port: NonZeroU16, options: &str) -> Result<ReachProbe, ReachProbeError> {
    let (mut name, mut alpn) = (None, None);
    for part in options.split(',') {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (slot, is_right): (_, fn(&str) -> bool) = match key {
            "name" => (&mut name, is_host),
            "alpn" => (&mut alpn, is_protocol),
            _ => return Err(error(part, "is neither name=HOST nor alpn=PROTOCOL", QUIC_HINT)),
        };
        if !is_right(value) {
            return Err(error(part, "names nothing that a certificate or a handshake can name", QUIC_HINT));
        }
        if slot.replace(value.to_owned()).is_some() {
            return Err(error(key, "stands there twice", QUIC_HINT));
        }
    }
    let name = name.ok_or_else(|| error(options, "does not say who should answer", QUIC_HINT))?;
    Ok(ReachProbe::QuicHandshake { port, name, alpn })
}

#[cfg(feature = "encrypted")]
fn is_host(text: &str) -> bool {
    rustls::pki_types::ServerName::try_from(text).is_ok()
}

/// RFC 7301 §3.1: 1 to 255 octets. Those that are registered are all of printable characters.
#[cfg(feature = "encrypted")]
fn is_protocol(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic())
}

/// Reads `PORT,send=HEX[,expect=HEX]`.
fn udp(text: &str) -> Result<ReachProbe, ReachProbeError> {
    let mut parts = text.split(',');
    let port = port(parts.next().unwrap_or_default())?;
    let (mut send, mut expect) = (None, None);
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let slot = match key {
            "send" => &mut send,
            "expect" => &mut expect,
            _ => return Err(error(part, "is neither send=HEX nor expect=HEX", UDP_HINT)),
        };
        if slot.replace(octets(part, value)?).is_some() {
            return Err(error(key, "stands there twice", UDP_HINT));
        }
    }
    let send = send.ok_or_else(|| error(text, "does not say what to send", UDP_HINT))?;
    if send.len() > LONGEST_SEND {
        return Err(error("send", "is too long for one datagram", "send 1232 octets at most"));
    }
    Ok(ReachProbe::Udp { port, send, expect })
}

fn octets(part: &str, text: &str) -> Result<Vec<u8>, ReachProbeError> {
    let hint = "write two hexadecimal digits for each octet, and at least one octet, such as 70696e67";
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let octet = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    let octets: Option<Vec<u8>> = text.as_bytes().chunks(2).map(octet).collect();
    octets
        .filter(|octets| !octets.is_empty())
        .ok_or_else(|| error(part, "has no octets in hexadecimal", hint))
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_is_written_as_it_is_read() {
        for text in [
            "stun:3478",
            "quic:443",
            "srt:9000",
            "tcp:65535",
            "udp:1,send=00ff",
            "udp:9999,send=70,expect=706f6e67",
            "icmp",
            #[cfg(feature = "encrypted")]
            "quic:443,name=edge.example.com",
            #[cfg(feature = "encrypted")]
            "quic:443,name=edge.example.com,alpn=moq-00",
        ] {
            assert_eq!(text.parse::<ReachProbe>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_order_of_send_and_expect_does_not_matter_and_neither_does_case() {
        let probe: ReachProbe = "udp:9,expect=AB,send=cd".parse().unwrap();
        assert_eq!(probe.to_string(), "udp:9,send=cd,expect=ab");
    }

    #[test]
    fn what_is_no_probe_is_refused_with_the_value_and_a_hint() {
        let mut told = String::new();
        for text in [
            "",
            "stun",
            "icmp:1",
            "ping:80",
            "stun:",
            "stun:0",
            "quic:65536",
            "tcp:http",
            "udp:9",
            "udp:9,send=",
            "udp:9,send=abc",
            "udp:9,send=zz",
            "udp:9,send=+1",
            "udp:9,send=é",
            "udp:9,send=00,send=01",
            "udp:9,send=00,expect=",
            "udp:9,send=00,reply=01",
        ] {
            let error = text.parse::<ReachProbe>().unwrap_err();
            told.push_str(&format!("{text}\n  {error}\n"));
        }
        insta::assert_snapshot!(told);
    }

    #[cfg(feature = "encrypted")]
    #[test]
    fn a_handshake_that_names_nobody_is_refused_with_the_value_and_a_hint() {
        let mut told = String::new();
        for text in [
            "quic:443,",
            "quic:443,alpn=h3",
            "quic:443,name=",
            "quic:443,name=bad..name",
            "quic:443,name=a.example,name=b.example",
            "quic:443,name=a.example,alpn=",
            "quic:443,name=a.example,sni=b.example",
            "quic:0,name=a.example",
        ] {
            let error = text.parse::<ReachProbe>().unwrap_err();
            told.push_str(&format!("{text}\n  {error}\n"));
        }
        insta::assert_snapshot!(told);
    }

    #[cfg(not(feature = "encrypted"))]
    #[test]
    fn a_handshake_needs_encryption_and_says_so() {
        let error = "quic:443,name=edge.example.com".parse::<ReachProbe>().unwrap_err();
        assert!(error.to_string().contains("built without (hint: build with the feature"), "{error}");
    }

    #[test]
    fn a_datagram_that_a_network_would_split_is_refused() {
        let text = |octets: usize| format!("udp:9,send={}", "00".repeat(octets));
        assert!(text(LONGEST_SEND).parse::<ReachProbe>().is_ok());
        assert!(text(LONGEST_SEND + 1).parse::<ReachProbe>().is_err());
    }
}
