//! Messages on the wire: which requests are answered at all, and replies within the room that they have.
//!
//! What a reply says is decided elsewhere, and so is how it is sent.

use hickory_proto::op::{Edns, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::Record;
use hickory_proto::serialize::binary::{BinDecoder, BinEncoder};
use hickory_server::server::Request;
use hickory_server::zone_handler::{MessageResponse, MessageResponseBuilder, Queries};

use super::edns;
use super::lookup::Response;

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) metadata: Metadata,
    /// The question that it echoes, where that is not the one that was asked.
    pub(crate) question: Option<Queries>,
    pub(crate) response: Response,
    pub(crate) edns: Option<Edns>,
}

/// The root label, the type and the class of a question, in octets.
const BEHIND_LABELS: usize = 5;

/// Records of one section.
type Section<'a> = std::slice::Iter<'a, Record>;

/// Returns what makes a request one that cannot be answered: another version of EDNS, another operation,
/// or not exactly one question (RFC 9619 §4), written out.
pub(crate) fn refusal(request: &Request) -> Option<ResponseCode> {
    if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
        return Some(ResponseCode::BADVERS);
    }
    if request.metadata.op_code != OpCode::Query {
        return Some(ResponseCode::NotImp);
    }
    (!can_be_repeated(&request.queries)).then_some(ResponseCode::FormErr)
}

/// hickory repeats the octets of the question section, where a pointer into the header would be another name.
///
/// Pointers show in the length: one takes two octets, and no name is that long.
fn can_be_repeated(asked: &Queries) -> bool {
    let [query] = asked.queries() else { return false };
    let labels: usize = query.original().name().iter().map(|label| 1 + label.len()).sum();
    asked.as_bytes().len() == labels + BEHIND_LABELS
}

impl Reply {
    /// Puts a response into a reply to a request.
    pub(crate) fn new(request: &Request, response: Response) -> Self {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = response.code;
        metadata.authoritative = response.authoritative;
        let question = match can_be_repeated(&request.queries) {
            true => None,
            false => Queries::read(&mut BinDecoder::new(&[]), 0).ok(),
        };
        Self { metadata, question, response, edns: request.edns.as_ref().map(edns::reply) }
    }

    /// Builds what hickory sends to who asked this.
    pub(crate) fn message<'a>(
        &'a self,
        asked: &'a Queries,
    ) -> MessageResponse<'a, 'a, Section<'a>, Section<'a>, Section<'a>, Section<'a>> {
        let question = self.question.as_ref().unwrap_or(asked);
        let Response { answers, authorities, additionals, .. } = &self.response;
        MessageResponseBuilder::new(question, self.edns.as_ref()).build(
            self.metadata,
            answers,
            authorities,
            &[],
            additionals,
        )
    }

    /// Takes everything out of a reply, so that the client asks again over TCP.
    pub(crate) fn empty(&mut self) {
        self.metadata.truncation = true;
        self.response.answers.clear();
        self.response.authorities.clear();
        self.response.additionals.clear();
    }

    /// Empties a reply that does not fit into a datagram.
    ///
    /// hickory would fill the message with what fits and leave out the OPT record, which RFC 6891 §7
    /// wants in every reply to a question that had one.
    pub(crate) fn fit(&mut self, asked: &Queries) {
        self.datagram(asked);
    }

    /// Writes a reply as a datagram, emptied if it does not fit.
    pub(crate) fn datagram(&mut self, asked: &Queries) -> Vec<u8> {
        let bytes = self.encode(asked);
        if bytes.len() <= usize::from(edns::room(self.edns.as_ref())) {
            return bytes;
        }
        self.empty();
        self.encode(asked)
    }

    fn encode(&self, asked: &Queries) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(usize::from(edns::SMALLEST_PAYLOAD));
        let mut encoder = BinEncoder::new(&mut bytes);
        encoder.set_max_size(u16::MAX);
        // What cannot be written was never read: the question comes from the wire, the records from the zone.
        let _ = self.message(asked).destructive_emit(&mut encoder);
        bytes
    }
}
