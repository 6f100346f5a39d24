//! A simulated machine: its memory outlives the simulated processes on it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cloud::openstack::{Noted, Projects};
use domain::ids::{Incarnation, TenantId, WorkerName};

use super::Error;

/// One simulated machine. Cheap to clone; every clone is the same machine.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    boots: u64,
    is_full: bool,
    holders: BTreeMap<WorkerName, Weak<()>>,
    logs: BTreeMap<(WorkerName, Incarnation), Vec<u8>>,
    projects: BTreeMap<(WorkerName, TenantId), Noted>,
}

/// One name's lock and logs.
#[derive(Debug)]
pub(super) struct Seat {
    machine: Machine,
    name: WorkerName,
    _held: Arc<()>,
}

/// An open log.
#[derive(Debug)]
pub(super) struct Log {
    machine: Machine,
    key: (WorkerName, Incarnation),
}

/// Where each tenant's account was last, as one name remembers it.
#[derive(Debug)]
pub(super) struct Notes {
    machine: Machine,
    name: WorkerName,
}

impl Machine {
    /// A machine that was just started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The operating system has ended the process of that name: its lock is free, even if parts of it are still to be dropped.
    pub fn killed(&self, name: &WorkerName) {
        self.lock().holders.remove(name);
    }

    /// The machine was started anew: every lock is free, and what was written without a sync proves nothing any more.
    pub fn reboot(&self) {
        let mut inner = self.lock();
        inner.boots += 1;
        inner.holders.clear();
    }

    /// Its disk has no room for another line, or has again.
    pub fn fill(&self, is_full: bool) {
        self.lock().is_full = is_full;
    }

    pub(super) fn take(&self, name: &WorkerName) -> Result<Seat, Error> {
        let mut inner = self.lock();
        if inner
            .holders
            .get(name)
            .is_some_and(|held| held.strong_count() > 0)
        {
            return Err(Error::Taken {
                name: name.to_string(),
                place: "this simulated machine".to_owned(),
            });
        }
        let held = Arc::new(());
        inner.holders.insert(name.clone(), Arc::downgrade(&held));
        Ok(Seat {
            machine: self.clone(),
            name: name.clone(),
            _held: held,
        })
    }

    pub(super) fn notes(&self, name: &WorkerName) -> Notes {
        Notes {
            machine: self.clone(),
            name: name.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    pub(super) fn boot(&self) -> String {
        self.machine.lock().boots.to_string()
    }

    pub(super) fn create(&self, incarnation: Incarnation) -> Log {
        let key = (self.name.clone(), incarnation);
        self.machine.lock().logs.insert(key.clone(), Vec::new());
        Log {
            machine: self.machine.clone(),
            key,
        }
    }

    pub(super) fn read(&self, incarnation: Incarnation) -> Option<Vec<u8>> {
        let key = (self.name.clone(), incarnation);
        self.machine.lock().logs.get(&key).cloned()
    }
}

impl Log {
    pub(super) fn append(&self, line: &[u8]) -> io::Result<()> {
        let mut inner = self.machine.lock();
        if inner.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Some(log) = inner.logs.get_mut(&self.key) {
            log.extend_from_slice(line);
        }
        Ok(())
    }
}

impl Projects for Notes {
    fn last(&self, tenant: &TenantId) -> io::Result<Option<Noted>> {
        let key = (self.name.clone(), tenant.clone());
        Ok(self.machine.lock().projects.get(&key).cloned())
    }

    fn note(&self, tenant: &TenantId, here: &Noted) -> io::Result<()> {
        let mut inner = self.machine.lock();
        if inner.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let key = (self.name.clone(), tenant.clone());
        inner.projects.insert(key, here.clone());
        Ok(())
    }
}
