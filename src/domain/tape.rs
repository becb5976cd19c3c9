//! Recorded exchanges: what was sent, what came back, and when. What a cassette holds.

use super::ConnTimes;
use super::Offset;
use super::Stage;

/// What an exchange is known by in every run of the same suite: its place in the plan, and what is sent.
///
/// Neither address nor salt nor key is part of it: a recording serves wherever it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The target asked.
    pub target: String,
    /// The mode of the trial's cell.
    pub mode: String,
    /// The prompt of the trial's cell.
    pub prompt: String,
    /// The load of the trial's cell.
    pub load: String,
    /// The case.
    pub case: String,
    /// Repeat, from 0.
    pub repeat: u32,
    /// Part of the warm-up.
    pub warmup: bool,
    /// Attempt, from 1.
    pub attempt: u16,
    /// Who asked: empty for the trial itself, else the grader.
    pub grader: String,
    /// Path of the request.
    pub path: String,
    /// Hash of the body without salt and key.
    pub content: u64,
}

impl Label {
    /// Every fact with its name, in the order in which people look for a difference.
    pub fn facts(&self) -> [(&'static str, String); 11] {
        [
            ("target", self.target.clone()),
            ("mode", self.mode.clone()),
            ("prompt", self.prompt.clone()),
            ("load", self.load.clone()),
            ("case", self.case.clone()),
            ("repeat", self.repeat.to_string()),
            ("warmup", self.warmup.to_string()),
            ("attempt", self.attempt.to_string()),
            ("grader", self.grader.clone()),
            ("path", self.path.clone()),
            ("content", format!("{:016x}", self.content)),
        ]
    }
}

/// A recorded exchange. All times count from the moment at which work on it began.
#[derive(Debug, Clone, PartialEq)]
pub struct Tape {
    /// What was sent.
    pub sent: Sent,
    /// How the connection came to be.
    pub conn: ConnTimes,
    /// Last byte of the request written.
    pub written: Option<Offset>,
    /// The response's head.
    pub head: Option<Heard>,
    /// The body, transfer coding removed, in the pieces in which it arrived.
    pub chunks: Vec<Chunk>,
    /// It was over.
    pub ended: Offset,
    /// How it ended.
    pub stop: Stop,
}

/// A request as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sent {
    /// Method.
    pub method: String,
    /// URL.
    pub url: String,
    /// Headers; sensitive values are left out.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When it was complete.
    pub at: Offset,
    /// Status.
    pub status: u16,
    /// Headers with lower-case names, in order.
    pub headers: Vec<(String, String)>,
}

/// What one read brought of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// When the read returned.
    pub at: Offset,
    /// The read's number within the response.
    pub read: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// How a recorded exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// With a complete body.
    Clean,
    /// The connection closed inside the body.
    Cut,
    /// A cap on its size was hit.
    Capped(&'static str),
    /// No connection.
    Connect(Stage, String),
    /// A timer fired.
    Timeout(Stage),
    /// The connection broke.
    Reset(&'static str),
    /// A rule of HTTP was broken.
    Protocol(&'static str),
}
