//! A name server on loopback whose addresses and TTL a test changes while it runs, and which can die.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use registrar_core::Timestamp;
use resolver_probe::{
    CachesRequest, CheckRequest, Resolver, ResolverManner, ResolverSpec, SystemResolvers, resolvers,
};

use crate::responder::{self, Responder, Script};
use crate::sockets::NAME;

/// What the server answers.
#[derive(Clone, Debug)]
struct Zone {
    last_octets: Vec<u8>,
    ttl_secs: u32,
}

/// A name server for everything below example.com; it ends with this value, or earlier.
pub(super) struct Authority {
    pub(super) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    server: Option<Responder>,
}

impl Authority {
    /// Answers the name with one of these addresses, by turns.
    pub(super) async fn start(last_octets: &[u8], ttl_secs: u32) -> Self {
        let zone = Zone { last_octets: last_octets.to_vec(), ttl_secs };
        let zone = Arc::new(Mutex::new(zone));
        let server = responder::start(script(&zone), Some(script(&zone))).await;
        Self { address: server.address, zone, server: Some(server) }
    }

    /// Answers with other addresses from now on.
    pub(super) fn becomes(&self, last_octets: &[u8]) {
        self.zone.lock().unwrap().last_octets = last_octets.to_vec();
    }

    /// Closes its sockets.
    pub(super) fn die(&mut self) {
        self.server = None;
    }

    pub(super) fn check(&self, resolver: SocketAddr, deadline: Duration) -> CheckRequest {
        CheckRequest {
            resolvers: vec![asked(resolver)],
            deadline,
            timeout: Duration::from_millis(500),
            ..CheckRequest::new(NAME.parse().unwrap(), vec![self.address], now(), 42)
        }
    }

    pub(super) fn caches(&self, resolver: SocketAddr, lasting: Duration) -> CachesRequest {
        CachesRequest {
            name: NAME.parse().unwrap(),
            servers: vec![self.address],
            roots: Vec::new(),
            finder: None,
            resolvers: vec![asked(resolver)],
            history: None,
            lasting: Some(lasting),
            deadline: Duration::from_secs(60),
            timeout: Duration::from_millis(500),
            started_at: now(),
            seed: 42,
            progress: None,
        }
    }
}

/// A resolver that is waited for as long as one that answers stale after 1.8 s needs.
fn asked(resolver: SocketAddr) -> Resolver {
    let manner = ResolverManner::new(Duration::from_millis(2_500), 1);
    resolvers(&[ResolverSpec::Plain(resolver)], &SystemResolvers::default(), &manner, 42).unwrap().remove(0)
}

#[expect(clippy::disallowed_methods, reason = "real caches live in real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn script(zone: &Arc<Mutex<Zone>>) -> Script {
    let zone = Arc::clone(zone);
    let name = Name::from_ascii(format!("{NAME}.")).unwrap();
    Box::new(move |turn, query| {
        let zone = zone.lock().unwrap().clone();
        let question = &query.queries[0];
        let mut message = responder::reply(query);
        if *question.name() == name && question.query_type() == RecordType::A && !zone.last_octets.is_empty()
        {
            let last = zone.last_octets[turn % zone.last_octets.len()];
            let address = RData::A(A(Ipv4Addr::new(192, 0, 2, last)));
            message.add_answer(Record::from_rdata(question.name().clone(), zone.ttl_secs, address));
        } else {
            add_soa(&mut message);
        }
        vec![message.to_vec().unwrap()]
    })
}

fn add_soa(message: &mut Message) {
    let origin = Name::from_ascii("example.com.").unwrap();
    let soa = SOA::new(origin.clone(), origin.clone(), 1, 1, 1, 1, 1);
    message.add_authority(Record::from_rdata(origin, 1, RData::SOA(soa)));
}
