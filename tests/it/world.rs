//! A small world for tests that run the binary: a folder, a suite, a simulator with its ledger in this process.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;

use llmark::sim::Profile;
use llmark::sim::Running;
use llmark::sim::Server;
use llmark::store::RunFolder;
use tempfile::TempDir;

/// The simulator's model, slow enough to be interrupted and fast enough to be waited for.
const SLOW: &str = "
name: slow
unknown_model: serve
models:
  - id: m
    ttft: 5ms
    gap: 1ms
    default_mode: minimal
    price: {input: 1, output: 2}
";

/// Everything that a test needs; gone when dropped.
pub(crate) struct World {
    folder: TempDir,
    server: Running,
}

impl World {
    /// A world whose suite has `cases` cases, asked four at a time.
    pub(crate) fn new(cases: usize) -> Self {
        let server = Server::start(vec![Profile::parse(SLOW).unwrap()], 0).unwrap();
        let world = Self { folder: tempfile::tempdir().unwrap(), server };
        let url = world.server.base_url();
        let case = |n| format!("  - {{id: c{n}, vars: {{word: w{n}}}, expect: w{n}}}\n");
        let cases = (0..cases).map(case).collect::<Vec<_>>().concat();
        let suite = format!(
            "name: faults\nseed: 7\n\
             targets:\n  - id: t\n    protocol: openai-chat\n    base_url: {url}\n    model: m\n    key_env: WORLD_KEY\n    price: {{input: 1, output: 2}}\n\
             params: {{max_tokens: 16}}\n\
             prompts:\n  - {{id: p, user: \"Repeat this word: {{{{ word }}}}\"}}\n\
             cases:\n{cases}\
             graders:\n  - word_count: {{min: 1, max: 1000}}\n\
             loads:\n  - {{concurrency: 4}}\n"
        );
        fs::write(world.suite(), suite).unwrap();
        world
    }

    /// The folder that all commands run in.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The suite's file.
    pub(crate) fn suite(&self) -> PathBuf {
        self.path().join("suite.yaml")
    }

    /// The run's folder.
    pub(crate) fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    /// The simulator.
    pub(crate) fn server(&self) -> &Running {
        &self.server
    }

    /// The run that was recorded.
    pub(crate) fn recorded(&self) -> RunFolder {
        RunFolder::open(&self.out()).unwrap()
    }

    /// A command of the binary in this world: nothing of the tester's environment but `PATH`.
    pub(crate) fn llmark(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmark"));
        self.place(&mut command).args(arguments);
        command
    }

    /// Makes any command run in this world.
    pub(crate) fn place<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path())
            .env("TMPDIR", "/tmp")
            .env("WORLD_KEY", KEY)
            .stdin(Stdio::null())
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.llmark(arguments).output().unwrap()
    }

    /// Starts the suite's run in the background.
    pub(crate) fn start(&self) -> Child {
        let mut command = self.llmark(&["run", "suite.yaml", "--out", "out", "--quiet"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts the suite's run under strace, which kills it at its `n`-th call that changes a file.
    pub(crate) fn killed_at_write(&self, n: u64) -> ExitStatus {
        let calls = "write,fsync,fdatasync,ftruncate,rename";
        let inject = format!("inject={calls}:signal=SIGKILL:when={n}");
        let mut command = Command::new("strace");
        self.place(&mut command).args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject]);
        command.args([env!("CARGO_BIN_EXE_llmark"), "run", "suite.yaml", "--out", "out", "--quiet"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
    }

    /// Waits until the server has accepted this many requests, or the child has ended.
    pub(crate) fn wait_for(&self, accepted: u64, child: &mut Child) {
        while self.server.ledger().totals().accepted < accepted && child.try_wait().unwrap().is_none() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// The key of every world: no two twelve-character runs of it are ordinary text.
pub(crate) const KEY: &str = "sk-canary-q7Zt3VxK9mB2pL8wN4rH6yJ1cF5dG0sA";

/// How often a fault is tried: `short` times, or as often as `LLMARK_FAULT_ROUNDS` says (`tests/faults/long.sh`).
#[expect(clippy::disallowed_methods, reason = "the long version is asked for by a variable")]
pub(crate) fn rounds(short: u64) -> u64 {
    std::env::var("LLMARK_FAULT_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(short)
}

/// Whether a tool of the system works here; where it does not, says on the real standard error what is not tested.
pub(crate) fn has(tool: &str, arguments: &[&str], untested: &str) -> bool {
    let status = Command::new(tool).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let works = status.is_ok_and(|status| status.success());
    if !works {
        // Written past the test harness, which would keep it to itself.
        let _told = writeln!(std::io::stderr(), "SKIPPED: {untested}: {tool} does not work here");
    }
    works
}

/// Whether faults can be injected into system calls.
pub(crate) fn has_strace(untested: &str) -> bool {
    has("strace", &["-f", "-qq", "-o", "/dev/null", "true"], untested)
}

/// Standard error as text, for messages of failed assertions.
pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Sends a signal to a child of this test.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}
