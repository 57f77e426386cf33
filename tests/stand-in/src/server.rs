//! The stand-in itself: one loopback port for every service, around one world.
//!
//! A call is let in, logged, struck by a fault or answered by its service. What it means is the
//! services' affair.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use serde_json::json;

use crate::control;
use crate::faults::Effect;
use crate::services::{self, Context};
use crate::serving::{Body, Dropped, Server};
use crate::wire;
use crate::wire::authorization::credential;
use crate::wire::paging::Bend;
use crate::wire::refusal::Refusal;
use crate::wire::reply::Reply;
use crate::world::World;
use crate::world::accounts::Caller;

/// The largest request that is read; the largest that AWS takes here is an SQS message of 1 MiB in JSON.
const LARGEST_REQUEST: usize = 8 * 1024 * 1024;

/// A stand-in that serves. It stops when it is dropped.
#[derive(Debug)]
pub struct StandIn {
    shared: Arc<Shared>,
    server: Server,
}

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    requests: AtomicU64,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StandIn {
    /// Starts a stand-in for a world on a free loopback port.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start(world: World) -> io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), world).await
    }

    /// Starts a stand-in on an address.
    ///
    /// # Errors
    /// When it cannot be listened on.
    pub async fn start_on(listen: SocketAddr, world: World) -> io::Result<Self> {
        let shared = Arc::new(Shared { world: Mutex::new(world), requests: AtomicU64::new(0) });
        let handled = Arc::clone(&shared);
        let server = Server::start(listen, move |request| handle(Arc::clone(&handled), request)).await?;
        Ok(Self { shared, server })
    }

    /// Returns what to give an SDK as `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Returns the URL of a queue, whether or not it exists.
    #[must_use]
    pub fn queue_url(&self, queue: &str) -> String {
        format!("{}/{}/{queue}", self.endpoint(), self.world().account())
    }

    /// Locks the world, to look at it or change it. No call is answered meanwhile.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    /// Stops, and returns when the port is free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
    let (parts, body) = request.into_parts();
    // A request that ends early, or has no end, is not a call.
    let body = Limited::new(body, LARGEST_REQUEST).collect().await.map_err(|_| Dropped)?.to_bytes();
    let body = String::from_utf8_lossy(&body);
    if parts.uri.path().starts_with(control::PREFIX) {
        let reply = control::answer(&mut shared.world(), parts.method.as_str(), parts.uri.path(), &body);
        return Ok(reply.into_response(false));
    }
    match wire::Request::route(&parts, &body) {
        Some(request) => call(&shared, &parts, request).await,
        None => {
            let problem = "the stand-in knows no service with such requests";
            Ok(Reply::plain_json(404, &json!({ "message": problem })).into_response(false))
        }
    }
}

/// A call that was let in: what will happen to it.
struct Entered {
    number: u64,
    caller: Result<Caller, Refusal>,
    effect: Option<Effect>,
    bend: Bend,
    latency: Duration,
}

/// Answers a call, or does to it what a fault wants.
///
/// The world is locked twice: on arrival, when faults see the call, and to answer it, after the latency.
/// So calls that are made side by side take their time side by side.
async fn call(shared: &Shared, parts: &Parts, request: wire::Request) -> Result<Response<Body>, Dropped> {
    let serial = shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let request_id = format!("00000000-0000-4000-a000-{serial:012}");
    let entered = enter(&mut shared.world(), parts, &request);
    tokio::time::sleep(entered.latency).await;
    let number = entered.number;
    let settle = |outcome: &str| shared.world().log.settle(number, outcome);
    match &entered.effect {
        Some(Effect::DropBefore) => {
            settle("dropped before it was applied");
            return Err(Dropped);
        }
        Some(Effect::Hang(time)) => {
            settle("hung");
            tokio::time::sleep(*time).await;
            return Err(Dropped);
        }
        _ => {}
    }
    let service = request.service;
    let effect = entered.effect.clone();
    let result = answer(&mut shared.world(), parts, request, entered, &request_id);
    let reply = match result {
        Ok(reply) => {
            settle("ok");
            reply
        }
        Err(refusal) => {
            settle(&refusal.code);
            refusal.reply(service, &request_id)
        }
    };
    let reply = reply.with_header("x-amzn-requestid", request_id);
    match effect {
        Some(Effect::DropAfter) => {
            settle("applied, and its answer dropped");
            Err(Dropped)
        }
        Some(Effect::CutAnswer) => {
            settle("applied, and its answer cut");
            Ok(reply.into_response(true))
        }
        Some(Effect::Delay(time)) => {
            tokio::time::sleep(time).await;
            Ok(reply.into_response(false))
        }
        _ => Ok(reply.into_response(false)),
    }
}

fn enter(world: &mut World, parts: &Parts, request: &wire::Request) -> Entered {
    let credential = credential(&parts.headers, request.service);
    let region = credential.as_ref().map(|credential| credential.region.clone()).unwrap_or_default();
    let caller = credential.and_then(|credential| world.caller(credential));
    let account = caller.as_ref().map(|caller| caller.account.clone()).unwrap_or_default();
    let name = format!("{}:{}", request.service, request.name);
    let now = world.now();
    let number = world.log.enter(now, name, (account, region), &request.summary());
    let effect = request.operation.and_then(|operation| world.faults.strike(operation, request.body()));
    let largest_page = request.operation.and_then(|operation| world.largest_pages.get(&operation).copied());
    let bend = Bend {
        repeat_cursor: effect == Some(Effect::RepeatCursor),
        empty_page: effect == Some(Effect::EmptyPage),
        largest_page,
    };
    Entered { number, caller, effect, bend, latency: world.latency }
}

fn answer(
    world: &mut World,
    parts: &Parts,
    request: wire::Request,
    entered: Entered,
    request_id: &str,
) -> Result<Reply, Refusal> {
    let wire::Request { service, name, operation, input } = request;
    let caller = entered.caller?;
    let operation = operation.ok_or_else(|| Refusal::unknown_operation(service, &name))?;
    let input = input?;
    match entered.effect {
        Some(Effect::Throttle) => return Err(Refusal::throttled(service)),
        Some(Effect::Refuse { status, code, message }) => return Err(Refusal::new(status, &code, message)),
        _ => {}
    }
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let endpoint = format!("http://{host}");
    let (caller, bend, endpoint) = (&caller, &entered.bend, endpoint.as_str());
    services::answer(world, Context { operation, caller, bend, request_id, endpoint }, input)
}
