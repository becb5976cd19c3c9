//! The response cache on disk: one private file per answer, named by the hash of what was sent.
//!
//! ```text
//! v1/3f/3f9a..e1.jsonl    line 1: key, run, time, the parts of the request; line 2: the observation, as in the log
//! ```
//!
//! A file is complete or not there, and one that does not verify counts as not there: a cache may forget, but never
//! give a wrong answer. An answer in which a secret occurs is not kept at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::StoreError;
use super::folder::private_file;
use super::folder::private_folder;
use super::format;
use super::format::Head;
use super::reader::Record;
use crate::domain::Event;
use crate::domain::Observation;
use crate::domain::Offset;
use crate::text::Redactor;

/// Layout of the folder; another layout gets a folder of its own beside it.
const LAYOUT: &str = "v1";

/// What is sent, by part: `protocol`, `address`, `repeat`, `body/messages/0/content` ..., long values as a digest.
pub type Parts = BTreeMap<String, String>;

/// What is known of an entry without reading its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Hash of what was sent.
    pub key: String,
    /// The run that asked.
    pub run: String,
    /// When it was answered, in milliseconds since 1970.
    pub unix_ms: u64,
    /// What was sent.
    pub parts: Parts,
}

/// An entry's label and its size on disk in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What is known of it.
    pub label: Label,
    /// Bytes.
    pub bytes: u64,
}

/// A folder of answers.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in `folder`, which need not exist yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The entry of `key`; nothing where there is none or it does not verify.
    pub fn find(&self, key: &str) -> Option<(Label, Observation)> {
        let text = fs::read_to_string(self.place(key)?).ok()?;
        let (first, second) = text.split_once('\n')?;
        let label: Label = serde_json::from_str(first).ok().filter(|label: &Label| label.key == key)?;
        let line = second.strip_suffix('\n')?;
        format::verify(line.as_bytes()).ok()?;
        let head: Head<'_> = serde_json::from_str(line).ok()?;
        match format::decode(&head, line).ok()? {
            Record::Event(Event::Observed(observation)) => Some((label, *observation)),
            _ => None,
        }
    }

    /// Keeps an answer; `false` where it holds a secret and so is not kept.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn keep(&self, label: &Label, observation: &Observation, redactor: &Redactor) -> Result<bool, StoreError> {
        let Some(path) = self.place(&label.key) else { return Ok(false) };
        let fail = |e: serde_json::Error| StoreError::io("encode", &path, e);
        let mut text = serde_json::to_vec(label).map_err(fail)?;
        let mut line = Vec::new();
        let event = Event::Observed(Box::new(observation.clone()));
        format::encode(&mut line, 0, Offset::ZERO, &event).map_err(fail)?;
        format::finish(&mut line);
        text.push(b'\n');
        text.extend_from_slice(&line);
        if std::str::from_utf8(&text).is_ok_and(|text| redactor.finds(text)) {
            return Ok(false);
        }
        private_folder(path.parent().unwrap_or(&self.folder))?;
        replace(&path, &text).map_err(|e| StoreError::io("write", &path, e))?;
        Ok(true)
    }

    /// Every entry that can be read, oldest first.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let mut all: Vec<Listed> = self.files()?.iter().filter_map(|path| listed(path)).collect();
        all.sort_by(|a, b| (a.label.unix_ms, &a.label.key).cmp(&(b.label.unix_ms, &b.label.key)));
        Ok(all)
    }

    /// Forgets every answer; returns how many files that were and their bytes. Touches nothing but its own files.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn clear(&self) -> Result<(u64, u64), StoreError> {
        let (mut n, mut bytes) = (0, 0);
        for path in self.files()? {
            bytes += fs::metadata(&path).map_or(0, |facts| facts.len());
            fs::remove_file(&path).map_err(|e| StoreError::io("remove", &path, e))?;
            n += 1;
        }
        Ok((n, bytes))
    }

    /// Forgets answers from before `since_ms`, and the oldest of the others until they take no more than `most` bytes;
    /// files that cannot be read go, too. Returns how many files that were and their bytes.
    ///
    /// # Errors
    /// The folder cannot be listed, or a file cannot be removed.
    pub fn prune(&self, most: u64, since_ms: u64) -> Result<(u64, u64), StoreError> {
        let mut files: Vec<(u64, PathBuf, u64)> = Vec::new();
        for path in self.files()? {
            let bytes = fs::metadata(&path).map_or(0, |facts| facts.len());
            files.push((listed(&path).map_or(0, |entry| entry.label.unix_ms), path, bytes));
        }
        files.sort();
        let mut left: u64 = files.iter().map(|(.., bytes)| bytes).sum();
        let (mut n, mut removed) = (0, 0);
        for (unix_ms, path, bytes) in files {
            if left <= most && unix_ms >= since_ms && unix_ms > 0 {
                break;
            }
            fs::remove_file(&path).map_err(|e| StoreError::io("remove", &path, e))?;
            left -= bytes;
            (n, removed) = (n + 1, removed + bytes);
        }
        Ok((n, removed))
    }

    /// Path of an entry; nothing for a key that is no hash.
    fn place(&self, key: &str) -> Option<PathBuf> {
        is_key(key).then(|| self.folder.join(LAYOUT).join(&key[..2]).join(format!("{key}.jsonl")))
    }

    fn files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let top = self.folder.join(LAYOUT);
        let mut files = Vec::new();
        for shelf in entries(&top)? {
            // A link could lead anywhere; the cache never makes one.
            if fs::symlink_metadata(&shelf).is_ok_and(|facts| facts.is_dir()) {
                files.extend(entries(&shelf)?.into_iter().filter(|path| is_entry(path)));
            }
        }
        Ok(files)
    }
}

