//! Between hickory's server and what replies: a sound message goes back through hickory, and octets that no
//! server library would send leave through the socket that the request came to.
//!
//! What is replied is decided elsewhere.

use std::future::pending;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use hickory_net::runtime::Time;
use hickory_net::xfer::Protocol;
use hickory_proto::op::{Header, HeaderCounts, Metadata};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use tokio::time::sleep;

use super::message::Reply;

/// What replies to the requests that come to an address.
pub(crate) trait Responder: Send + Sync + 'static {
    /// Returns what is sent for a request.
    fn respond(&self, request: &Request) -> Delivery;

    /// Says whether connections are closed as soon as they are accepted.
    fn closes_connections(&self) -> bool {
        false
    }

    /// Waits until connections are no longer closed at once, or are, as they are not now.
    fn turns(&self, _closes: bool) -> impl Future<Output = ()> + Send {
        pending()
    }
}

/// What is sent for a request.
#[derive(Debug)]
pub(crate) enum Delivery {
    Nothing,
    /// A message that hickory sends, after a while.
    Message(Reply, Duration),
    /// Datagrams that hickory would not send, over UDP only.
    Datagrams(Vec<Datagram>),
}

/// One datagram to a client.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) bytes: Vec<u8>,
    /// How long it is held back.
    pub(crate) after: Duration,
    /// The address that it comes from, where that is not the one that was asked.
    pub(crate) source: Option<IpAddr>,
}

impl From<Reply> for Delivery {
    fn from(reply: Reply) -> Self {
        Self::Message(reply, Duration::ZERO)
    }
}

/// What handles the requests of one socket.
pub(crate) struct SocketHandler<R> {
    pub(crate) responder: Arc<R>,
    /// The socket that requests over UDP come to; whoever serves it keeps it open.
    pub(crate) socket: Weak<UdpSocket>,
}

#[async_trait]
impl<R: Responder> RequestHandler for SocketHandler<R> {
    async fn handle_request<H: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: H,
    ) -> ResponseInfo {
        let metadata = Metadata::response_from_request(&request.metadata);
        let silence = ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() });
        match self.responder.respond(request) {
            Delivery::Nothing => silence,
            Delivery::Datagrams(datagrams) => {
                self.send_all(datagrams, request.src()).await;
                silence
            }
            Delivery::Message(mut reply, after) => {
                if request.protocol() == Protocol::Udp {
                    reply.fit(&request.queries);
                }
                pause(after).await;
                // A client that is gone is no concern of a name server.
                response_handle.send_response(reply.message(&request.queries)).await.unwrap_or(silence)
            }
        }
    }
}

impl<R> SocketHandler<R> {
    async fn send_all(&self, mut datagrams: Vec<Datagram>, client: SocketAddr) {
        datagrams.sort_by_key(|datagram| datagram.after);
        let mut waited = Duration::ZERO;
        for datagram in datagrams {
            pause(datagram.after.saturating_sub(waited)).await;
            waited = datagram.after;
            self.send(&datagram, client);
        }
    }

    /// Sends one datagram at once: the socket never blocks, and what does not leave is lost, as datagrams
    /// are.
    fn send(&self, datagram: &Datagram, client: SocketAddr) {
        let _ = match datagram.source {
            None => self.socket.upgrade().map(|socket| socket.send_to(&datagram.bytes, client)),
            Some(source) => {
                Some(UdpSocket::bind((source, 0)).and_then(|other| other.send_to(&datagram.bytes, client)))
            }
        };
    }
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        sleep(duration).await;
    }
}
