//! Servers of a group: one can be sent away by name.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use domain::draft::Draft;
use domain::group::Cause;
use domain::remove::{NotRemoved, Purge, Replace, remove as leave};

use super::Error;
use super::edit::{change, empty};
use super::extract::{Asked, At};
use crate::auth::right::{Crud, Read};
use crate::context::Context;

/// `GET servers` and `GET servers/{s}`: the old service never had them (row B030); `/v2` has the ledger.
pub(super) async fn absent(at: At<Read>) -> Result<HttpResponse, Error> {
    at.key()?;
    Err(Error::absent())
}

/// `DELETE servers/{s}` (rows B182 to B187). A paused group acts on it when it is resumed.
pub(super) async fn remove(
    at: At<Crud>,
    context: web::Data<Context>,
    asked: Asked,
) -> Result<HttpResponse, Error> {
    let replace = if asked.flag("replace", true)? {
        Replace::Refill
    } else {
        Replace::Shrink
    };
    let purge = if asked.flag("purge", true)? {
        Purge::Delete
    } else {
        Purge::Keep
    };
    let suspended = context.v1.is_suspended(&at.names.tenant);
    let edit = |draft: &mut Draft<'_>| {
        if suspended {
            return Err(Error::suspended(&at.names));
        }
        let min = draft.config().bounds.min();
        let left = leave(draft, at.server()?, purge, replace);
        left.map_err(|why| match why {
            NotRemoved::NotFound => Error::no_server(&at.names),
            NotRemoved::BelowMin => {
                let (tenant, group, server) = (&at.names.tenant, &at.names.group, &at.names.server);
                let text = format!("Cannot remove server {server} from tenant {tenant}'s group {group}. It will reduce number of servers below required minimum {min}.");
                Error::forbidden("CannotDeleteServerBelowMinError", text)
            }
        })
    };
    change(&context, &at, Cause::Configure, edit).await?;
    Ok(empty(StatusCode::ACCEPTED))
}
