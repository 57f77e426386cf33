//! QUIC handshakes with quinn: whose certificate comes back, and what is made of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, ServerConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use resolver_probe::reach::{Handshake, Liveness, ReachReport, ReachRequest, ReachTarget, reach};
use resolver_probe::{Severity, Trust};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::peers::{Script, start};

/// What the server's certificate is for.
pub(crate) const HOST: &str = "edge.example.com";

/// A QUIC server; it ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Its authority, in PEM form.
    pub(crate) ca: String,
    _accepting: JoinSet<()>,
}

/// Starts a server with a certificate that was valid until this year, and this application protocol.
pub(crate) fn serve(until: i32, alpn: &str) -> Server {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut wanted = CertificateParams::new([HOST.to_owned()]).unwrap();
    wanted.not_after = date_time_ymd(until, 1, 1);
    let certificate = wanted.signed_by(&key, &authority).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    let endpoint = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = endpoint.local_addr().unwrap();
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            // What becomes of it is the client's to say.
            let _ = incoming.await;
        }
    });
    Server { address, ca: authority.pem(), _accepting: accepting }
}

async fn asked(server: SocketAddr, options: &str, trust: Trust) -> ReachReport {
    let probe = format!("quic:{},{options}", server.port()).parse().unwrap();
    let target = ReachTarget::new(Ipv4Addr::LOCALHOST);
    let timeout = Duration::from_secs(5);
    let request = ReachRequest { timeout, trust, ..ReachRequest::new(vec![target], probe, 42) };
    reach(&request).await.remove(0)
}

async fn asked_in_trust(server: &Server, options: &str) -> ReachReport {
    asked(server.address, options, Trust::with_ca(server.ca.as_bytes()).unwrap()).await
}

#[tokio::test]
async fn who_has_the_right_certificate_and_protocol_is_alive() {
    for (alpn, options) in [("h3", ""), ("moq-00", ",alpn=moq-00")] {
        let server = serve(4096, alpn);
        let report = asked_in_trust(&server, &format!("name={HOST}{options}")).await;
        assert_eq!((report.liveness, report.severity), (Liveness::Alive, Severity::Info), "{report:?}");
        assert!(matches!(report.evidence.handshake, Some(Handshake::Agreed { .. })), "{report:?}");
        assert!(report.message.ends_with(&format!("as {HOST}")), "{}", report.message);
    }
}

#[tokio::test]
async fn somebody_else_s_certificate_is_critical_and_shown() {
    let server = serve(4096, "h3");
    let report = asked_in_trust(&server, "name=other.example.com").await;
    assert_eq!((report.liveness, report.severity), (Liveness::WrongIdentity, Severity::Critical));
    assert!(report.message.contains("somebody else's certificate"), "{}", report.message);
    assert!(report.message.contains(HOST), "it says whose: {}", report.message);
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_nobody_trusts_is_somebody_else_s() {
    let (server, other) = (serve(4096, "h3"), serve(4096, "h3"));
    let trust = Trust::with_ca(other.ca.as_bytes()).unwrap();
    let report = asked(server.address, &format!("name={HOST}"), trust).await;
    assert_eq!(report.liveness, Liveness::WrongIdentity, "{report:?}");
}

#[tokio::test]
async fn our_own_certificate_that_is_out_of_date_is_no_stranger_s() {
    let server = serve(2020, "h3");
    let report = asked_in_trust(&server, &format!("name={HOST}")).await;
    assert_eq!((report.liveness, report.severity), (Liveness::WrongReply, Severity::Warning), "{report:?}");
    assert!(report.message.contains("expired"), "{}", report.message);
    let report = asked_in_trust(&server, "name=other.example.com").await;
    assert_eq!(report.liveness, Liveness::WrongIdentity, "{report:?}");
}

#[tokio::test]
async fn a_server_of_another_protocol_breaks_off() {
    let server = serve(4096, "doq");
    let report = asked_in_trust(&server, &format!("name={HOST}")).await;
    assert_eq!(report.liveness, Liveness::WrongReply, "{report:?}");
    assert!(report.message.ends_with("it does not speak h3"), "{}", report.message);
}

/// Names versions when asked for them, and says nothing else.
fn versions_alone() -> Script {
    Box::new(|_, request| match request[1] & 0x0f {
        0x0a => vec![super::peers::quic(request)],
        _ => Vec::new(),
    })
}

#[tokio::test]
async fn who_names_versions_and_shakes_no_hand_is_mute() {
    let peer = start(versions_alone()).await;
    let probe = format!("quic:{},name={HOST}", peer.port()).parse().unwrap();
    let request = ReachRequest {
        timeout: Duration::from_millis(300),
        trust: Trust::with_ca(serve(4096, "h3").ca.as_bytes()).unwrap(),
        ..ReachRequest::new(vec![ReachTarget::new(Ipv4Addr::LOCALHOST)], probe, 42)
    };
    let report = reach(&request).await.remove(0);
    assert_eq!((report.liveness, report.severity), (Liveness::SilentHostUp, Severity::Warning), "{report:?}");
    assert_eq!(report.evidence.handshake, Some(Handshake::Silent));
}

#[tokio::test]
async fn a_closed_port_is_told_without_waiting_for_a_handshake() {
    let address = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let began = Instant::now();
    let report = asked(address, &format!("name={HOST}"), Trust::default()).await;
    assert_eq!(report.liveness, Liveness::Refused, "{report:?}");
    assert!(began.elapsed() < Duration::from_secs(4), "it waited");
}
