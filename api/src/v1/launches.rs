//! Launch configurations: shown as stored, replaced whole. Servers that run keep the one they were made with (contract 3.6).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use domain::draft::Draft;
use domain::group::Cause;
use wire::v1::json::Json;
use wire::v1::launch;

use super::Error;
use super::edit::{change, empty, read, shown};
use super::extract::{At, LARGE, Sent};
use super::groups::launched;
use super::validate::validated;
use crate::auth::right::{Crud, Read};
use crate::context::Context;

/// `GET groups/{g}/launch` (row B050).
pub(super) async fn show(at: At<Read>, context: web::Data<Context>) -> Result<HttpResponse, Error> {
    let group = read(&context, &at).await?;
    let launch = launched(&context, &group, at.is_admin()).await?;
    Ok(shown(
        StatusCode::OK,
        &Json::object([("launchConfiguration", launch)]),
    ))
}

/// `PUT groups/{g}/launch` (rows B051 to B053). Stored before the commit that names it (design 4).
pub(super) async fn replace(
    at: At<Crud>,
    context: web::Data<Context>,
    body: Sent<LARGE>,
) -> Result<HttpResponse, Error> {
    let spec = launch::parse(&body.0)?.with_service_net()?;
    let spec = validated(&context, &at.names.tenant, spec).await?;
    read(&context, &at).await?;
    let hash = context
        .stores
        .launches
        .put(&at.names.tenant, &spec.bytes())
        .await?;
    let edit = |draft: &mut Draft<'_>| {
        let mut config = draft.config().clone();
        config.launch = hash;
        config.generation += 1;
        draft.configure(config);
        Ok(())
    };
    change(&context, &at, Cause::Configure, edit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
