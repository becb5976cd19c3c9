//! A desk for tests of comparisons: a folder with suites, recorded answers and runs of the binary.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

/// A folder with suites and runs; gone when dropped.
pub(crate) struct Desk(TempDir);

impl Desk {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Runs the binary to its end.
    pub(crate) fn llmark(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_llmark"));
        command.current_dir(self.path()).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.path());
        command.args(arguments).output().unwrap()
    }

    /// A suite whose cases are `cases` and that grades with `grader`.
    pub(crate) fn suite(&self, name: &str, grader: &str, cases: &[Value]) {
        let lines: Vec<String> = cases.iter().map(|case| format!("{case}\n")).collect();
        self.write(&format!("{name}.jsonl"), &lines.concat());
        self.write(
            &format!("{name}.yaml"),
            &format!(
                "name: {name}\nseed: 11\ntargets:\n  - {{id: t, protocol: openai-chat, base_url: \"http://127.0.0.1:1/v1\", \
                 model: m, price: {{input: 1, output: 2}}}}\nprompts:\n  - {{id: p, user: \"{{{{ q }}}}\"}}\n\
                 cases:\n  - file: {name}.jsonl\ngraders:\n  - {grader}\n"
            ),
        );
    }

    /// Grades recorded answers into the run folder `out`.
    pub(crate) fn grade(&self, suite: &str, out: &str, answers: &[Value]) {
        let lines: Vec<String> = answers.iter().map(|answer| format!("{answer}\n")).collect();
        self.write(&format!("{out}.answers"), &lines.concat());
        let suite = format!("{suite}.yaml");
        let output = self.llmark(&["grade", &suite, "--responses", &format!("{out}.answers"), "--out", out]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a comparison that is not refused.
    pub(crate) fn compare(&self, arguments: &[&str]) -> (Value, i32) {
        let output = self.llmark(&[&["compare"], arguments, &["--json"]].concat());
        let found = serde_json::from_slice(&output.stdout);
        (found.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))), output.status.code().unwrap())
    }
}

/// The comparison of `metric` in `slice`.
#[track_caller]
pub(crate) fn line<'a>(found: &'a Value, metric: &str, slice: &str) -> &'a Value {
    let lines = found["comparisons"].as_array().unwrap();
    lines
        .iter()
        .find(|one| one["metric"] == metric && one["slice"] == slice)
        .unwrap_or_else(|| panic!("{metric} {slice}"))
}
