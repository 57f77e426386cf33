//! The Lambda Runtime API, for a `bootstrap` that runs as a process.
//!
//! Source: Lambda Developer Guide, "Using the Lambda runtime API". Processes are started, frozen and killed
//! by the test; here they only find their work. An invocation is handed out once, also when its process dies.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::serving::{Body, Dropped, Server};
use crate::wire::reply::Reply;

const PREFIX: &str = "/2018-06-01/runtime/";
/// The largest answer of a synchronous invocation is 6 MB (Lambda quotas); a little more is read, to refuse it.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:registrar";

/// A Runtime API that serves one execution environment. It stops when it is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    shared: Arc<Shared>,
    server: Server,
}

/// An invocation, and when it got how far.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The request id.
    pub request_id: String,
    /// What became of it.
    pub outcome: Outcome,
    /// When it was queued.
    pub queued_at: Instant,
    /// When the process took it.
    pub taken_at: Option<Instant>,
    /// When it ended.
    pub ended_at: Instant,
}

/// What became of an invocation.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The function answered with this body.
    Answered(String),
    /// The function reported this error.
    Failed(Value),
    /// It did neither in time.
    TimedOut,
}

impl Invocation {
    /// Returns the body, if the function answered.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Answered(body) => Some(body),
            Outcome::Failed(_) | Outcome::TimedOut => None,
        }
    }

    /// Returns the time from handing it out to its end; nothing if it was never taken.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        Some(self.ended_at - self.taken_at?)
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    queued: Notify,
    /// The first request for work, or the error that there will be none.
    initialised: watch::Sender<Option<Result<Instant, Value>>>,
}

#[derive(Debug, Default)]
struct State {
    queued: VecDeque<Queued>,
    running: BTreeMap<String, Running>,
    invocations: u64,
    waits: u64,
}

#[derive(Debug)]
struct Queued {
    request_id: String,
    payload: String,
    deadline_ms: i64,
    taken: Arc<Mutex<Option<Instant>>>,
    ended: oneshot::Sender<Outcome>,
}

#[derive(Debug)]
struct Running {
    invocation_id: String,
    ended: oneshot::Sender<Outcome>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RuntimeApi {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// When no port can be listened on.
    pub async fn start() -> io::Result<Self> {
        let (initialised, _) = watch::channel(None);
        let shared = Arc::new(Shared { state: Mutex::default(), queued: Notify::new(), initialised });
        let handled = Arc::clone(&shared);
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(listen, move |request| handle(Arc::clone(&handled), request)).await?;
        Ok(Self { shared, server })
    }

    /// Returns what the process finds in `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> String {
        self.server.address().to_string()
    }

    /// Waits until the process first asks for work, and returns when that was, or the error of its
    /// initialisation. It waits for ever where neither comes.
    ///
    /// # Errors
    /// With the error document that the process posted instead.
    pub async fn initialised(&self) -> Result<Instant, Value> {
        let mut outcome = self.shared.initialised.subscribe();
        let reached = outcome.wait_for(Option::is_some).await;
        // The sender lives as long as this does.
        let reached = reached.map(|reached| reached.clone()).ok().flatten();
        reached.unwrap_or_else(|| Err(json!({ "errorMessage": "the Runtime API is gone" })))
    }

