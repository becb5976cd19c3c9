//! What `llmark` spends per streamed event beside a client that only reads and counts.
//!
//! ```text
//! cargo bench --bench bare_client -- [STREAMS] [TOKENS] [GAP] [REQUESTS] [ROUNDS]      default: 64 100 0ms 8192 3
//! ```
//!
//! Both read the same streams of the same simulator, which runs in a process of its own, and take turns. Counted is
//! processor time, user and system, of the client alone: of one thread for the bare client, of the whole process from
//! start to exit for `llmark run`: start-up, calibration, stamps, the durable log, reading it back, every report. Beside
//! that stands the part that was spent while requests were in flight, as the run's own audit has it.

#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

#[path = "support/bare.rs"]
mod bare;
#[path = "support/server.rs"]
mod server;

use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use rustix::time::ClockId;
use rustix::time::clock_gettime;
use serde_json::Value;
use server::Failed;
use server::Server;

/// What both clients do.
struct Work {
    streams: u64,
    tokens: u64,
    gap: String,
    requests: u64,
}

/// Microseconds of processor time per event.
struct Round {
    bare: f64,
    whole: f64,
    in_flight: f64,
}

fn main() -> Result<(), Failed> {
    let given: Vec<String> = std::env::args().skip(1).filter(|given| !given.starts_with('-')).collect();
    let option = |at: usize, default: &str| given.get(at).cloned().unwrap_or_else(|| default.to_owned());
    let work = Work {
        streams: option(0, "64").parse()?,
        tokens: option(1, "100").parse()?,
        gap: option(2, "0ms"),
        requests: option(3, "8192").parse()?,
    };
    let rounds: usize = option(4, "3").parse()?;
    let server = Server::start()?;
    let folder = tempfile::tempdir()?;
    let Work { streams, tokens, gap, requests } = &work;
    println!("{requests} requests of {tokens} tokens at {gap}, {streams} at a time; us of CPU per event");
    let mut found = Vec::new();
    for number in 0..rounds {
        let round = round(&work, &server, &folder.path().join(number.to_string()))?;
        println!(
            "round {number}: bare {:.2}, llmark in flight {:.2} (x {:.2}), llmark whole {:.2} (x {:.2})",
            round.bare,
            round.in_flight,
            round.in_flight / round.bare,
            round.whole,
            round.whole / round.bare
        );
        found.push(round);
    }
    let median = |value: fn(&Round) -> f64| {
        let mut values: Vec<f64> = found.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        format!("{:.2} [{:.2}, {:.2}]", values[values.len() / 2], values[0], values[values.len() - 1])
    };
    println!("bare client: {} us", median(|r| r.bare));
    println!(
        "llmark in flight: {} us, {} times the bare client",
        median(|r| r.in_flight),
        median(|r| r.in_flight / r.bare)
    );
    println!("llmark whole run: {} us, {} times the bare client", median(|r| r.whole), median(|r| r.whole / r.bare));
    println!("median [least, most] of {rounds} rounds");
    Ok(())
}

fn round(work: &Work, server: &Server, folder: &Path) -> Result<Round, Failed> {
    let prompt = format!("[[sim:tokens={},gap={}]]", work.tokens, work.gap);
    let before = thread_cpu();
    let n_events = bare::count(&server.address, &prompt, work.streams, work.requests / work.streams)?;
    let bare = thread_cpu().saturating_sub(before);
    let before = children_cpu()?;
    run(work, server, &prompt, folder)?;
    let whole = children_cpu()?.saturating_sub(before);
    let per_event = |time: Duration| time.as_nanos() as f64 / 1e3 / n_events as f64;
    Ok(Round { bare: per_event(bare), whole: per_event(whole), in_flight: per_event(in_flight(folder)?) })
}

fn run(work: &Work, server: &Server, prompt: &str, folder: &Path) -> Result<(), Failed> {
    let suite = format!(
        "name: cost\ntargets:\n  - {{id: server, protocol: openai-chat, base_url: \"http://{}/v1\", model: instant}}\n\
         prompts:\n  - {{id: p, user: \"{prompt}\"}}\ncases:\n  - {{id: one}}\n\
         loads:\n  - {{concurrency: {}, requests: {}}}\n",
        server.address,
        work.streams,
        work.requests / work.streams * work.streams
    );
    let path = folder.with_extension("yaml");
    std::fs::write(&path, suite)?;
    let status = Command::new(env!("CARGO_BIN_EXE_llmark"))
        .args(["run", "--quiet", "--out"])
        .args([folder, &path])
        .stdout(Stdio::null())
        .status()?;
    // A busy client is what is looked for here; it is no failure.
    if matches!(status.code(), Some(0 | 6)) { Ok(()) } else { Err(format!("llmark run: {status}").into()) }
}

/// Processor time of the run's segments, by its own audit.
fn in_flight(folder: &Path) -> Result<Duration, Failed> {
    let log = std::fs::read_to_string(folder.join("events.jsonl"))?;
    let lines = log.lines().filter(|line| line.contains("\"k\":\"health\""));
    let seconds = lines.filter_map(|line| {
        let health: Value = serde_json::from_str(line).ok()?;
        Some(health["cpu"].as_f64()? * (health["window"][1].as_f64()? - health["window"][0].as_f64()?) / 1e9)
    });
    Ok(Duration::from_secs_f64(seconds.sum()))
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Processor time of all children that ended; in ticks of 10 ms, as Linux has it.
fn children_cpu() -> Result<Duration, Failed> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let tick = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Ok(Duration::from_millis(10 * (tick(13) + tick(14))))
}
