//! The endpoint that Prometheus asks: `/metrics`, and `/healthz` for whoever restarts a watch that hangs.
//!
//! It serves what it was last given, and computes nothing. Connections and their time are bounded, so that nobody can
//! keep a watch from its work.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Connections at a time; further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 32;
/// How long a connection may take, with all its requests.
const LONGEST: Duration = Duration::from_secs(10);
/// How long a request's head may take.
const LONGEST_HEAD: Duration = Duration::from_secs(5);
/// A watch that has not judged for so long hangs: it does so every second.
const HANGS: Duration = Duration::from_secs(30);
/// The type of Prometheus's text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An endpoint; it ends with this value.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    _accepting: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    metrics: Bytes,
    given_at: Instant,
}

impl Endpoint {
    /// Listens, on the runtime that it is called on.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(Shared { metrics: Bytes::new(), given_at: Instant::now() }));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _accepting: accepting })
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves these metrics from now on.
    pub fn give(&self, metrics: String) {
        let mut shared = lock(&self.shared);
        shared.metrics = Bytes::from(metrics);
        shared.given_at = Instant::now();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    serve(stream, shared).await;
                    drop(place);
                });
            }
            // Out of descriptors, most often: they come back, and until then nothing spins.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let service = service_fn(move |request| {
        let response = answer(&request, &lock(&shared));
        async move { Ok::<_, Infallible>(response) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(LONGEST_HEAD);
    // It fails where the client hung up, which is the client's affair.
    drop(timeout(LONGEST, builder.serve_connection(TokioIo::new(stream), service)).await);
}

fn answer(request: &Request<Incoming>, shared: &Shared) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n");
    }
    match request.uri().path() {
        "/metrics" => {
            let mut response = Response::new(Full::new(shared.metrics.clone()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_TYPE));
            response
        }
        "/healthz" if shared.given_at.elapsed() < HANGS => plain(StatusCode::OK, "ok\n"),
        "/healthz" => plain(StatusCode::SERVICE_UNAVAILABLE, "nothing was judged for 30 s\n"),
        _ => plain(StatusCode::NOT_FOUND, "there are /metrics and /healthz\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
