//! A bad network between a client and a server on loopback: latency, jitter, slices, stalls, resets, half-closes and
//! truncation of what the server sends. Seeded: the same bytes meet the same trouble again.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use llmark::domain::random::Stream;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::runtime::Builder;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// What happens to the bytes that the server sends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble {
    /// Every random choice derives from it.
    pub(crate) seed: u64,
    /// Each piece is late by this much ...
    pub(crate) latency: Duration,
    /// ... and by up to this much more.
    pub(crate) jitter: Duration,
    /// Pieces have from one to this many bytes; 0 leaves them as they come.
    pub(crate) slice: usize,
    /// After so many bytes, once, nothing comes for so long.
    pub(crate) stall: Option<(usize, Duration)>,
    /// After so many bytes the connection ends in this way.
    pub(crate) end: Option<(usize, End)>,
}

/// How a connection ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// RST.
    Reset,
    /// FIN, while what the client sends is still taken.
    HalfClose,
    /// FIN in both directions.
    Truncate,
}

/// A proxy that runs; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    addr: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Stands before `server` on a free port.
    pub(crate) fn start(server: SocketAddr, trouble: Trouble) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let token = stop.clone();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let thread = thread::spawn(move || {
            runtime.block_on(token.run_until_cancelled(accept(listener, server, trouble)));
            runtime.shutdown_background();
        });
        Self { addr, stop, thread: Some(thread) }
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn accept(listener: std::net::TcpListener, server: SocketAddr, trouble: Trouble) {
    let listener = TcpListener::from_std(listener).unwrap();
    for n in 0_u64.. {
        let Ok((client, _)) = listener.accept().await else { return };
        let dice = Stream::new(trouble.seed, &format!("connection {n}"));
        tokio::spawn(carry(client, server, trouble.clone(), dice));
    }
}

async fn carry(client: TcpStream, server: SocketAddr, trouble: Trouble, dice: Stream) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    // Without it the kernel would glue the slices together again.
    let _set = client.set_nodelay(true);
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let upward = tokio::spawn(async move {
        let _copied = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _closed = to_server.shutdown().await;
    });
    let mut down = Down { from: from_server, to: to_client, trouble, dice, sent: 0 };
    match down.carry().await {
        None => {}
        Some(End::HalfClose) => {
            let _closed = down.to.shutdown().await;
            let _gone = upward.await;
        }
        Some(End::Reset) => {
            let _set = down.to.as_ref().set_zero_linger();
            upward.abort();
            // Dropped, it would send a FIN first.
            down.to.forget();
        }
        Some(End::Truncate) => upward.abort(),
    }
}

/// The direction in which trouble is made.
struct Down {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    trouble: Trouble,
    dice: Stream,
    sent: usize,
}

impl Down {
    /// Carries bytes until either side ends or the trouble does.
    async fn carry(&mut self) -> Option<End> {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let n = self.from.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
            let mut left = &buffer[..n];
            while !left.is_empty() {
                let (piece, rest) = left.split_at(self.piece(left.len()));
                left = rest;
                sleep(self.delay()).await;
                if let Some((_, end)) = self.trouble.end.filter(|(after, _)| self.sent >= *after) {
                    return Some(end);
                }
                self.to.write_all(piece).await.ok()?;
                self.sent += piece.len();
            }
        }
    }

    /// Length of the next piece; none reaches over a place where something happens.
    fn piece(&mut self, longest: usize) -> usize {
        let places = [self.trouble.stall.map(|(after, _)| after), self.trouble.end.map(|(after, _)| after)];
        let next = places.iter().flatten().filter_map(|after| after.checked_sub(self.sent)).filter(|n| *n > 0).min();
        let longest = longest.min(next.unwrap_or(longest));
        match self.trouble.slice {
            0 => longest,
            most => longest.min(1 + self.dice.below(most as u64) as usize),
        }
    }

    fn delay(&mut self) -> Duration {
        let late = self.trouble.latency + self.trouble.jitter.mul_f64(self.dice.uniform());
        match self.trouble.stall {
            Some((after, pause)) if self.sent >= after => {
                self.trouble.stall = None;
                late + pause
            }
            _ => late,
        }
    }
}
