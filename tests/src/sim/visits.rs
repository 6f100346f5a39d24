//! What a long run must have seen at least once ("sometimes" counters, safety 4.1): a check that never had its moment proves nothing.

use std::collections::BTreeMap;

/// With so many schedules, whatever is on the list must have happened; with fewer it is only told.
pub const ENOUGH: usize = 10_000;

/// What is expected.
///
/// Each is a count of [`super::run::Report::tally`], or the beginning of several: the edges of a slot as commits show them (one commit may take
/// a slot over two edges at once: what is found late is surplus and on its way out in the same one), the rules of evidence (design 4), the rows
/// of the crash table (safety 3.5).
pub const EXPECTED: [&str; 57] = [
    "edge: new to issued",
    "edge: issued to accepted",
    "edge: issued to in-doubt (Timeout)",
    "edge: issued to in-doubt (Reset)",
    "edge: issued to in-doubt (Unclear)",
    "edge: issued to in-doubt (WorkerLost)",
    "edge: issued to failed (NotSent)",
    "edge: issued to failed (Quota)",
    "edge: issued to failed (Throttled)",
    "edge: issued to failed (Token)",
    "edge: in-doubt to accepted",
    "edge: in-doubt to active",
    "edge: in-doubt to failed",
    "edge: in-doubt to lapsed (Counted)",
    "edge: lapsed to lapsed (Released)",
    "edge: accepted to configuring",
    "edge: accepted to active",
    "edge: accepted to draining",
    "edge: accepted to deleting",
    "edge: accepted to gone",
    "edge: configuring to active",
    "edge: configuring to draining",
    "edge: configuring to deleting",
    "edge: configuring to gone",
    "edge: active to draining",
    "edge: active to deleting",
    "edge: active to gone",
    "edge: draining to deleting",
    "edge: draining to gone",
    "edge: new to deleting (Surplus)",
    "edge: deleting to gone (Deleted",
    "edge: deleting to gone (HandedBack",
    "rule: adopted from a complete list, or late report",
    "rule: voided in doubt",
    "rule: lapsed",
    "rule: released by the strict rule",
    "rule: released after its token was revoked",
    "rule: late or doubled server bound as surplus",
    "rule: gone, deleted by somebody else",
    "rule: gone, deleted by us",
    "rule: taken in, its slot was not in the ledger",
    "flag: blocked",
    "flag: disowned",
    "flag: held",
    "crash row: api died with a request in hand",
    "crash row: commit unknown or ack lost, stored verdict found",
    "crash row: queued for an owner that is away",
    "crash row: supervisor died before it issued",
    "crash row: supervisor died with a slot issued and not handed out",
    "crash row: worker died before its call",
    "crash row: worker died after its call, before its report",
    "crash row: supervisor died before the report came",
    "crash row: report lost, reported again",
    "crash row: owner stood still for a minute",
    "crash row: supervisor died with a delete committed",
    "crash row: supervisor died with a message to send",
    "crash row: store lost, restored from a backup",
];

/// What random schedules do not come to, and directed ones must.
///
/// A worker would have to stand still in the milliseconds between its last check and its call, for longer than a doubt lasts: 20 000 schedules
/// never had it.
pub const SCRIPTED: [&str; 1] = ["rule: a create arrives after its slot lapsed"];

/// What of it never happened.
#[must_use]
pub fn missing(tally: &BTreeMap<&str, u64>) -> Vec<&'static str> {
    let seen = |what: &&str| tally.keys().any(|key| key.starts_with(what));
    EXPECTED.into_iter().filter(|what| !seen(what)).collect()
}
