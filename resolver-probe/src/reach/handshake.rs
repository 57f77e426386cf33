//! One QUIC handshake, and whose certificate came with it.
//!
//! Nothing is said after it. A certificate that is not the wanted one's is told apart from one that is only out of
//! date: the first shows that somebody else answers, and the second that our own does, whom clients refuse.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, ConnectionError, Endpoint, TransportConfig, VarInt};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use tokio::time::{Instant, timeout_at};

use super::deep::Wanted;
use super::evidence::{Handshake, micros};
use crate::resolver::Trust;

/// What HTTP/3 is called (RFC 9114 §3.1).
const HTTP_3: &str = "h3";
/// RFC 9001 §4.8: alerts of TLS are errors from here on.
const ALERTS: u64 = 0x100;
/// RFC 7301 §3.2: no application protocol is offered by both sides.
const NO_APPLICATION_PROTOCOL: u64 = 120;
/// The round trip that is assumed at first: a lost packet is repeated after three of them (RFC 9002 §6.2.2), and
/// so after half a second as every other request is.
const FIRST_RTT: Duration = Duration::from_millis(166);
/// A certificate may hold any number of names: this much of what is said of it is kept.
const LONGEST_WHY: usize = 300;

/// Shakes hands. An error says why that cannot be done from here.
pub(super) async fn run(server: SocketAddrV4, wanted: &Wanted, until: Instant) -> Result<Handshake, String> {
    let alpn = wanted.alpn.as_deref().unwrap_or(HTTP_3);
    let witness = Arc::new(Witness::new(&wanted.trust)?);
    let config = config(Arc::clone(&witness), alpn)?;
    let endpoint = Endpoint::client((Ipv4Addr::UNSPECIFIED, 0).into()).map_err(|error| error.to_string())?;
    let began = Instant::now();
    let connecting = endpoint.connect_with(config, server.into(), wanted.name.trim_end_matches('.'));
    let connecting = connecting.map_err(|error| error.to_string())?;
    match timeout_at(until, connecting).await {
        Err(_elapsed) => Ok(Handshake::Silent),
        Ok(Err(ConnectionError::TimedOut)) => Ok(Handshake::Silent),
        Ok(Err(error)) => Ok(witness.rejection().unwrap_or_else(|| broken_off(&error, alpn))),
        Ok(Ok(connection)) => {
            connection.close(VarInt::from_u32(0), b"");
            Ok(Handshake::Agreed { took_us: micros(began.elapsed()) })
        }
    }
}

fn config(witness: Arc<Witness>, alpn: &str) -> Result<ClientConfig, String> {
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(witness)
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let tls = QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut config = ClientConfig::new(Arc::new(tls));
    let mut transport = TransportConfig::default();
    transport.initial_rtt(FIRST_RTT);
    // Nothing is said by either side.
    transport.max_concurrent_bidi_streams(VarInt::from_u32(0));
    transport.max_concurrent_uni_streams(VarInt::from_u32(0));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Says what ended a handshake, in the words of this program alone: what the peer gives as its reason is not shown.
fn broken_off(error: &ConnectionError, alpn: &str) -> Handshake {
    let alert = |code: u64| match code.checked_sub(ALERTS) {
        Some(NO_APPLICATION_PROTOCOL) => Some(format!("it does not speak {alpn}")),
        Some(alert) if alert <= u64::from(u8::MAX) => Some(format!("TLS alert {alert}")),
        _ => None,
    };
    let why = match error {
        ConnectionError::VersionMismatch => "it does not speak version 1".to_owned(),
        ConnectionError::ConnectionClosed(close) => {
            alert(close.error_code.into()).unwrap_or_else(|| format!("it says {}", close.error_code))
        }
        ConnectionError::ApplicationClosed(close) => format!("it closes with error {}", close.error_code),
        ConnectionError::TransportError(error) => {
            alert(error.code.into()).unwrap_or_else(|| format!("it breaks QUIC's rules: {}", error.code))
        }
        ConnectionError::Reset => "it knows nothing of the connection".to_owned(),
        other => other.to_string(),
    };
    Handshake::Failed { why }
}

/// Checks certificates as every client does, and keeps what it finds.
struct Witness {
    inner: Arc<WebPkiServerVerifier>,
    rejection: Mutex<Option<Handshake>>,
}

impl Witness {
    fn new(trust: &Trust) -> Result<Self, String> {
        let anchors = trust.anchors().map_err(|error| error.to_string())?;
        let inner = WebPkiServerVerifier::builder_with_provider(anchors, provider()).build();
        Ok(Self { inner: inner.map_err(|error| error.to_string())?, rejection: Mutex::default() })
    }

    fn rejection(&self) -> Option<Handshake> {
        self.rejection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, rejection: Handshake) {
        *self.rejection.lock().unwrap_or_else(PoisonError::into_inner) = Some(rejection);
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let at =
            |now| self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let error = match at(now) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        // The dates are looked at before the names: a certificate that was right in its time is our own.
        let in_its_time = valid_at(&error).is_some_and(|time| at(time).is_ok());
        let why = shortened(&error);
        self.keep(if in_its_time { Handshake::Failed { why } } else { Handshake::WrongIdentity { why } });
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let checked = self.inner.verify_tls13_signature(message, certificate, signed);
        checked.inspect_err(|error| self.keep(Handshake::WrongIdentity { why: shortened(error) }))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Returns a moment at which a certificate that is out of date was not.
fn valid_at(error: &rustls::Error) -> Option<UnixTime> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            Some(*not_after)
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            Some(*not_before)
        }
        _ => None,
    }
}

/// What a certificate says goes to terminals: no control characters, and not without end.
fn shortened(error: &rustls::Error) -> String {
    let text = match error {
        rustls::Error::InvalidCertificate(error) => error.to_string(),
        other => other.to_string(),
    };
    let mut text: String = text.chars().filter(|c| !c.is_control()).collect();
    if let Some((end, _)) = text.char_indices().nth(LONGEST_WHY) {
        text.truncate(end);
        text.push('…');
    }
    text
}
