//! What control planes of a colo leave for each other: who serves since which epoch, and what an operator wants of one of them.
//!
//! Each row has one writer: an epoch's is whoever won its key pair, a wish's is the plane that it is about. So rows need no agreement between data
//! centres, and the highest epoch counts whenever a row arrives.

use domain::home::Claim;
use domain::ids::{ColoId, HomeEpoch, PlaneName};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Shared;
use crate::Error;
use crate::note::{Note, Shelf};
use crate::row;

/// Kinds of rows, the first byte of their ids.
const SERVES: u8 = 1;
const WISHED: u8 = 2;
const OPENS: u8 = 3;

/// That a plane serves its colo since an epoch, or is about to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Which epoch, and whose.
    pub claim: Claim,
    /// Who wanted it; the plane itself, where it took over by itself.
    pub who: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub at: Timestamp,
}

/// That an operator wants a plane to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The epoch that is to end by it: the wish is about no other.
    pub ends: HomeEpoch,
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plane: Option<String>,
    who: String,
    why: String,
    at: u64,
}

fn id(kind: u8, colo: ColoId, rest: &[u8]) -> Vec<u8> {
    let mut id = vec![kind];
    id.extend_from_slice(&colo.0.to_be_bytes());
    id.extend_from_slice(rest);
    id
}

fn plane_of(row: &Row) -> Result<PlaneName, Error> {
    let name = row.plane.as_deref().unwrap_or_default();
    let plane = name.parse();
    plane.map_err(|error| row::corrupt("a control plane", &error))
}

impl Shared {
    /// Who serves a colo, as far as this store knows. None: nobody ever took over.
    ///
    /// # Errors
    /// The store's.
    pub async fn published(&self, colo: ColoId) -> Result<Option<Published>, Error> {
        self.newest(SERVES, colo).await
    }

    /// Who has won the highest epoch, as far as this store knows, whether it serves already or only opens. None: nobody ever took over.
    ///
    /// # Errors
    /// The store's.
    pub async fn opening(&self, colo: ColoId) -> Result<Option<Claim>, Error> {
        let newest = self.newest(OPENS, colo).await?;
        Ok(newest.map(|row| row.claim))
    }

    /// The row of the highest epoch.
    async fn newest(&self, kind: u8, colo: ColoId) -> Result<Option<Published>, Error> {
        let mut beyond = id(kind, colo, &u64::MAX.to_be_bytes());
        beyond.push(0);
        let newest = self.raw.notes.newest(Shelf::Homes, Some(&beyond), 1);
        let own = id(kind, colo, &[]);
        let newest = newest.await?;
        let newest = newest.first().filter(|note| note.id.starts_with(&own));
        newest.map(|note| published(&note.body)).transpose()
    }

    /// Says that a plane serves from now on. To say the same again changes nothing.
    ///
    /// # Errors
    /// The store's; [`Error::Corrupt`] if somebody else has that epoch, which a person must look at.
    pub async fn publish(&self, colo: ColoId, home: &Published) -> Result<(), Error> {
        self.say(SERVES, colo, home).await
    }

    /// Says that a plane has won an epoch and will serve it, so that all others stop. To say the same again changes nothing.
    ///
    /// # Errors
    /// As for [`Self::publish`].
    pub async fn open(&self, colo: ColoId, home: &Published) -> Result<(), Error> {
        self.say(OPENS, colo, home).await
    }

    async fn say(&self, kind: u8, colo: ColoId, home: &Published) -> Result<(), Error> {
        let row = Row {
            epoch: home.claim.epoch.0,
            plane: home.claim.plane.as_ref().map(ToString::to_string),
            who: home.who.clone(),
            why: home.why.clone(),
            at: home.at.unix_ms(),
        };
        let note = Note {
            id: id(kind, colo, &home.claim.epoch.0.to_be_bytes()),
            at: home.at,
            body: row::write(&row)?,
        };
        if self.raw.notes.keep(Shelf::Homes, &note, None).await? {
            return Ok(());
        }
        let there = self.raw.notes.find(Shelf::Homes, &note.id).await?;
        let same = there
            .map(|note| published(&note.body))
            .transpose()?
            .is_some_and(|there| there.claim == home.claim);
        if same {
            return Ok(());
        }
        let why = "another plane has written its row, and one key pair has one maker";
        Err(row::corrupt("an epoch of a colo", &why))
    }

    /// Writes the row anew, so that it outlives its time.
    ///
    /// # Errors
    /// The store's.
    pub async fn renew(&self, colo: ColoId, epoch: HomeEpoch) -> Result<(), Error> {
        let id = id(SERVES, colo, &epoch.0.to_be_bytes());
        let Some(note) = self.raw.notes.find(Shelf::Homes, &id).await? else {
            return Ok(());
        };
        let body = note.body.clone();
        let kept = self.raw.notes.keep(Shelf::Homes, &note, Some(&body));
        kept.await.map(drop)
    }

    /// Notes what an operator wants of this plane, in place of what was wanted before.
    ///
    /// # Errors
    /// The store's.
    pub async fn wish(&self, colo: ColoId, wish: &Wish) -> Result<(), Error> {
        let id = id(WISHED, colo, self.plane.as_str().as_bytes());
        let before = self.raw.notes.find(Shelf::Homes, &id).await?;
        let row = Row {
            epoch: wish.ends.0,
            plane: None,
            who: wish.who.clone(),
            why: wish.why.clone(),
            at: wish.at.unix_ms(),
        };
        let note = Note {
            id,
            at: wish.at,
            body: row::write(&row)?,
        };
        let before = before.map(|note| note.body);
        let kept = self.raw.notes.keep(Shelf::Homes, &note, before.as_deref());
        // Two operators at once want the same: one of them is enough.
        kept.await.map(drop)
    }

    /// What an operator wants of this plane.
    ///
    /// # Errors
    /// The store's.
    pub async fn wished(&self, colo: ColoId) -> Result<Option<Wish>, Error> {
        let id = id(WISHED, colo, self.plane.as_str().as_bytes());
        let note = self.raw.notes.find(Shelf::Homes, &id).await?;
        let Some(note) = note else { return Ok(None) };
        let row: Row = row::read("a wish for a colo", &note.body)?;
        Ok(Some(Wish {
            ends: HomeEpoch(row.epoch),
            who: row.who,
            why: row.why,
            at: Timestamp::from_unix_ms(row.at),
        }))
    }
}

fn published(body: &str) -> Result<Published, Error> {
    let row: Row = row::read("who serves a colo", body)?;
    Ok(Published {
        claim: Claim {
            epoch: HomeEpoch(row.epoch),
            plane: Some(plane_of(&row)?),
        },
        at: Timestamp::from_unix_ms(row.at),
        who: row.who,
        why: row.why,
    })
}
