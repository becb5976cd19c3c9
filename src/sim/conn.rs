//! One connection: requests in, responses out, in order.

use std::io;
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpStream;

use super::generate;
use super::host::Hosts;
use super::http2;
use super::page::Page;
use super::request::Incoming;
use super::request::Request;
use super::request::Unreadable;
use super::route;
use super::route::Reaction;

/// Serves one connection until it ends.
pub(super) async fn serve(stream: TcpStream, hosts: Arc<Hosts>) {
    // Without it, small events wait for acknowledgments; a socket that refuses is served all the same.
    let _set = stream.set_nodelay(true);
    if http2::is_spoken(&stream).await {
        http2::serve(stream, hosts).await;
    } else {
        requests(stream, hosts).await;
    }
}

/// Serves requests of HTTP/1.1, one after the other.
pub(super) async fn requests(stream: TcpStream, hosts: Arc<Hosts>) {
    let mut incoming = Incoming::default();
    let mut stream = Some(stream);
    while let Some(mut open) = stream.take() {
        stream = match incoming.read(&mut open).await {
            Ok(request) => respond(open, &request, &hosts).await.unwrap_or(None),
            Err(Unreadable::Gone) => None,
            Err(Unreadable::Bad(status, reason)) => {
                let page = Page::json(status, &json!({"error": {"message": reason, "type": "invalid_request_error"}}));
                let _sent = page.send(&mut open, false).await;
                None
            }
        };
    }
}

/// Answers one request; gives the connection back if it can be used again.
async fn respond(mut stream: TcpStream, request: &Request, hosts: &Hosts) -> io::Result<Option<TcpStream>> {
    match route::route(request, hosts) {
        Reaction::Page(page) => {
            page.send(&mut stream, request.keep_alive).await?;
            Ok(request.keep_alive.then_some(stream))
        }
        Reaction::Generate(ask) => generate::generate(stream, request, *ask, hosts).await,
    }
}
