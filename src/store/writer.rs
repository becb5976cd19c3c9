//! Appends events to the log from one thread, and says when they are durable.
//!
//! Lines gather in memory while the disk is busy and go out together: one write, one fdatasync for all of them. A
//! sync follows at once when somebody waits for it, else within 100 ms. After a failed write or sync the log is
//! poisoned: the page cache may have dropped what was to be written, so a later success would prove nothing.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::TrySendError;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use super::RunFolder;
use super::StoreError;
use super::folder::sync_folder;
use super::format;
use super::manifest::Anchor;
use super::redact;
use crate::domain::Clock;
use crate::domain::Event;
use crate::domain::Offset;
use crate::text::Redactor;

/// Called once, from the writer's thread, when the fate of a line is known.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// No line waits longer for its sync.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Events that wait for the disk at most; then `append` blocks.
const QUEUE: usize = 4096;

/// Bytes gathered before they are written in any case.
const BATCH: usize = 1 << 20;

enum Job {
    Event(Event, Option<Done>),
    /// As an event without hurry, but somebody wants to hear when it is durable.
    Noting(Event, Done),
    Sync(Done),
    Close(Anchor, Done),
}

#[derive(Default)]
struct Shared {
    durable: AtomicU64,
    failed: OnceLock<StoreError>,
}

/// The only way into an event log. Shared by reference; dropping it syncs what was appended.
pub struct Writer {
    jobs: Option<SyncSender<Job>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Begins a session: opens the log, drops a torn tail, writes and syncs the opening line.
    ///
    /// `folder` must have been made or opened to write, and must outlive the writer: it holds the lock.
    ///
    /// # Errors
    /// The log is damaged before its last line, is of a newer format, or the disk refuses.
    pub fn start(
        folder: &RunFolder,
        clock: Arc<dyn Clock>,
        redactor: Redactor,
        anchor: Anchor,
    ) -> Result<Self, StoreError> {
        let mut log = Log::open(folder, clock, redactor)?;
        log.begin(anchor)?;
        let shared = Arc::clone(&log.shared);
        let (jobs, inbox) = sync_channel(QUEUE);
        let path = log.path.clone();
        let thread = thread::Builder::new()
            .name("llmark-store".into())
            .spawn(move || log.run(&inbox))
            .map_err(|e| StoreError::io("start the writer of", &path, e))?;
        Ok(Self { jobs: Some(jobs), shared, thread: Some(thread) })
    }

    /// Appends an event; durable within 100 ms or so. Blocks while the disk lags far behind.
    ///
    /// # Errors
    /// The log is poisoned or closed.
    pub fn append(&self, event: Event) -> Result<(), StoreError> {
        self.send(Job::Event(event, None))
    }

    /// Appends an event unless the queue is full; then gives it back.
    ///
    /// # Errors
    /// The log is poisoned or closed.
    pub fn try_append(&self, event: Event) -> Result<Option<Event>, StoreError> {
        self.check()?;
        match self.jobs.as_ref().ok_or(StoreError::Closed)?.try_send(Job::Event(event, None)) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(Job::Event(event, _))) => Ok(Some(event)),
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// Appends an event, syncs at once, and calls `done` when the event is durable or never will be.
    ///
    /// # Errors
    /// The log is poisoned or closed; `done` is dropped without a call.
    pub fn append_durable(
        &self,
        event: Event,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.send(Job::Event(event, Some(Box::new(done))))
    }

    /// Appends an event without hurry and calls `done` when it is durable or never will be.
    ///
    /// # Errors
    /// The log is poisoned or closed; `done` is dropped without a call.
    pub fn append_noting(&self, event: Event, done: Done) -> Result<(), StoreError> {
        self.send(Job::Noting(event, done))
    }

    /// Blocks until everything appended so far is durable.
    ///
    /// # Errors
    /// It never will be.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.wait(Job::Sync)
    }

    /// Lines that are durable: those numbered below this.
    pub fn durable(&self) -> u64 {
        self.shared.durable.load(Ordering::Acquire)
    }

    /// What poisoned the log.
    pub fn failed(&self) -> Option<StoreError> {
        self.shared.failed.get().cloned()
    }

    /// Ends the session in order: nothing is in flight any more.
    ///
    /// # Errors
    /// Some line is not durable.
    pub fn close(mut self, anchor: Anchor) -> Result<(), StoreError> {
        let closed = self.wait(|done| Job::Close(anchor, done));
        self.stop();
        closed
    }

    fn check(&self) -> Result<(), StoreError> {
        self.shared.failed.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.check()?;
        self.jobs.as_ref().ok_or(StoreError::Closed)?.send(job).map_err(|_| StoreError::Closed)
    }

    fn wait(&self, job: impl FnOnce(Done) -> Job) -> Result<(), StoreError> {
        let (told, answer) = sync_channel(1);
        self.send(job(Box::new(move |result| {
            // A waiter that went away needs no answer.
            let _ = told.send(result);
        })))?;
        answer.recv().unwrap_or(Err(StoreError::Closed))
    }

    fn stop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has shown itself as a dropped answer already.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The thread's side: the file, and what has not reached it.
