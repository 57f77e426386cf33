//! Answers requests as an authoritative server, as well as its faults let it.
//!
//! What the hosted zone says is looked up elsewhere, and so is what a fault does. Nothing is logged for
//! a single query.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::DNSClass;
use hickory_server::server::Request;
use rand::rngs::StdRng;
use registrar_core::{SignedDuration, Timestamp};

use super::faults::{Armed, Asked, FaultsHandle};
use super::lookup::{Response, lookup};
use super::message::{Reply, refusal};
use super::rdata;
use super::source::{Clock, ZoneSource};
use super::transport::{Delivery, Responder};

/// What every socket of one name server shares.
pub(crate) struct Handler {
    pub(crate) zones: Arc<dyn ZoneSource>,
    pub(crate) clock: Clock,
    pub(crate) faults: FaultsHandle,
    pub(crate) rng: Mutex<StdRng>,
}

impl Responder for Handler {
    fn respond(&self, request: &Request) -> Delivery {
        let armed = self.faults.armed();
        if armed.is_sound {
            return Reply::new(request, self.answer(&armed, request)).into();
        }
        if armed.ignores(request.protocol()) {
            return Delivery::Nothing;
        }
        let mut reply = Reply::new(request, self.answer(&armed, request));
        armed.annotate(&mut reply);
        armed.deliver(reply, request)
    }

    fn closes_connections(&self) -> bool {
        self.faults.armed().faults.tcp_close
    }

    fn turns(&self, closes: bool) -> impl Future<Output = ()> + Send {
        self.faults.turns(closes)
    }
}

impl Handler {
    /// Answers a question of somebody in this process; `None` where there is no answer to be had.
    pub(crate) fn ask(&self, query: &Query) -> Option<Response> {
        let armed = self.faults.armed();
        if armed.faults.dead {
            return None;
        }
        let response = self.look_up(&armed, query);
        let is_answer = matches!(response.code, ResponseCode::NoError | ResponseCode::NXDomain);
        (is_answer && response.authoritative).then_some(response)
    }

    fn answer(&self, armed: &Armed, request: &Request) -> Response {
        match (refusal(request), request.queries.queries().first()) {
            (None, Some(query)) => self.look_up(armed, query.original()),
            (code, _) => Response::refusal(code.unwrap_or(ResponseCode::FormErr)),
        }
    }

    fn look_up(&self, armed: &Armed, query: &Query) -> Response {
        let (owner, wire_type) = (query.name(), query.query_type());
        let name = rdata::record_name(owner).filter(|_| query.query_class() == DNSClass::IN);
        let lag = SignedDuration::from_secs(i64::try_from(armed.faults.lag_secs).unwrap_or(i64::MAX));
        let as_of = (self.clock)().checked_sub(lag).unwrap_or(Timestamp::MIN);
        let found = name.and_then(|name| Some((self.zones.zone_of(&name, as_of)?, name)));
        let Some((hosted_zone, name)) = found else { return Response::refusal(ResponseCode::Refused) };
        if armed.is_sound {
            return lookup(&hosted_zone, &name, owner, wire_type, &mut *self.rng());
        }
        let hosted_zone = armed.known(hosted_zone);
        let mut response = match armed.sticky(&name, wire_type) {
            Some(mut rng) => lookup(&hosted_zone, &name, owner, wire_type, &mut rng),
            None => lookup(&hosted_zone, &name, owner, wire_type, &mut *self.rng()),
        };
        armed.distort(&Asked { hosted_zone: &hosted_zone, name: &name, owner, wire_type }, &mut response);
        response
    }

    fn rng(&self) -> MutexGuard<'_, StdRng> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
