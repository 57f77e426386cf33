//! A STUN Binding request and its reply, RFC 8489, without integrity and without a fingerprint.
//!
//! An error reply is as good a sign of life as a success. What ICE wants of a request, a user name and
//! its integrity (RFC 8445 §7.3), is not there: media ports of some servers ignore it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Rejected, take, take_u8, take_u16};

/// Octets of a request: the header alone, RFC 8489 §5.
pub const REQUEST_LENGTH: usize = 20;

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// An address family of RFC 8489 §14.1.
const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// One Binding request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    transaction_id: [u8; 12],
}

/// What a Binding reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The address that the request came from, as the server saw it (XOR-MAPPED-ADDRESS).
    pub reflexive: Option<SocketAddr>,
    /// The code of an error reply, 300 to 699; `None` in a success.
    pub error_code: Option<u16>,
    /// Whether the reply is an error.
    pub is_error: bool,
}

impl Request {
    /// Makes a request with this transaction id, which has to be random.
    #[must_use]
    pub fn new(transaction_id: [u8; 12]) -> Self {
        Self { transaction_id }
    }

    /// Returns the datagram.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(REQUEST_LENGTH);
        datagram.extend(BINDING_REQUEST.to_be_bytes());
        datagram.extend(0_u16.to_be_bytes());
        datagram.extend(MAGIC_COOKIE);
        datagram.extend(self.transaction_id);
        datagram
    }

    /// Reads a datagram as the reply to this request.
    ///
    /// # Errors
    /// When it is not a Binding reply, or has another transaction id.
    pub fn read(&self, datagram: &[u8]) -> Result<Reply, Rejected> {
        let mut rest = datagram;
        let kind = take_u16(&mut rest)?;
        let length = usize::from(take_u16(&mut rest)?);
        let cookie = take::<4>(&mut rest)?;
        let id = take::<12>(&mut rest)?;
        let is_error = match kind {
            BINDING_SUCCESS => false,
            BINDING_ERROR => true,
            _ => return Err(Rejected::Garbage),
        };
        if *cookie != MAGIC_COOKIE || !length.is_multiple_of(4) || length != rest.len() {
            return Err(Rejected::Garbage);
        }
        if *id != self.transaction_id {
            return Err(Rejected::OtherId);
        }
        self.attributes(rest, is_error)
    }

    /// RFC 8489 §14: of an attribute that stands there twice, only the first counts.
    fn attributes(&self, mut rest: &[u8], is_error: bool) -> Result<Reply, Rejected> {
        let mut reply = Reply { reflexive: None, error_code: None, is_error };
        while !rest.is_empty() {
            let kind = take_u16(&mut rest)?;
            let length = usize::from(take_u16(&mut rest)?);
            let value = rest.get(..length).ok_or(Rejected::Garbage)?;
            rest = rest.get(length.next_multiple_of(4)..).ok_or(Rejected::Garbage)?;
            match kind {
                XOR_MAPPED_ADDRESS if reply.reflexive.is_none() => {
                    reply.reflexive = Some(self.unmask(value)?);
                }
                ERROR_CODE if is_error && reply.error_code.is_none() => {
                    reply.error_code = Some(error_code(value)?);
                }
                _ => {}
            }
        }
        Ok(reply)
    }

    /// RFC 8489 §14.2: the port is masked with the cookie, the address with cookie and transaction id.
    fn unmask(&self, mut value: &[u8]) -> Result<SocketAddr, Rejected> {
        take_u8(&mut value)?;
        let family = take_u8(&mut value)?;
        let port = take_u16(&mut value)? ^ 0x2112;
        let mask: Vec<u8> = MAGIC_COOKIE.into_iter().chain(self.transaction_id).collect();
        match (family, value.len()) {
            (IPV4, 4) => {
                let mut octets = *take::<4>(&mut value)?;
                unmask(&mut octets, &mask);
                Ok((Ipv4Addr::from(octets), port).into())
            }
            (IPV6, 16) => {
                let mut octets = *take::<16>(&mut value)?;
                unmask(&mut octets, &mask);
                Ok((Ipv6Addr::from(octets), port).into())
            }
            _ => Err(Rejected::Garbage),
        }
    }
}

fn unmask(octets: &mut [u8], mask: &[u8]) {
    for (octet, mask) in octets.iter_mut().zip(mask) {
        *octet ^= mask;
    }
}

/// RFC 8489 §14.8: two octets of nothing, the hundreds, and the rest.
fn error_code(mut value: &[u8]) -> Result<u16, Rejected> {
    take::<2>(&mut value)?;
    let hundreds = take_u8(&mut value)? & 0b111;
    let rest = take_u8(&mut value)?;
    if !(3..=6).contains(&hundreds) || rest > 99 {
        return Err(Rejected::Garbage);
    }
    Ok(u16::from(hundreds) * 100 + u16::from(rest))
}
