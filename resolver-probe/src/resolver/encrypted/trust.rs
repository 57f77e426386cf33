//! Whose certificates are believed: those that this machine trusts, and those that the operator names.
//!
//! The machine's own store, and not a list built into the program: it follows the operator's decisions,
//! private authorities and removals included, and does not age with the binary.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Whose certificates are believed. The machine's store is read once, when it is first needed.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    more: Vec<CertificateDer<'static>>,
    anchors: Arc<OnceLock<Result<Arc<RootCertStore>, TrustError>>>,
}

/// Why certificates cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The text holds no certificate.
    #[error("there is no certificate (hint: it should have a line -----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// A certificate cannot be used.
    #[error("certificate {number} cannot be used: {why}")]
    Unusable {
        /// The n-th of the text, from 1.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The machine trusts nobody.
    #[error(
        "this machine has no certificates to trust (hint: install ca-certificates, or name one with --ca)"
    )]
    NoAnchors,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl Trust {
    /// Believes the certificates in a PEM text too, beside those that the machine trusts.
    ///
    /// # Errors
    /// Where there is none, or one that cannot be used.
    pub fn with_ca(pem: &[u8]) -> Result<Self, TrustError> {
        let mut more = Vec::new();
        for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let unusable = |why: String| TrustError::Unusable { number: index + 1, why };
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            let added = RootCertStore::empty().add(certificate.clone());
            added.map_err(|error| unusable(error.to_string()))?;
            more.push(certificate);
        }
        if more.is_empty() {
            return Err(TrustError::NoCertificate);
        }
        Ok(Self { more, anchors: Arc::default() })
    }

    /// Makes a TLS configuration for this application protocol.
    pub(super) fn config(&self, alpn: &[u8]) -> Result<ClientConfig, TrustError> {
        let anchors = self.anchors()?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TrustError::Tls(error.to_string()))?
            .with_root_certificates(anchors)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        Ok(config)
    }

    /// Returns the authorities that are believed.
    pub(crate) fn anchors(&self) -> Result<Arc<RootCertStore>, TrustError> {
        self.anchors.get_or_init(|| self.read()).clone()
    }

    fn read(&self) -> Result<Arc<RootCertStore>, TrustError> {
        let mut anchors = RootCertStore::empty();
        // Among a machine's many certificates there are some that no library takes: they are left out.
        anchors.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        anchors.add_parsable_certificates(self.more.iter().cloned());
        if anchors.is_empty() { Err(TrustError::NoAnchors) } else { Ok(Arc::new(anchors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        for text in ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(Trust::with_ca(text.as_bytes()).unwrap_err(), TrustError::NoCertificate);
        }
    }

    #[test]
    fn a_certificate_that_is_none_is_refused_with_its_number() {
        let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = Trust::with_ca(text.as_bytes()).unwrap_err();
        assert!(matches!(error, TrustError::Unusable { number: 1, .. }), "{error}");
    }
}
