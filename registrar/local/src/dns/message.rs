//! Messages on the wire: requests are read, replies are written within the room that they have.
//!
//! What a reply says is decided elsewhere.

use hickory_proto::op::{Header, Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use super::edns;
use super::lookup::Response;
use super::transport::Transport;

/// What came in.
pub(crate) enum Received {
    /// A request, whatever it asks for.
    Request(Message),
    /// Something with a header and nothing behind it that can be read; this is the reply.
    Unreadable(Message),
    /// Nothing that may be replied to: too short, or itself a reply, which could go back and forth.
    Noise,
}

/// Reads what came in.
pub(crate) fn receive(bytes: &[u8]) -> Received {
    let Ok(Header { metadata, .. }) = Header::read(&mut BinDecoder::new(bytes)) else {
        return Received::Noise;
    };
    if metadata.message_type == MessageType::Response {
        return Received::Noise;
    }
    match Message::from_vec(bytes) {
        Ok(request) => Received::Request(request),
        Err(_) => {
            let mut reply = Message::response(metadata.id, metadata.op_code);
            reply.metadata = Metadata::response_from_request(&metadata);
            reply.metadata.response_code = ResponseCode::FormErr;
            Received::Unreadable(reply)
        }
    }
}

/// Returns what makes a request one that cannot be answered: another version of EDNS, another operation,
/// or not exactly one question.
pub(crate) fn refusal(request: &Message) -> Option<ResponseCode> {
    if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
        return Some(ResponseCode::BADVERS);
    }
    if request.metadata.op_code != OpCode::Query {
        return Some(ResponseCode::NotImp);
    }
    (request.queries.len() != 1).then_some(ResponseCode::FormErr)
}

/// Puts a response into a reply to a request.
pub(crate) fn reply(request: &Message, response: Response) -> Message {
    let mut reply = Message::response(request.metadata.id, request.metadata.op_code);
    reply.metadata = Metadata::response_from_request(&request.metadata);
    reply.metadata.response_code = response.code;
    reply.metadata.authoritative = response.authoritative;
    reply.queries.clone_from(&request.queries);
    reply.answers = response.answers;
    reply.authorities = response.authorities;
    reply.additionals = response.additionals;
    reply.edns = request.edns.as_ref().map(edns::reply);
    reply
}

/// Writes a reply. One that does not fit is emptied, so that the client asks again over TCP.
///
/// hickory would fill the message with what fits and leave out the OPT record, which RFC 6891 §7 wants
/// in every reply to a question that had one.
pub(crate) fn encode(reply: &Message, transport: Transport) -> Vec<u8> {
    // What cannot be written was never read: the question comes from the wire, the records from the zone.
    let bytes = reply.to_vec().unwrap_or_default();
    let fits = transport == Transport::Tcp || bytes.len() <= usize::from(edns::room(reply.edns.as_ref()));
    if fits { bytes } else { reply.truncate().to_vec().unwrap_or_default() }
}
