//! The ledger: every server that ever was to be, and what became of it.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use domain::ids::SlotId;
use store::group::Level;
use wire::v2::Page;
use wire::v2::ledger::{Slot, State};

use crate::auth::right::{InGroup, Read};
use crate::body::{Params, Rows};
use crate::change::trace;
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{OfQuery, PathOfGroup, Refusals};

/// Slots on a page.
const SLOTS: Rows = Rows {
    default: 100,
    most: 1_000,
};

/// Slots in order of id: open ones, and ended ones as long as they are watched (30 days; for good, if their server was handed back).
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/ledger", operation_id = "listSlots", tag = "ledger",
    params(
        PathOfGroup,
        ("state" = Option<String>, Query, description = "Only these states, separated by commas"),
        ("open" = Option<bool>, Query, description = "Only open slots, or only ended ones"),
        ("after" = Option<String>, Query, description = "After this slot: `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "How many, 100 if not given", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, description = "One page", body = Page<Slot>), Refusals, OfQuery),
    security(("token" = [])),
)]
pub async fn list(
    within: InGroup<Read>,
    context: web::Data<Context>,
    params: Params,
) -> Result<HttpResponse, Failure> {
    let params = params.only(&["state", "open", "after", "limit"])?;
    let states = states(&params)?;
    let open: Option<bool> = params.parsed("open", "must be true or false")?;
    let after: Option<SlotId> = params.parsed("after", "must be the id of a slot")?;
    let limit = usize::try_from(params.limit(SLOTS)?).unwrap_or(usize::MAX);
    let group = trace(&context, &within.key, Level::Relaxed).await?;
    let fits = |slot: &&domain::slot::Slot| {
        after.is_none_or(|after| slot.id > after)
            && open.is_none_or(|open| slot.state.is_open() == open)
            && states
                .as_ref()
                .is_none_or(|states| states.contains(slot.state.word()))
    };
    let mut slots: Vec<&domain::slot::Slot> = group
        .slots
        .open()
        .chain(group.slots.ended())
        .filter(fits)
        .collect();
    slots.sort_unstable_by_key(|slot| slot.id);
    let rest = slots.len() > limit;
    slots.truncate(limit);
    Ok(HttpResponse::Ok().json(Page {
        next: slots
            .last()
            .filter(|_| rest)
            .map(|slot| slot.id.to_string()),
        items: slots.into_iter().map(Slot::from).collect(),
    }))
}

fn states(params: &Params) -> Result<Option<BTreeSet<String>>, Failure> {
    let Some(text) = params.text("state") else {
        return Ok(None);
    };
    let words: BTreeSet<String> = text.split(',').map(str::to_owned).collect();
    let known = |word: &String| serde_json::from_value::<State>(word.as_str().into()).is_ok();
    if !words.iter().all(known) {
        return Err(Failure::parameter(
            "state",
            "must be states of slots, separated by commas",
        ));
    }
    Ok(Some(words))
}
