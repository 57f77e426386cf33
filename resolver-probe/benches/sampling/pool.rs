//! A pool, and a server that draws its answers by weights, in a few lines and at the cost of a system call.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use registrar_core::dump;
use registrar_core::pool::Policy;
use resolver_probe::Truth;
use serde_json::json;

pub(crate) const NAME: &str = "video.bos.edge.example.com";
const POOL: &str = r#"{"version":1,"record":{"hosted_zone_id":"Z0123456789ABCDEFGHIJ","name":"video.bos.edge.example.com"},"members":{"tags":{"edge-dns":"video"}}}"#;
const HEADER: usize = 12;

/// Addresses with their weights.
#[derive(Clone)]
pub(crate) struct Pool(Vec<(Ipv4Addr, u64)>);

impl Pool {
    fn of(weights: impl Iterator<Item = u64>) -> Self {
        Self((0..).zip(weights).map(|(last, weight)| (Ipv4Addr::new(192, 0, 2, last), weight)).collect())
    }

    pub(crate) fn equal(addresses: usize) -> Self {
        Self::of((0..addresses).map(|_| 100))
    }

    /// Weights from 1 to 255 in no order.
    pub(crate) fn unequal(addresses: u64) -> Self {
        Self::of((0..addresses).map(|address| 1 + address * 97 % 255))
    }

    /// The first address has this percentage of the answers, the others the rest in equal parts.
    pub(crate) fn with_one_of(percent: u64, addresses: u64) -> Self {
        let others = addresses - 1;
        let weight = 40 * others * percent / (100 - percent);
        Self::of(std::iter::once(weight.min(255)).chain((0..others).map(|_| 40)))
    }

    pub(crate) fn without(&self, index: usize) -> Self {
        Self(self.0.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, row)| *row).collect())
    }

    pub(crate) fn halved(&self, index: usize) -> Self {
        let mut halved = self.clone();
        if let Some((_, weight)) = halved.0.get_mut(index) {
            *weight /= 2;
        }
        halved
    }

    pub(crate) fn truth(&self) -> Truth {
        let instances: Vec<_> = self.0.iter().map(|(address, weight)| instance(*address, *weight)).collect();
        let fleet = json!({ "Reservations": [{ "Instances": instances }] }).to_string();
        let fleet = dump::read_fleet(&fleet).expect("a fleet");
        Truth::new(&Policy::parse(POOL).expect("a pool"), &fleet, None)
    }
}

fn instance(address: Ipv4Addr, weight: u64) -> serde_json::Value {
    let interface = json!({ "Primary": true, "Association": { "CarrierIp": address } });
    json!({
        "InstanceId": format!("i-{}", address.octets()[3]),
        "State": { "Name": "running" },
        "Tags": [
            { "Key": "edge-dns", "Value": "video" },
            { "Key": "edge-dns-weight", "Value": weight.to_string() },
        ],
        "NetworkInterfaces": [{ "PrivateIpAddresses": [interface] }],
    })
}

/// A server that ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(pool: &Pool, seed: u64) -> Self {
        let (udp, tcp) = bind();
        let address = udp.local_addr().expect("an address");
        let over = Arc::new(AtomicBool::new(false));
        let (law, other) = (Law::new(pool, seed), Law::new(pool, !seed));
        let (datagrams, streams) = (Arc::clone(&over), Arc::clone(&over));
        let threads = vec![
            std::thread::spawn(move || serve_udp(&udp, law, &datagrams)),
            std::thread::spawn(move || serve_tcp(&tcp, other, &streams)),
        ];
        Self { address, over, threads }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Whoever waits for a connection is woken by one.
        drop(TcpStream::connect(self.address));
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// Finds a port that is free for both transports.
fn bind() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().expect("an address")) {
            udp.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
            return (udp, tcp);
        }
    }
}

struct Law {
    addresses: Vec<Ipv4Addr>,
    ends: Vec<u64>,
    random: StdRng,
}

impl Law {
    fn new(pool: &Pool, seed: u64) -> Self {
        let mut sum = 0;
        let ends = pool.0.iter().map(|(_, weight)| {
            sum += weight;
            sum
        });
        let ends = ends.collect();
        let addresses = pool.0.iter().map(|(address, _)| *address).collect();
        Self { addresses, ends, random: StdRng::seed_from_u64(seed) }
    }

    /// Answers a query in place, and returns the length of the answer.
    fn answer(&mut self, message: &mut [u8]) -> usize {
        let drawn = self.random.random_range(0..self.ends.last().copied().unwrap_or(1));
        let address = self.addresses[self.ends.partition_point(|end| *end <= drawn)];
        let mut place = HEADER;
        while message[place] != 0 {
            place += usize::from(message[place]) + 1;
        }
        let question = place + 5;
        // An authoritative response with one question and one answer, and nothing else.
        message[2..4].copy_from_slice(&[0x84, 0]);
        message[6..HEADER].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
        let record = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 20, 0, 4];
        message[question..question + 12].copy_from_slice(&record);
        message[question + 12..question + 16].copy_from_slice(&address.octets());
        question + 16
    }
}

fn serve_udp(socket: &UdpSocket, mut law: Law, over: &AtomicBool) {
    let mut message = [0; 512];
    while !over.load(Ordering::Relaxed) {
        if let Ok((_, client)) = socket.recv_from(&mut message) {
            let length = law.answer(&mut message);
            drop(socket.send_to(&message[..length], client));
        }
    }
}

fn serve_tcp(listener: &TcpListener, mut law: Law, over: &AtomicBool) {
    for stream in listener.incoming() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        let (mut length, mut message) = ([0; 2], [0; 512]);
        if stream.read_exact(&mut length).is_err() {
            continue;
        }
        let query = usize::from(u16::from_be_bytes(length));
        if stream.read_exact(&mut message[..query]).is_ok() {
            let answer = law.answer(&mut message);
            let framed = [&(answer as u16).to_be_bytes(), &message[..answer]].concat();
            drop(stream.write_all(&framed));
        }
    }
}
