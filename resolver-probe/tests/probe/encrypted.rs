//! Resolvers over TLS, HTTPS and QUIC: hickory-server with a certificate authority of the test's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hickory_net::runtime::Time;
use hickory_proto::op::{Edns, Header, HeaderCounts, Metadata};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::rdata::opt::{EdnsOption, NSIDPayload};
use hickory_proto::rr::{RData, Record};
use hickory_server::Server;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use resolver_probe::{
    Resolver, ResolverExchange, ResolverFailure, ResolverManner, SystemResolvers, Transport, Trust, resolvers,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::net::{TcpListener, UdpSocket};

use crate::sockets::NAME;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Answers with 192.0.2.1 and TTL 17, and says that it is "test-1".
struct Handler;

#[async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = true;
        let mut edns = Edns::new();
        edns.options_mut().insert(EdnsOption::NSID(NSIDPayload::new(b"test-1".to_vec()).unwrap()));
        let name = request.queries.queries()[0].original().name().clone();
        let answer = Record::from_rdata(name, 17, RData::A(A(Ipv4Addr::new(192, 0, 2, 1))));
        let message = MessageResponseBuilder::new(&request.queries, Some(&edns));
        let message = message.build(metadata, [&answer], [], [], []);
        let silence = ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() });
        response_handle.send_response(message).await.unwrap_or(silence)
    }
}

struct Encrypted {
    server: Server<Handler>,
    ca: String,
    tls: SocketAddr,
    https: SocketAddr,
    quic: SocketAddr,
}

/// Makes an authority, and a certificate of it for dns.example.com and 127.0.0.1.
fn certificate() -> (String, Arc<dyn ResolvesServerCert>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = ["dns.example.com".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = CertifiedKey::from_der(vec![certificate.der().clone()], private, &provider).unwrap();
    (authority.pem(), Arc::new(SingleCertAndKey::from(key)))
}

impl Encrypted {
    async fn start() -> Self {
        let (ca, certificate) = certificate();
        let mut server = Server::new(Handler);
        let listener = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
        let (tls, https) = (listener().await, listener().await);
        let quic = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addresses = (tls.local_addr().unwrap(), https.local_addr().unwrap(), quic.local_addr().unwrap());
        server.register_tls_listener(tls, TIMEOUT, Arc::clone(&certificate)).unwrap();
        let path = "/dns-query".to_owned();
        server.register_https_listener(https, TIMEOUT, Arc::clone(&certificate), None, path).unwrap();
        server.register_quic_listener(quic, TIMEOUT, certificate).unwrap();
        Self { server, ca, tls: addresses.0, https: addresses.1, quic: addresses.2 }
    }

    fn trust(&self) -> Trust {
        Trust::with_ca(self.ca.as_bytes()).unwrap()
    }

    fn urls(&self) -> [(String, Transport); 3] {
        [
            (format!("tls://{}", self.tls), Transport::Tls),
            (format!("https://{}/dns-query", self.https), Transport::Https),
            (format!("quic://{}", self.quic), Transport::Quic),
        ]
    }
}

fn resolver(url: &str, trust: Trust) -> Resolver {
    let manner = ResolverManner::new(TIMEOUT, 1).trusting(trust);
    resolvers(&[url.parse().unwrap()], &SystemResolvers::default(), &manner, 42).unwrap().remove(0)
}

async fn ask(resolver: &mut Resolver) -> ResolverExchange {
    resolver.ask(&NAME.parse().unwrap(), true).await
}

#[tokio::test]
async fn every_encrypted_transport_carries_the_same_question_and_reply() {
    let server = Encrypted::start().await;
    for (url, transport) in server.urls() {
        let mut resolver = resolver(&url, server.trust());
        // The second question goes over the same connection.
        for _ in 0..2 {
            let exchange = ask(&mut resolver).await;
            assert_eq!(exchange.tries, 1, "{url}");
            let reply = exchange.outcome.unwrap_or_else(|failure| panic!("{url}: {failure}"));
            assert_eq!(reply.addresses, [([192, 0, 2, 1].into(), 17)].into());
            assert_eq!((reply.transport, reply.nsid.as_deref()), (transport, Some("test-1")));
            assert!(reply.recursion_available && reply.rtt > Duration::ZERO);
        }
    }
}

#[tokio::test]
async fn a_name_after_the_address_is_the_one_that_the_certificate_has_to_have() {
    let server = Encrypted::start().await;
    for (url, _) in server.urls() {
        let right = ask(&mut resolver(&format!("{url}#dns.example.com"), server.trust())).await;
        assert!(right.outcome.is_ok(), "{url}: {:?}", right.outcome);
        let wrong = ask(&mut resolver(&format!("{url}#other.example.com"), server.trust())).await;
        assert!(matches!(wrong.outcome, Err(ResolverFailure::Tls(_))), "{url}: {:?}", wrong.outcome);
        assert_eq!(wrong.tries, 0);
    }
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_nobody_trusts_is_refused() {
    let server = Encrypted::start().await;
    let other = Trust::with_ca(certificate().0.as_bytes()).unwrap();
    for (url, _) in server.urls() {
        let exchange = ask(&mut resolver(&url, other.clone())).await;
        assert!(matches!(exchange.outcome, Err(ResolverFailure::Tls(_))), "{url}: {:?}", exchange.outcome);
    }
}

#[tokio::test]
async fn a_closed_port_is_told_at_once_and_another_path_by_its_status() {
    let mut server = Encrypted::start().await;
    let other = format!("https://{}/other", server.https);
    let exchange = ask(&mut resolver(&other, server.trust())).await;
    assert!(
        matches!(exchange.outcome, Err(ResolverFailure::Http(_) | ResolverFailure::Failed(_))),
        "{exchange:?}"
    );
    server.server.shutdown_gracefully().await.unwrap();
    let exchange = ask(&mut resolver(&server.urls()[0].0, server.trust())).await;
    assert_eq!(exchange.outcome.unwrap_err(), ResolverFailure::Refused);
}
