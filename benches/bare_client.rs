//! The least that a client can do with streams: read them and count their events. What `llmark` spends beyond this per
//! event is the price of stamping, framing, decoding and storing.
//!
//! ```text
//! cargo bench --bench bare_client -- [STREAMS] [TOKENS] [GAP] [ADDRESS]      default: 64 100 10ms, embedded simulator
//! ```
//!
//! With the embedded simulator its own CPU time per event is printed, too.

#![expect(clippy::print_stdout, reason = "a program that prints its figures")]
#![expect(clippy::disallowed_methods, reason = "it times itself from outside any run")]

use std::error::Error;
use std::time::Duration;
use std::time::Instant;

use llmark::sim::Profile;
use llmark::sim::Running;
use llmark::sim::Server;
use rustix::time::ClockId;
use rustix::time::clock_gettime;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let word = |at: usize, default: &str| words.get(at).cloned().unwrap_or_else(|| default.to_owned());
    let n_streams: usize = word(0, "64").parse()?;
    let prompt = format!("[[sim:tokens={},gap={}]]", word(1, "100"), word(2, "10ms"));
    let server = embedded(words.get(3).is_none())?;
    let address = match &server {
        Some(server) => server.addr().to_string(),
        None => word(3, ""),
    };
    let (begun, process, thread) = (Instant::now(), cpu(ClockId::ProcessCPUTime), cpu(ClockId::ThreadCPUTime));
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let n_events = runtime.block_on(all(n_streams, address, prompt))?;
    let wall = begun.elapsed();
    let client = cpu(ClockId::ThreadCPUTime).saturating_sub(thread);
    let both = cpu(ClockId::ProcessCPUTime).saturating_sub(process);
    let per_event = |time: Duration| time.as_nanos() as f64 / 1e3 / n_events as f64;
    println!(
        "{n_streams} streams, {n_events} events in {:.2} s, {:.0} per second",
        wall.as_secs_f64(),
        n_events as f64 / wall.as_secs_f64()
    );
    println!("bare client: {:.2} us of CPU per event", per_event(client));
    if server.is_some() {
        println!("simulator:   {:.2} us of CPU per event", per_event(both.saturating_sub(client)));
    }
    Ok(())
}

fn embedded(wanted: bool) -> Result<Option<Running>, Failed> {
    if !wanted {
        return Ok(None);
    }
    let profile = Profile::builtin("instant").ok_or("the profile `instant` is built in")?;
    Ok(Some(Server::start(vec![profile], 0)?))
}

fn cpu(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

async fn all(n_streams: usize, address: String, prompt: String) -> Result<usize, Failed> {
    let mut streams = JoinSet::new();
    for _ in 0..n_streams {
        streams.spawn(count(address.clone(), prompt.clone()));
    }
    let mut n_events = 0;
    while let Some(counted) = streams.join_next().await {
        n_events += counted??;
    }
    Ok(n_events)
}

/// Reads one stream to its end and counts its events.
async fn count(address: String, prompt: String) -> Result<usize, Failed> {
    let body = format!(r#"{{"model":"m","stream":true,"messages":[{{"role":"user","content":"{prompt}"}}]}}"#);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n";
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    let mut buffer = vec![0; 16 << 10];
    let (mut n_events, mut last) = (0, 0);
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return if n_events > 0 { Ok(n_events) } else { Err("a stream without events".into()) };
        }
        for &byte in &buffer[..n] {
            n_events += usize::from(byte == b'\n' && last == b'\n');
            last = byte;
        }
    }
}
