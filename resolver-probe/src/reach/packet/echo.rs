//! An ICMP echo request and its reply, RFC 792, over IPv4.
//!
//! Replies are told apart by a random token in their payload, since the system changes the identifier
//! of requests that go out through an unprivileged socket.

use super::{Rejected, take, take_u8, take_u16};

/// Octets of a request: the header, and a token.
pub const REQUEST_LENGTH: usize = 24;

const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
const ICMP: u8 = 1;

/// One echo request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    identifier: [u8; 2],
    token: [u8; 16],
}

impl Request {
    /// Makes a request of random octets.
    #[must_use]
    pub fn new(identifier: [u8; 2], token: [u8; 16]) -> Self {
        Self { identifier, token }
    }

    /// Returns the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut message = vec![ECHO_REQUEST, 0, 0, 0];
        message.extend(self.identifier);
        message.extend(1_u16.to_be_bytes());
        message.extend(self.token);
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
        message
    }

    /// Reads a message, with or without its IPv4 header, as the reply to this request.
    ///
    /// # Errors
    /// When it is not that reply. A raw socket sees all of the host's ICMP messages: those are unrelated.
    pub fn read(&self, packet: &[u8]) -> Result<(), Rejected> {
        let message = without_ip_header(packet)?;
        let mut rest = message;
        let (kind, code) = (take_u8(&mut rest)?, take_u8(&mut rest)?);
        take_u16(&mut rest)?;
        take::<4>(&mut rest)?;
        if (kind, code) != (ECHO_REPLY, 0) || rest != self.token {
            return Err(Rejected::Unrelated);
        }
        // The sum over a message with its own checksum in it is 0.
        if checksum(message) == 0 { Ok(()) } else { Err(Rejected::Garbage) }
    }
}

/// Some sockets hand out the IPv4 header too. It begins with 4, which no echo reply does.
fn without_ip_header(packet: &[u8]) -> Result<&[u8], Rejected> {
    let first = *packet.first().ok_or(Rejected::Garbage)?;
    if first >> 4 != 4 {
        return Ok(packet);
    }
    let length = usize::from(first & 0b1111) * 4;
    match packet.get(9) {
        Some(&ICMP) if length >= 20 => packet.get(length..).ok_or(Rejected::Garbage),
        Some(_) | None => Err(Rejected::Garbage),
    }
}

/// RFC 1071: the ones' complement of the ones' complement sum of 16-bit words.
fn checksum(message: &[u8]) -> u16 {
    let words = message.chunks(2).map(|pair| match pair {
        [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
        [high] => u64::from(*high) << 8,
        _ => 0,
    });
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}
