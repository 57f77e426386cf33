//! What makes a QUIC server list its versions: a long header with a version that nobody has.
//!
//! It opens no connection. A server should answer (RFC 9000 §5.2.2) but may limit how often, so that
//! silence is no proof of death.

use super::{Rejected, take, take_u8, take_u32};

/// Octets of a request. Servers drop anything smaller, RFC 9000 §14.1.
pub const REQUEST_LENGTH: usize = 1200;
/// QUIC version 1, RFC 9000 §15.
pub const VERSION_1: u32 = 1;

const LONG_HEADER: u8 = 0b1000_0000;
const FIXED_BIT: u8 = 0b0100_0000;
/// RFC 9000 §15: versions 0x?a?a?a?a are reserved, so that servers are used to unknown ones.
const RESERVED_VERSION: u32 = 0x0a0a_0a0a;
const ID_LENGTH: u8 = 8;

/// One request for the versions of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    version: u32,
    destination_id: [u8; 8],
    source_id: [u8; 8],
}

/// The versions of a server, as it lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Wire numbers, in the server's order; at least one.
    pub versions: Vec<u32>,
}

impl Request {
    /// Makes a request of random octets: 4 for the version, 8 for each connection id.
    #[must_use]
    pub fn new(version: [u8; 4], destination_id: [u8; 8], source_id: [u8; 8]) -> Self {
        let version = u32::from_be_bytes(version) & !0x0f0f_0f0f | RESERVED_VERSION;
        Self { version, destination_id, source_id }
    }

    /// Returns the datagram. What follows the header is `filling`, which should be random: it stands
    /// where a version that the server knew would have its encrypted payload.
    #[must_use]
    pub fn encode(&self, filling: &[u8; REQUEST_LENGTH]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(REQUEST_LENGTH);
        datagram.push(LONG_HEADER | FIXED_BIT | filling[0] & 0b1111);
        datagram.extend(self.version.to_be_bytes());
        datagram.push(ID_LENGTH);
        datagram.extend(self.destination_id);
        datagram.push(ID_LENGTH);
        datagram.extend(self.source_id);
        datagram.extend(&filling[datagram.len()..]);
        datagram
    }

    /// Reads a datagram as the reply to this request: a Version Negotiation packet (RFC 9000 §17.2.1) with
    /// the two connection ids exchanged.
    ///
    /// # Errors
    /// When it is not one, or has other connection ids.
    pub fn read(&self, datagram: &[u8]) -> Result<Reply, Rejected> {
        let mut rest = datagram;
        let first = take_u8(&mut rest)?;
        if first & LONG_HEADER == 0 || take_u32(&mut rest)? != 0 {
            return Err(Rejected::Garbage);
        }
        let destination_id = connection_id(&mut rest)?;
        let source_id = connection_id(&mut rest)?;
        if rest.is_empty() || !rest.len().is_multiple_of(4) {
            return Err(Rejected::Garbage);
        }
        if destination_id != self.source_id || source_id != self.destination_id {
            return Err(Rejected::OtherId);
        }
        let mut versions = Vec::with_capacity(rest.len() / 4);
        while !rest.is_empty() {
            versions.push(u32::from_be_bytes(*take(&mut rest)?));
        }
        // RFC 9000 §6.2: a list with the version that was refused is not to be believed.
        if versions.contains(&self.version) {
            return Err(Rejected::Garbage);
        }
        Ok(Reply { versions })
    }
}

/// RFC 8999 §5.1: a length in one octet, and so many octets.
fn connection_id<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Rejected> {
    let length = usize::from(take_u8(rest)?);
    let (id, tail) = rest.split_at_checked(length).ok_or(Rejected::Garbage)?;
    *rest = tail;
    Ok(id)
}