struct Log {
    file: File,
    path: PathBuf,
    clock: Arc<dyn Clock>,
    redactor: Redactor,
    shared: Arc<Shared>,
    next: u64,
    session: u32,
    pending: Vec<u8>,
    line: Vec<u8>,
    waiters: Vec<Done>,
    /// When the oldest line that is not durable was appended.
    dirty: Option<Offset>,
    poisoned: bool,
}

impl Log {
    fn open(folder: &RunFolder, clock: Arc<dyn Clock>, redactor: Redactor) -> Result<Self, StoreError> {
        let path = folder.log();
        let fail = |e: std::io::Error| StoreError::io("open", &path, e);
        if !folder.is_locked() {
            return Err(fail(std::io::Error::other("the run was opened to read only")));
        }
        let (mut next, mut session) = (0, 0);
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&path).map_err(fail)?;
        if file.metadata().map_err(fail)?.len() == 0 {
            sync_folder(folder.path())?;
        } else {
            let mut reader = folder.read()?;
            for stored in reader.by_ref() {
                if let super::Record::Opened { session: found, .. } = stored?.record {
                    session = found;
                }
            }
            next = reader.next_number();
            file.set_len(reader.good_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
        }
        Ok(Self {
            file,
            path,
            clock,
            redactor,
            shared: Arc::default(),
            next,
            session,
            pending: Vec::new(),
            line: Vec::new(),
            waiters: Vec::new(),
            dirty: None,
            poisoned: false,
        })
    }

    fn begin(&mut self, anchor: Anchor) -> Result<(), StoreError> {
        let session = self.session + 1;
        self.put(|line, n| format::encode_anchor(line, n, anchor, Some(session)));
        self.commit();
        self.shared.failed.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    fn run(mut self, inbox: &Receiver<Job>) {
        loop {
            match self.receive(inbox) {
                Ok(job) => self.take_all(job, inbox),
                Err(RecvTimeoutError::Timeout) => self.commit(),
                Err(RecvTimeoutError::Disconnected) => return self.commit(),
            }
        }
    }

    /// Waits for a job, but not past the moment when the next sync is due.
    fn receive(&self, inbox: &Receiver<Job>) -> Result<Job, RecvTimeoutError> {
        match self.dirty {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(since) => {
                let waited = self.clock.now().since(since).unwrap_or_default();
                inbox.recv_timeout(LONGEST_WAIT.saturating_sub(waited))
            }
        }
    }

    /// Takes this job and all that wait behind it, then writes, and syncs if it is time.
    fn take_all(&mut self, first: Job, inbox: &Receiver<Job>) {
        let mut sync = self.take(first);
        while self.pending.len() < BATCH
            && let Ok(job) = inbox.try_recv()
        {
            sync |= self.take(job);
        }
        let is_due = self.dirty.is_some_and(|since| self.clock.now() >= since.plus(LONGEST_WAIT));
        self.write();
        if sync || is_due || self.poisoned {
            self.commit();
        }
    }

    /// Encodes one job; whether it asks for a sync.
    fn take(&mut self, job: Job) -> bool {
        let done = match job {
            Job::Event(event, done) => {
                self.put_event(&event);
                done
            }
            Job::Noting(event, done) => {
                self.put_event(&event);
                self.waiters.push(done);
                return false;
            }
            Job::Sync(done) => Some(done),
            Job::Close(anchor, done) => {
                self.put(|line, n| format::encode_anchor(line, n, anchor, None));
                Some(done)
            }
        };
        let asks = done.is_some();
        self.waiters.extend(done);
        asks
    }

    fn put_event(&mut self, event: &Event) {
        let at = self.clock.now();
        self.put(|line, n| format::encode(line, n, at, event));
    }

    /// Adds one line, redacted and with its checksum, to what is pending.
    fn put(&mut self, encode: impl FnOnce(&mut Vec<u8>, u64) -> serde_json::Result<()>) {
        if self.poisoned {
            return;
        }
        self.line.clear();
        if let Err(e) = encode(&mut self.line, self.next) {
            return self.poison(StoreError::io("encode a line of", &self.path, e));
        }
        redact::line(&mut self.line, &self.redactor);
        format::finish(&mut self.line);
        self.pending.extend_from_slice(&self.line);
        self.next += 1;
        self.dirty.get_or_insert(self.clock.now());
    }

    fn write(&mut self) {
        if self.poisoned || self.pending.is_empty() {
            return;
        }
        match self.file.write_all(&self.pending) {
            Ok(()) => self.pending.clear(),
            Err(e) => self.poison(StoreError::io("write", &self.path, e)),
        }
    }

    /// Makes everything durable and tells all who wait.
    fn commit(&mut self) {
        self.write();
        if !self.poisoned && self.dirty.is_some() {
            match self.file.sync_data() {
                Ok(()) => {
                    self.shared.durable.store(self.next, Ordering::Release);
                    self.dirty = None;
                }
                Err(e) => self.poison(StoreError::io("sync", &self.path, e)),
            }
        }
        let result = self.shared.failed.get().map_or(Ok(()), |error| Err(error.clone()));
        for done in self.waiters.drain(..) {
            done(result.clone());
        }
    }

    fn poison(&mut self, error: StoreError) {
        self.poisoned = true;
        self.dirty = None;
        self.pending.clear();
        // Only the first error is kept: the rest follow from it.
        let _ = self.shared.failed.set(error);
    }
}

#[cfg(test)]
mod tests;
