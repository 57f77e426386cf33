//! The first half of SRT's handshake, the induction, which leaves no state behind at the listener.
//!
//! draft-sharabayko-srt-01 §3.2.1 and §4.3.1.1. A listener answers it even where it would refuse the
//! stream; a peer in rendezvous or caller mode does not.

use super::{Rejected, take, take_u16, take_u32};

/// Octets of a request, and of its reply: a control header and a handshake without extensions.
pub const REQUEST_LENGTH: usize = 64;

/// A control packet of type handshake, subtype 0.
const HANDSHAKE: [u8; 4] = [0x80, 0, 0, 0];
const REQUEST_VERSION: u32 = 4;
const REPLY_VERSION: u32 = 5;
/// UDT_DGRAM in the request's extension field.
const DATAGRAM: u16 = 2;
/// What a listener that speaks SRT, and not only UDT, puts there.
const SRT_MAGIC: u16 = 0x4a17;
const INDUCTION: u32 = 1;
const MTU: u32 = 1500;
const FLOW_WINDOW: u32 = 8192;

/// One induction request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    initial_sequence: u32,
    socket_id: u32,
}

/// What a listener says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Version of the handshake; always 5.
    pub version: u32,
    /// The cipher that it proposes: 0 none, 2 AES-128, 3 AES-192, 4 AES-256.
    pub encryption: u16,
    /// The largest packet that it takes, in octets.
    pub mtu: u32,
}

impl Request {
    /// Makes a request of random octets.
    #[must_use]
    pub fn new(initial_sequence: [u8; 4], socket_id: [u8; 4]) -> Self {
        // Sequence numbers have 31 bits. Socket ids have 30, since the next one marks groups, and are
        // never 0, which means that there is none yet.
        let initial_sequence = u32::from_be_bytes(initial_sequence) & 0x7fff_ffff;
        let socket_id = (u32::from_be_bytes(socket_id) & 0x3fff_ffff).max(1);
        Self { initial_sequence, socket_id }
    }

    /// Returns the datagram.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(REQUEST_LENGTH);
        datagram.extend(HANDSHAKE);
        // No further information, time stamp 0, and no socket of the listener yet.
        datagram.extend([0; 12]);
        datagram.extend(REQUEST_VERSION.to_be_bytes());
        datagram.extend(0_u16.to_be_bytes());
        datagram.extend(DATAGRAM.to_be_bytes());
        for word in [self.initial_sequence, MTU, FLOW_WINDOW, INDUCTION, self.socket_id] {
            datagram.extend(word.to_be_bytes());
        }
        // No cookie, and an address that listeners do not look at.
        datagram.resize(REQUEST_LENGTH, 0);
        datagram
    }

    /// Reads a datagram as the reply to this request.
    ///
    /// # Errors
    /// When it is not an induction reply of SRT, or is for another socket.
    pub fn read(&self, datagram: &[u8]) -> Result<Reply, Rejected> {
        let mut rest = datagram;
        let kind = take::<4>(&mut rest)?;
        take::<8>(&mut rest)?;
        let socket = take_u32(&mut rest)?;
        let version = take_u32(&mut rest)?;
        let encryption = take_u16(&mut rest)?;
        let magic = take_u16(&mut rest)?;
        take_u32(&mut rest)?;
        let mtu = take_u32(&mut rest)?;
        take_u32(&mut rest)?;
        let step = take_u32(&mut rest)?;
        take_u32(&mut rest)?;
        let cookie = take_u32(&mut rest)?;
        let is_reply = *kind == HANDSHAKE
            && datagram.len() == REQUEST_LENGTH
            && version == REPLY_VERSION
            && magic == SRT_MAGIC
            && step == INDUCTION
            && cookie != 0;
        match (is_reply, socket == self.socket_id) {
            (true, true) => Ok(Reply { version, encryption, mtu }),
            (true, false) => Err(Rejected::OtherId),
            (false, _) => Err(Rejected::Garbage),
        }
    }
}
