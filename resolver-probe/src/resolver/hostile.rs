//! What the reading of a resolver's reply promises, whatever the resolver sends. For fuzzing.

#[cfg(feature = "encrypted")]
use std::io::{self, Cursor};
#[cfg(feature = "encrypted")]
use std::pin::Pin;
#[cfg(feature = "encrypted")]
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hickory_proto::op::Message;
#[cfg(feature = "encrypted")]
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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

/// Reads what a server of DNS over HTTPS sends once it was asked, from its first octet on; returns the message.
#[cfg(feature = "encrypted")]
pub(crate) async fn doh_body(sent: Vec<u8>, query: &[u8]) -> Option<Vec<u8>> {
    let stream = Once { asked: Vec::new(), sent: Cursor::new(sent), waiting: None };
    let opened = super::encrypted::https::open(stream, "dns.example.com", "/dns-query").await;
    opened.ok()?.exchange(query).await.ok()
}

/// A server that hears the request first, as every server does, and then sends all that it has to send.
#[cfg(feature = "encrypted")]
struct Once {
    asked: Vec<u8>,
    sent: Cursor<Vec<u8>>,
    waiting: Option<Waker>,
}

#[cfg(feature = "encrypted")]
impl Once {
    /// RFC 9113 §3.4 and §4.1: a preface, and then frames with their length, type, flags and stream.
    fn is_asked(&self) -> bool {
        let mut rest = self.asked.get(24..).unwrap_or_default();
        while let Some(([high, middle, low, kind, ..], body)) = rest.split_first_chunk::<9>() {
            if *kind == 0 {
                return true;
            }
            let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
            rest = body.get(length..).unwrap_or_default();
        }
        false
    }
}

#[cfg(feature = "encrypted")]
impl AsyncRead for Once {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_asked() {
            return Pin::new(&mut self.sent).poll_read(context, buffer);
        }
        self.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(feature = "encrypted")]
impl AsyncWrite for Once {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        // What is said after the question is of no interest.
        if !self.is_asked() {
            self.asked.extend_from_slice(octets);
        }
        if self.is_asked()
            && let Some(waiting) = self.waiting.take()
        {
            waiting.wake();
        }
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Reads what comes on a stream of DNS over QUIC; returns the message.
#[cfg(feature = "encrypted")]
pub(crate) fn doq_message(octets: &[u8]) -> Option<Vec<u8>> {
    super::encrypted::quic::unframed(octets).ok()
}

#[cfg(all(test, feature = "encrypted"))]
mod tests {
    use super::*;

    /// A seed of the fuzz target.
    macro_rules! seed {
        ($name:literal) => {
            include_bytes!(concat!("../../../fuzz/corpus/doh_response/", $name)).to_vec()
        };
    }

    #[tokio::test]
    async fn a_message_comes_out_of_every_way_to_send_it() {
        for seed in [
            seed!("message"),
            seed!("in-parts"),
            seed!("early-hints"),
            seed!("trailers"),
            seed!("continuation"),
            seed!("ping"),
        ] {
            let message = doh_body(seed.clone(), b"query").await;
            let message = message.unwrap_or_else(|| panic!("nothing came out of {seed:02x?}"));
            assert_eq!((&message[..4], message.len()), (&[0, 0, 0x81, 0x80][..], 60));
        }
    }

    #[tokio::test]
    async fn nothing_comes_out_of_what_is_no_message_and_of_one_without_end() {
        for seed in [
            seed!("not-found"),
            seed!("other-type"),
            seed!("too-long"),
            seed!("reset"),
            seed!("go-away"),
            Vec::new(),
        ] {
            assert_eq!(doh_body(seed, b"query").await, None);
        }
    }

    #[tokio::test]
    async fn headers_without_end_are_not_kept() {
        let mut sent = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
        // A header block of 64 KiB, which goes on in frames of 16 KiB: one literal field after the other.
        let field: Vec<u8> = [&[0, 1, b'x', 100][..], &[b'y'; 100]].concat();
        let block: Vec<u8> = field.iter().copied().cycle().take(4 * 16_000).collect();
        for (n, part) in block.chunks(16_000).enumerate() {
            let (kind, flags) = (if n == 0 { 1 } else { 9 }, if n == 3 { 4 } else { 0 });
            sent.extend([0, 0x3e, 0x80, kind, flags, 0, 0, 0, 1]);
            sent.extend(part);
        }
        assert_eq!(doh_body(sent, b"query").await, None);
    }
}
