//! Questions as they go out, and the replies that may be believed.
//!
//! A reply counts only when it repeats the question octet by octet; of its records only those count
//! that were asked for. Nothing here touches a socket, and nothing trusts a length in a message.

mod plain;
mod question;
mod reply;

use std::fmt;

use hickory_proto::op::Message;
use serde::{Serialize, Serializer};

pub(crate) use question::{Asking, Question, unescape};
pub(crate) use reply::{Reply, read, read_twice};

/// RFC 1035 §4.1.1: the header has 12 octets.
const HEADER: usize = 12;
/// RFC 1035 §3.2.1: the shortest record has a root name, type, class, TTL and an empty RDATA.
const SHORTEST_RECORD: usize = 11;

/// A response code, RFC 6895 §2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rcode(pub(crate) u16);

impl Rcode {
    pub(crate) const NO_ERROR: Self = Self(0);
    pub(crate) const NX_DOMAIN: Self = Self(3);

    /// Says whether the server answered the question: with records, or with their absence.
    #[must_use]
    pub fn is_answer(self) -> bool {
        self == Self::NO_ERROR || self == Self::NX_DOMAIN
    }
}

impl Serialize for Rcode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("NOERROR"),
            1 => f.write_str("FORMERR"),
            2 => f.write_str("SERVFAIL"),
            3 => f.write_str("NXDOMAIN"),
            4 => f.write_str("NOTIMP"),
            5 => f.write_str("REFUSED"),
            9 => f.write_str("NOTAUTH"),
            other => write!(f, "RCODE{other}"),
        }
    }
}

/// Why a message is not the reply to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// It answers another query, of this id.
    OtherId(u16),
    /// It is a query, or it repeats another question, or none.
    OtherQuestion,
    /// It cannot be parsed.
    Garbage,
}

/// Reads a message that came in for the query with this id, whole and with nothing sorted out.
pub(crate) fn read_message(message: &[u8], question: &Question, id: u16) -> Result<Message, Rejected> {
    check(message, question, id)?;
    parse(message)
}

/// Says whether a message answers the query with this id; returns its two parts.
fn check<'a>(
    message: &'a [u8],
    question: &Question,
    id: u16,
) -> Result<(&'a [u8; HEADER], &'a [u8]), Rejected> {
    let Some((header, body)) = message.split_first_chunk::<HEADER>() else {
        return Err(Rejected::Garbage);
    };
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    if field(0) != id {
        return Err(Rejected::OtherId(field(0)));
    }
    let is_reply = header[2] & 0x80 != 0;
    let opcode = header[2] >> 3 & 0x0f;
    if !is_reply || opcode != 0 || field(4) != 1 || !body.starts_with(question.octets()) {
        return Err(Rejected::OtherQuestion);
    }
    let records: usize = [6, 8, 10].into_iter().map(|at| usize::from(field(at))).sum();
    if records * SHORTEST_RECORD > body.len() {
        return Err(Rejected::Garbage);
    }
    Ok((header, body))
}

fn parse(message: &[u8]) -> Result<Message, Rejected> {
    Message::from_vec(message).map_err(|_| Rejected::Garbage)
}
