//! What the requests of one server share: profiles, slots, queue, prefix cache, request numbers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use tokio::sync::Semaphore;
use tokio::sync::SemaphorePermit;

use super::ask::Ask;
use super::cache::PrefixCache;
use super::fault::Fault;
use super::ledger::Ledger;
use super::profile::Model;
use super::profile::Profile;
use super::profile::Unknown;
use crate::domain::random::Stream;

/// Marked prompts remembered before all are forgotten.
const MOST_MARKED: usize = 10_000;

/// All simulated endpoints of one server.
#[derive(Debug)]
pub(super) struct Hosts {
    pub(super) ledger: Ledger,
    hosts: Vec<Arc<Host>>,
}

/// One simulated endpoint.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) profile: Profile,
    slots: Option<Semaphore>,
    waiting: AtomicUsize,
    active: AtomicUsize,
    requests: AtomicU64,
    cache: Mutex<PrefixCache>,
    /// How often prompts whose marker says `times` were seen.
    marked: Mutex<HashMap<String, u32>>,
}

impl Hosts {
    pub(super) fn new(profiles: Vec<Profile>, ledger: Ledger) -> Self {
        Self { ledger, hosts: profiles.into_iter().map(|profile| Arc::new(Host::new(profile))).collect() }
    }

    /// The host and the position of the model that serves requests for `name`.
    pub(super) fn find(&self, name: &str) -> Option<(&Arc<Host>, usize)> {
        let named = self.hosts.iter().find_map(|host| Some((host, host.position(name)?)));
        named.or_else(|| {
            let any = self.hosts.iter().find(|host| host.profile.unknown_model == Unknown::Serve)?;
            Some((any, 0))
        })
    }

    /// All models with the names that they answer to.
    pub(super) fn models(&self) -> impl Iterator<Item = &Model> {
        self.hosts.iter().flat_map(|host| &host.profile.models)
    }
}

/// A place among the active requests; leaving it frees the slot.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    host: &'a Host,
    _permit: Option<SemaphorePermit<'a>>,
    /// Requests active when this one began, itself included.
    pub(super) active: usize,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.host.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place in the queue; leaving it makes room.
struct Wait<'a>(&'a AtomicUsize);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Host {
    fn new(profile: Profile) -> Self {
        Self {
            slots: profile.slots.map(|n| Semaphore::new(n.min(Semaphore::MAX_PERMITS))),
            profile,
            waiting: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            cache: Mutex::default(),
            marked: Mutex::default(),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.profile.models.iter().position(|model| model.id == name || model.aliases.iter().any(|a| a == name))
    }

    /// The number of the next request, from 1.
    pub(super) fn number(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Waits for a slot; `None` when the queue is full.
    pub(super) async fn enter(&self) -> Option<Slot<'_>> {
        let permit = match &self.slots {
            None => None,
            Some(slots) => match slots.try_acquire() {
                Ok(permit) => Some(permit),
                Err(_) => Some(self.wait(slots).await?),
            },
        };
        let active = self.active.fetch_add(1, Ordering::Relaxed) + 1;
        Some(Slot { host: self, _permit: permit, active })
    }

    async fn wait<'a>(&'a self, slots: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Wait(&self.waiting);
        if self.profile.queue.is_some_and(|longest| ahead >= longest) {
            return None;
        }
        slots.acquire().await.ok()
    }

    /// The fault that befalls the request of this number: the prompt's own, else the first of the profile's rules.
    pub(super) fn fault(&self, ask: &Ask, number: u64, draws: &mut Stream) -> Option<Fault> {
        if let Some(fault) = &ask.marks.fault {
            return self.is_due(ask).then(|| fault.clone());
        }
        self.profile.faults.iter().find_map(|rule| rule.strike(number, draws))
    }

    fn is_due(&self, ask: &Ask) -> bool {
        let Some(times) = ask.marks.times else { return true };
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        if marked.len() > MOST_MARKED {
            marked.clear();
        }
        let seen = marked.entry(ask.question().to_owned()).or_default();
        *seen += 1;
        *seen <= times
    }

    /// Prompt tokens that the prefix cache holds.
    pub(super) fn cached(&self, ask: &Ask) -> usize {
        if !self.profile.cache {
            return 0;
        }
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).look_up(&ask.prompt())
    }

    /// Factor on all times while `active` requests run.
    pub(super) fn stretch(&self, active: usize) -> f64 {
        1.0 + self.profile.slowdown * active.saturating_sub(1) as f64
    }
}
