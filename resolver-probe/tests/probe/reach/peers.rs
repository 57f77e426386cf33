//! Peers of a few lines that speak STUN, QUIC and SRT, written from the specifications and not from the
//! probe's own code. A test decides what they send back.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Turns the n-th datagram (from 0) into those that go back, in order.
pub(crate) type Script = Box<dyn FnMut(usize, &[u8]) -> Vec<Vec<u8>> + Send>;

/// A running peer; it ends with this value.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    _task: JoinSet<()>,
}

impl Peer {
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

pub(crate) async fn start(mut script: Script) -> Peer {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut datagram = [0; 2048];
        for n in 0.. {
            // A client that is gone already shows up as an error of the next receive.
            let Ok((length, client)) = socket.recv_from(&mut datagram).await else { continue };
            for reply in script(n, &datagram[..length]) {
                let _ = socket.send_to(&reply, client).await;
            }
        }
    });
    Peer { address, _task: task }
}

/// Answers every datagram with what `reply` makes of it.
pub(crate) fn always(reply: fn(&[u8]) -> Vec<u8>) -> Script {
    Box::new(move |_, request| vec![reply(request)])
}

pub(crate) fn silence() -> Script {
    Box::new(|_, _| Vec::new())
}

/// RFC 8489: a Binding success that says that the request came from 192.0.2.7:4660.
pub(crate) fn stun(request: &[u8]) -> Vec<u8> {
    assert_eq!((request.len(), &request[..8]), (20, &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..]));
    let mut reply = vec![1, 1, 0, 12];
    reply.extend(&request[4..20]);
    let [port_high, port_low] = (0x1234_u16 ^ 0x2112).to_be_bytes();
    reply.extend([0, 0x20, 0, 8, 0, 1, port_high, port_low]);
    reply.extend([192 ^ 0x21, 0x12, 2 ^ 0xa4, 7 ^ 0x42]);
    reply
}

/// RFC 8489 §14.8: a Binding error, 401.
pub(crate) fn stun_error(request: &[u8]) -> Vec<u8> {
    let mut reply = vec![1, 0x11, 0, 8];
    reply.extend(&request[4..20]);
    reply.extend([0, 9, 0, 4, 0, 0, 4, 1]);
    reply
}

/// A Binding success to somebody else's request.
pub(crate) fn stun_to_somebody_else(request: &[u8]) -> Vec<u8> {
    let mut reply = stun(request);
    reply[19] ^= 1;
    reply
}

/// RFC 9000 §17.2.1: Version Negotiation with version 1 and one more.
pub(crate) fn quic(request: &[u8]) -> Vec<u8> {
    quic_with(request, &[1, 0x6b33_43cf])
}

/// The same, without version 1.
pub(crate) fn quic_draft(request: &[u8]) -> Vec<u8> {
    quic_with(request, &[0xff00_001d])
}

fn quic_with(request: &[u8], versions: &[u32]) -> Vec<u8> {
    assert_eq!(request.len(), 1200, "RFC 9000 §14.1: smaller ones are dropped");
    let reserved = |octet: &u8| octet & 0x0f == 0x0a;
    assert!(request[0] >> 6 == 0b11 && request[1..5].iter().all(reserved), "{:?}", &request[..5]);
    let (destination, source) = (&request[6..14], &request[15..23]);
    assert_eq!((request[5], request[14]), (8, 8));
    let mut reply = vec![0x80, 0, 0, 0, 0, 8];
    reply.extend(source);
    reply.push(8);
    reply.extend(destination);
    reply.extend(versions.iter().flat_map(|version| version.to_be_bytes()));
    reply
}

/// draft-sharabayko-srt-01 §4.3.1.1: the listener's half of the induction.
pub(crate) fn srt(request: &[u8]) -> Vec<u8> {
    assert_eq!((request.len(), request[19], request[39]), (64, 4, 1));
    let mut reply = request.to_vec();
    reply[12..16].copy_from_slice(&request[40..44]);
    reply[19] = 5;
    reply[22..24].copy_from_slice(&[0x4a, 0x17]);
    reply[44..48].copy_from_slice(&[9, 9, 9, 9]);
    reply
}
