//! Inputs: where alerts come in, what could not be read of them, and what servers said last. Plain writes; nothing is decided under them.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use domain::ids::{InputId, TenantId};
use domain::time::Timestamp;

use crate::Error;

/// One input, as the edge wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub id: InputId,
    /// When it was made.
    pub created: Timestamp,
    /// What the edge knows of it: JSON.
    pub body: String,
}

/// One of the notes of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its place: a later note in the same place replaces it.
    pub place: String,
    /// When it was made.
    pub at: Timestamp,
    /// What it says.
    pub body: String,
}

/// Kinds of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What could not be read. The writer chooses among so many places, so that a flood replaces itself.
    Rejected,
    /// What one server said last; its place is the server.
    Voter,
}

/// Inputs and their notes.
#[async_trait]
pub trait Inputs: Debug + Send + Sync {
    /// Keeps an input, in place of what is there under its id. Durable when this is answered.
    async fn put(&self, input: &Input) -> Result<(), Error>;

    /// The input of that id, whoever asks: the caller must see whether it may know. Sees every answered `put` and `remove`.
    async fn get(&self, id: InputId) -> Result<Option<Input>, Error>;

    /// The inputs of a tenant in order of id, after `after`, at most `limit`.
    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<InputId>,
        limit: u32,
    ) -> Result<Vec<Input>, Error>;

    /// Forgets an input with its notes. Doing it twice changes nothing.
    async fn remove(&self, tenant: &TenantId, id: InputId) -> Result<(), Error>;

    /// Writes a note, which may be forgotten once it is older than `keep`.
    async fn note(&self, id: InputId, part: Part, note: &Note, keep: Duration)
    -> Result<(), Error>;

    /// All notes of one kind that are not older than they are to be kept at `now`, in order of place.
    async fn notes(&self, id: InputId, part: Part, now: Timestamp) -> Result<Vec<Note>, Error>;
}
