//! What can go wrong with TLS: each fault of a certificate and each mix-up of ports has its own message.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use llmark::domain::Outcome;
use llmark::transport::Network;
use llmark::transport::tls;
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;

use super::support::asking::Asking;
use super::support::asking::Seen;
use super::support::asking::serve;

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn pem(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)).unwrap()
}

/// A server with this certificate; returns its port.
fn server(certificate: &str) -> u16 {
    let chain = vec![CertificateDer::from_pem_slice(&pem(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&pem("server.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    serve(async move |listener| {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(ANSWER.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
}

/// Asks a server, trusting the tests' own authority.
fn ask(scheme: &str, port: u16) -> Seen {
    let network = Network::direct(tls::config(Some(&pem("ca.pem"))).unwrap());
    Asking { network, ..Asking::at(format!("{scheme}://127.0.0.1:{port}/v1/chat/completions")) }.once()
}

#[track_caller]
fn check(scheme: &str, port: u16, message: &str) {
    let seen = ask(scheme, port);
    assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::ConnectError, "tls"), "{seen:?}");
    assert!(seen.message.contains(message), "{}", seen.message);
}

#[test]
fn a_private_authority_can_be_trusted() {
    let port = server("good.pem");
    let seen = ask("https", port);
    assert_eq!((seen.outcome, seen.text.as_str()), (Outcome::Ok, "Hi"), "{seen:?}");
    assert!(seen.conn.tls > seen.conn.tcp && seen.conn.tcp.is_some());
    let stranger = Asking::at(format!("https://127.0.0.1:{port}/v1/chat/completions")).once();
    assert_eq!(stranger.outcome, Outcome::ConnectError);
    assert!(stranger.message.contains("SSL_CERT_FILE"), "{}", stranger.message);
}

#[test]
fn each_fault_of_a_certificate_is_named() {
    check("https", server("self-signed.pem"), "self-signed");
    check("https", server("expired.pem"), "has expired");
    check("https", server("other-host.pem"), "is for another host than 127.0.0.1");
}

#[test]
fn mixed_up_schemes_are_named() {
    let plain = serve(async |listener| {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    check("https", plain, "perhaps it is meant to be http://");
    check("http", server("good.pem"), "perhaps it is meant to be https://");
}
