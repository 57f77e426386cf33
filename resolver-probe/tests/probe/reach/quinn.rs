//! QUIC against quinn's own protocol machine, which is a real server as far as its list of versions.
//!
//! No handshake is begun: the server's cryptography is never asked for anything, and has none.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use quinn_proto::crypto::{
    self, AeadKey, CryptoError, HandshakeTokenKey, HmacKey, Keys, Session, UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, DatagramEvent, Endpoint, EndpointConfig, ServerConfig};
use resolver_probe::reach::packet::quic;
use resolver_probe::reach::{Liveness, ReachRequest, ReachTarget, ReplyDetail, reach};
use tokio::time::Instant;

use super::peers::{Script, start};

struct NoCryptography;

impl crypto::ServerConfig for NoCryptography {
    fn initial_keys(&self, _version: u32, _id: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        Err(UnsupportedVersion)
    }

    fn retry_tag(&self, _version: u32, _id: &ConnectionId, _packet: &[u8]) -> [u8; 16] {
        unreachable!("nothing is retried")
    }

    fn start_session(self: Arc<Self>, _version: u32, _parameters: &TransportParameters) -> Box<dyn Session> {
        unreachable!("no session is started")
    }
}

impl HandshakeTokenKey for NoCryptography {
    fn aead_from_hkdf(&self, _random: &[u8]) -> Box<dyn AeadKey> {
        unreachable!("no token is made")
    }
}

impl HmacKey for NoCryptography {
    fn sign(&self, _data: &[u8], signature: &mut [u8]) {
        signature.fill(0);
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, _data: &[u8], _signature: &[u8]) -> Result<(), CryptoError> {
        Err(CryptoError)
    }
}

fn server() -> Endpoint {
    let config = EndpointConfig::new(Arc::new(NoCryptography));
    let server = ServerConfig::new(Arc::new(NoCryptography), Arc::new(NoCryptography));
    Endpoint::new(Arc::new(config), Some(Arc::new(server)), false, Some([7; 32]))
}

fn answer(server: &mut Endpoint, datagram: &[u8]) -> Option<Vec<u8>> {
    let mut reply = Vec::new();
    let client = (Ipv4Addr::LOCALHOST, 4433).into();
    match server.handle(
        Instant::now().into_std(),
        client,
        None,
        None,
        BytesMut::from(datagram),
        &mut reply,
    )? {
        DatagramEvent::Response(transmit) => Some(reply[..transmit.size].to_vec()),
        DatagramEvent::NewConnection(_) | DatagramEvent::ConnectionEvent(..) => None,
    }
}

fn quinn() -> Script {
    let mut server = server();
    Box::new(move |_, datagram| answer(&mut server, datagram).into_iter().collect())
}

#[tokio::test]
async fn quinn_is_alive_and_offers_version_1() {
    let peer = start(quinn()).await;
    let probe = format!("quic:{}", peer.port()).parse().unwrap();
    let request = ReachRequest {
        timeout: Duration::from_millis(400),
        ..ReachRequest::new(vec![ReachTarget::new(Ipv4Addr::LOCALHOST)], probe, 42)
    };
    let report = reach(&request).await.remove(0);
    assert_eq!(report.liveness, Liveness::Alive, "{report:?}");
    let Some(ReplyDetail::Quic { versions }) = report.evidence.reply else { panic!("no versions") };
    assert!(versions.contains(&quic::VERSION_1), "{versions:x?}");
}

#[test]
fn quinn_drops_what_is_one_octet_too_short() {
    let request = quic::Request::new([1; 4], [2; 8], [3; 8]);
    let datagram = request.encode(&[4; quic::REQUEST_LENGTH]);
    let reply = answer(&mut server(), &datagram).expect("1,200 octets are answered");
    assert!(request.read(&reply).is_ok(), "{reply:02x?}");
    assert_eq!(answer(&mut server(), &datagram[..1199]), None);
}
