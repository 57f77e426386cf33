//! One running name server.
//!
//! It keeps its sockets served until it is shut down. What it answers is decided elsewhere.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_server::Server;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::faults::{FaultsHandle, NameServerFaults};
use super::handler::{Handler, SharedHandler};
use super::sockets::{NameServerError, Sockets};
use super::source::{Clock, ZoneSource};

/// How long a TCP connection may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How many replies may wait on one TCP connection.
const REPLIES_IN_FLIGHT: usize = 32;
/// How long a socket rests whose server ended by itself, so that a lasting error does not spin.
const REST: Duration = Duration::from_millis(50);

/// What a name server needs.
#[derive(Clone)]
pub struct NameServerConfig {
    /// Where to listen; port 0 takes any free one. Not a wildcard address.
    pub address: SocketAddr,
    /// What to answer from.
    pub zones: Arc<dyn ZoneSource>,
    /// What to take the time from.
    pub clock: Clock,
    /// Where the random numbers begin.
    pub seed: u64,
    /// How many UDP sockets share the port, at least one.
    pub udp_sockets: usize,
    /// What is wrong with the server from the start.
    pub faults: NameServerFaults,
}

impl NameServerConfig {
    /// Builds the configuration of a sound name server with two UDP sockets.
    #[must_use]
    pub fn new(address: SocketAddr, zones: Arc<dyn ZoneSource>, clock: Clock, seed: u64) -> Self {
        Self { address, zones, clock, seed, udp_sockets: 2, faults: NameServerFaults::default() }
    }
}

/// A name server that answers until it is shut down or dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    faults: FaultsHandle,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl NameServer {
    /// Binds the address and begins to answer. Must be awaited within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on, or is a wildcard.
    pub async fn start(config: NameServerConfig) -> Result<Self, NameServerError> {
        let Sockets { address, tcp, udp } = Sockets::bind(config.address, config.udp_sockets)?;
        let faults = FaultsHandle::default();
        faults.set(config.faults);
        let handler = Arc::new(Handler {
            zones: config.zones,
            clock: config.clock,
            faults: faults.clone(),
            rng: Mutex::new(StdRng::seed_from_u64(config.seed)),
        });
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for socket in udp {
            let handler = Arc::clone(&handler);
            tasks.spawn(keep_serving(stop.clone(), move || serve_udp(&socket, &handler)));
        }
        tasks.spawn(keep_serving(stop.clone(), move || serve_tcp(&tcp, &handler)));
        Ok(Self { address, faults, stop, tasks })
    }

    /// Returns where the server listens, with the port that was chosen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what reads and changes the server's faults.
    #[must_use]
    pub fn faults(&self) -> FaultsHandle {
        self.faults.clone()
    }

    /// Stops answering and frees the address.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Serves one socket until told to stop, beginning again whenever its server ends.
///
/// hickory 0.26.3 gives up a socket for good when a client aborts a connection before it is accepted
/// (its issue 3725), and a server of several sockets does not even say so. Each socket therefore has a
/// server of its own, made anew on a duplicate of the same socket, whose queue outlives it.
async fn keep_serving(stop: CancellationToken, serve: impl Fn() -> io::Result<Server<SharedHandler>> + Send) {
    while !stop.is_cancelled() {
        if let Ok(mut server) = serve() {
            until(&stop, server.block_until_done()).await;
            if stop.is_cancelled() {
                // The error of a socket that is being closed tells nothing.
                let _ = server.shutdown_gracefully().await;
                return;
            }
        }
        until(&stop, tokio::time::sleep(REST)).await;
    }
}

/// Waits for the work to end, or for the order to stop.
async fn until<T>(stop: &CancellationToken, work: impl Future<Output = T>) {
    tokio::select! {
        _ = work => {}
        () = stop.cancelled() => {}
    }
}

fn serve_udp(socket: &UdpSocket, handler: &Arc<Handler>) -> io::Result<Server<SharedHandler>> {
    let mut server = Server::new(SharedHandler(Arc::clone(handler)));
    server.register_socket(tokio::net::UdpSocket::from_std(socket.try_clone()?)?);
    Ok(server)
}

fn serve_tcp(listener: &TcpListener, handler: &Arc<Handler>) -> io::Result<Server<SharedHandler>> {
    let mut server = Server::new(SharedHandler(Arc::clone(handler)));
    let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
    server.register_listener(listener, IDLE_TIMEOUT, REPLIES_IN_FLIGHT);
    Ok(server)
}

