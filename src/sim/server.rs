//! Starting and stopping the simulator: a listener on loopback with a runtime and a thread of its own.
//!
//! One thread carries all connections: on a small machine a second one would take from the client that is measured.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use super::Profile;
use super::conn;
use super::host::Hosts;
use super::ledger::Ledger;
use super::skills;

/// Starts simulators.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Serves `profiles` on `127.0.0.1:port`; port 0 picks a free one. A model that two profiles name belongs to the
    /// first of them.
    ///
    /// # Errors
    /// The port is taken, no profile is given, or a thread cannot be started.
    pub fn start(profiles: Vec<Profile>, port: u16) -> io::Result<Running> {
        Self::start_with(profiles, port, Ledger::default())
    }

    /// As [`Server::start`], with an account of the caller's choice.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with(profiles: Vec<Profile>, port: u16, ledger: Ledger) -> io::Result<Running> {
        if profiles.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the simulator needs at least one profile"));
        }
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let stop = CancellationToken::new();
        let hosts = Arc::new(Hosts::new(profiles, ledger.clone()));
        let token = stop.clone();
        let thread = thread::Builder::new().name("llmark-sim".into()).spawn(move || {
            skills::warm_up();
            runtime.block_on(token.run_until_cancelled(accept(listener, hosts)));
            runtime.shutdown_background();
        })?;
        Ok(Running { addr, ledger, stop, thread: Some(thread) })
    }
}

async fn accept(listener: std::net::TcpListener, hosts: Arc<Hosts>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                hosts.ledger.connected();
                tokio::spawn(conn::serve(stream, Arc::clone(&hosts)));
            }
            // Out of file descriptors, mostly: wait for connections to end instead of spinning.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    }
}

/// A simulator that runs; it stops when dropped.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    ledger: Ledger,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Base URL as an OpenAI SDK takes it.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Its account.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Ends all connections and waits for the thread.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the runtime already; there is nobody left to tell.
            drop(thread.join());
        }
    }
}
