//! Notes of operators and staff: how they are named, and how pages of them are read.

use actix_web::HttpResponse;
use domain::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::note::{Note, Shelf};

use crate::body::{Params, Rows};
use crate::context::Context;
use crate::failure::Failure;
use crate::routes;

/// The name of a note: its time, then what tells it from others of the same millisecond.
pub(crate) fn id(at: Timestamp, random: u64) -> Vec<u8> {
    let at = at.unix_ms().to_be_bytes();
    at.into_iter().chain(random.to_be_bytes()).collect()
}

/// The name as callers see it.
pub(crate) fn text_of(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name that a caller gave; none: it is none of ours.
pub(crate) fn id_of(text: &str) -> Option<Vec<u8>> {
    let hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    (0..16)
        .map(byte)
        .collect::<Option<Vec<u8>>>()
        .filter(|_| hex)
}

/// A page of what lies on a shelf, newest first. What cannot be read was not written here, and is left out.
///
/// # Errors
/// What is wrong with `before` or `limit`, or the store's.
pub(crate) async fn page<T: Serialize + DeserializeOwned>(
    context: &Context,
    params: &Params,
    shelf: Shelf,
    name: impl Fn(&T) -> String,
) -> Result<HttpResponse, Failure> {
    let rule = "must be `next` of the page before";
    let before = match params.text("before") {
        Some(text) => Some(id_of(text).ok_or_else(|| Failure::parameter("before", rule))?),
        None => None,
    };
    let limit = params.limit(Rows::LONG)?;
    let notes = &context.stores.notes;
    let found = notes.newest(shelf, before.as_deref(), limit + 1).await?;
    let read = |note: &Note| serde_json::from_str(&note.body).ok();
    let all: Vec<T> = found.iter().filter_map(read).collect();
    Ok(HttpResponse::Ok().json(routes::cut(all, limit, name)))
}
