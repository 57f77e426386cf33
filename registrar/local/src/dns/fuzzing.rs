//! An entry point for hostile requests to the name server: it says which promise one broke. It is no part of the
//! library's interface, and no socket is opened.

use std::cell::OnceCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_net::xfer::Protocol;
use hickory_proto::op::{Message, MessageType, Metadata, ResponseCode};
use hickory_server::server::Request;
use rand::SeedableRng;
use rand::rngs::StdRng;
use registrar_core::Timestamp;
use registrar_core::dump;

use super::faults::{FaultsHandle, NameServerFaults};
use super::handler::Handler;
use super::transport::{Delivery, Responder};
use crate::route53::PublishedZone;

/// What the server answers from: a pool, an alias, a wildcard, a circle, a delegation, and an answer that fits no
/// datagram.
const ZONE: &str = include_str!("fuzzing/zone.json");
/// The largest reply over UDP that the server sends, in octets.
const LARGEST_DATAGRAM: usize = 1232;
/// What a name may grow by where the request wrote it as a pointer, in octets (RFC 1035 §2.3.4).
const LARGEST_NAME: usize = 255;

thread_local! {
    static SERVER: OnceCell<Result<Handler, String>> = const { OnceCell::new() };
}

/// Whether every promise was kept, or which was not.
pub type Kept = Result<(), String>;

/// Answers a request over UDP and over TCP.
///
/// # Errors
/// Where a promise is broken.
pub fn dns_query(octets: &[u8]) -> Kept {
    SERVER.with(|server| {
        let server = server.get_or_init(server_of_zone).as_ref().map_err(Clone::clone)?;
        over_udp(server, octets)?;
        over_tcp(server, octets)
    })
}

fn server_of_zone() -> Result<Handler, String> {
    let zone = dump::read_hosted_zone(ZONE).map_err(|error| error.to_string())?;
    let origin = zone.origin.ok_or("the zone has no start of authority")?;
    let records = zone.records.into_values().map(Arc::unwrap_or_clone);
    let id = "Z0123456789ABCDEFGHIJ".parse().map_err(|error| format!("{error}"))?;
    Ok(Handler {
        zones: Arc::new(Arc::new(PublishedZone::new(id, origin, records))),
        clock: Arc::new(|| Timestamp::UNIX_EPOCH),
        faults: FaultsHandle::new(NameServerFaults::default(), 1),
        rng: Mutex::new(StdRng::seed_from_u64(1)),
    })
}

/// Returns the request, where it is one that hickory hands on: it passes over replies.
fn request(octets: &[u8], protocol: Protocol) -> Option<Request> {
    let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 5300));
    let request = Request::from_bytes(octets.to_vec(), client, protocol).ok()?;
    (request.metadata.message_type == MessageType::Query).then_some(request)
}

fn over_udp(server: &Handler, octets: &[u8]) -> Kept {
    let Some(request) = request(octets, Protocol::Udp) else { return Ok(()) };
    let Delivery::Message(mut reply, _) = server.respond(&request) else {
        return Err("a sound server says nothing, or what hickory would not send".to_owned());
    };
    let bytes = reply.datagram(&request.queries);
    if bytes.len() > LARGEST_DATAGRAM {
        return Err(format!("a datagram of {} octets", bytes.len()));
    }
    let written = Message::from_vec(&bytes).map_err(|error| format!("{bytes:02x?}: {error}"))?;
    answers(&written.metadata, octets)?;
    if written.metadata.truncation && !written.answers.is_empty() {
        return Err("a part of an answer".to_owned());
    }
    // Only what answers may be larger than what asked: a refusal amplifies nothing.
    let refuses = matches!(written.metadata.response_code, ResponseCode::Refused | ResponseCode::NotImp);
    if refuses && bytes.len() > octets.len() + LARGEST_NAME {
        return Err(format!("a refusal of {} octets for {}", bytes.len(), octets.len()));
    }
    Ok(())
}

fn over_tcp(server: &Handler, octets: &[u8]) -> Kept {
    let Some(request) = request(octets, Protocol::Tcp) else { return Ok(()) };
    let Delivery::Message(reply, _) = server.respond(&request) else {
        return Err("a sound server says nothing over TCP".to_owned());
    };
    answers(&reply.metadata, octets)?;
    // A chain of aliases ends, so that what is sent has an end.
    let records = reply.response.answers.len() + reply.response.authorities.len();
    if records > 300 { Err(format!("{records} records")) } else { Ok(()) }
}

fn answers(metadata: &Metadata, octets: &[u8]) -> Kept {
    let id = octets.first_chunk::<2>().map(|id| u16::from_be_bytes(*id));
    if id != Some(metadata.id) {
        return Err(format!("a reply to {:?} has the id {}", id, metadata.id));
    }
    if metadata.message_type != MessageType::Response || metadata.recursion_available {
        return Err(format!("{metadata:?} is no reply of a name server"));
    }
    Ok(())
}
