//! Cassettes: a folder of recorded exchanges, one readable file each.
//!
//! A file has a line per fact, in JSON: the label and the request, the response's head, a line per piece of the body
//! with the nanoseconds at which it arrived, and the end. Pieces that are text stand there as text, others in base64.
//! Secrets are masked before anything is written: values of the request by their mask, bytes of the body by as many
//! asterisks, so that the borders of its pieces stay where they were.

mod line;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;
use std::thread;
use std::thread::JoinHandle;

use sha2::Digest as _;
use sha2::Sha256;

use super::StoreError;
use crate::domain::tape::Label;
use crate::domain::tape::Tape;
use crate::text::Redactor;

/// Recordings to be played.
pub struct Cassettes {
    folder: PathBuf,
    /// Labels by file name, read when one is missing.
    labels: OnceLock<BTreeMap<String, BTreeMap<String, String>>>,
}

impl Cassettes {
    /// The recordings in a folder.
    ///
    /// # Errors
    /// There are none.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        if names(folder)?.is_empty() {
            let problem = "it holds no recorded exchanges; `llmark run SUITE --record DIR` makes some";
            return Err(StoreError::io("replay", folder, io::Error::new(io::ErrorKind::NotFound, problem)));
        }
        Ok(Self { folder: folder.to_owned(), labels: OnceLock::new() })
    }

    /// The recording with this label.
    ///
    /// # Errors
    /// There is none: names the closest one and what differs. Or it cannot be read.
    pub fn find(&self, label: &Label) -> Result<Tape, String> {
        let path = self.folder.join(file_name(label));
        match fs::read_to_string(&path) {
            Ok(text) => line::read(&text).map_err(|why| format!("{} is no recorded exchange: {why}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.missing(label)),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        }
    }

    fn missing(&self, label: &Label) -> String {
        let (facts, folder) = (label.facts(), self.folder.display());
        let differing = |known: &BTreeMap<String, String>| -> Vec<String> {
            let differs = facts.iter().filter(|(name, value)| known.get(*name) != Some(value));
            let told = differs.map(|(name, value)| match (*name, known.get(*name)) {
                ("content", _) => "what is sent".to_owned(),
                (name, Some(other)) => format!("{name} (`{other}`, not `{value}`)"),
                (name, None) => name.to_owned(),
            });
            told.collect()
        };
        let all = self.labels.get_or_init(|| labels(&self.folder));
        let closest = all.iter().map(|(file, known)| (file, differing(known))).min_by_key(|(_, differs)| differs.len());
        let asked = format!("{folder} has no exchange of target {}, case {}", label.target, label.case);
        match closest {
            Some((file, differs)) => format!("{asked}; the closest, {file}, differs in {}", differs.join(", ")),
            None => asked,
        }
    }
}

fn labels(folder: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let known = |name: String| {
        let text = fs::read_to_string(folder.join(&name)).ok()?;
        Some((name, line::label(text.lines().next()?)?))
    };
    names(folder).unwrap_or_default().into_iter().filter_map(known).collect()
}

fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = fs::read_dir(folder).map_err(|e| StoreError::io("read", folder, e))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| Path::new(name).extension().is_some_and(|e| e == "jsonl")).collect())
}

/// A name that tells people which exchange it is, and machines exactly which.
fn file_name(label: &Label) -> String {
    let mut hash = Sha256::new();
    for (name, value) in label.facts() {
        hash.update(format!("{name}={}:{value};", value.len()));
    }
    let hex = hash.finalize().iter().take(6).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let who = if label.grader.is_empty() { &label.mode } else { &label.grader };
    format!("{}.{}.{}.{hex}.jsonl", slug(&label.target), slug(who), slug(&label.case))
}

fn slug(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' };
    text.chars().map(plain).take(40).collect()
}

/// Writes recordings on a thread of its own, so that no exchange waits for the disk.
pub struct Recorder {
    sender: Mutex<Option<Sender<(Label, Tape)>>>,
    thread: Mutex<Option<JoinHandle<Result<u64, StoreError>>>>,
}

impl Recorder {
    /// Records into a folder, which is made where it is missing; what is recorded again replaces what was there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn start(folder: &Path, redactor: Redactor) -> Result<Arc<Self>, StoreError> {
        fs::create_dir_all(folder).map_err(|e| StoreError::io("make", folder, e))?;
        let (sender, inbox) = channel::<(Label, Tape)>();
        let folder = folder.to_owned();
        let work = move || {
            let mut written = 0;
            for (label, tape) in inbox {
                write(&folder.join(file_name(&label)), &line::text(&label, tape, &redactor))?;
                written += 1;
            }
            Ok(written)
        };
        let thread = thread::Builder::new().name("cassettes".into()).spawn(work);
        let thread = thread.map_err(|e| StoreError::io("start a thread for", Path::new("cassettes"), e))?;
        Ok(Arc::new(Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)) }))
    }

    /// Keeps an exchange.
    pub fn keep(&self, label: Label, tape: Tape) {
        if let Some(sender) = &*self.sender.lock().unwrap_or_else(PoisonError::into_inner) {
            // A recorder that failed says so at the end.
            let _ = sender.send((label, tape));
        }
    }

    /// Waits until all is written; says how many files.
    ///
    /// # Errors
    /// The first file that could not be written; nothing was recorded after it.
    pub fn finish(&self) -> Result<u64, StoreError> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.and_then(|thread| thread.join().ok()).unwrap_or(Ok(0))
    }
}

fn write(path: &Path, text: &str) -> Result<(), StoreError> {
    let part = path.with_extension("part");
    fs::write(&part, text).map_err(|e| StoreError::io("write", &part, e))?;
    fs::rename(&part, path).map_err(|e| StoreError::io("write", path, e))
}

#[cfg(test)]
mod tests;
