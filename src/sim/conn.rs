//! One connection: requests in, responses out.

use std::sync::Arc;

use tokio::net::TcpStream;

use super::host::Hosts;
use super::http::Incoming;

/// Serves one connection until it ends.
pub(super) async fn serve(mut stream: TcpStream, hosts: Arc<Hosts>) {
    let mut incoming = Incoming::default();
    while let Ok(_request) = incoming.read(&mut stream).await {
        let _models = hosts.models().count();
    }
}
