//! What outlives the process on its host: the lock that only one process of a name can hold, the boot id, the begun-logs, and where each
//! tenant's account was last.
//!
//! Two flavours with one behaviour: files in a folder, and the memory of a simulated machine, which outlives simulated processes.
//!
//! Pruning is safe at any time and by any rule: what a log that is gone marked is answered "begun", which settles by evidence, only later.

mod disk;
mod memory;
mod projects;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cloud::openstack::Projects;
use domain::ids::{Incarnation, WorkerName};

pub use memory::Machine;

/// A begun-log is thrown away after this: ended slots are watched no longer either (design 4, rule 4).
const LOG_AGE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// Beyond this the oldest logs are thrown away, but never the latest one.
const LOG_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Where a worker keeps what must outlive it.
#[derive(Debug, Clone)]
pub enum Place {
    /// A folder on a local disk; made if it is not there.
    Folder(PathBuf),
    /// A simulated machine.
    Machine(Machine),
}

/// Why a worker cannot start here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process of that name runs here: stop it first, or choose another name.
    #[error("another process is worker {name:?} at {place}")]
    Taken {
        /// The name.
        name: String,
        /// Where.
        place: String,
    },
    /// The folder, the lock, the log or the boot id cannot be used.
    #[error("cannot {what} {place}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        place: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// The lock of one name, held, and the begun-logs of all lives of that name. Dropping it lets the next process in.
#[derive(Debug)]
pub struct Host {
    flavour: Flavour,
}

#[derive(Debug)]
enum Flavour {
    Disk(disk::Disk),
    Memory(memory::Seat),
}

/// A begun-log that is open for appending.
#[derive(Debug)]
pub struct Log {
    flavour: LogFlavour,
}

#[derive(Debug)]
enum LogFlavour {
    Disk(disk::Log),
    Memory(memory::Log),
}

impl Place {
    /// Takes the lock of a name. While it is held, no other process of that name runs here, and every earlier one is dead.
    ///
    /// # Errors
    /// [`Error`]: stop the start.
    pub fn take(&self, name: &WorkerName) -> Result<Host, Error> {
        let flavour = match self {
            Self::Folder(folder) => Flavour::Disk(disk::Disk::take(folder, name)?),
            Self::Machine(machine) => Flavour::Memory(machine.take(name)?),
        };
        Ok(Host { flavour })
    }

    /// Where each tenant's account was last, as a worker of that name remembers it. For whoever takes the lock before anybody signs in.
    #[must_use]
    pub fn projects(&self, name: &WorkerName) -> Arc<dyn Projects> {
        match self {
            Self::Folder(folder) => Arc::new(projects::Notes::new(folder, name)),
            Self::Machine(machine) => Arc::new(machine.notes(name)),
        }
    }
}

impl Host {
    /// Names the time since the machine was last started: what a process wrote without a sync can be read by a later one of the same boot.
    #[must_use]
    pub fn boot(&self) -> String {
        match &self.flavour {
            Flavour::Disk(disk) => disk.boot().to_owned(),
            Flavour::Memory(seat) => seat.boot(),
        }
    }

    /// Starts the log of a new life.
    ///
    /// # Errors
    /// [`Error::Io`]: without a log no create may be sent, so stop the start.
    pub fn create(&self, incarnation: Incarnation) -> Result<Log, Error> {
        let flavour = match &self.flavour {
            Flavour::Disk(disk) => LogFlavour::Disk(disk.create(incarnation)?),
            Flavour::Memory(seat) => LogFlavour::Memory(seat.create(incarnation)),
        };
        Ok(Log { flavour })
    }

    /// The log of a life of this name; none if there is none (any more).
    ///
    /// # Errors
    /// When it cannot be read: it then proves nothing.
    pub fn read(&self, incarnation: Incarnation) -> io::Result<Option<Vec<u8>>> {
        match &self.flavour {
            Flavour::Disk(disk) => disk.read(incarnation),
            Flavour::Memory(seat) => Ok(seat.read(incarnation)),
        }
    }

    /// Throws away logs that are older than 30 days by this wall clock (which may be wrong: that is safe, see the top of this file), and the
    /// oldest while they are too large together.
    pub fn prune(&self, unix_ms: u64) {
        match &self.flavour {
            Flavour::Disk(disk) => disk.prune(unix_ms),
            Flavour::Memory(_) => {}
        }
    }
}

impl Log {
    /// Appends one line. When this returns, the line outlives this process, though not a crash of the machine.
    ///
    /// # Errors
    /// When nothing was appended (disk full): what the line was to allow must not be done.
    pub fn append(&mut self, line: &[u8]) -> io::Result<()> {
        match &mut self.flavour {
            LogFlavour::Disk(log) => log.append(line),
            LogFlavour::Memory(log) => log.append(line),
        }
    }
}

#[cfg(test)]
mod tests;
