//! Reading groups and changing them, for the handlers of the old surface.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use domain::draft::Draft;
use domain::event::Actor;
use domain::group::{Cause, Group};
use domain::ids::{Fence, GroupKey};
use store::apply::{View, apply};
use store::group::Level;
use wire::v1::json::Json;
use wire::v1::policy::Rules;

pub(super) use crate::tenant::is_there;

use super::Error;
use super::extract::{At, Names};
use crate::context::Context;
use crate::edit::change_fits;

/// Reads the group of the path. One that is being deleted is not there any more (contract 3.6).
pub(super) async fn read<R>(context: &Context, at: &At<R>) -> Result<Group, Error> {
    let group = context
        .stores
        .groups
        .read(&at.key()?, Level::Relaxed)
        .await?;
    group
        .filter(is_there)
        .ok_or_else(|| Error::no_group(&at.names))
}

/// Commits a change of the group of the path under its guard, and tells the owner. `edit` may run several times.
pub(super) async fn change<R>(
    context: &Context,
    at: &At<R>,
    cause: Cause,
    edit: impl FnMut(&mut Draft<'_>) -> Result<(), Error> + Send,
) -> Result<Group, Error> {
    change_at(context, (&at.key()?, &at.names, &at.actor()), cause, edit).await
}

async fn change_at(
    context: &Context,
    (key, names, actor): (&GroupKey, &Names, &Actor),
    cause: Cause,
    mut edit: impl FnMut(&mut Draft<'_>) -> Result<(), Error> + Send,
) -> Result<Group, Error> {
    context.mark(key).await;
    let now = context.now();
    let decide = |view: View<'_>| {
        if !is_there(view.group) {
            return Err(Error::no_group(names));
        }
        let mut draft = Draft::new(view.group, now);
        edit(&mut draft)?;
        let change = (!draft.is_empty()).then(|| draft.finish(cause, actor.clone()));
        let fits = change_fits(view.group, change.as_ref());
        fits.map_err(|why| Error::not_edited(why, names))?;
        Ok(change)
    };
    let groups = &*context.stores.groups;
    let changed = apply(&context.process, groups, key, Fence(0), None, decide).await;
    let group = changed.map_err(|refused| Error::refused(refused, names, actor))?;
    context.poke(key);
    Ok(group)
}

/// What bodies are checked by.
pub(super) fn rules(context: &Context) -> Rules {
    Rules {
        now: context.wall(),
        monitoring: context.v1.monitoring,
    }
}

/// An answer with a body.
pub(super) fn shown(status: StatusCode, body: &Json) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("application/json")
        .body(body.to_ascii())
}

/// An answer without one; it has a content type all the same (row B012).
pub(super) fn empty(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("application/json")
        .finish()
}
