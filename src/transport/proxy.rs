//! HTTP proxies: which requests go through one, and how it is asked for a tunnel.

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use url::Url;

use super::connect::Origin;
use super::http1;
use crate::text::Secret;

/// A proxy, spoken to over plain TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it listens.
    pub place: Origin,
    /// User and password as one word in base64, for `Proxy-Authorization: Basic`.
    login: Option<Secret>,
}

/// Which requests go through a proxy. Those to this machine never do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Arc<Proxy>>,
    https: Option<Arc<Proxy>>,
    except: Vec<Except>,
}

/// What is reached without a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Except {
    /// Everything.
    All,
    /// A name and all below it, at one port or at any.
    Name(String, Option<u16>),
    /// Addresses whose first bits are these.
    Range(IpAddr, u8),
}

impl Proxy {
    /// A proxy from a URL such as `http://user:password@proxy.example:3128`; without a scheme it is `http`.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url: Url = full.parse().map_err(|why| format!("a proxy's address is no URL: {why}"))?;
        if url.scheme() != "http" {
            let scheme = url.scheme();
            return Err(format!(
                "a proxy is spoken to over `http://`, not `{scheme}://`; it tunnels https all the same"
            ));
        }
        let place = Origin::of(&url).ok_or("a proxy's address has no host")?;
        let login = (!url.username().is_empty()).then(|| {
            let [user, password] = [url.username(), url.password().unwrap_or_default()].map(decoded);
            Secret::new(STANDARD.encode([user, vec![b':'], password].concat()))
        });
        Ok(Self { place, login })
    }

    /// The header line that carries the login; empty without one.
    pub fn login_line(&self) -> String {
        let line = |login: &Secret| format!("proxy-authorization: Basic {}\r\n", login.expose());
        self.login.as_ref().map(line).unwrap_or_default()
    }

    /// Asks for a tunnel to `origin`.
    pub(super) fn tunnel_request(&self, origin: &Origin) -> String {
        let host = if origin.host.contains(':') { format!("[{}]", origin.host) } else { origin.host.clone() };
        let mut head = format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n", port = origin.port);
        let _ = write!(head, "{}\r\n", self.login_line());
        head
    }

    /// What its refusal with this status means.
    pub fn refusal(&self, status: u16) -> String {
        let place = self.place.authority();
        match status {
            407 if self.login.is_some() => format!("the proxy {place} does not accept its user and password (407)"),
            407 => format!("the proxy {place} wants a login (407): put `user:password@` into its URL"),
            403 => format!("the proxy {place} forbids the way there (403)"),
            502..=504 => format!("the proxy {place} cannot reach the server ({status})"),
            _ => format!("the proxy {place} made no tunnel: it answered {status}"),
        }
    }

    /// What must not leak of it, for the redactor: the password, and the login as it is sent.
    pub fn secrets(&self) -> Vec<Secret> {
        let Some(login) = &self.login else { return Vec::new() };
        let plain = STANDARD.decode(login.expose()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let password =
            plain.as_deref().and_then(|text| text.split_once(':')).map(|(_, password)| Secret::new(password));
        password.into_iter().chain([login.clone()]).collect()
    }
}

impl Proxies {
    /// Proxies for `http://` and `https://` servers, and what `NO_PROXY` takes out: names with all below them,
    /// addresses, ranges such as `10.0.0.0/8`, each with a port where it has one, or `*`.
    ///
    /// # Errors
    /// What is wrong with a proxy's address.
    pub fn new(http: Option<&str>, https: Option<&str>, except: &str) -> Result<Self, String> {
        let proxy = |text: Option<&str>| text.map(Proxy::parse).transpose().map(|proxy| proxy.map(Arc::new));
        let except = except.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).map(Except::parse);
        Ok(Self { http: proxy(http)?, https: proxy(https)?, except: except.collect() })
    }

    /// The proxy that leads to a server; `None` for the direct way.
    pub fn of(&self, origin: &Origin) -> Option<&Arc<Proxy>> {
        let proxy = if origin.tls { self.https.as_ref()? } else { self.http.as_ref()? };
        let direct = is_this_machine(&origin.host) || self.except.iter().any(|except| except.holds(origin));
        (!direct).then_some(proxy)
    }

    /// Every proxy.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Proxy>> {
        self.http.iter().chain(&self.https)
    }
}

