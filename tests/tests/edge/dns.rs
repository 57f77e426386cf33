//! A DNS client of a few lines, which shares nothing with the servers or the probe (RFC 1035 §4).

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const TIMEOUT: Duration = Duration::from_secs(2);
const TRIES: usize = 4;
/// A record with a share of 1 in 8 stays out of so many answers once in 10⁷ times, one of 1 in 4 once in 10¹⁵.
const DRAWS: usize = 120;
/// Questions that are under way at a time: few enough for any socket's buffer.
const AT_ONCE: usize = 64;
const TYPE_A: u16 = 1;

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Udp,
    Tcp,
}

/// What one reply says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) rcode: u8,
    pub(crate) addresses: BTreeSet<Ipv4Addr>,
    pub(crate) ttls: BTreeSet<u32>,
}

/// Asks once for the addresses of a name.
pub(crate) fn ask(server: SocketAddr, name: &str, over: Over) -> Result<Reply> {
    replies(server, name, over, 1)?.pop().context("one reply")
}

/// Asks often enough to see every address that is answered.
pub(crate) fn addresses(server: SocketAddr, name: &str, over: Over) -> Result<BTreeSet<Ipv4Addr>> {
    Ok(replies(server, name, over, DRAWS)?.into_iter().flat_map(|reply| reply.addresses).collect())
}

/// Somebody who asks one name server for the addresses of one name, again and again over one socket.
pub(crate) struct Asker {
    socket: UdpSocket,
    name: String,
    id: u16,
}

impl Asker {
    pub(crate) fn new(server: SocketAddr, name: &str) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { socket, name: name.to_owned(), id: 0 })
    }

    pub(crate) fn ask(&mut self) -> Result<Reply> {
        self.id = self.id.wrapping_add(1);
        exchange_udp(&self.socket, &question(self.id, &self.name))
    }

    /// Asks so often, with some questions under way at a time, and hands each reply on. A question that is lost is
    /// asked again at the end.
    pub(crate) fn ask_many(&mut self, count: usize, mut take: impl FnMut(Reply) -> Result<()>) -> Result<()> {
        let mut buffer = [0; 512];
        let mut taken = 0;
        while taken < count {
            let batch = (count - taken).min(AT_ONCE);
            for _ in 0..batch {
                self.id = self.id.wrapping_add(1);
                self.socket.send(&question(self.id, &self.name))?;
            }
            for _ in 0..batch {
                let Ok(length) = self.socket.recv(&mut buffer) else { break };
                take(parse(buffer.get(..length).unwrap_or_default())?)?;
                taken += 1;
            }
        }
        Ok(())
    }
}

fn replies(server: SocketAddr, name: &str, over: Over, count: usize) -> Result<Vec<Reply>> {
    let questions = (0..count).map(|id| question(u16::try_from(id).unwrap_or_default(), name));
    match over {
        Over::Udp => {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(server)?;
            socket.set_read_timeout(Some(TIMEOUT))?;
            questions.map(|question| exchange_udp(&socket, &question)).collect()
        }
        Over::Tcp => {
            let mut stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            questions.map(|question| exchange_tcp(&mut stream, &question)).collect()
        }
    }
}

fn question(id: u16, name: &str) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    // Recursion is desired: a resolver asks on, and a name server does not mind.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap_or_default());
        message.extend(label.bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

fn exchange_udp(socket: &UdpSocket, question: &[u8]) -> Result<Reply> {
    let mut buffer = [0; 4096];
    for _ in 0..TRIES {
        socket.send(question)?;
        while let Ok(length) = socket.recv(&mut buffer) {
            if buffer.starts_with(question.get(..2).unwrap_or_default()) {
                return parse(buffer.get(..length).unwrap_or_default());
            }
        }
    }
    anyhow::bail!("no reply over UDP")
}

fn exchange_tcp(stream: &mut TcpStream, question: &[u8]) -> Result<Reply> {
    let mut framed = u16::try_from(question.len())?.to_be_bytes().to_vec();
    framed.extend(question);
    stream.write_all(&framed)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply)?;
    ensure!(reply.starts_with(question.get(..2).unwrap_or_default()), "a reply to another question");
    parse(&reply)
}

fn parse(message: &[u8]) -> Result<Reply> {
    let mut rest = Cursor { message, at: 3 };
    let mut reply = Reply { rcode: rest.byte()? & 0x0f, addresses: BTreeSet::new(), ttls: BTreeSet::new() };
    let questions = rest.number()?;
    let answers = rest.number()?;
    rest.at = 12;
    for _ in 0..questions {
        rest.skip_name()?;
        rest.at += 4;
    }
    for _ in 0..answers {
        rest.skip_name()?;
        let record_type = rest.number()?;
        rest.at += 2;
        let ttl = (u32::from(rest.number()?) << 16) | u32::from(rest.number()?);
        let length = usize::from(rest.number()?);
        if record_type == TYPE_A && length == 4 {
            reply.addresses.insert(Ipv4Addr::new(rest.byte()?, rest.byte()?, rest.byte()?, rest.byte()?));
            reply.ttls.insert(ttl);
        } else {
            rest.at += length;
        }
    }
    Ok(reply)
}

struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn byte(&mut self) -> Result<u8> {
        let byte = self.message.get(self.at).copied().context("the reply is cut short")?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn skip_name(&mut self) -> Result<()> {
        loop {
            match self.byte()? {
                0 => return Ok(()),
                length if length >= 0xc0 => {
                    self.at += 1;
                    return Ok(());
                }
                length => self.at += usize::from(length),
            }
        }
    }
}
