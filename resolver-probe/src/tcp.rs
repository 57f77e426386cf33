//! One query over a TCP connection of its own, or over another stream of octets.
//!
//! Nothing is retried here: each failure is a fact about the server.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::observation::TcpFailure;
use crate::wire::{self, Question, Rejected, Reply};

/// Asks the server once, within `limit`.
pub(crate) async fn ask(
    server: SocketAddr,
    question: &Question,
    id: u16,
    limit: Duration,
) -> Result<Reply, TcpFailure> {
    let message = message(server, &question.encode(id), limit).await?;
    match wire::read(&message, question, id)? {
        reply if reply.truncated => Err(TcpFailure::Truncated),
        reply => Ok(reply),
    }
}

/// Sends a query, and returns the message that comes back, whatever it is.
pub(crate) async fn message(
    server: SocketAddr,
    query: &[u8],
    limit: Duration,
) -> Result<Vec<u8>, TcpFailure> {
    let exchange = async { exchange(&mut TcpStream::connect(server).await?, query).await };
    match timeout(limit, exchange).await {
        Ok(Ok(message)) => Ok(message),
        Ok(Err(error)) => Err(TcpFailure::from(&error)),
        Err(_elapsed) => Err(TcpFailure::TimedOut),
    }
}

/// RFC 1035 §4.2.2: each message is preceded by its length in two octets, which bounds it too.
pub(crate) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    query: &[u8],
) -> io::Result<Vec<u8>> {
    stream.write_all(&framed(query)?).await?;
    stream.flush().await?;
    let length = stream.read_u16().await?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// RFC 7766 §8: length and message go out together.
pub(crate) fn framed(query: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    let mut framed = Vec::with_capacity(query.len() + 2);
    framed.extend(length.to_be_bytes());
    framed.extend(query);
    Ok(framed)
}

impl From<&io::Error> for TcpFailure {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::Closed
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<Rejected> for TcpFailure {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Garbage => Self::Garbage,
            Rejected::OtherId(_) | Rejected::OtherQuestion => Self::Mismatched,
        }
    }
}
