//! Connections: name resolution, TCP, TLS, each stamped.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Host;
use url::Url;

use super::pool::Network;
use super::proxy;
use super::socket::Socket;
use super::tls;
use crate::domain::Clock;
use crate::domain::ConnTimes;
use crate::domain::Stage;

/// Where a connection leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Encrypted.
    pub tls: bool,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Origin {
    /// The origin of a URL; `None` when it has no host or an unknown scheme.
    pub fn of(url: &Url) -> Option<Self> {
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        Some(Self { tls: url.scheme() == "https", host, port: url.port_or_known_default()? })
    }

    /// The `Host` header's value.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

/// Why no connection came about.
#[derive(Debug)]
pub struct ConnectError {
    /// The phase that failed.
    pub stage: Stage,
    /// What the system said.
    pub message: String,
}

impl ConnectError {
    fn at(stage: Stage, error: &dyn std::fmt::Display) -> Self {
        Self { stage, message: error.to_string() }
    }
}

/// The second address is tried this long after the first (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects, through a proxy where one leads to the origin, and stamps each phase into `times`.
pub async fn connect(
    origin: &Origin,
    http2: bool,
    network: &Network,
    clock: &dyn Clock,
    times: &mut ConnTimes,
) -> Result<Socket, ConnectError> {
    let proxy = network.proxies.of(origin);
    times.proxied = proxy.is_some();
    let place = proxy.map_or(origin, |proxy| &proxy.place);
    let failed = |stage| move |e: io::Error| ConnectError::at(stage, &format!("{}: {e}", place.authority()));
    let addresses = resolve(place).await.map_err(failed(Stage::Dns))?;
    times.dns = Some(clock.now());
    let mut tcp = race(&addresses).await.map_err(failed(Stage::Tcp))?;
    tcp.set_nodelay(true).map_err(failed(Stage::Tcp))?;
    times.tcp = Some(clock.now());
    // Plain HTTP/1.1 needs no tunnel: the proxy itself takes the request.
    if let Some(proxy) = proxy.filter(|_| origin.tls || http2) {
        proxy::tunnel(&mut tcp, proxy, origin).await.map_err(|why| ConnectError::at(Stage::Proxy, &why))?;
    }
    if !origin.tls {
        return Ok(Socket::Plain(tcp));
    }
    let name = ServerName::try_from(origin.host.clone()).map_err(|e| ConnectError::at(Stage::Tls, &e))?;
    let config = if http2 { &network.tls_http2 } else { &network.tls };
    let handshake = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
    let stream = handshake.map_err(|e| ConnectError::at(Stage::Tls, &tls::explain(&e, origin)))?;
    times.tls = Some(clock.now());
    Ok(Socket::Tls(Box::new(stream)))
}

async fn resolve(origin: &Origin) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = origin.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, origin.port)]);
    }
    let found: Vec<SocketAddr> = tokio::net::lookup_host((origin.host.as_str(), origin.port)).await?.collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}

/// The first address to answer wins; each gets a head start over the next, so that a black hole costs little.
async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut attempts: FuturesUnordered<_> = addresses
        .iter()
        .enumerate()
        .map(|(turn, address)| async move {
            tokio::time::sleep(HEAD_START * turn as u32).await;
            TcpStream::connect(address).await
        })
        .collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    while let Some(result) = attempts.next().await {
        match result {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_name_their_host_header() {
        let authority = |url: &str| Origin::of(&url.parse().unwrap()).unwrap().authority();
        assert_eq!(authority("https://a.example/v1"), "a.example");
        assert_eq!(authority("http://a.example:8080/v1"), "a.example:8080");
        assert_eq!(authority("http://[::1]:80/v1"), "[::1]");
        assert_eq!(authority("https://127.0.0.1/v1"), "127.0.0.1");
    }
}
