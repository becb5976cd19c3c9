//! A client that sends requests over kept connections, reads the streams and counts their events: nothing is stamped,
//! decoded or kept. The floor for the cost of an event.

use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::server::Failed;

/// Ends a chunked body.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Reads `streams` streams at a time, `requests` one after the other on each, and counts events. One thread.
///
/// # Errors
/// A connection that cannot be made, or a stream without events.
pub(crate) fn count(address: &str, prompt: &str, streams: u64, requests: u64) -> Result<u64, Failed> {
    let body = format!(r#"{{"model":"instant","stream":true,"messages":[{{"role":"user","content":"{prompt}"}}]}}"#);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut all = JoinSet::new();
        for _ in 0..streams {
            all.spawn(one_by_one(address.to_owned(), request.clone(), requests));
        }
        let mut n_events = 0;
        while let Some(counted) = all.join_next().await {
            n_events += counted??;
        }
        Ok(n_events)
    })
}

async fn one_by_one(address: String, request: String, requests: u64) -> Result<u64, Failed> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut n_events = 0;
    for _ in 0..requests {
        stream.write_all(request.as_bytes()).await?;
        n_events += read_one(&mut stream).await?;
    }
    Ok(n_events)
}

/// Reads one response to its end and counts its events.
async fn read_one(stream: &mut TcpStream) -> Result<u64, Failed> {
    let mut buffer = vec![0; 16 << 10];
    let (mut n_events, mut last, mut tail) = (0, 0, Vec::with_capacity(2 * LAST_CHUNK.len()));
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Err("the server closed a connection that it had promised to keep".into());
        }
        for &byte in &buffer[..n] {
            n_events += u64::from(byte == b'\n' && last == b'\n');
            last = byte;
        }
        tail.extend_from_slice(&buffer[n.saturating_sub(LAST_CHUNK.len())..n]);
        if tail.ends_with(LAST_CHUNK) {
            return if n_events > 0 { Ok(n_events) } else { Err("a stream without events".into()) };
        }
        tail.drain(..tail.len().saturating_sub(LAST_CHUNK.len()));
    }
}
