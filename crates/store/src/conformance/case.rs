//! One case, what it works with, and how it says no.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chassis::Process;
use domain::group::{Change, Group};
use domain::ids::{ColoId, EventId, Fence, GroupId, GroupKey, HomeEpoch, Nonce, TenantId};

use super::{Subject, sample};
use crate::group::{Committed, Groups, Guard, Level};
use crate::{Error, Stores};

/// What a case found wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self(format!("the store gave an error: {e}: {e:?}"))
    }
}

/// What a case gives back.
pub(super) type Outcome = Result<(), Failure>;

type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// One case.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name, which is a sentence.
    pub name: &'static str,
    pub(super) body: for<'a> fn(&'a Bench) -> Running<'a>,
}

impl Case {
    /// Runs it.
    ///
    /// # Errors
    /// What it found wrong with the store.
    pub async fn run(&self, bench: &Bench) -> Result<(), Failure> {
        (self.body)(bench).await
    }
}

impl Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Lists the cases of a file; the function's name is the case's.
macro_rules! cases {
    ($($name:ident)+) => {
        pub(super) const CASES: &[$crate::conformance::Case] = &[$(
            $crate::conformance::Case { name: stringify!($name), body: |bench| Box::pin($name(bench)) },
        )+];
    };
}
pub(super) use cases;

/// Ends the case unless the two are equal.
pub(super) fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(Failure(format!(
        "{what}: found {found:?}, expected {expected:?}"
    )))
}

/// Ends the case unless it holds.
pub(super) fn holds(what: &str, yes: bool) -> Outcome {
    if yes {
        Ok(())
    } else {
        Err(Failure(what.to_owned()))
    }
}

/// What a case works with.
#[derive(Debug)]
pub struct Bench {
    /// Time, tasks and randomness.
    pub process: Process,
    subject: Arc<dyn Subject>,
    stores: Stores,
}

impl Bench {
    /// A bench for one store.
    #[must_use]
    pub fn new(process: Process, subject: Arc<dyn Subject>) -> Self {
        Self {
            process,
            stores: subject.stores(),
            subject,
        }
    }

    pub(super) const fn stores(&self) -> &Stores {
        &self.stores
    }

    pub(super) fn groups(&self) -> &dyn Groups {
        &*self.stores.groups
    }

    pub(super) fn nonce(&self) -> Nonce {
        Nonce::from_u128(self.process.entropy.u128())
    }

    /// A tenant that no other case has.
    pub(super) fn tenant(&self) -> TenantId {
        sample::text(&format!("t-{:032x}", self.process.entropy.u128()))
    }

    /// An event that no other case has.
    pub(super) fn event(&self) -> EventId {
        sample::text(&format!("e-{:032x}", self.process.entropy.u128()))
    }

    /// The key of a group that is not there.
    pub(super) fn key(&self) -> GroupKey {
        GroupKey {
            tenant: self.tenant(),
            id: GroupId::new(ColoId(7), self.process.entropy.u128()),
            epoch: HomeEpoch(1),
        }
    }

    /// A group, created.
    pub(super) async fn group(&self) -> Result<Group, Failure> {
        self.group_at(self.key()).await
    }

    /// A group of that key, created.
    pub(super) async fn group_at(&self, key: GroupKey) -> Result<Group, Failure> {
        let mut group = Group::new(key, sample::config());
        let first = sample::first(&group);
        let done = self.groups().create(&group, &first, self.nonce()).await?;
        same("create", &done, &Committed::Applied)?;
        group.fold(first, Fence(0));
        Ok(group)
    }

    /// Commits a change at the group's revision and fence.
    pub(super) async fn commit(
        &self,
        group: &Group,
        change: &Change,
    ) -> Result<Committed, Failure> {
        let guard = Guard {
            rev: group.rev,
            fence: group.fence,
        };
        let nonce = self.nonce();
        Ok(self
            .groups()
            .commit(&group.key, guard, change, nonce)
            .await?)
    }

    /// Commits a change that must be applied, and folds it in.
    pub(super) async fn applied(&self, group: &mut Group, change: Change) -> Outcome {
        let done = self.commit(group, &change).await?;
        same("commit", &done, &Committed::Applied)?;
        let fence = group.fence;
        group.fold(change, fence);
        Ok(())
    }

    /// The store holds exactly this.
    pub(super) async fn reads_as(&self, group: &Group) -> Outcome {
        let found = self.groups().read(&group.key, Level::Serial).await?;
        same("a serial read", &found.as_ref(), &Some(group))
    }

    /// Brings what was committed into the index.
    pub(super) async fn indexed(&self) -> Outcome {
        self.subject.indexed().await.map_err(Failure)
    }

    /// What a crash leaves, opened anew.
    pub(super) async fn after_crash(&self) -> Result<Stores, Failure> {
        self.subject.after_crash().await.map_err(Failure)
    }
}
