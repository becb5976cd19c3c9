//! A file in the making: under its name it appears complete or not at all.

use std::fs;
use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use super::StoreError;
use super::folder::private_file;
use super::folder::sync_folder;

/// A file that is being written beside its place. Dropped before [`Draft::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    temporary: PathBuf,
    out: BufWriter<File>,
}

impl Draft {
    /// Begins a file that will stand at `path`, for the owner alone.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn new(path: &Path) -> Result<Self, StoreError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
        let file = private_file(&temporary).map_err(|e| StoreError::io("write", path, e))?;
        Ok(Self { path: path.to_owned(), temporary, out: BufWriter::with_capacity(1 << 16, file) })
    }

    /// Puts the file in its place: fsync, rename, fsync of the folder.
    ///
    /// # Errors
    /// The disk refuses; the file that stood there before still does.
    pub fn finish(mut self) -> Result<(), StoreError> {
        let settled = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        settled
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .map_err(|e| StoreError::io("write", &self.path, e))?;
        sync_folder(self.path.parent().unwrap_or(Path::new(".")))
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Draft {
    /// Gone already after a rename; what an error left is no use to anybody.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        let mut given_up = Draft::new(&path).unwrap();
        given_up.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(given_up);
        let mut draft = Draft::new(&path).unwrap();
        draft.write_all(b"whole").unwrap();
        draft.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }
}
