//! Where groups live: narrow traits, one per aggregate, and the stores that keep their promises.
//!
//! Every change of a group is one conditional batch on its revision ([`group::Groups::commit`]); [`apply::apply`] is the one place that reads,
//! decides, commits, tries again on a conflict and finds out what became of an unclear commit. Every store passes `conformance`.
//!
//! Deliberately absent: decisions, clocks (times come in with what is stored), a queue, transactions over more than one group.
#![warn(missing_docs)]

pub mod apply;
pub mod audit;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod control;
pub mod embedded;
pub mod feed;
pub mod group;
pub mod hint;
pub mod home;
pub mod input;
pub mod journal;
pub mod launch;
pub mod member;
pub mod memory;
pub mod note;
pub mod parts;
pub mod record;
mod row;
pub mod search;

use std::sync::Arc;

/// Everything that a role needs of a store, one handle per aggregate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Groups, with their ledgers and verdicts.
    pub groups: Arc<dyn group::Groups>,
    /// Launch configurations, by content hash.
    pub launches: Arc<dyn launch::Launches>,
    /// Which groups may have something to do.
    pub hints: Arc<dyn hint::Hints>,
    /// What happened, for people, for 13 months.
    pub journal: Arc<dyn journal::Journal>,
    /// Kill switches.
    pub controls: Arc<dyn control::Controls>,
    /// Notes that belong to no group.
    pub notes: Arc<dyn note::Notes>,
    /// Changes of many groups, for people.
    pub search: Arc<dyn search::Search>,
    /// Where alerts come in.
    pub inputs: Arc<dyn input::Inputs>,
    /// Which supervisors there are.
    pub members: Arc<dyn member::Members>,
    /// What the control plane at hand may do with groups, where its colo has several.
    pub home: home::Home,
}

/// Why a store gave no answer. Nothing can be said about a write that ends so, except where stated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be reached or is overloaded; nothing was written. Answer 503, try again later.
    #[error("the store is not available")]
    Unavailable(#[source] Cause),
    /// The store is full; nothing was written. A person must make room.
    #[error("the store has no room left")]
    Full(#[source] Cause),
    /// What is stored cannot be understood: a newer version wrote it, or it is damaged. A person must look.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}

/// The cause of an [`Error`], from whatever store it is.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
