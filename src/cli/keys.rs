//! Finds keys, and refuses to send them where their owner did not mean them to go.
//!
//! A suite only names a variable. For the variable `NAME` its owner may set `NAME` to the key itself, `NAME_FILE` to a
//! private file that holds it, or `NAME_CMD` to a command that prints it.
//!
//! This module alone decides where a key may go. A variable of the catalogue goes to that provider's host alone, any
//! other to this machine alone; `NAME_HOSTS` lists further hosts. Beyond this machine it travels encrypted, unless its
//! owner lists `http://host` or says `--allow-http`. So a suite by somebody else can neither pick another secret of the
//! environment nor point a known one at a server of its own. No message here ever holds a key.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use thiserror::Error;
use url::Host;
use url::Url;

use crate::provider::Auth;
use crate::provider::Endpoint;
use crate::text::Secret;

/// Why a key is not to be had, or not to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No source is set.
    #[error(
        "target `{target}` needs a key: set {names} (or {first}_FILE to a private file, or {first}_CMD to a command that prints it)"
    )]
    Missing {
        /// The target.
        target: String,
        /// The variables that would do.
        names: String,
        /// The first of them.
        first: String,
    },
    /// The host is not one that the key is meant for.
    #[error("{name} is not sent to `{host}`: it is meant for {bound}; if you trust that host, set {name}_HOSTS={host}")]
    Host {
        /// The variable.
        name: String,
        /// Where the suite would send it.
        host: String,
        /// Where it may go.
        bound: String,
    },
    /// Anyone on the way could read it.
    #[error(
        "{name} is not sent to `{host}` over plain http; use https, or set {name}_HOSTS=http://{host} or say --allow-http if the way there is safe"
    )]
    Plain {
        /// The variable.
        name: String,
        /// The host.
        host: String,
    },
    /// The source is set and of no use.
    #[error("{source_name}: {problem}")]
    Source {
        /// The variable that names the source.
        source_name: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A key is at most this long.
const LONGEST: u64 = 16 << 10;

/// Where keys come from and where they may go.
pub struct KeyRing<'a> {
    read: &'a dyn Fn(&str) -> Option<OsString>,
    bound: BTreeMap<String, BTreeSet<String>>,
    /// Keys may travel over plain http beyond this machine, to hosts that they may go to at all.
    pub allow_http: bool,
}

impl<'a> KeyRing<'a> {
    /// A key ring that reads variables with `read`. `bound` are the catalogue's variables with the base URLs that
    /// they are meant for.
    pub fn new<'u>(
        read: &'a dyn Fn(&str) -> Option<OsString>,
        bound: impl IntoIterator<Item = (String, &'u Url)>,
    ) -> Self {
        let mut hosts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, url) in bound {
            hosts.entry(name).or_default().insert(place(url));
        }
        Self { read, bound: hosts, allow_http: false }
    }

    /// The key of `endpoint`; `None` where it takes none.
    ///
    /// # Errors
    /// No source is set, the source is of no use, or the host is not one that the key is meant for.
    pub fn key(&self, endpoint: &Endpoint) -> Result<Option<Secret>, KeyError> {
        if endpoint.auth == Auth::None {
            return Ok(None);
        }
        self.find(endpoint.id.as_str(), &endpoint.key_env, &endpoint.base_url)
    }

    fn find(&self, target: &str, names: &[String], url: &Url) -> Result<Option<Secret>, KeyError> {
        let Some(first) = names.first() else { return Ok(None) };
        let Some(name) = names.iter().find(|name| self.is_set(name)) else {
            let (target, names) = (target.to_owned(), names.join(" or "));
            return Err(KeyError::Missing { target, names, first: first.clone() });
        };
        // Asked before the key is read: the command of a refused key does not even run.
        self.allow(name, url)?;
        self.value(name).map(Some)
    }

    /// Every key that these variables hold, for the redactor: also those that the run does not use. Commands are not
    /// run, sources of no use are passed over.
    pub fn known<'n>(&'n self, names: impl IntoIterator<Item = &'n str>) -> Vec<Secret> {
        let all: BTreeSet<&str> = names.into_iter().chain(self.bound.keys().map(String::as_str)).collect();
        let direct = |name: &&str| self.text(name).is_some() || self.text(&format!("{name}_FILE")).is_some();
        all.into_iter().filter(direct).filter_map(|name| self.value(name).ok()).collect()
    }

    fn text(&self, name: &str) -> Option<String> {
        let value = (self.read)(name)?.into_string().ok()?;
        (!value.trim().is_empty()).then_some(value)
    }

    fn is_set(&self, name: &str) -> bool {
        ["", "_FILE", "_CMD"].iter().any(|suffix| self.text(&format!("{name}{suffix}")).is_some())
    }

    fn value(&self, name: &str) -> Result<Secret, KeyError> {
        let (source, text) = if let Some(text) = self.text(name) {
            (name.to_owned(), Ok(text))
        } else if let Some(path) = self.text(&format!("{name}_FILE")) {
            (format!("{name}_FILE"), from_file(Path::new(&path)))
        } else {
            let command = self.text(&format!("{name}_CMD")).unwrap_or_default();
            (format!("{name}_CMD"), from_command(&command))
        };
        text.and_then(|text| checked(&text)).map_err(|problem| KeyError::Source { source_name: source, problem })
    }

    fn allow(&self, name: &str, url: &Url) -> Result<(), KeyError> {
        let host = place(url);
        let listed = self.text(&format!("{name}_HOSTS")).unwrap_or_default();
        let mut listed = listed.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
        let plain = format!("http://{host}");
        if is_this_machine(url) && !self.bound.contains_key(name) {
            return Ok(());
        }
        let is_listed = |entry: &str| entry == host || entry == plain || entry == format!("https://{host}");
        if let Some(entry) = listed.find(|entry| is_listed(entry)) {
            let safe = self.is_safe(url) || entry == plain;
            return if safe { Ok(()) } else { Err(KeyError::Plain { name: name.to_owned(), host }) };
        }
        let bound = self.bound.get(name);
        if !bound.is_some_and(|hosts| hosts.contains(&host)) {
            let bound = bound.map_or_else(|| "this machine alone".to_owned(), join);
            return Err(KeyError::Host { name: name.to_owned(), host, bound });
        }
        if self.is_safe(url) { Ok(()) } else { Err(KeyError::Plain { name: name.to_owned(), host }) }
    }

    fn is_safe(&self, url: &Url) -> bool {
        url.scheme() == "https" || is_this_machine(url) || self.allow_http
    }
}

