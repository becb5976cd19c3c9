//! TLS settings: rustls, verification always on.

use std::io;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::connect::Origin;

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

/// The same settings for connections that would rather speak HTTP/2.
pub fn offering_http2(config: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// What a failed handshake means for whoever set the target up.
pub(super) fn explain(error: &io::Error, origin: &Origin) -> String {
    let place = origin.authority();
    let known = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match known {
        Some(rustls::Error::InvalidCertificate(why)) => explain_certificate(why, &origin.host, &place),
        Some(rustls::Error::InvalidMessage(_)) => {
            format!("{place} does not speak TLS on port {}; perhaps it is meant to be http://", origin.port)
        }
        Some(rustls::Error::AlertReceived(alert)) => format!("{place} refused the TLS handshake: {alert:?}"),
        _ if error.kind() == io::ErrorKind::UnexpectedEof => format!("{place} closed during the TLS handshake"),
        _ => format!("TLS with {place} failed: {error}"),
    }
}

fn explain_certificate(why: &CertificateError, host: &str, place: &str) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {place} has expired")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the certificate of {place} is not valid yet; is this machine's clock right?")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate of {place} is for another host than {host}")
        }
        CertificateError::UnknownIssuer => format!(
            "the certificate of {place} is signed by nobody known here: self-signed, or by a private CA whose certificate SSL_CERT_FILE can name"
        ),
        CertificateError::Other(_) if why.to_string().contains("CaUsedAsEndEntity") => {
            format!("the certificate of {place} is self-signed; SSL_CERT_FILE can name a CA that signs it")
        }
        other => format!("the certificate of {place} is not acceptable: {other}"),
    }
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