impl Except {
    fn parse(entry: &str) -> Self {
        let entry = entry.to_ascii_lowercase();
        if entry == "*" {
            return Self::All;
        }
        let (address, bits) = entry.split_once('/').map_or((entry.as_str(), None), |(a, b)| (a, b.parse().ok()));
        if let Ok(ip) = address.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Self::Range(ip, bits.unwrap_or(128));
        }
        let split = entry.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?)));
        let (name, port) = split.map_or((entry.as_str(), None), |(name, port)| (name, Some(port)));
        Self::Name(name.trim_start_matches("*.").trim_start_matches('.').to_owned(), port)
    }

    fn holds(&self, origin: &Origin) -> bool {
        let host = origin.host.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::All => true,
            Self::Range(range, bits) => host.parse().is_ok_and(|ip| same_bits(*range, ip, *bits)),
            Self::Name(name, port) => {
                let below = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                below && port.is_none_or(|port| port == origin.port)
            }
        }
    }
}

fn same_bits(a: IpAddr, b: IpAddr, bits: u8) -> bool {
    let differ = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
        (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
        _ => return false,
    };
    differ.leading_zeros() >= u32::from(bits) || differ == 0
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Asks a proxy for a tunnel, through which `tcp` then leads to `origin`.
pub(super) async fn tunnel(tcp: &mut TcpStream, proxy: &Proxy, origin: &Origin) -> Result<(), String> {
    let place = proxy.place.authority();
    let broke = |why: io::Error| format!("the proxy {place} broke the connection: {why}");
    tcp.write_all(proxy.tunnel_request(origin).as_bytes()).await.map_err(broke)?;
    let mut bytes = Vec::new();
    loop {
        if tcp.read_buf(&mut bytes).await.map_err(broke)? == 0 {
            return Err(format!("the proxy {place} closed the connection instead of making a tunnel"));
        }
        let parsed = http1::parse_head(&bytes).map_err(|rule| format!("{place} is no HTTP proxy: {rule}"))?;
        match parsed {
            // The server behind speaks only when spoken to: anything after the head is the proxy's own.
            Some((head, len)) if (200..300).contains(&head.status) && len == bytes.len() => return Ok(()),
            Some((head, _)) => return Err(proxy.refusal(head.status)),
            None => {}
        }
    }
}

/// Undoes the percent-encoding of user names and passwords.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%').then(|| std::str::from_utf8(after.get(..2)?).ok()).flatten();
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn no_proxy_takes_out_names_ranges_and_ports() {
        let except = "a.example, .b.example,*.c.example,d.example:8443,10.0.0.0/8,192.0.2.7,[2001:db8::]/32";
        let proxies = Proxies::new(Some("p:1"), Some("http://p:2"), except).unwrap();
        let goes = |url: &str| proxies.of(&origin(url)).map(|proxy| proxy.place.port);
        for direct in [
            "https://a.example/",
            "https://x.A.example/",
            "http://b.example./",
            "https://x.c.example/",
            "https://d.example:8443/",
            "http://10.255.0.1/",
            "http://192.0.2.7/",
            "https://[2001:db8::1]/",
            "http://localhost:1/",
            "http://127.3.2.1/",
            "https://[::1]/",
        ] {
            assert_eq!(goes(direct), None, "{direct}");
        }
        for (through, port) in [
            ("https://aa.example/", 2),
            ("http://d.example/", 1),
            ("https://11.0.0.1/", 2),
            ("http://192.0.2.70/", 1),
            ("https://[2001:db9::1]/", 2),
        ] {
            assert_eq!(goes(through), Some(port), "{through}");
        }
        assert_eq!(Proxies::new(Some("p"), None, "*").unwrap().of(&origin("http://x.example/")), None);
        assert_eq!(Proxies::default().of(&origin("http://x.example/")), None);
    }

    #[test]
    fn logins_are_decoded_and_never_shown() {
        let proxy = Proxy::parse("http://us%40er:p%3Ass%2@proxy.example:3128/").unwrap();
        let line = proxy.login_line();
        assert_eq!(line.trim_end(), format!("proxy-authorization: Basic {}", STANDARD.encode("us@er:p:ss%2")));
        assert!(!format!("{proxy:?}").contains("p:ss"));
        let head = proxy.tunnel_request(&origin("https://[2001:db8::1]/v1"));
        assert!(
            head.starts_with("CONNECT [2001:db8::1]:443 HTTP/1.1\r\nhost: [2001:db8::1]:443\r\nproxy-auth"),
            "{head}"
        );
        assert!(head.ends_with("\r\n\r\n"));
        for bad in ["socks5://u:secret@p:1080", "https://u:secret@p", "http://u:secret@:99999/", "::"] {
            assert!(!Proxy::parse(bad).unwrap_err().contains("secret"), "{bad}");
        }
    }
}
