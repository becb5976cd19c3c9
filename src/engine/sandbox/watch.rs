//! Watches a program: output, processor time, memory, wall time. Kills all of it at the first limit.

use std::fs;
use std::io::Read;
use std::process::Child;
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process_group;

use crate::grade::Finished;

/// Bytes kept of each output stream; more than that ends the program.
const OUTPUT: usize = 64 << 10;

/// Resident memory of all processes together.
const MEMORY: u64 = 1 << 30;

/// Time for setting up the sandbox, not the program's own.
const SETUP: Duration = Duration::from_secs(1);

/// A program that could run but is not let to, on a busy machine, gets this many times the wall time.
const STARVED: u32 = 20;

/// What a program may use.
#[derive(Debug)]
pub(super) struct Limits {
    cpu: Duration,
    wall: Duration,
}

impl Limits {
    /// Processor time decides; wall time is a cap for programs that sleep.
    pub(super) fn of(cpu: Duration) -> Self {
        Self { cpu: cpu.max(Duration::from_secs(1)), wall: cpu * 2 + Duration::from_secs(10) }
    }
}

/// Starts the program, waits for its end, and brings that about if need be.
pub(super) fn run(mut command: Command, limits: &Limits) -> Result<Finished, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|e| format!("cannot start `{name}`: {e}"))?;
    let stdout = child.stdout.take().map(capture);
    let stderr = child.stderr.take().map(capture);
    let mut watch =
        Watch { limits, started: now(), output: [stdout, stderr], texts: Default::default(), cpu: Duration::ZERO };
    let limit = watch.until_over(&mut child);
    kill_all(&mut child);
    let status = child.wait().map_err(|e| format!("cannot wait for `{name}`: {e}"))?;
    Ok(watch.finish(status.code(), limit))
}

/// The engine's room may look at the clock; a program's time is nothing that the run's clock stamps.
#[expect(clippy::disallowed_methods, reason = "wall cap of a child process, not a measurement")]
fn now() -> Instant {
    Instant::now()
}

/// Kills the program's process group; inside its namespace the rest dies with the first process.
fn kill_all(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // Failure means that they are gone.
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    let _ = child.kill();
}

/// What was read of a stream, and whether there was more than may be.
type Captured = (Vec<u8>, bool);

fn capture(stream: impl Read + Send + 'static) -> Receiver<Captured> {
    let (to, from) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A stream that breaks has said what it could.
        let _ = stream.take(OUTPUT as u64 + 1).read_to_end(&mut bytes);
        let over = bytes.len() > OUTPUT;
        bytes.truncate(OUTPUT);
        // Nobody waits any more when a daemon outlived its program and held the stream open.
        let _ = to.send((bytes, over));
    });
    from
}

struct Watch<'a> {
    limits: &'a Limits,
    started: Instant,
    output: [Option<Receiver<Captured>>; 2],
    texts: [Option<Captured>; 2],
    cpu: Duration,
}

impl Watch<'_> {
    /// Polls until the program has ended or a limit is reached; names the limit.
    fn until_over(&mut self, child: &mut Child) -> Option<&'static str> {
        let mut pause = Duration::from_millis(1);
        loop {
            if !matches!(child.try_wait(), Ok(None)) {
                return None;
            }
            if let Some(limit) = self.limit(child.id()) {
                return Some(limit);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(25));
        }
    }

    fn limit(&mut self, pid: u32) -> Option<&'static str> {
        self.collect(Duration::ZERO);
        if self.texts.iter().flatten().any(|(_, over)| *over) {
            return Some("output");
        }
        let used = Used::by(pid);
        self.cpu = self.cpu.max(used.cpu);
        if used.memory > MEMORY {
            return Some("memory");
        }
        if self.cpu > self.limits.cpu + SETUP {
            return Some("cpu");
        }
        let patience = if used.runnable { self.limits.wall * STARVED } else { self.limits.wall };
        (self.started.elapsed() > patience).then_some("wall")
    }

    fn collect(&mut self, patience: Duration) {
        for (from, text) in self.output.iter().zip(&mut self.texts) {
            if text.is_none() {
                *text = from.as_ref().and_then(|from| from.recv_timeout(patience).ok());
            }
        }
    }

    fn finish(mut self, code: Option<i32>, limit: Option<&'static str>) -> Finished {
        self.collect(Duration::from_millis(500));
        let [out, err] = self.texts.map(Option::unwrap_or_default);
        let flooded = (out.1 || err.1).then_some("output");
        let limit = limit.or(flooded).or_else(|| self.limits.told(code, self.cpu, &err.0));
        Finished { code: if limit.is_some() { None } else { code }, limit, stdout: out.0, stderr: err.0 }
    }
}

impl Limits {
    /// The limit that the system enforced, as far as the program's end tells.
    fn told(&self, code: Option<i32>, cpu: Duration, stderr: &[u8]) -> Option<&'static str> {
        const CPU_SIGNAL: i32 = 128 + 24;
        const KILLED: i32 = 128 + 9;
        match code {
            Some(CPU_SIGNAL) => Some("cpu"),
            Some(KILLED) if cpu >= self.cpu => Some("cpu"),
            Some(0) => None,
            _ => {
                let text = String::from_utf8_lossy(stderr);
                let words =
                    ["MemoryError", "bad_alloc", "out of memory", "Cannot allocate memory", "memory allocation of"];
                words.iter().any(|word| text.contains(word)).then_some("memory")
            }
        }
    }
}

/// What a process and all below it use now.
#[derive(Debug, Default, PartialEq)]
struct Used {
    cpu: Duration,
    memory: u64,
    /// At least one of them runs or waits for a processor, rather than for something to happen.
    runnable: bool,
}

impl Used {
    /// Zero where the system does not tell (no `/proc`): then the wall cap decides alone.
    fn by(pid: u32) -> Self {
        let mut used = Self::default();
        let mut open = vec![pid];
        // A bomb of processes is bounded by its limit on processes; this bounds our own work on it.
        for _ in 0..500 {
            let Some(pid) = open.pop() else { break };
            used.add(pid);
            open.extend(children(pid));
        }
        used
    }

    fn add(&mut self, pid: u32) {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in parentheses may hold anything; fields are counted behind it.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        self.runnable |= fields.first() == Some(&"R");
        let (own, waited_for) = (number(11) + number(12), number(13) + number(14));
        // Clock ticks are a hundredth of a second, pages 4 KiB, on every Linux this is built for.
        self.cpu += Duration::from_millis((own + waited_for).saturating_mul(10));
        self.memory += number(21).saturating_mul(4096);
    }
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|list| list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}
