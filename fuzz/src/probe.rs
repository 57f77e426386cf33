//! What the probe reads from the network: one function for each target, for cargo-fuzz and for the tests.
//!
//! Each panics where a promise is broken. Ids are taken out of the input itself, since a parser that
//! stops at a wrong id would never be seen to go on.

use resolver_probe::fuzzing;
use resolver_probe::reach::ReachProbe;
use resolver_probe::reach::packet::{Rejected, echo, quic, srt, stun};

/// A target: what hostile input is given to.
pub type Target = fn(&[u8]);

/// The targets by name, which is also the folder of their corpus.
pub const TARGETS: [(&str, Target); 13] = [
    ("dns_reply", dns_reply),
    ("dns_resolver", dns_resolver),
    ("dns_discovery", dns_discovery),
    ("dns_stream", dns_stream),
    ("doh_response", doh_response),
    ("icmp_error", icmp_error),
    ("fleet", fleet),
    ("history", history),
    ("stun", stun_reply),
    ("quic", quic_reply),
    ("srt", srt_reply),
    ("echo", echo_reply),
    ("reach_probe", reach_probe),
];

/// Reads a STUN reply; with another id it is never one.
pub fn stun_reply(datagram: &[u8]) {
    let id: [u8; 12] = at(datagram, 8);
    let read = stun::Request::new(id).read(datagram);
    if let Ok(reply) = read {
        assert!(reply.error_code.is_none() || reply.is_error);
        assert_eq!(stun::Request::new(id.map(|octet| !octet)).read(datagram), Err(Rejected::OtherId));
    }
}

/// Reads a QUIC Version Negotiation packet; with other connection ids it is never one.
pub fn quic_reply(datagram: &[u8]) {
    let (ours, theirs): ([u8; 8], [u8; 8]) = (at(datagram, 6), at(datagram, 15));
    let request = quic::Request::new([0; 4], theirs, ours);
    if let Ok(reply) = request.read(datagram) {
        assert!(!reply.versions.is_empty() && reply.versions.len() * 4 < datagram.len());
        let other = quic::Request::new([0; 4], theirs, ours.map(|octet| !octet));
        assert_eq!(other.read(datagram), Err(Rejected::OtherId));
    }
}

/// Reads an SRT induction reply; for another socket it is never one.
pub fn srt_reply(datagram: &[u8]) {
    let socket: [u8; 4] = at(datagram, 12);
    if let Ok(reply) = srt::Request::new([0; 4], socket).read(datagram) {
        assert_eq!((reply.version, datagram.len()), (5, srt::REQUEST_LENGTH));
        let [first, second, third, last] = socket;
        let other = srt::Request::new([0; 4], [first, second, third, last ^ 2]);
        assert_eq!(other.read(datagram), Err(Rejected::OtherId));
    }
}

/// Reads an ICMP echo reply, with and without its IPv4 header; with another token it is never one.
pub fn echo_reply(packet: &[u8]) {
    for start in [8, 28] {
        let token: [u8; 16] = at(packet, start);
        if echo::Request::new([0; 2], token).read(packet).is_ok() {
            let other = echo::Request::new([0; 2], token.map(|octet| !octet));
            assert_eq!(other.read(packet), Err(Rejected::Unrelated));
        }
    }
}

/// Reads a probe of the command line, and writes it so that it reads the same.
pub fn reach_probe(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    match text.parse::<ReachProbe>() {
        Ok(probe) => assert_eq!(probe.to_string().parse(), Ok(probe)),
        Err(error) => assert!(error.to_string().contains(" (hint: ")),
    }
}

/// Reads a name server's reply.
pub fn dns_reply(message: &[u8]) {
    kept(fuzzing::dns_reply(message));
}

/// Reads a resolver's reply.
pub fn dns_resolver(message: &[u8]) {
    kept(fuzzing::dns_resolver(message));
}

/// Reads a name server's reply on the way down the delegation.
pub fn dns_discovery(message: &[u8]) {
    kept(fuzzing::dns_discovery(message));
}

/// Reads a message off a stream.
pub fn dns_stream(stream: &[u8]) {
    kept(fuzzing::dns_stream(stream));
}

/// Reads what a server of DNS over HTTPS sends.
pub fn doh_response(sent: &[u8]) {
    kept(fuzzing::doh_response(sent));
}

/// Reads an ICMP error.
pub fn icmp_error(input: &[u8]) {
    kept(fuzzing::icmp_error(input));
}

/// Reads a file with a fleet.
pub fn fleet(text: &[u8]) {
    kept(fuzzing::fleet(text));
}

/// Reads a file with an answer history.
pub fn history(text: &[u8]) {
    kept(fuzzing::history(text));
}

fn kept(promise: fuzzing::Kept) {
    if let Err(broken) = promise {
        panic!("{broken}");
    }
}

/// Takes octets out of the input, or zeros where it ends.
fn at<const N: usize>(input: &[u8], start: usize) -> [u8; N] {
    input.get(start..start + N).and_then(|octets| octets.try_into().ok()).unwrap_or([0; N])
}
