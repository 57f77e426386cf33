//! Answers requests as an authoritative server, as well as its faults let it.
//!
//! What the zone says is looked up elsewhere; here is the message around it. Nothing is logged for a
//! single query.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hickory_net::runtime::Time;
use hickory_net::xfer::Protocol;
use hickory_proto::op::{Edns, Header, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType as WireType};
use hickory_proto::serialize::binary::BinEncoder;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::{MessageResponseBuilder, Queries};
use rand::Rng;
use rand::rngs::StdRng;
use registrar_core::name::RecordName;
use registrar_core::{SignedDuration, Timestamp};

use super::edns;
use super::faults::{FaultsHandle, NameServerFaults};
use super::lookup::{Response, lookup};
use super::rdata;
use super::source::{Clock, ZoneSource};

/// TTL of a lie about a name that has no answer of its own.
const LIE_TTL_SECS: u32 = 20;

/// What every socket of one name server shares.
pub(crate) struct Handler {
    pub(crate) zones: Arc<dyn ZoneSource>,
    pub(crate) clock: Clock,
    pub(crate) faults: FaultsHandle,
    pub(crate) rng: Mutex<StdRng>,
}

/// A handler that each socket's own server can hold.
pub(crate) struct SharedHandler(pub(crate) Arc<Handler>);

#[async_trait]
impl RequestHandler for SharedHandler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let metadata = Metadata::response_from_request(&request.metadata);
        let silence = ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() });
        let Some(reply) = self.0.reply(request) else { return silence };
        let message = MessageResponseBuilder::new(&request.queries, reply.edns.as_ref()).build(
            reply.metadata,
            &reply.response.answers,
            &reply.response.authorities,
            [],
            &reply.response.additionals,
        );
        // A client that is gone is no concern of an authoritative server.
        response_handle.send_response(message).await.unwrap_or(silence)
    }
}

/// A whole reply: the header, the sections and the EDNS part.
struct Reply {
    metadata: Metadata,
    response: Response,
    edns: Option<Edns>,
}

impl Handler {
    /// Replies to a request, or keeps silent where a fault says so.
    fn reply(&self, request: &Request) -> Option<Reply> {
        let faults = self.faults.get();
        let over_udp = request.protocol() == Protocol::Udp;
        if faults.dead || (faults.tcp_dead && !over_udp) {
            return None;
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        if over_udp && faults.drop_share.covers(rng.next_u32()) {
            return None;
        }
        let edns = request.edns.as_ref().map(edns::reply);
        let response = self.respond(request, &faults, &mut *rng);
        drop(rng);
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = response.code;
        metadata.authoritative = response.authoritative;
        let mut reply = Reply { metadata, response, edns };
        if over_udp {
            truncate(&mut reply, &request.queries);
        }
        Some(reply)
    }

    fn respond(&self, request: &Request, faults: &NameServerFaults, rng: &mut impl Rng) -> Response {
        if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
            return Response::refusal(ResponseCode::BADVERS);
        }
        if request.metadata.op_code != OpCode::Query {
            return Response::refusal(ResponseCode::NotImp);
        }
        let [query] = request.queries.queries() else {
            return Response::refusal(ResponseCode::FormErr);
        };
        let owner = query.original().name();
        let name = rdata::record_name(owner).filter(|_| query.query_class() == DNSClass::IN);
        let lag = SignedDuration::from_secs(i64::try_from(faults.lag_secs).unwrap_or(i64::MAX));
        let as_of = (self.clock)().checked_sub(lag).unwrap_or(Timestamp::MIN);
        let found = name.and_then(|name| Some((self.zones.zone_of(&name, as_of)?, name)));
        let Some((zone, name)) = found else { return Response::refusal(ResponseCode::Refused) };
        let mut response = lookup(&zone, &name, owner, query.query_type(), rng);
        if query.query_type() == WireType::A {
            lie(&name, owner, faults, &mut response, rng);
        }
        if let Some(ttl_secs) = faults.ttl_secs {
            response.answers.iter_mut().for_each(|record| record.ttl = ttl_secs);
        }
        response
    }
}

/// Replaces the answer by the address that the faults name, as often as they say.
fn lie(
    name: &RecordName,
    owner: &hickory_proto::rr::Name,
    faults: &NameServerFaults,
    response: &mut Response,
    rng: &mut impl Rng,
) {
    let Some(lie) = faults.lie.as_ref().filter(|lie| lie.name == *name) else { return };
    if !lie.share.covers(rng.next_u32()) {
        return;
    }
    let ttl_secs = response.answers.first().map_or(LIE_TTL_SECS, |record| record.ttl);
    let answer = Record::from_rdata(owner.clone(), ttl_secs, RData::A(A(lie.address)));
    *response =
        Response { authoritative: true, answers: vec![answer], ..Response::refusal(ResponseCode::NoError) };
}

/// Empties a reply that does not fit, so that the client asks again over TCP.
///
/// hickory would fill the message with what fits and leave out the OPT record, which RFC 6891 §7 wants
/// in every reply to a question that had one.
fn truncate(reply: &mut Reply, queries: &Queries) {
    let Reply { metadata, response, edns } = reply;
    let mut bytes = Vec::with_capacity(usize::from(edns::SMALLEST_PAYLOAD));
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_max_size(edns::room(edns.as_ref()));
    let message = MessageResponseBuilder::new(queries, None).build(
        *metadata,
        &response.answers,
        &response.authorities,
        [],
        &response.additionals,
    );
    let fits = message.destructive_emit(&mut encoder).is_ok_and(|info| !info.truncation);
    if !fits {
        metadata.truncation = true;
        response.answers.clear();
        response.authorities.clear();
        response.additionals.clear();
    }
}
