//! Notes: small texts that belong to no group. What was answered to a write that named itself, what staff looked at, and which
//! tokens were ended.

use std::fmt::Debug;

use async_trait::async_trait;
use domain::time::Timestamp;

use crate::Error;

/// What notes are for; each shelf has ids of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shelf {
    /// Answers to writes, under what names the write. Kept for 25 hours, as verdicts are.
    Answers,
    /// What staff looked at, under ids in order of time. Kept as long as the journal.
    Staff,
    /// How far readers of the feed are, each under its name. Kept as long as the journal after the last write.
    Places,
    /// Tokens that operators have ended, under ids in order of time. Kept as long as the journal.
    Revocations,
    /// Which control plane serves a colo, and what operators want of one. Kept as long as the journal after the last write.
    Homes,
}

impl Shelf {
    /// All shelves.
    pub const ALL: [Self; 5] = [
        Self::Answers,
        Self::Staff,
        Self::Places,
        Self::Revocations,
        Self::Homes,
    ];

    /// Its number in stores.
    #[must_use]
    pub const fn number(self) -> i8 {
        match self {
            Self::Answers => 1,
            Self::Staff => 2,
            Self::Places => 3,
            Self::Revocations => 4,
            Self::Homes => 5,
        }
    }
}

/// One note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Names it on its shelf: 1 to 64 bytes.
    pub id: Vec<u8>,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub body: String,
}

/// Notes on shelves. Each is linearizable by itself.
#[async_trait]
pub trait Notes: Debug + Send + Sync {
    /// Writes a note, durably: where there is none of its id (`before` is none), or in place of the one that says `before`. False, and nothing is
    /// written, if that is not so. After an error it may be written all the same.
    async fn keep(&self, shelf: Shelf, note: &Note, before: Option<&str>) -> Result<bool, Error>;

    /// Takes a note away if it says `body`.
    async fn forget(&self, shelf: Shelf, id: &[u8], body: &str) -> Result<(), Error>;

    /// The note of that id. Sees every write that was answered.
    async fn find(&self, shelf: Shelf, id: &[u8]) -> Result<Option<Note>, Error>;

    /// Notes in order of id, the last first, before `before`. Not for [`Shelf::Answers`]: those may be scattered.
    async fn newest(
        &self,
        shelf: Shelf,
        before: Option<&[u8]>,
        limit: u32,
    ) -> Result<Vec<Note>, Error>;
}