    /// Returns how often the process asked for work: one more than it has ended, while it waits.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.shared.state().waits
    }

    /// Queues an invocation with the function's timeout, and waits for its end.
    pub async fn invoke(&self, payload: &str, timeout: Duration) -> Invocation {
        let (ended, outcome) = oneshot::channel();
        let taken = Arc::new(Mutex::new(None));
        let deadline_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let deadline_ms = Clock::Real.now().as_millisecond().saturating_add(deadline_ms);
        let request_id = {
            let mut state = self.shared.state();
            state.invocations += 1;
            let request_id = format!("00000000-0000-4000-8000-{:012}", state.invocations);
            state.queued.push_back(Queued {
                request_id: request_id.clone(),
                payload: payload.to_owned(),
                deadline_ms,
                taken: Arc::clone(&taken),
                ended,
            });
            request_id
        };
        let queued_at = Instant::now();
        self.shared.queued.notify_one();
        let outcome = match tokio::time::timeout(timeout, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Outcome::TimedOut,
        };
        let mut state = self.shared.state();
        state.queued.retain(|queued| queued.request_id != request_id);
        state.running.remove(&request_id);
        let taken_at = *taken.lock().unwrap_or_else(PoisonError::into_inner);
        Invocation { request_id, outcome, queued_at, taken_at, ended_at: Instant::now() }
    }

    /// Stops, and returns when the port is free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|_| Dropped)?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    let invocation_id = parts.headers.get("lambda-runtime-invocation-id").and_then(|id| id.to_str().ok());
    let reply = match (parts.method.as_str(), segments.as_slice()) {
        ("GET", ["invocation", "next"]) => next(&shared).await,
        ("POST", ["invocation", id, "response"]) => end(&shared, id, invocation_id, Outcome::Answered(body)),
        ("POST", ["invocation", id, "error"]) => {
            end(&shared, id, invocation_id, Outcome::Failed(error_document(&body)))
        }
        ("POST", ["init", "error"]) => {
            announce(&shared, Err(error_document(&body)));
            accepted()
        }
        _ => Reply::plain_json(404, &json!({ "errorType": "NotFound", "errorMessage": "no such path" })),
    };
    Ok(reply.into_response(false))
}

/// Hands out the next invocation, as soon as there is one.
async fn next(shared: &Shared) -> Reply {
    announce(shared, Ok(Instant::now()));
    shared.state().waits += 1;
    loop {
        // Nothing is awaited between taking an invocation and answering with it, so a process that hangs up
        // while it waits takes none along.
        if let Some(reply) = take(&mut shared.state()) {
            return reply;
        }
        shared.queued.notified().await;
    }
}

fn take(state: &mut State) -> Option<Reply> {
    let Queued { request_id, payload, deadline_ms, taken, ended } = state.queued.pop_front()?;
    *taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    let invocation_id = format!("invocation-{request_id}");
    state.running.insert(request_id.clone(), Running { invocation_id: invocation_id.clone(), ended });
    let reply = Reply::raw_json(200, payload)
        .with_header("lambda-runtime-aws-request-id", request_id)
        .with_header("lambda-runtime-deadline-ms", deadline_ms.to_string())
        .with_header("lambda-runtime-invoked-function-arn", FUNCTION_ARN.to_owned())
        .with_header(
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned(),
        )
        .with_header("lambda-runtime-invocation-id", invocation_id);
    Some(reply)
}

fn end(shared: &Shared, request_id: &str, invocation_id: Option<&str>, outcome: Outcome) -> Reply {
    let mut state = shared.state();
    let Some(running) = state.running.get(request_id) else {
        return refused("InvalidRequestID", "no invocation of that id is running");
    };
    if invocation_id.is_some_and(|id| id != running.invocation_id) {
        return refused("InvalidInvocationId", "the invocation id is of another invocation");
    }
    if let Some(running) = state.running.remove(request_id) {
        // Whoever invoked it may have stopped waiting.
        drop(running.ended.send(outcome));
    }
    accepted()
}

fn announce(shared: &Shared, reached: Result<Instant, Value>) {
    shared.initialised.send_if_modified(|before| {
        let first = before.is_none();
        if first {
            *before = Some(reached);
        }
        first
    });
}

fn error_document(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| json!({ "errorMessage": body }))
}

fn accepted() -> Reply {
    Reply::plain_json(202, &json!({ "status": "OK" }))
}

fn refused(kind: &str, message: &str) -> Reply {
    Reply::plain_json(400, &json!({ "errorType": kind, "errorMessage": message }))
}
