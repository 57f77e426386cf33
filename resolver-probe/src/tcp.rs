//! One query over a TCP connection of its own.
//!
//! Nothing is retried here: each failure is a fact about the server.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
    let message = match timeout(limit, exchange(server, &question.encode(id))).await {
        Ok(Ok(message)) => message,
        Ok(Err(error)) => return Err(failure(&error)),
        Err(_elapsed) => return Err(TcpFailure::TimedOut),
    };
    match wire::read(&message, question, id) {
        Ok(reply) if reply.truncated => Err(TcpFailure::Truncated),
        Ok(reply) => Ok(reply),
        Err(Rejected::Garbage) => Err(TcpFailure::Garbage),
        Err(Rejected::OtherId(_) | Rejected::OtherQuestion) => Err(TcpFailure::Mismatched),
    }
}

/// RFC 1035 §4.2.2: each message is preceded by its length in two octets.
async fn exchange(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    // RFC 7766 §8: length and message go out together.
    let mut framed = Vec::with_capacity(query.len() + 2);
    framed.extend(length.to_be_bytes());
    framed.extend(query);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

fn failure(error: &io::Error) -> TcpFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => TcpFailure::Refused,
        io::ErrorKind::TimedOut => TcpFailure::TimedOut,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            TcpFailure::Closed
        }
        _ => TcpFailure::Failed(error.to_string()),
    }
}
