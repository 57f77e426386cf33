//! HTTP on a loopback port: accepts connections, hands requests to a handler, and can close a
//! connection without an answer.
//!
//! What a request means is not known here.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The handler's wish that the connection be closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is dropped without an answer")]
pub(crate) struct Dropped;

/// A server that stops when it is dropped, with every connection of its own.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    accepting: JoinHandle<Infallible>,
}

impl Server {
    /// Starts serving on the runtime that it is called on.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub(crate) async fn start<H, F>(listen: SocketAddr, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response<Body>, Dropped>> + Send + 'static,
    {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, accepting: tokio::spawn(accept(listener, handler)) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops, and returns when the port is free.
    pub(crate) async fn stop(mut self) {
        self.accepting.abort();
        // It ends by being aborted, which is an error that says nothing.
        drop((&mut self.accepting).await);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept<H, F>(listener: TcpListener, handler: H) -> Infallible
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, Dropped>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that is gone before it is accepted is the client's affair.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, handler.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve<H, F>(stream: TcpStream, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, Dropped>> + Send + 'static,
{
    // Without it, small answers wait for the acknowledgement of the ones before.
    drop(stream.set_nodelay(true));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(handler));
    // It fails where the client hung up, or where the handler wanted it closed.
    drop(connection.await);
}

/// The body of an answer, which may end before the length that was promised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body {
    data: Option<Bytes>,
    length: u64,
    sent: u64,
    /// Whether what was sent has had its turn to leave, so that the end does not overtake it.
    flushed: bool,
}

impl Body {
    pub(crate) fn whole(data: Bytes) -> Self {
        let length = data.len() as u64;
        Self { data: Some(data), length, ..Self::default() }
    }

    /// Promises everything and sends half of it.
    pub(crate) fn cut(data: &Bytes) -> Self {
        let length = data.len() as u64;
        Self { data: Some(data.slice(..data.len() / 2)), length, ..Self::default() }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            self.sent = data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if self.sent == self.length {
            return Poll::Ready(None);
        }
        if self.flushed {
            return Poll::Ready(Some(Err(Dropped)));
        }
        self.flushed = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length - self.sent)
    }
}
