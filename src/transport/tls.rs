//! TLS settings: rustls, verification always on.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// The client configuration, with the Mozilla roots and any further trust anchors in PEM.
///
/// # Errors
/// What is wrong with the PEM text.
pub fn config(extra_roots: Option<&[u8]>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for der in extra_roots.map(CertificateDer::pem_slice_iter).into_iter().flatten() {
        let der = der.map_err(|error| format!("trust anchors are not PEM certificates: {error}"))?;
        roots.add(der).map_err(|error| format!("a trust anchor is not usable: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_trust_anchors_are_refused() {
        assert!(config(None).is_ok());
        assert!(config(Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).is_err());
    }
}
