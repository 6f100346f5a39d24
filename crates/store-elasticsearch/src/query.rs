//! What is wanted, as a query: JSON values all the way, so that no text of a caller is ever parsed as anything but a value (safety S31).

use domain::time::Timestamp;
use serde_json::{Value, json};
use store::record::{cause_word, outcome_word};
use store::search::{Place, Wanted};

use crate::document::{FETCHED, pieces};

/// Pieces of a text that are looked for, at most: the exact look that follows does the rest.
const PIECES_MAX: usize = 24;
/// Later than any change: the end of the year 9999.
const LAST_MS: u64 = 253_402_300_799_999;

/// The query for the next hits after `after`, newest first. The tenant is one of the filters, put in from a parsed id.
pub(crate) fn query(wanted: &Wanted, after: Option<Place>, size: u32) -> Value {
    let mut query = json!({
        "size": size,
        "track_total_hits": false,
        "_source": FETCHED,
        "query": {"bool": {"filter": filters(wanted)}},
        "sort": [{"at": "desc"}, {"group": "desc"}, {"rev": "desc"}],
    });
    if let (Some(place), Some(query)) = (after, query.as_object_mut()) {
        let Place { at, group, rev } = place;
        // What the parser of places let in may be beyond what the index can hold.
        let rev = i64::try_from(rev.0).unwrap_or(i64::MAX);
        let place = json!([ms(at), group.to_string(), rev]);
        query.insert("search_after".to_owned(), place);
    }
    query
}

fn filters(wanted: &Wanted) -> Vec<Value> {
    let Wanted {
        tenant,
        group,
        cause,
        actor,
        request,
        server,
        outcome,
        text,
        from,
        to,
        after: _,
    } = wanted;
    let mut all = Vec::new();
    let mut is = |field: &str, value: Option<String>| {
        all.extend(value.map(|value| json!({"term": {field: {"value": value}}})));
    };
    is("tenant", tenant.as_ref().map(ToString::to_string));
    is("group", group.map(|group| group.to_string()));
    is("cause", cause.map(|cause| cause_word(cause).to_owned()));
    is("actor", actor.clone());
    is("request", request.clone());
    is("server", server.map(|server| server.to_string()));
    is(
        "verdict",
        outcome.map(|outcome| outcome_word(outcome).to_owned()),
    );
    for piece in text.iter().flat_map(|text| some(text)) {
        is("pieces", Some(piece));
    }
    if let Some(from) = from {
        all.push(json!({"range": {"at": {"gte": ms(*from)}}}));
    }
    if let Some(to) = to {
        all.push(json!({"range": {"at": {"lt": ms(*to)}}}));
    }
    all
}

/// Pieces of a text, evenly taken from all of them.
fn some(text: &str) -> Vec<String> {
    let all = pieces(text);
    let step = all.len().div_ceil(PIECES_MAX).max(1);
    all.into_iter().step_by(step).collect()
}

fn ms(at: Timestamp) -> u64 {
    at.unix_ms().min(LAST_MS)
}

#[cfg(test)]
mod tests;
