//! Connections kept by one I/O thread, and what its streams share.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::HashSet;
use std::future::Future as _;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::Mutex;
use tokio::sync::Notify;

use super::connect::Origin;
use super::http2::Known;
use super::proxy::Proxies;
use super::socket::Socket;
use super::tls;
use crate::domain::Clock;
use crate::domain::Offset;

/// A connection idle for longer than this is not used again: servers close theirs at about that age.
const MAX_IDLE: Duration = Duration::from_secs(30);

/// A connection that its server closes within this time was never meant to persist.
const PROMPT: Duration = Duration::from_secs(1);

/// Reads go here first and are copied from here, so that a stream at rest holds no buffer.
const SCRATCH: usize = 64 * 1024;

/// How servers are reached; the same for all I/O threads.
#[derive(Clone)]
pub struct Network {
    /// TLS settings of connections for HTTP/1.1.
    pub tls: Arc<ClientConfig>,
    /// TLS settings of connections that would rather speak HTTP/2.
    pub tls_http2: Arc<ClientConfig>,
    /// Proxies on the way.
    pub proxies: Arc<Proxies>,
}

impl Network {
    /// With these TLS settings and proxies.
    pub fn new(tls: Arc<ClientConfig>, proxies: Proxies) -> Self {
        let tls_http2 = tls::offering_http2(&tls);
        Self { tls, tls_http2, proxies: Arc::new(proxies) }
    }

    /// Without proxies.
    pub fn direct(tls: Arc<ClientConfig>) -> Self {
        Self::new(tls, Proxies::default())
    }
}

/// What the streams of one I/O thread share: idle connections, TLS settings, a read buffer and the clock.
pub struct Wire {
    idle: RefCell<HashMap<Origin, Vec<Idle>>>,
    /// Servers that were asked for HTTP/2.
    http2: RefCell<HashMap<Origin, Rc<Mutex<Known>>>>,
    /// Servers that announce persistent connections and close them all the same.
    closers: RefCell<HashSet<Origin>>,
    pub(super) network: Network,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) scratch: RefCell<Box<[u8]>>,
    is_halted: Cell<bool>,
    halting: Notify,
}

struct Idle {
    socket: Socket,
    since: Offset,
}

impl Wire {
    /// A wire without connections.
    pub fn new(network: Network, clock: Arc<dyn Clock>) -> Self {
        let scratch = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
        Self {
            idle: RefCell::default(),
            http2: RefCell::default(),
            closers: RefCell::default(),
            network,
            clock,
            scratch,
            is_halted: Cell::new(false),
            halting: Notify::new(),
        }
    }

    /// Ends all streams, those that begin later included.
    pub fn halt(&self) {
        self.is_halted.set(true);
        self.halting.notify_waiters();
    }

    /// Waits for [`Wire::halt`]. Polled along with a stream at each of its wake-ups, hence no lock and no other memory:
    /// to have asked for a wake-up once is enough, as a stream stays in its task.
    pub(super) async fn halted(&self) {
        let mut halting = pin!(self.halting.notified());
        let mut waits = false;
        poll_fn(|cx| {
            if !self.is_halted.get() && (waits || halting.as_mut().poll(cx).is_pending()) {
                waits = true;
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }

    /// The connection that was used last, if one is young enough and still open; others are closed.
    pub(super) fn take(&self, origin: &Origin) -> Option<Socket> {
        let mut idle = self.idle.borrow_mut();
        let sockets = idle.get_mut(origin)?;
        let now = self.clock.now();
        sockets.retain(|one| now.since(one.since).is_none_or(|age| age < MAX_IDLE));
        while let Some(one) = sockets.pop() {
            if one.socket.is_idle() {
                return Some(one.socket);
            }
            if now.since(one.since).is_some_and(|age| age < PROMPT) {
                self.closes(origin);
            }
        }
        None
    }

    /// This server closed a connection right after it had announced to keep it. It is believed once: a request that
    /// meets the close is lost, and repeating it silently would falsify its time.
    pub(super) fn closes(&self, origin: &Origin) {
        self.closers.borrow_mut().insert(origin.clone());
    }

    /// Keeps a connection for the next request.
    pub(super) fn keep(&self, origin: &Origin, socket: Socket) {
        if self.closers.borrow().contains(origin) {
            return;
        }
        let idle = Idle { socket, since: self.clock.now() };
        self.idle.borrow_mut().entry(origin.clone()).or_default().push(idle);
    }

    /// What is known of a server that is asked for HTTP/2; held by whoever connects to it.
    pub(super) fn known(&self, origin: &Origin) -> Rc<Mutex<Known>> {
        Rc::clone(self.http2.borrow_mut().entry(origin.clone()).or_default())
    }

    /// The run's clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Closes all idle connections.
    pub fn close_idle(&self) {
        self.idle.borrow_mut().clear();
        self.http2.borrow_mut().clear();
    }
}
