//! Commit records: what one change did, for people, chained by hash so that a removed or altered one shows (design 4, 5).

use std::collections::BTreeSet;

use domain::capacity::Size;
use domain::event::{Actor, ActorKind};
use domain::group::{Cause, Change, Config};
use domain::ids::{Nonce, RecordHash, Rev, ServerId};
use domain::verdict::Outcome;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::group::CommitRecord;
use crate::row::words::{self, InWords};

/// The hash before the first record of a group.
pub const GENESIS: RecordHash = RecordHash([0; 32]);

/// Where the chain of a group's records breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The record at this revision is missing.
    #[error("the record at revision {0} is missing")]
    Missing(Rev),
    /// The record at this revision is not the one that was written.
    #[error("the record at revision {0} was altered")]
    Altered(Rev),
}

/// Walks records of one group, oldest first, that follow the record whose hash is `previous` ([`GENESIS`] before revision 1).
/// Gives the last hash, to go on from or to compare with a seal.
///
/// # Errors
/// [`Broken`] names the first revision that is missing or altered.
pub fn verify(
    records: &[CommitRecord],
    first: Rev,
    previous: RecordHash,
) -> Result<RecordHash, Broken> {
    let mut expected = first;
    let mut hash = previous;
    for record in records {
        if record.rev != expected {
            return Err(Broken::Missing(expected));
        }
        if record.previous != hash || record.hash != digest(record) {
            return Err(Broken::Altered(expected));
        }
        hash = record.hash;
        expected = expected.next();
    }
    Ok(hash)
}

/// The hash that belongs to a record: SHA-256 over the previous hash and every other field, each with its length before it.
#[must_use]
pub fn digest(record: &CommitRecord) -> RecordHash {
    let mut hash = Sha256::new();
    hash.update(record.previous.0);
    hash.update(record.rev.0.to_be_bytes());
    hash.update(record.nonce.as_u128().to_be_bytes());
    hash.update(record.at.unix_ms().to_be_bytes());
    let Actor {
        kind,
        name,
        request_id,
        from,
    } = &record.actor;
    let from = from.map(|from| from.to_string());
    let texts = [
        cause_word(record.cause),
        kind_word(*kind),
        name,
        request_id,
        &record.detail,
    ];
    for text in texts.into_iter().chain(from.as_deref()) {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(text.as_bytes());
    }
    RecordHash(hash.finalize().into())
}

/// The record that a change leaves, but for what only the store knows at the moment of the commit ([`seal`]).
pub(crate) fn open(change: &Change, rev: Rev, nonce: Nonce) -> CommitRecord {
    CommitRecord {
        rev,
        nonce,
        cause: change.cause,
        actor: change.actor.clone(),
        at: change.at,
        detail: tail(change),
        previous: GENESIS,
        hash: GENESIS,
    }
}

/// Completes an opened record with what was before.
pub(crate) fn seal(
    mut record: CommitRecord,
    desired: (Size, Size),
    configured: &[&'static str],
    previous: RecordHash,
) -> CommitRecord {
    use std::fmt::Write as _;
    let mut detail = String::with_capacity(record.detail.len() + 48);
    let (before, after) = desired;
    // Writing to a String cannot fail.
    write!(detail, "{{\"desired\":[{before},{after}]").unwrap_or_default();
    for (i, key) in configured.iter().enumerate() {
        let lead = if i == 0 { ",\"configured\":[" } else { "," };
        write!(detail, "{lead}\"{key}\"").unwrap_or_default();
    }
    if !configured.is_empty() {
        detail.push(']');
    }
    detail.push_str(&record.detail);
    record.detail = detail;
    record.previous = previous;
    record.hash = digest(&record);
    record
}

/// Which configuration keys differ. Values are left out: the record names what changed, the group shows what it is.
pub(crate) fn configured(before: &Config, after: &Config) -> Vec<&'static str> {
    let Config {
        name,
        bounds,
        cooldown,
        launch,
        metadata,
        policies,
        scale_in,
        circle,
        build_timeout,
        serials: _,
        hooks,
        generation: _,
    } = before;
    let differs = [
        ("name", *name != after.name),
        ("min", bounds.min() != after.bounds.min()),
        ("max", bounds.max() != after.bounds.max()),
        ("cooldown", *cooldown != after.cooldown),
        ("launch", *launch != after.launch),
        ("metadata", *metadata != after.metadata),
        ("policies", *policies != after.policies),
        ("scale_in", *scale_in != after.scale_in),
        ("alerts", *circle != after.circle),
        ("build_timeout", *build_timeout != after.build_timeout),
        ("hooks", *hooks != after.hooks),
    ];
    differs
        .into_iter()
        .filter_map(|(key, yes)| yes.then_some(key))
        .collect()
}