#[cfg(test)]
mod tests {
    //! Name servers on loopback, asked with raw messages.

    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
    use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};
    use hickory_proto::rr::{DNSClass, Name, RecordType as WireType};
    use registrar_core::record_set::RecordSet;
    use registrar_core::{SignedDuration, Timestamp};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpStream, UdpSocket as AsyncUdpSocket};
    use tokio::time::timeout;

    use super::*;
    use crate::dns::{Lie, Share};
    use crate::route53::testing::{ZONE, simple, weighted};
    use crate::route53::{ModelChange, PublishedZone, Route53Model, Settings};

    /// How long an answer may take before a test fails.
    const PATIENCE: Duration = Duration::from_secs(5);
    /// How long silence is listened to.
    const SILENCE: Duration = Duration::from_millis(200);

    fn zone() -> PublishedZone {
        let addresses: Vec<String> = (0..100).map(|n| format!("192.0.2.{n}")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let soa = "ns.example.net. h.example.net. 1 7200 900 1209600 86400";
        let records = vec![
            RecordSet { ttl_secs: Some(900), ..simple("example.com", "SOA", &[soa]) },
            RecordSet { weight: Some(1), ..weighted("video.example.com", "x", "192.0.2.1") },
            RecordSet { weight: Some(3), ..weighted("video.example.com", "y", "192.0.2.2") },
            simple("large.example.com", "A", &addresses),
            simple("medium.example.com", "A", &addresses[..40]),
        ];
        PublishedZone::new(ZONE.parse().unwrap(), "example.com".parse().unwrap(), records)
    }

    async fn start_with(faults: NameServerFaults) -> NameServer {
        let clock: Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let config =
            NameServerConfig::new("127.0.0.1:0".parse().unwrap(), Arc::new(Arc::new(zone())), clock, 42);
        NameServer::start(NameServerConfig { faults, ..config }).await.unwrap()
    }

    async fn start() -> NameServer {
        start_with(NameServerFaults::default()).await
    }

    fn question(name: &str, wire_type: WireType) -> Message {
        let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), wire_type));
        message
    }

    fn with_payload(mut message: Message, max_payload: u16) -> Message {
        let mut edns = Edns::new();
        edns.set_max_payload(max_payload);
        message.set_edns(edns);
        message
    }

    async fn exchange_udp(server: &NameServer, request: &[u8]) -> Vec<u8> {
        let socket = AsyncUdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(server.address()).await.unwrap();
        socket.send(request).await.unwrap();
        let mut buffer = vec![0; 65_535];
        let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.expect("no answer").unwrap();
        buffer.truncate(length);
        buffer
    }

    async fn ask(server: &NameServer, message: &Message) -> Message {
        let answer = exchange_udp(server, &message.to_vec().unwrap()).await;
        Message::from_vec(&answer).unwrap()
    }

    async fn ask_tcp(stream: &mut TcpStream, message: &Message) -> Message {
        let bytes = message.to_vec().unwrap();
        stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let answer = async {
            let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut answer).await.unwrap();
            answer
        };
        Message::from_vec(&timeout(PATIENCE, answer).await.expect("no answer")).unwrap()
    }

    async fn assert_silent_udp(server: &NameServer) {
        let socket = AsyncUdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(server.address()).await.unwrap();
        socket.send(&question("video.example.com.", WireType::A).to_vec().unwrap()).await.unwrap();
        assert!(timeout(SILENCE, socket.recv(&mut [0; 512])).await.is_err(), "an answer over UDP");
    }

    async fn assert_silent_tcp(server: &NameServer) {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let bytes = question("video.example.com.", WireType::A).to_vec().unwrap();
        stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        assert!(timeout(SILENCE, stream.read_u16()).await.is_err(), "an answer over TCP");
    }

    #[tokio::test]
    async fn weighted_answers_are_drawn_afresh_for_each_query() {
        let server = start().await;
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..400 {
            let answer = ask(&server, &question("video.example.com.", WireType::A)).await;
            assert_eq!(answer.answers.len(), 1);
            *seen.entry(answer.answers[0].data.to_string()).or_default() += 1;
        }
        // 100 are expected of the lighter one; the bound is five standard deviations.
        assert!(seen.len() == 2 && seen["192.0.2.1"].abs_diff(100) < 44, "{seen:?}");
        server.shutdown().await;
    }

    #[tokio::test]
    async fn an_answer_is_authoritative_offers_no_recursion_and_has_no_edns_unasked() {
        let server = start().await;
        let answer = ask(&server, &question("video.example.com.", WireType::A)).await;
        let header = answer.metadata;
        assert_eq!((header.id, header.response_code), (4711, ResponseCode::NoError));
        assert!(header.authoritative && header.recursion_desired && !header.recursion_available);
        assert!(answer.edns.is_none());
        assert_eq!(answer.answers[0].ttl, 20);
    }

    #[tokio::test]
    async fn an_answer_that_does_not_fit_is_truncated_and_whole_over_tcp() {
        let server = start().await;
        for (name, payload, fits) in [
            ("medium.example.com.", None, false),
            ("medium.example.com.", Some(1232), true),
            ("large.example.com.", Some(4096), false),
        ] {
            let asked = question(name, WireType::A);
            let asked = payload.map_or(asked.clone(), |payload| with_payload(asked, payload));
            let bytes = exchange_udp(&server, &asked.to_vec().unwrap()).await;
            assert!(bytes.len() <= usize::from(payload.unwrap_or(512).min(1232)), "{name}: {}", bytes.len());
            let answer = Message::from_vec(&bytes).unwrap();
            assert_eq!(answer.metadata.truncation, !fits, "{name}");
            assert_eq!(answer.answers.is_empty(), !fits, "{name}");
            assert_eq!(answer.edns.is_some(), payload.is_some(), "{name}");
        }
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let whole = ask_tcp(&mut stream, &question("large.example.com.", WireType::A)).await;
        assert_eq!((whole.answers.len(), whole.metadata.truncation), (100, false));
        let second = ask_tcp(&mut stream, &question("video.example.com.", WireType::A)).await;
        assert_eq!(second.answers.len(), 1);
    }

    #[tokio::test]
    async fn a_missing_name_is_denied_with_the_start_of_authority() {
        let server = start().await;
        let answer = ask(&server, &question("missing.example.com.", WireType::A)).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
        assert!(answer.metadata.authoritative);
        assert_eq!((answer.authorities[0].record_type(), answer.authorities[0].ttl), (WireType::SOA, 900));
    }

    #[tokio::test]
    async fn what_is_not_served_is_refused_by_its_code() {
        let server = start().await;
        let outside = question("video.example.net.", WireType::A);
        let root = question(".", WireType::NS);
        let mut chaos = question("video.example.com.", WireType::TXT);
        chaos.queries[0].set_query_class(DNSClass::CH);
        let mut notify = question("example.com.", WireType::SOA);
        notify.metadata.op_code = OpCode::Notify;
        let mut two = question("video.example.com.", WireType::A);
        two.add_query(two.queries[0].clone());
        let mut none = question("video.example.com.", WireType::A);
        none.queries.clear();
        for (message, code) in [
            (outside, ResponseCode::Refused),
            (root, ResponseCode::Refused),
            (chaos, ResponseCode::Refused),
            (notify, ResponseCode::NotImp),
            (two, ResponseCode::FormErr),
            (none, ResponseCode::FormErr),
        ] {
            let answer = ask(&server, &message).await;
            assert_eq!(answer.metadata.response_code, code);
            assert!(!answer.metadata.authoritative && answer.answers.is_empty());
        }
    }

    #[tokio::test]
    async fn edns_is_clamped_echoes_the_subnet_and_knows_one_version() {
        let server = start().await;
        let mut asked = with_payload(question("video.example.com.", WireType::A), 4096);
        let subnet = ClientSubnet::new("192.0.2.0".parse().unwrap(), 24, 0);
        asked.edns.as_mut().unwrap().options_mut().insert(EdnsOption::Subnet(subnet));
        let edns = ask(&server, &asked).await.edns.unwrap();
        assert_eq!((edns.max_payload(), edns.version()), (1232, 0));
        let Some(EdnsOption::Subnet(echo)) = edns.option(EdnsCode::Subnet) else { panic!("no subnet") };
        assert_eq!(echo.scope_prefix(), 0);
        asked.edns.as_mut().unwrap().set_version(1);
        let answer = ask(&server, &asked).await;
        // 16 is BADVERS here; hickory reads it as BADSIG, which shares the number.
        assert_eq!(u16::from(answer.metadata.response_code), 16);
        assert_eq!(answer.edns.unwrap().version(), 0);
    }

    #[tokio::test]
    async fn a_server_whose_tcp_is_dead_answers_over_udp_only_until_it_is_mended() {
        let server = start_with(NameServerFaults { tcp_dead: true, ..NameServerFaults::default() }).await;
        assert_silent_tcp(&server).await;
        ask(&server, &question("video.example.com.", WireType::A)).await;
        server.faults().set(NameServerFaults::default());
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        ask_tcp(&mut stream, &question("video.example.com.", WireType::A)).await;
    }

    #[tokio::test]
    async fn a_dead_server_and_one_that_drops_everything_are_silent() {
        let server = start().await;
        server.faults().set(NameServerFaults { dead: true, ..NameServerFaults::default() });
        assert_silent_udp(&server).await;
        assert_silent_tcp(&server).await;
        server.faults().set(NameServerFaults { drop_share: Share::ALL, ..NameServerFaults::default() });
        assert_silent_udp(&server).await;
    }

    #[tokio::test]
    async fn a_lie_is_told_about_its_name_and_a_ttl_can_be_overridden() {
        let server = start().await;
        let lie = Lie {
            name: "video.example.com".parse().unwrap(),
            address: "198.51.100.66".parse().unwrap(),
            share: Share::ALL,
        };
        let faults = NameServerFaults { lie: Some(lie), ttl_secs: Some(77), ..NameServerFaults::default() };
        server.faults().set(faults);
        let answer = ask(&server, &question("video.example.com.", WireType::A)).await;
        assert_eq!(
            (answer.answers[0].data.to_string().as_str(), answer.answers[0].ttl),
            ("198.51.100.66", 77)
        );
        let honest = ask(&server, &question("medium.example.com.", WireType::AAAA)).await;
        assert!(honest.answers.is_empty());
    }

    #[tokio::test]
    async fn a_server_that_lags_serves_an_older_state_of_the_model() {
        let at = |secs| Timestamp::from_second(secs).unwrap();
        let mut model =
            Route53Model::new(Settings { propagation: SignedDuration::from_secs(10), ..Settings::default() });
        let zone = ZONE.parse().unwrap();
        model.create_hosted_zone(ZONE.parse().unwrap(), "example.com".parse().unwrap(), vec![]).unwrap();
        let addition = ModelChange::create(weighted("video.example.com", "x", "192.0.2.1"));
        model.change_record_sets(&zone, &[addition], at(1_000)).unwrap();
        let clock: Clock = Arc::new(move || at(1_010));
        let zones = Arc::new(Mutex::new(model));
        let config = NameServerConfig::new("127.0.0.1:0".parse().unwrap(), zones, clock, 1);
        let server = NameServer::start(config).await.unwrap();
        let asked = question("video.example.com.", WireType::A);
        assert_eq!(ask(&server, &asked).await.answers.len(), 1);
        server.faults().set(NameServerFaults { lag_secs: 1, ..NameServerFaults::default() });
        assert_eq!(ask(&server, &asked).await.metadata.response_code, ResponseCode::NXDomain);
    }

    #[tokio::test]
    async fn a_socket_whose_server_ended_is_served_again() {
        let Sockets { address, tcp, .. } = Sockets::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let handler = Arc::new(Handler {
            zones: Arc::new(Arc::new(zone())),
            clock: Arc::new(|| Timestamp::UNIX_EPOCH),
            faults: FaultsHandle::default(),
            rng: Mutex::new(StdRng::seed_from_u64(1)),
        });
        let starts = AtomicUsize::new(0);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(keep_serving(stop.clone(), move || {
            match starts.fetch_add(1, Ordering::Relaxed) {
                0 => Err(io::ErrorKind::Other.into()),
                // A server without sockets ends at once, as one does that gave up its socket.
                1 => Ok(Server::new(SharedHandler(Arc::clone(&handler)))),
                _ => serve_tcp(&tcp, &handler),
            }
        }));
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask_tcp(&mut stream, &question("video.example.com.", WireType::A)).await;
        stop.cancel();
        timeout(PATIENCE, serving).await.expect("the socket is still served").unwrap();
    }

    #[tokio::test]
    async fn a_shut_down_server_frees_its_address() {
        let server = start().await;
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        ask_tcp(&mut stream, &question("video.example.com.", WireType::A)).await;
        let address = server.address();
        timeout(PATIENCE, server.shutdown()).await.expect("the server did not stop");
        Sockets::bind(address, 2).unwrap();
    }
}
