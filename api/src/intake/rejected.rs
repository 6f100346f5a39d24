//! What was not acted on: kept for seven days with the reason, where a flood replaces itself.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

use alert::Content;
use domain::ids::InputId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::input::{Note, Part};
use wire::v2::input::Rejected;
use wire::v2::time::Moment;

use crate::context::Context;
use crate::failure::Failure;

const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// Places of one input: so many bodies are kept at most.
const PLACES: u64 = 256;
/// Bytes that are kept of a body.
const BODY_KEPT: usize = 16 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    why: String,
    media: String,
    body: String,
}

/// What no group took, as its sender names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lost<'a> {
    /// An alert.
    Alert {
        source: &'a str,
        fingerprint: &'a str,
    },
    /// What a server measured.
    Sample { host: &'a str },
}

/// What a body says, in its order: its alerts, then its samples.
pub(super) fn named(content: &Content) -> impl Iterator<Item = Lost<'_>> {
    let alerts = content.alerts.iter().map(|alert| Lost::Alert {
        source: &alert.source,
        fingerprint: &alert.fingerprint,
    });
    let samples = content.samples.iter();
    alerts.chain(samples.map(|sample| Lost::Sample { host: &sample.host }))
}

/// Which bodies a body takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Among<'a> {
    /// The oldest one of all.
    All,
    /// One that lost the same for the same reason: what comes with every delivery must not push out the rest.
    Same(&'a BTreeSet<Lost<'a>>),
}

/// Places besides, for bodies of which only routes are missing. The reason alone does not tell them apart: it counts what was lost, and this body
/// is the only trace of that.
const REASONS: u64 = 256;

fn place(context: &Context, among: Among<'_>, why: &str) -> String {
    match among {
        // In turn: places drawn by chance would lose a body now and then while nearly all are free.
        Among::All => {
            let place = context.rejected.fetch_add(1, Ordering::Relaxed) % PLACES;
            format!("{place:03}")
        }
        Among::Same(lost) => {
            let mut hash = DefaultHasher::new();
            (why, lost).hash(&mut hash);
            format!("why {:03}", hash.finish() % REASONS)
        }
    }
}

/// Keeps a body that was not acted on, or only in part. If the store does not take it, the sender is answered all the same.
pub(crate) async fn reject(
    context: &Context,
    id: InputId,
    (media, bytes): (&str, &[u8]),
    (why, among): (&str, Among<'_>),
) {
    let start = bytes.get(..BODY_KEPT).unwrap_or(bytes);
    let row = Row {
        why: why.chars().take(2_000).collect(),
        media: media.chars().take(200).collect(),
        body: String::from_utf8_lossy(start).into_owned(),
    };
    let note = Note {
        place: place(context, among, why),
        at: context.wall(),
        // A struct of texts always has a JSON form.
        body: serde_json::to_string(&row).unwrap_or_default(),
    };
    if let Err(error) = context
        .stores
        .inputs
        .note(id, Part::Rejected, &note, KEPT)
        .await
    {
        tracing::warn!(input.id = %id, error = &error as &dyn std::error::Error, "a rejected body could not be kept");
    }
}

/// What was not acted on, newest first.
pub(crate) async fn list(
    context: &Context,
    id: InputId,
    now: Timestamp,
) -> Result<Vec<Rejected>, Failure> {
    let mut notes = context.stores.inputs.notes(id, Part::Rejected, now).await?;
    notes.sort_by_key(|note| std::cmp::Reverse(note.at));
    let shown = |note: Note| {
        let row: Row = serde_json::from_str(&note.body).ok()?;
        Some(Rejected {
            at: Moment(note.at),
            why: row.why,
            media_type: row.media,
            body: row.body,
        })
    };
    Ok(notes.into_iter().filter_map(shown).collect())
}
