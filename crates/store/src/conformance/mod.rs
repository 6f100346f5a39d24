//! The suite that every store passes: named cases, and a concurrent history that is checked for linearizability.
//!
//! A store is put into a [`Bench`]; each case makes groups of its own, so that one store serves all cases, a shared cluster too.
//! [`planted`] holds bad stores, each of which at least one case must fail: they show that the suite can see.
//!
//! Deliberately absent: speed, faults (a store under test works), and crashes by kill -9, which need a process of their own
//! (`tests/it/store_crash.rs`).

mod case;
mod commits;
mod controls;
mod durability;
mod events;
pub mod history;
mod inputs;
mod journals;
mod launches;
mod lists;
mod members;
mod notes;
mod outbox;
pub mod planted;
mod races;
mod reads;
mod records;
pub mod sample;
mod searches;
mod shapes;

use std::sync::Arc;

use async_trait::async_trait;
use chassis::Process;

use crate::Stores;
pub use case::{Bench, Case, Failure};
pub use searches::HOSTILE;

/// A store under test.
#[async_trait]
pub trait Subject: std::fmt::Debug + Send + Sync {
    /// The store, open.
    fn stores(&self) -> Stores;

    /// What a store opened anew finds if everything of this one's processes dies right now. The store under test may go on or not;
    /// the case uses only what is returned from then on. A store that cannot crash gives itself.
    ///
    /// # Errors
    /// The subject could not be opened anew: the case fails with these words.
    async fn after_crash(&self) -> Result<Stores, String>;

    /// Brings what was committed into the index that answers searches, where that follows behind by itself.
    ///
    /// # Errors
    /// As [`after_crash`](Self::after_crash).
    async fn indexed(&self) -> Result<(), String> {
        Ok(())
    }
}

/// All cases, in reading order.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        commits::CASES,
        shapes::CASES,
        reads::CASES,
        events::CASES,
        outbox::CASES,
        records::CASES,
        launches::CASES,
        controls::CASES,
        notes::CASES,
        inputs::CASES,
        members::CASES,
        journals::CASES,
        searches::CASES,
        lists::CASES,
        races::CASES,
        durability::CASES,
    ]
    .concat()
}

/// The cases of searches alone: for an index beside a store that passed the others.
#[must_use]
pub fn searches() -> Vec<Case> {
    searches::CASES.to_vec()
}

/// Runs all cases against one store and gives those that failed, with what they found.
pub async fn run(process: &Process, subject: &Arc<dyn Subject>) -> Vec<(&'static str, Failure)> {
    let bench = Bench::new(process.clone(), Arc::clone(subject));
    let mut failed = Vec::new();
    for case in cases() {
        if let Err(failure) = case.run(&bench).await {
            failed.push((case.name, failure));
        }
    }
    failed
}

#[cfg(test)]
mod tests;
