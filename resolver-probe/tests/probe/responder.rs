//! A name server in a few lines, over UDP and TCP, whose every message a test decides.
//!
//! It knows no records: a script turns the n-th query into the messages that go back.

use std::net::{Ipv4Addr, SocketAddr};

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{Name, RData, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

/// Turns the n-th query (from 0) into the messages that go back, in order.
pub(crate) type Script = Box<dyn FnMut(usize, &Message) -> Vec<Vec<u8>> + Send>;

/// A running server; it ends with this value.
pub(crate) struct Responder {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Starts a server; without a TCP script, its TCP port is closed.
pub(crate) async fn start(udp: Script, tcp: Option<Script>) -> Responder {
    let (socket, listener) = bind().await;
    serve(socket, listener, udp, tcp)
}

/// Starts a server at this address, unless somebody else has it.
pub(crate) async fn start_at(address: SocketAddr, udp: Script, tcp: Option<Script>) -> Option<Responder> {
    let listener = TcpListener::bind(address).await.ok()?;
    Some(serve(UdpSocket::bind(address).await.ok()?, listener, udp, tcp))
}

fn serve(socket: UdpSocket, listener: TcpListener, udp: Script, tcp: Option<Script>) -> Responder {
    let address = socket.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve_udp(socket, udp));
    if let Some(tcp) = tcp {
        tasks.spawn(serve_tcp(listener, tcp));
    }
    Responder { address, _tasks: tasks }
}

/// Starts a server that says the same over UDP and TCP.
pub(crate) async fn start_both(script: fn() -> Script) -> Responder {
    start(script(), Some(script())).await
}

/// Finds a port that is free for both transports.
async fn bind() -> (UdpSocket, TcpListener) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()).await {
            return (socket, listener);
        }
    }
}

async fn serve_udp(socket: UdpSocket, mut script: Script) {
    let mut datagram = [0; 2048];
    for n in 0.. {
        // A client that is gone already shows up as an error of the next receive.
        let Ok((length, client)) = socket.recv_from(&mut datagram).await else { continue };
        let query = Message::from_vec(&datagram[..length]).unwrap();
        for message in script(n, &query) {
            let _ = socket.send_to(&message, client).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, mut script: Script) {
    for n in 0.. {
        let (mut stream, _) = listener.accept().await.unwrap();
        let Ok(length) = stream.read_u16().await else { continue };
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await.unwrap();
        for message in script(n, &Message::from_vec(&query).unwrap()) {
            stream.write_u16(u16::try_from(message.len()).unwrap()).await.unwrap();
            stream.write_all(&message).await.unwrap();
        }
    }
}

/// Answers with the addresses 192.0.2.n by turns, so that counts are exact.
pub(crate) fn by_turns(last_octets: &'static [u8]) -> Script {
    Box::new(move |n, query| vec![answer(query, last_octets[n % last_octets.len()]).to_vec().unwrap()])
}

/// Answers each query with this response code and no record.
pub(crate) fn rcode(code: ResponseCode) -> Script {
    Box::new(move |_, query| {
        let mut message = reply(query);
        message.metadata.response_code = code;
        vec![message.to_vec().unwrap()]
    })
}

/// Answers that the name does not exist, with the SOA that RFC 2308 asks for.
pub(crate) fn nx_domain() -> Script {
    Box::new(|_, query| {
        let mut message = reply(query);
        message.metadata.response_code = ResponseCode::NXDomain;
        let soa = SOA::new(Name::root(), Name::root(), 1, 1, 1, 1, 900);
        let origin = Name::from_ascii("example.com.").unwrap();
        message.add_authority(Record::from_rdata(origin, 900, RData::SOA(soa)));
        vec![message.to_vec().unwrap()]
    })
}

/// Never answers.
pub(crate) fn silence() -> Script {
    Box::new(|_, _| Vec::new())
}

/// An authoritative reply that repeats the question and holds nothing yet.
pub(crate) fn reply(query: &Message) -> Message {
    let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    message.metadata.authoritative = true;
    message.add_queries(query.queries.clone());
    message
}

/// A reply with 192.0.2.`last_octet` and TTL 20.
pub(crate) fn answer(query: &Message, last_octet: u8) -> Message {
    answer_with(query, Ipv4Addr::new(192, 0, 2, last_octet))
}

/// A reply with this address and TTL 20.
pub(crate) fn answer_with(query: &Message, address: Ipv4Addr) -> Message {
    let mut message = reply(query);
    let name = query.queries[0].name().clone();
    message.add_answer(Record::from_rdata(name, 20, RData::A(A(address))));
    message
}
