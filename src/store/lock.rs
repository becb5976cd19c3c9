//! One writer per run folder: an advisory lock that the system drops when its holder dies.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::FlockOperation;
use rustix::fs::flock;

use super::StoreError;

/// Held while this process may write the run folder. The file names the process; the lock itself is the system's, so
/// the lock of a process that died is free at once.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of `folder`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with the holder's process id, or the system's refusal to open the file.
    pub fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(|e| StoreError::io("open", &path, e))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(StoreError::Locked { path: folder.to_owned(), pid: holder(&mut file) });
        }
        file.set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(|e| StoreError::io("write", &path, e))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The lock goes with the descriptor; an empty file tells that nobody was killed here.
        let _ = self.file.set_len(0);
    }
}

fn holder(file: &mut File) -> u32 {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_second_writer_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let refused = Lock::take(folder.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Locked { pid, .. } if pid == std::process::id()), "{refused}");
        drop(first);
        Lock::take(folder.path()).unwrap();
    }

    #[test]
    fn the_lock_of_a_dead_process_is_free() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lock"), "999999").unwrap();
        Lock::take(folder.path()).unwrap();
    }
}
