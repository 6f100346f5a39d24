//! Leases of supervisors, and the watch that every role with a store keeps over them (safety 3.9). Who owns what, `domain::member` says.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use domain::ids::{ColoId, Incarnation, MemberName};
use domain::member::Lease;

use crate::Error;

mod watch;

pub use watch::{Own, Watch};

/// How long a lease is kept after its last beat, at most: long after everybody took its member for dead.
pub const KEPT: Duration = Duration::from_secs(60);

/// One lease a supervisor process: plain writes, the last one wins, nothing is decided by them.
#[async_trait]
pub trait Members: Debug + Send + Sync {
    /// Writes a lease, in place of the same life's earlier one.
    async fn beat(&self, colo: ColoId, lease: &Lease) -> Result<(), Error>;

    /// Gives a lease up: its life is over.
    async fn leave(&self, colo: ColoId, lease: &Lease) -> Result<(), Error>;

    /// The leases of a colo, in order of member and life; those of the dead among them, for a while.
    async fn leases(&self, colo: ColoId) -> Result<Vec<Lease>, Error>;
}

/// Leases in memory. They are not forgotten: tests and simulated runs are short, and a process has one.
#[derive(Debug, Default, Clone)]
pub(crate) struct Leases(BTreeMap<(ColoId, MemberName, Incarnation), u64>);

impl Leases {
    pub(crate) fn beat(&mut self, colo: ColoId, lease: &Lease) {
        let key = (colo, lease.member.clone(), lease.life);
        self.0.insert(key, lease.beat);
    }

    pub(crate) fn leave(&mut self, colo: ColoId, lease: &Lease) {
        let key = (colo, lease.member.clone(), lease.life);
        self.0.remove(&key);
    }

    pub(crate) fn of(&self, colo: ColoId) -> Vec<Lease> {
        let own = self.0.iter().filter(|((of, _, _), _)| *of == colo);
        own.map(|((_, member, life), beat)| Lease {
            member: member.clone(),
            life: *life,
            beat: *beat,
        })
        .collect()
    }
}
