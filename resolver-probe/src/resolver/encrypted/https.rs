//! DNS over HTTPS (RFC 8484): one POST over HTTP/2 for each query.
//!
//! No redirect is followed, and no cache in between is asked: POST is not cacheable.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request, StatusCode, Version, header};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::resolver::ResolverFailure;

/// RFC 8484 §6: the media type of a DNS message.
const DNS_MESSAGE: &str = "application/dns-message";
/// RFC 1035 §4.2.2: longer than its length field tells, no message is.
const LONGEST_MESSAGE: usize = 65_535;
/// What the headers of a response may take, in octets: a DNS message needs few, and the library would take 16 MiB.
const LONGEST_HEADERS: u32 = 16_384;

/// An HTTP/2 connection, which ends with this value.
#[derive(Debug)]
pub(in crate::resolver) struct Stream {
    requests: SendRequest<Bytes>,
    url: String,
    _driver: JoinSet<()>,
}

/// Opens a connection on a stream that is secured already.
pub(in crate::resolver) async fn open<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    authority: &str,
    path: &str,
) -> Result<Stream, ResolverFailure> {
    let mut builder = h2::client::Builder::new();
    builder.enable_push(false).max_header_list_size(LONGEST_HEADERS);
    let (requests, connection) = builder.handshake(stream).await.map_err(|error| failure(&error))?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // Whoever has a request under way is told of the same error.
        let _ = connection.await;
    });
    Ok(Stream { requests, url: format!("https://{authority}{path}"), _driver: driver })
}

impl Stream {
    pub(in crate::resolver) async fn exchange(&mut self, query: &[u8]) -> Result<Vec<u8>, ResolverFailure> {
        let request = Request::builder()
            .version(Version::HTTP_2)
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, DNS_MESSAGE)
            .header(header::ACCEPT, DNS_MESSAGE)
            .header(header::CONTENT_LENGTH, query.len())
            .body(())
            .map_err(|error| ResolverFailure::Failed(error.to_string()))?;
        let mut requests = self.requests.clone().ready().await.map_err(|error| failure(&error))?;
        let (response, mut body) = requests.send_request(request, false).map_err(|error| failure(&error))?;
        body.send_data(Bytes::copy_from_slice(query), true).map_err(|error| failure(&error))?;
        let response = response.await.map_err(|error| failure(&error))?;
        if response.status() != StatusCode::OK {
            return Err(ResolverFailure::Http(response.status().as_u16()));
        }
        let kind = response.headers().get(header::CONTENT_TYPE);
        if kind.is_none_or(|kind| kind.as_bytes() != DNS_MESSAGE.as_bytes()) {
            return Err(ResolverFailure::Garbage);
        }
        collect(response.into_body()).await
    }
}

async fn collect(mut body: h2::RecvStream) -> Result<Vec<u8>, ResolverFailure> {
    let mut message = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|error| failure(&error))?;
        if message.len() + chunk.len() > LONGEST_MESSAGE {
            return Err(ResolverFailure::Garbage);
        }
        body.flow_control().release_capacity(chunk.len()).map_err(|error| failure(&error))?;
        message.extend_from_slice(&chunk);
    }
    Ok(message)
}

fn failure(error: &h2::Error) -> ResolverFailure {
    match error.get_io() {
        Some(error) => super::failure(error),
        None if error.is_go_away() && error.is_remote() => ResolverFailure::Closed,
        None => ResolverFailure::Failed(error.to_string()),
    }
}
