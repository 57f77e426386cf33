//! Small STUN servers on several addresses of this machine and one port, each with a way of its own.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};

/// What a server does with requests.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// It answers each.
    Answers,
    /// It hears them, and says nothing.
    Mute,
    /// It does not answer the first so many, and then each.
    Deaf(usize),
    /// It answers with something that is no STUN.
    Garbage,
}

/// Running servers; they end with this value.
pub(crate) struct Peers {
    port: u16,
    servers: Vec<Server>,
}

struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peers {
    /// Starts a server at each address, all on one port, which nobody has at any of them.
    pub(crate) fn at(wanted: &[(Ipv4Addr, Way)]) -> Result<Self> {
        let (first, _) = wanted.first().context("an address")?;
        for _ in 0..100 {
            let port = UdpSocket::bind((*first, 0))?.local_addr()?.port();
            let sockets: std::io::Result<Vec<UdpSocket>> =
                wanted.iter().map(|(address, _)| UdpSocket::bind((*address, port))).collect();
            if let Ok(sockets) = sockets {
                let servers = sockets.into_iter().zip(wanted).map(|(socket, (_, way))| serve(socket, *way));
                return Ok(Self { port, servers: servers.collect::<Result<_>>()? });
            }
        }
        bail!("no port is free at all of the addresses")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        for server in &mut self.servers {
            server.over.store(true, Ordering::SeqCst);
            // The last datagram wakes it up.
            let woken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
                .and_then(|socket| socket.send_to(&[], server.address));
            if let (Ok(_), Some(thread)) = (woken, server.thread.take()) {
                drop(thread.join());
            }
        }
    }
}

fn serve(socket: UdpSocket, way: Way) -> Result<Server> {
    let address = socket.local_addr()?;
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    let thread = std::thread::spawn(move || {
        let mut datagram = [0; 2048];
        let mut heard = 0;
        loop {
            // A client that is gone already shows up as an error of the next receive.
            let received = socket.recv_from(&mut datagram);
            if is_over.load(Ordering::SeqCst) {
                return;
            }
            let Ok((length, client)) = received else { continue };
            heard += 1;
            let reply = match way {
                Way::Mute => None,
                Way::Deaf(requests) if heard <= requests => None,
                Way::Answers | Way::Deaf(_) => success(&datagram[..length]),
                Way::Garbage => Some(b"hello".to_vec()),
            };
            if let Some(reply) = reply {
                drop(socket.send_to(&reply, client));
            }
        }
    });
    Ok(Server { address, over, thread: Some(thread) })
}

/// RFC 8489 §5: a Binding success without attributes, to a request of 20 octets.
fn success(request: &[u8]) -> Option<Vec<u8>> {
    let is_binding = request.len() == 20 && request.starts_with(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    is_binding.then(|| [&[1, 1, 0, 0], &request[4..]].concat())
}