fn join(hosts: &BTreeSet<String>) -> String {
    hosts.iter().map(|host| format!("`{host}`")).collect::<Vec<_>>().join(", ")
}

/// Host, with the port where it is not the scheme's own.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// Whether an address is on this machine: `localhost`, a loopback address, or the unspecified one, which leads here too.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

fn from_file(path: &Path) -> Result<String, String> {
    let facts = fs::metadata(path).map_err(|e| format!("cannot look at {}: {e}", path.display()))?;
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !facts.is_file() {
        return Err(format!("{} is not a regular file", path.display()));
    }
    let file = File::open(path).map_err(|e| format!("cannot open {}: {e}", path.display()))?;
    if facts.mode() & 0o077 != 0 {
        let path = path.display();
        return Err(format!("others can read {path} (mode {:o}); run `chmod 600 {path}`", facts.mode() & 0o777));
    }
    if facts.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("{} belongs to another user", path.display()));
    }
    let mut text = String::new();
    file.take(LONGEST + 1).read_to_string(&mut text).map_err(|_| format!("cannot read {}", path.display()))?;
    Ok(text)
}

fn from_command(command: &str) -> Result<String, String> {
    let mut child = Command::new("sh");
    // It may ask for a pass phrase on the terminal.
    child.args(["-c", command]).stdin(Stdio::inherit()).stderr(Stdio::inherit());
    let output = child.output().map_err(|e| format!("the command cannot be run: {e}"))?;
    if !output.status.success() {
        return Err(format!("the command failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| "the command printed something that is no text".into())
}

/// A key as it can stand in a header: one line of visible ASCII.
fn checked(text: &str) -> Result<Secret, String> {
    let key = text.trim();
    if key.is_empty() {
        Err("the key is empty".into())
    } else if key.len() as u64 > LONGEST {
        Err("the key is longer than 16 KiB".into())
    } else if key.bytes().any(|byte| !byte.is_ascii_graphic()) {
        Err("the key holds spaces, line breaks or characters outside ASCII; it should be one plain word".into())
    } else {
        Ok(Secret::new(key))
    }
}

/// The process environment, for [`KeyRing::new`].
#[expect(clippy::disallowed_methods, reason = "cli is the one room that reads the environment")]
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Keeps memory, which holds keys, out of core dumps.
pub fn forbid_core_dumps() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    // Lowering a limit is always allowed; a system that refuses has no core dumps to fear.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
}

#[cfg(test)]
mod tests;
