//! Making and opening run folders: private, complete before anything is sent, never outside themselves.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;

use super::Manifest;
use super::Reader;
use super::StoreError;
use super::draft::Draft;
use super::lock::Lock;
use super::manifest::SCHEMA;
use super::redact;
use crate::text::Redactor;

const MANIFEST: &str = "manifest.json";
const LOG: &str = "events.jsonl";
const SUITE: &str = "suite";

/// A run folder. Made by `create` or `open_to_write` it holds the lock; made by `open` it only reads.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    manifest: Manifest,
    lock: Option<Lock>,
}

impl RunFolder {
    /// Makes a run folder with its manifest and copies of the suite's files (relative name, content).
    ///
    /// The folder and all in it are for the owner alone, whatever the umask. All of it is on the disk on return.
    ///
    /// # Errors
    /// The folder holds a run already, a name would leave the folder, or the disk refuses.
    pub fn create(
        path: &Path,
        manifest: Manifest,
        files: &[(String, Vec<u8>)],
        redactor: &Redactor,
    ) -> Result<Self, StoreError> {
        let has_lines = fs::metadata(path.join(LOG)).is_ok_and(|facts| facts.len() > 0);
        if path.join(MANIFEST).exists() || has_lines {
            return Err(StoreError::Exists { path: path.to_owned() });
        }
        let fail = |e: std::io::Error| StoreError::io("encode", &path.join(MANIFEST), e);
        private_folder(path)?;
        let lock = Lock::take(path)?;
        // Before the manifest, so that a run without a log is one that lost it, and never one that had no time.
        private_file(&path.join(LOG)).map_err(|e| StoreError::io("create", &path.join(LOG), e))?;
        for (name, content) in files {
            copy_below(&path.join(SUITE), name, content, redactor)?;
        }
        write_atomically(&path.join(MANIFEST), &encoded(&manifest, redactor).map_err(|e| fail(e.into()))?)?;
        Ok(Self { path: path.to_owned(), manifest, lock: Some(lock) })
    }

    /// Opens a run folder to read it.
    ///
    /// # Errors
    /// Not a run folder, a newer schema, or an unreadable manifest.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { path: path.to_owned(), manifest: read_manifest(path)?, lock: None })
    }

    /// Opens a run folder to append to its log.
    ///
    /// # Errors
    /// As [`Self::open`], or another process writes it.
    pub fn open_to_write(path: &Path) -> Result<Self, StoreError> {
        let manifest = read_manifest(path)?;
        Ok(Self { path: path.to_owned(), manifest, lock: Some(Lock::take(path)?) })
    }

    /// Replaces the manifest of a folder that this process may write.
    ///
    /// # Errors
    /// The folder is open to read only, or cannot be written.
    pub fn amend(&mut self, manifest: &Manifest, redactor: &Redactor) -> Result<(), StoreError> {
        let path = self.path.join(MANIFEST);
        if self.lock.is_none() {
            return Err(StoreError::io("write", &path, std::io::Error::from(std::io::ErrorKind::PermissionDenied)));
        }
        let bytes =
            encoded(manifest, redactor).map_err(|e| StoreError::io("encode", &path, std::io::Error::from(e)))?;
        write_atomically(&path, &bytes)?;
        // As it stands on the disk: what is held in memory is printed, too.
        self.manifest = read_manifest(&self.path)?;
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the run is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The event log's path.
    pub fn log(&self) -> PathBuf {
        self.path.join(LOG)
    }

    /// Path of the suite's copy.
    pub fn suite(&self) -> PathBuf {
        self.path.join(SUITE).join(&self.manifest.suite.copy)
    }

    /// The log from its start.
    ///
    /// # Errors
    /// The log cannot be opened, or is of a newer format.
    pub fn read(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.log())
    }

    /// Writes a derived file such as `summary.json` or `charts/ttft.svg`: complete or not at all.
    ///
    /// # Errors
    /// The name would leave the folder, or the disk refuses.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path.join(checked(name)?);
        if let Some(parent) = path.parent().filter(|parent| *parent != self.path) {
            private_folder(parent)?;
        }
        write_atomically(&path, bytes)
    }

    /// Begins a derived file that is written piece by piece; under its name it appears complete or not at all.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn draft(&self, name: &str) -> Result<Draft, StoreError> {
        Draft::new(&self.path.join(checked(name)?))
    }

    /// Whether this process may append.
    pub(super) fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

/// A run id: UTC time, the suite's name as a slug, four hexadecimal digits.
pub fn run_id(unix_seconds: i64, suite: &str, random: u16) -> String {
    let stamp = jiff::Timestamp::from_second(unix_seconds).unwrap_or_default();
    let stamp = stamp.strftime("%Y%m%d-%H%M%S");
    format!("{stamp}-{}-{random:04x}", slug(suite))
}

/// Lower-case letters, digits and single hyphens; at most 40 characters, never empty.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 40 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "suite".into() } else { slug.into() }
}

/// A relative path of plain components.
fn checked(name: &str) -> Result<&Path, StoreError> {
    let path = Path::new(name);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if plain && !name.is_empty() && !name.contains('\0') {
        Ok(path)
    } else {
        Err(StoreError::BadName { name: name.to_owned() })
    }
}

fn encoded(manifest: &Manifest, redactor: &Redactor) -> serde_json::Result<Vec<u8>> {
    let mut json = serde_json::to_string_pretty(manifest)?;
    if redactor.finds(&json) {
        let mut value = serde_json::to_value(manifest)?;
        redact::clean(&mut value, redactor);
        json = serde_json::to_string_pretty(&value)?;
    }
    json.push('\n');
    Ok(json.into_bytes())
}

fn copy_below(folder: &Path, name: &str, content: &[u8], redactor: &Redactor) -> Result<(), StoreError> {
    let path = folder.join(checked(name)?);
    private_folder(path.parent().unwrap_or(folder))?;
    match std::str::from_utf8(content) {
        Ok(text) => write_atomically(&path, redactor.clean(text).as_bytes()),
        Err(_) => write_atomically(&path, content),
    }
}

/// Makes a folder, and those above it, for the owner alone; one that exists stays as it is.
pub(super) fn private_folder(path: &Path) -> Result<(), StoreError> {
    let fail = |e| StoreError::io("create", path, e);
    let existed = path.is_dir();
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
    if !existed {
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(fail)?;
        sync_folder(path.parent().unwrap_or(path))?;
    }
    Ok(())
}

/// Temporary file, fsync, rename, fsync of the directory: after a crash the old file or the new one, never half.
fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut draft = Draft::new(path)?;
    draft.write_all(bytes).map_err(|e| StoreError::io("write", path, e))?;
    draft.finish()
}

/// A new file for the owner alone, whatever the umask.
pub(super) fn private_file(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Makes new names in `folder` survive a power failure.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| StoreError::io("sync", folder, e))
}

#[derive(Deserialize)]
struct SchemaOnly {
    schema: u32,
}

fn read_manifest(folder: &Path) -> Result<Manifest, StoreError> {
    let path = folder.join(MANIFEST);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::NotARun { path: folder.to_owned() });
        }
        Err(e) => return Err(StoreError::io("read", &path, e)),
    };
    let bad = |e: serde_json::Error| StoreError::corrupt(&path, e.line() as u64, e.to_string());
    let schema = serde_json::from_str::<SchemaOnly>(&text).map_err(bad)?.schema;
    if schema > SCHEMA {
        return Err(StoreError::Newer { path, found: schema.to_string(), known: SCHEMA.to_string() });
    }
    serde_json::from_str(&text).map_err(bad)
}
