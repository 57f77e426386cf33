//! One question, and the queries that ask it.
//!
//! Nothing here is random: the id is given.

use hickory_proto::rr::{Name, RecordType};
use registrar_core::name::RecordName;

use super::{HEADER, SHORTEST_RECORD};

/// The largest reply asked for over UDP: it crosses the internet unfragmented (DNS Flag Day 2020).
const UDP_PAYLOAD: u16 = 1232;
/// RFC 5001 §2.1: the option that asks a server which of its machines it is.
const NSID: u16 = 3;

/// What a query asks for beside its question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asking {
    /// The RD flag: that the server asks others. Authoritative servers are asked without.
    pub(crate) recursion: bool,
    /// Which machine of the server answers.
    pub(crate) nsid: bool,
}

/// A question for the records of one type at one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// Name, type and class as they stand in a message.
    octets: Vec<u8>,
}

impl Question {
    /// Asks for the A records of `name`.
    pub(crate) fn new(name: &RecordName) -> Self {
        let labels: Vec<Vec<u8>> = name.labels().map(unescape).collect();
        Self::from_labels(labels.iter().map(Vec::as_slice), RecordType::A)
    }

    /// Asks for the records of this type at `name`.
    pub(crate) fn of(name: &Name, record_type: RecordType) -> Self {
        Self::from_labels(name.iter(), record_type)
    }

    fn from_labels<'a>(labels: impl Iterator<Item = &'a [u8]>, record_type: RecordType) -> Self {
        let mut octets = Vec::new();
        for label in labels {
            // Neither kind of name has a label over 63 octets.
            octets.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
            octets.extend(label);
        }
        octets.push(0);
        octets.extend(u16::from(record_type).to_be_bytes());
        octets.extend(1_u16.to_be_bytes()); // class IN
        Self { octets }
    }

    /// Returns name, type and class as they stand in a message.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Writes the query: recursion not desired, since the servers asked are authoritative, and an OPT
    /// record (RFC 6891 §6.1.2) that allows larger replies.
    pub(crate) fn encode(&self, id: u16) -> Vec<u8> {
        self.encode_with(id, Asking::default())
    }

    /// Writes the query with flags and options.
    pub(crate) fn encode_with(&self, id: u16, asking: Asking) -> Vec<u8> {
        let mut query = Vec::with_capacity(HEADER + self.octets.len() + SHORTEST_RECORD + 4);
        query.extend(id.to_be_bytes());
        query.extend([u8::from(asking.recursion), 0]); // a standard query, with RD or no flags
        query.extend([0, 1, 0, 0, 0, 0, 0, 1]); // one question, one additional record
        query.extend(&self.octets);
        query.extend([0, 0, 41]); // the root's OPT
        query.extend(UDP_PAYLOAD.to_be_bytes());
        query.extend([0; 4]); // version 0, no flags
        if asking.nsid {
            query.extend([0, 4]);
            query.extend(NSID.to_be_bytes());
        }
        query.extend([0, 0]); // no options, or nothing in this one
        query
    }
}

/// Turns a label of a record name back into its octets: `\052` is `*`.
pub(crate) fn unescape(label: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(label.len());
    let mut bytes = label.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            let digits = bytes.by_ref().take(3).map(|digit| digit.wrapping_sub(b'0'));
            octets.push(digits.fold(0, |value: u8, digit| value.wrapping_mul(8).wrapping_add(digit)));
        } else {
            octets.push(byte);
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, MessageType};
    use hickory_proto::rr::rdata::opt::EdnsCode;

    use super::*;

    const ID: u16 = 0x1234;

    fn question() -> Question {
        Question::new(&"video.example.com".parse().unwrap())
    }

    #[test]
    fn the_query_is_what_another_implementation_reads() {
        let query = Message::from_vec(&question().encode(ID)).unwrap();
        assert_eq!(query.metadata.id, ID);
        assert_eq!(query.metadata.message_type, MessageType::Query);
        assert!(!query.metadata.recursion_desired);
        assert_eq!(query.queries.len(), 1);
        assert_eq!(query.queries[0].name().to_ascii(), "video.example.com.");
        assert_eq!(query.queries[0].query_type(), RecordType::A);
        assert_eq!(query.edns.unwrap().max_payload(), UDP_PAYLOAD);
    }

    #[test]
    fn an_escaped_octet_goes_out_as_itself() {
        let question = Question::new(&"*.example.com".parse().unwrap());
        assert_eq!(&question.octets[..2], b"\x01*");
    }

    #[test]
    fn a_query_to_a_resolver_desires_recursion_and_asks_which_machine_answers() {
        let query = question().encode_with(ID, Asking { recursion: true, nsid: true });
        let query = Message::from_vec(&query).unwrap();
        assert!(query.metadata.recursion_desired);
        assert!(query.edns.unwrap().option(EdnsCode::NSID).is_some());
    }

    #[test]
    fn the_same_name_is_the_same_question_whichever_way_it_came() {
        let name = Name::from_ascii("video.example.com.").unwrap();
        assert_eq!(Question::of(&name, RecordType::A), question());
    }
}
