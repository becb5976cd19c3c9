//! Reads the files of a suite: the only place that opens any.
//!
//! Everything lies below the suite's folder: no `..`, no absolute path, no link that leads outside, no device, no
//! pipe. What was read is kept, so that a run folder can hold copies and a stored run can be loaded again from them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a suite file at most.
pub const SUITE_CAP: u64 = 4 << 20;
/// Bytes of any file that a suite names at most.
pub const FILE_CAP: u64 = 256 << 20;

/// Files by their path relative to the suite's folder, as they were read.
pub type Copies = BTreeMap<String, Arc<[u8]>>;

/// Where a suite's files come from.
pub trait Files {
    /// The bytes of the file at `path`, relative to the suite's folder, `cap` bytes at most.
    ///
    /// # Errors
    /// A fragment that says what is wrong with the path or the file.
    fn bytes(&self, path: &str, cap: u64) -> Result<Arc<[u8]>, String>;
}

/// Files in a folder of the disk.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder `root`; an empty path means the current one.
    pub fn new(root: &Path) -> Self {
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        Self { root: root.to_owned() }
    }
}

impl Files for Folder {
    fn bytes(&self, path: &str, cap: u64) -> Result<Arc<[u8]>, String> {
        check_path(path)?;
        let file = open_below(&self.root, Path::new(path))?;
        read_regular(file, cap)
    }
}

/// Files in memory, such as the copies in a run folder.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub Copies);

impl Files for Memory {
    fn bytes(&self, path: &str, cap: u64) -> Result<Arc<[u8]>, String> {
        check_path(path)?;
        let bytes = self.0.get(path).cloned().ok_or_else(|| format!("`{path}` does not exist"))?;
        if bytes.len() as u64 > cap { Err(too_large(cap)) } else { Ok(bytes) }
    }
}

/// Files that remembers what was read.
pub struct Recorder<'a> {
    files: &'a dyn Files,
    read: RefCell<Copies>,
}

impl<'a> Recorder<'a> {
    /// Reads from `files`.
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files, read: RefCell::default() }
    }

    /// What was read.
    pub fn into_copies(self) -> Copies {
        self.read.into_inner()
    }
}

impl Files for Recorder<'_> {
    fn bytes(&self, path: &str, cap: u64) -> Result<Arc<[u8]>, String> {
        if let Some(bytes) = self.read.borrow().get(path) {
            return Ok(bytes.clone());
        }
        let bytes = self.files.bytes(path, cap)?;
        self.read.borrow_mut().insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

/// Splits the path of a suite file into its folder and its name.
///
/// # Errors
/// A path that has no file name.
pub fn split(path: &Path) -> Result<(Folder, String), String> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("the path has no file name")?;
    Ok((Folder::new(path.parent().unwrap_or(Path::new("."))), name.to_owned()))
}

/// Refuses paths that do not plainly lead downwards.
fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() || path.contains('\0') {
        return Err("the path is empty or holds a NUL".into());
    }
    if path.contains("://") || path.starts_with("file:") {
        return Err(format!("`{path}` is an address, not a file below the suite's folder"));
    }
    if path.starts_with(['~', '\\']) || path.contains(":\\") {
        return Err(format!("`{path}` is not relative to the suite's folder"));
    }
    let down = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if Path::new(path).components().all(down) {
        return Ok(());
    }
    Err(format!("`{path}` leads outside the suite's folder; a suite reads only files below its own folder"))
}

