//! What the reading of a resolver's reply promises, whatever the resolver sends. For fuzzing.

use std::time::Duration;

use hickory_proto::op::Message;

use super::{ResolverReply, Transport};

/// Longest text that an option of a reply can hold, each octet being replaced or written as two.
const LONGEST_TEXT: usize = 3 * 65_535;
/// Extended errors that are kept.
const MOST_ERRORS: usize = 16;

/// Reads a reply, and says which promise is broken.
pub(crate) fn keeps_bounds(message: &Message, octets: usize) -> Result<(), String> {
    let reply = ResolverReply::of(message, Transport::Udp, Duration::ZERO, false);
    if reply.addresses.len() * 4 > octets {
        return Err(format!("{} addresses out of {octets} octets", reply.addresses.len()));
    }
    if reply.extended_errors.len() > MOST_ERRORS {
        return Err(format!("{} extended errors", reply.extended_errors.len()));
    }
    let texts = reply.extended_errors.iter().map(|error| &error.text);
    for text in texts.chain(&reply.nsid).chain(&reply.alias) {
        if text.chars().any(char::is_control) || text.len() > LONGEST_TEXT {
            return Err(format!("a text that does not belong on a terminal: {text:?}"));
        }
    }
    serde_json::to_string(&reply).map(drop).map_err(|error| error.to_string())
}

/// Reads what a server of DNS over HTTPS sends, from its first octet on; returns the message.
#[cfg(feature = "encrypted")]
pub(crate) async fn doh_body(sent: Vec<u8>, query: &[u8]) -> Option<Vec<u8>> {
    let stream = tokio::io::join(std::io::Cursor::new(sent), tokio::io::sink());
    let opened = super::encrypted::https::open(stream, "dns.example.com", "/dns-query").await;
    opened.ok()?.exchange(query).await.ok()
}

/// Reads what comes on a stream of DNS over QUIC; returns the message.
#[cfg(feature = "encrypted")]
pub(crate) fn doq_message(octets: &[u8]) -> Option<Vec<u8>> {
    super::encrypted::quic::unframed(octets).ok()
}
