//! A change as a document, and back.
//!
//! The record itself is in the document as the text that every store keeps, so that what is found shows the same revision, chain and
//! hash; beside it stand the fields that filters look at, and the pieces of three characters that stand for the free text.

use std::collections::BTreeSet;

use domain::calendar::{DAY_MS, civil};
use domain::ids::{GroupKey, HomeEpoch, RecordHash, Rev};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Error;
use store::parts;
use store::record::{Told, cause_word};
use store::search::Found;

/// Characters in a piece. Texts that are shorter have none.
pub(crate) const PIECE: usize = 3;

/// What a document must give back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) tenant: String,
    pub(crate) group: String,
    pub(crate) epoch: u64,
    pub(crate) rev: u64,
    /// As every store keeps it, without detail and hashes.
    pub(crate) record: String,
    pub(crate) detail: String,
    pub(crate) previous: String,
    pub(crate) hash: String,
}

/// The names of its fields, which are all that a search fetches.
pub(crate) const FETCHED: [&str; 8] = [
    "tenant", "group", "epoch", "rev", "record", "detail", "previous", "hash",
];

/// A document with what filters look at.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    document: Document,
    at: u64,
    cause: &'a str,
    actor: &'a str,
    request: &'a str,
    server: BTreeSet<String>,
    verdict: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u32>,
    pieces: BTreeSet<String>,
}

/// The two lines of a bulk call that create a change's document. Its id is the nonce of its commit.
pub(crate) fn lines(index: &str, change: &Found) -> [String; 2] {
    let record = &change.record;
    let told = Told::read(&record.detail);
    let whole = Whole {
        document: Document::of(change),
        at: record.at.unix_ms(),
        cause: cause_word(record.cause),
        actor: &record.actor.name,
        request: &record.actor.request_id,
        before: told.desired.map(|(before, _)| before),
        after: told.desired.map(|(_, after)| after),
        server: told.servers,
        verdict: told.outcomes,
        pieces: pieces(&record.detail),
    };
    let action =
        json!({"create": {"_index": month(index, record.at), "_id": record.nonce.to_string()}});
    // A struct of strings and numbers always has a JSON form.
    let body = serde_json::to_string(&whole).unwrap_or_default();
    [action.to_string(), body]
}

/// The index of the month in which that moment is, in UTC.
pub(crate) fn month(index: &str, at: Timestamp) -> String {
    let (year, month, _) = civil(at.unix_ms() / DAY_MS);
    format!("{index}-{year:04}.{month:02}")
}

/// Every three characters in a row.
pub(crate) fn pieces(text: &str) -> BTreeSet<String> {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let ends = starts.iter().copied().chain([text.len()]).skip(PIECE);
    let pairs = starts.iter().copied().zip(ends);
    pairs.map(|(from, to)| text[from..to].to_owned()).collect()
}

impl Document {
    fn of(change: &Found) -> Self {
        let Found { key, record } = change;
        Self {
            tenant: key.tenant.to_string(),
            group: key.id.to_string(),
            epoch: key.epoch.0,
            rev: record.rev.0,
            record: parts::record(record).unwrap_or_default(),
            detail: record.detail.clone(),
            previous: record.previous.to_string(),
            hash: record.hash.to_string(),
        }
    }

    /// The change that it stands for.
    pub(crate) fn found(self) -> Result<Found, Error> {
        let corrupt = |what: &str| Error::Corrupt(format!("a document of the index: {what}"));
        let hash = |text: &str| text.parse::<RecordHash>().map_err(|_e| corrupt("hash"));
        let hashes = [hash(&self.previous)?.0, hash(&self.hash)?.0].concat();
        let record = parts::read_record(Rev(self.rev), &self.record, self.detail, &hashes)?;
        let key = GroupKey {
            tenant: self.tenant.parse().map_err(|_e| corrupt("tenant"))?,
            id: self.group.parse().map_err(|_e| corrupt("group"))?,
            epoch: HomeEpoch(self.epoch),
        };
        Ok(Found { key, record })
    }
}

#[cfg(test)]
mod tests;