/// Opens without following any link out of `root`, and without waiting for the other end of a pipe.
#[cfg(target_os = "linux")]
fn open_below(root: &Path, path: &Path) -> Result<File, String> {
    use rustix::fs::CWD;
    use rustix::fs::Mode;
    use rustix::fs::OFlags;
    use rustix::fs::ResolveFlags;
    use rustix::fs::openat;
    use rustix::fs::openat2;
    use rustix::io::Errno;

    let folder = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| format!("the suite's folder cannot be opened: {error}"))?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match openat2(&folder, path, flags, Mode::empty(), resolve) {
        Ok(file) => Ok(File::from(file)),
        Err(Errno::NOSYS | Errno::PERM) => open_checked(root, path),
        Err(Errno::XDEV | Errno::LOOP) => {
            Err(format!("`{}` links to a place outside the suite's folder", path.display()))
        }
        Err(error) => Err(cannot_open(path, std::io::Error::from(error).kind())),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_below(root: &Path, path: &Path) -> Result<File, String> {
    open_checked(root, path)
}

/// Where the kernel cannot hold a path below a folder: resolve first, then compare.
fn open_checked(root: &Path, path: &Path) -> Result<File, String> {
    let fail = |error: std::io::Error| cannot_open(path, error.kind());
    let root = root.canonicalize().map_err(fail)?;
    let whole = root.join(path).canonicalize().map_err(fail)?;
    if !whole.starts_with(&root) {
        return Err(format!("`{}` links to a place outside the suite's folder", path.display()));
    }
    if !fs::metadata(&whole).map_err(fail)?.is_file() {
        return Err("not a regular file".into());
    }
    File::open(&whole).map_err(fail)
}

fn cannot_open(path: &Path, kind: std::io::ErrorKind) -> String {
    match kind {
        std::io::ErrorKind::NotFound => format!("`{}` does not exist", path.display()),
        kind => format!("`{}` cannot be opened: {kind}", path.display()),
    }
}

fn read_regular(file: File, cap: u64) -> Result<Arc<[u8]>, String> {
    let about = file.metadata().map_err(|error| format!("cannot be read: {error}"))?;
    if !about.is_file() {
        return Err("not a regular file".into());
    }
    let mut bytes = Vec::new();
    file.take(cap + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > cap { Err(too_large(cap)) } else { Ok(bytes.into()) }
}

fn too_large(cap: u64) -> String {
    format!("larger than {} MiB", cap >> 20)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn refused(folder: &Folder, path: &str, why: &str) {
        let message = folder.bytes(path, 100).unwrap_err();
        assert!(message.contains(why), "{path}: {message}");
    }

    #[test]
    fn nothing_outside_the_folder_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("suite");
        fs::create_dir_all(root.join("cases")).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        fs::write(root.join("cases/a.jsonl"), "{}").unwrap();
        fs::write(root.join("big"), vec![0; 101]).unwrap();
        symlink(dir.path().join("secret"), root.join("link")).unwrap();
        symlink("../secret", root.join("relative")).unwrap();
        symlink("cases/a.jsonl", root.join("inside")).unwrap();
        symlink("/proc/self/environ", root.join("environ")).unwrap();
        let folder = Folder::new(&root);
        assert_eq!(&*folder.bytes("cases/a.jsonl", 100).unwrap(), b"{}");
        assert_eq!(&*folder.bytes("./inside", 100).unwrap(), b"{}");
        for outside in ["../secret", "/etc/passwd", "cases/../../secret", "/proc/self/environ"] {
            refused(&folder, outside, "outside the suite's folder");
        }
        for link in ["link", "relative", "environ"] {
            refused(&folder, link, "outside the suite's folder");
        }
        refused(&folder, "~/x", "not relative");
        refused(&folder, "a\0b", "NUL");
        refused(&folder, "", "empty");
        refused(&folder, "file:///etc/passwd", "an address");
        refused(&folder, "cases", "not a regular file");
        refused(&folder, "big", "larger than");
        refused(&folder, "nothing", "does not exist");
    }

    #[test]
    fn a_pipe_does_not_hang() {
        let dir = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status();
        if made.is_ok_and(|status| status.success()) {
            let folder = Folder::new(dir.path());
            let (done, wait) = std::sync::mpsc::channel();
            std::thread::spawn(move || done.send(folder.bytes("pipe", 100)));
            let found = wait.recv_timeout(Duration::from_secs(5)).unwrap();
            assert_eq!(found.unwrap_err(), "not a regular file");
        }
    }

    #[test]
    fn what_was_read_is_kept() {
        let memory = Memory(Copies::from([("a".to_owned(), Arc::from(&b"1"[..]))]));
        let recorder = Recorder::new(&memory);
        assert!(recorder.bytes("b", 9).is_err());
        assert_eq!(&*recorder.bytes("a", 9).unwrap(), b"1");
        assert_eq!(recorder.into_copies().into_keys().collect::<Vec<_>>(), ["a"]);
    }
}