fn is_key(key: &str) -> bool {
    key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_entry(path: &Path) -> bool {
    let named = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".jsonl"));
    named.is_some_and(is_key) && fs::symlink_metadata(path).is_ok_and(|facts| facts.is_file())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let fail = |e: std::io::Error| StoreError::io("list", folder, e);
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|e| e.path()).map_err(fail)).collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(fail(e)),
    }
}

fn listed(path: &Path) -> Option<Listed> {
    let file = fs::File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let mut first = String::new();
    BufReader::new(file).read_line(&mut first).ok()?;
    serde_json::from_str(&first).ok().map(|label| Listed { label, bytes })
}

/// Temporary file and rename. Without a sync: what a power failure spoils does not verify and is forgotten.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = private_file(&temporary).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::analyze::fixture;
    use crate::text::Secret;

    fn label(digit: &str) -> Label {
        let parts = Parts::from([("protocol".to_owned(), "openai-chat".to_owned())]);
        Label { key: digit.repeat(64), run: "r".into(), unix_ms: 7, parts }
    }

    #[test]
    fn an_answer_comes_back_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("c"));
        let (seen, label) = (fixture::ok(3, 0), label("a"));
        assert!(cache.keep(&label, &seen, &Redactor::default()).unwrap());
        assert_eq!(cache.find(&label.key), Some((label.clone(), seen)));
        let path = cache.place(&label.key).unwrap();
        for (path, mode) in [(path.as_path(), 0o600), (path.parent().unwrap(), 0o700), (cache.folder(), 0o700)] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
        let listed = cache.list().unwrap();
        assert_eq!((listed.len(), &listed[0].label), (1, &label));
    }

    #[test]
    fn the_oldest_answers_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        for (digit, unix_ms) in [("a", 30), ("b", 10), ("c", 20)] {
            let label = Label { unix_ms, ..label(digit) };
            cache.keep(&label, &fixture::ok(1, 0), &Redactor::default()).unwrap();
        }
        let kept = || cache.list().unwrap().iter().map(|entry| entry.label.unix_ms).collect::<Vec<_>>();
        let one = cache.list().unwrap()[0].bytes;
        assert_eq!(cache.prune(u64::MAX, 0).unwrap(), (0, 0));
        assert_eq!((cache.prune(2 * one, 0).unwrap().0, kept()), (1, vec![20, 30]));
        fs::write(cache.place(&"a".repeat(64)).unwrap(), "spoiled").unwrap();
        assert_eq!((cache.prune(u64::MAX, 0).unwrap().0, kept()), (1, vec![20]));
        assert_eq!((cache.prune(u64::MAX, 21).unwrap(), kept()), ((1, one), vec![]));
    }

    #[test]
    fn a_spoiled_file_is_forgotten_whatever_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let label = label("b");
        cache.keep(&label, &fixture::ok(3, 0), &Redactor::default()).unwrap();
        let path = cache.place(&label.key).unwrap();
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(cache.find(&label.key), None, "cut at {at}");
        }
        let other = whole.iter().map(|byte| if *byte == b'2' { b'3' } else { *byte }).collect::<Vec<_>>();
        fs::write(&path, other).unwrap();
        assert_eq!(cache.find(&label.key), None, "changed digits");
    }

    #[test]
    fn a_secret_never_reaches_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let mut seen = fixture::ok(0, 0);
        seen.reply.text = "your key is sk-0123456789abcdef".into();
        let redactor = Redactor::new(&[Secret::new("sk-0123456789abcdef")]);
        assert!(!cache.keep(&label("c"), &seen, &redactor).unwrap());
        assert!(cache.list().unwrap().is_empty());
    }

    #[test]
    fn clearing_leaves_what_is_not_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        assert_eq!(cache.clear().unwrap(), (0, 0), "nothing there");
        cache.keep(&label("d"), &fixture::ok(0, 0), &Redactor::default()).unwrap();
        let foreign = folder.path().join("v1/dd/notes.txt");
        fs::write(&foreign, "mine").unwrap();
        assert_eq!(cache.clear().unwrap().0, 1);
        assert!(foreign.exists() && cache.list().unwrap().is_empty());
        assert_eq!(cache.find("../../etc/passwd"), None);
    }
}
