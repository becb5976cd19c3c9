//! HTTP/2 in front of the simulator, as a reverse proxy in front of a model server: each stream becomes an HTTP/1.1
//! exchange with the simulator itself, so that a reply and its faults are the same in both versions.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http::HeaderValue;
use http::Request;
use http::Response;
use http::Uri;
use http::Version;
use http::header::CONNECTION;
use http::header::HOST;
use http::header::TRANSFER_ENCODING;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use super::conn;
use super::host::Hosts;

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// How every HTTP/2 connection begins; no request of HTTP/1.1 does.
const PREFACE: &[u8] = b"PRI ";

/// Whether the client speaks HTTP/2, told from its first bytes.
pub(super) async fn is_spoken(stream: &TcpStream) -> bool {
    let mut first = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut first).await {
            Ok(n) if n > 0 && first[..n] == PREFACE[..n] && n < PREFACE.len() => {
                // The rest is on its way.
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            Ok(n) => return first[..n] == *PREFACE,
            Err(_) => return false,
        }
    }
}

/// Serves one connection until it ends.
pub(super) async fn serve(stream: TcpStream, hosts: Arc<Hosts>) {
    let service = service_fn(move |request| pass(request, Arc::clone(&hosts)));
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // A connection that breaks is the client's affair.
    let _ended = builder.max_concurrent_streams(10_000).serve_connection(TokioIo::new(stream), service).await;
}

async fn pass(request: Request<Incoming>, hosts: Arc<Hosts>) -> Result<Response<Incoming>, Trouble> {
    let (ours, theirs) = pair().await?;
    tokio::spawn(conn::requests(theirs, hosts));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await?;
    tokio::spawn(connection);
    let (mut head, body) = request.into_parts();
    if let Some(authority) = head.uri.authority() {
        head.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
    }
    head.uri = head.uri.path_and_query().map_or_else(Uri::default, |path| Uri::from(path.clone()));
    head.version = Version::HTTP_11;
    let mut response = sender.send_request(Request::from_parts(head, body)).await?;
    *response.version_mut() = Version::HTTP_2;
    response.headers_mut().remove(CONNECTION);
    response.headers_mut().remove(TRANSFER_ENCODING);
    Ok(response)
}

/// Two ends of one connection.
async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (ours, theirs) = tokio::join!(TcpStream::connect(listener.local_addr()?), listener.accept());
    let (ours, (theirs, _)) = (ours?, theirs?);
    ours.set_nodelay(true)?;
    theirs.set_nodelay(true)?;
    Ok((ours, theirs))
}
