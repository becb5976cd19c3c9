//! A private folder for one program: its files, its input, and the mount point of its root.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::chown;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::grade::Program;

/// Removed with all it holds when dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Scratch {
    /// Makes the folder with the program's files and input; all of it belongs to `owner` where one is given.
    pub(super) fn new(temporary: &Path, program: &Program, owner: Option<u32>) -> Result<Self, String> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = temporary.join(format!("llmark-{}-{number}", std::process::id()));
        let fail = |e| format!("cannot prepare {}: {e}", path.display());
        // Fails where the name is taken, so that nobody can put a link in its place.
        DirBuilder::new().mode(0o700).create(&path).map_err(fail)?;
        let scratch = Self { path: path.clone() };
        for (name, content) in &program.files {
            scratch.place(name, content)?;
        }
        let all = [path.clone(), scratch.root(), scratch.files(), scratch.input()];
        fs::create_dir_all(scratch.root())
            .and_then(|()| fs::create_dir_all(scratch.files()))
            .and_then(|()| fs::write(scratch.input(), &program.stdin))
            .and_then(|()| all.iter().try_for_each(|path| chown(path, owner, None)))
            .map_err(fail)?;
        Ok(scratch)
    }

    fn place(&self, name: &str, content: &[u8]) -> Result<(), String> {
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || name.is_empty() {
            return Err(format!("`{name}` is not a plain relative file name"));
        }
        let path = self.files().join(name);
        let folder = path.parent().map_or_else(|| self.files(), Path::to_owned);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, content))
            .map_err(|e| format!("cannot write {}: {e}", path.display()))
    }

    /// Where the program's root is mounted.
    pub(super) fn root(&self) -> PathBuf {
        self.path.join("root")
    }

    /// The program's files.
    pub(super) fn files(&self) -> PathBuf {
        self.path.join("files")
    }

    fn input(&self) -> PathBuf {
        self.path.join("input")
    }

    /// The program's standard input.
    pub(super) fn open_input(&self) -> std::io::Result<File> {
        File::open(self.input())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clean up: the folder is private and temporary.
        let _ = fs::remove_dir_all(&self.path);
    }
}