/// The word of a cause in rows and hashes.
#[must_use]
pub fn cause_word(cause: Cause) -> &'static str {
    words::CauseRow::from(cause).word()
}

fn kind_word(kind: ActorKind) -> &'static str {
    words::KindRow::from(kind).word()
}

/// The part of the detail that the change alone determines: `,"phase":..,"slots":..,"events":..}`.
fn tail(change: &Change) -> String {
    #[derive(Serialize)]
    struct Tail {
        phase: words::PhaseRow,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        slots: Vec<(String, &'static str, Option<String>)>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        events: Vec<(String, words::OutcomeRow)>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        queued: Vec<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        hooks: Vec<(u64, String, &'static str)>,
    }
    let tail = Tail {
        phase: change.state.phase.into(),
        slots: change
            .slots
            .iter()
            .map(|s| {
                let server = s.state.server().map(|id| id.to_string());
                (s.id.to_string(), s.state.word(), server)
            })
            .collect(),
        events: change
            .verdicts
            .iter()
            .map(|v| (v.event.to_string(), v.outcome.into()))
            .collect(),
        queued: change.queued.iter().map(|e| e.id.to_string()).collect(),
        hooks: change
            .posts
            .iter()
            .map(|d| (d.id.0, d.hook.to_string(), d.point.word()))
            .collect(),
    };
    // A struct of strings and numbers always has a JSON form.
    let json = serde_json::to_string(&tail).unwrap_or_else(|_| String::from("{}"));
    format!(",{}", json.strip_prefix('{').unwrap_or("}"))
}

/// What a record's detail tells: what indexes and filters need of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// Desired size before and after; none if the detail is not one of ours.
    pub desired: Option<(u32, u32)>,
    /// Servers of the slots that moved.
    pub servers: BTreeSet<String>,
    /// Words of the outcomes of the events that were decided.
    pub outcomes: BTreeSet<String>,
}

impl Told {
    /// Reads a detail. What a person's hand made something else tells nothing.
    #[must_use]
    pub fn read(detail: &str) -> Self {
        #[derive(Deserialize)]
        struct Detail {
            desired: Option<(u32, u32)>,
            #[serde(default)]
            slots: Vec<(String, String, Option<String>)>,
            #[serde(default)]
            events: Vec<(String, String)>,
        }
        let Ok(detail) = serde_json::from_str::<Detail>(detail) else {
            return Self::default();
        };
        Self {
            desired: detail.desired,
            servers: detail.slots.into_iter().filter_map(|slot| slot.2).collect(),
            outcomes: detail.events.into_iter().map(|event| event.1).collect(),
        }
    }

    /// Whether the slot of this server moved.
    #[must_use]
    pub fn moved(&self, server: ServerId) -> bool {
        self.servers.contains(&server.to_string())
    }

    /// Whether an event was decided with this outcome.
    #[must_use]
    pub fn decided(&self, outcome: Outcome) -> bool {
        self.outcomes.contains(outcome_word(outcome))
    }
}

/// The word of an outcome in details.
#[must_use]
pub fn outcome_word(outcome: Outcome) -> &'static str {
    words::OutcomeRow::from(outcome).word()
}

#[cfg(test)]
mod tests;
