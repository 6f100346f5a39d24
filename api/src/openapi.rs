//! The `OpenAPI` document, made from the route table.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, LicenseBuilder, PathsBuilder};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder,
    Schema,
};
use utoipa::{IntoResponses, PartialSchema, ToSchema};
use wire::problem::{Code, MEDIA_TYPE, Problem};

use crate::routes::{Route, routes};

mod params;

pub(crate) use params::{
    Keyed, PathOfDelivery, PathOfEvent, PathOfGroup, PathOfHook, PathOfInput, PathOfPolicy,
    PathOfTenant, PathOfWebhook,
};

/// All schemas that routes speak of, by name. One name stands for one schema, or the document would say the wrong thing of one of them.
fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    for Route { described, .. } in &routes() {
        if let Some(described) = described {
            described.schemas(&mut schemas);
        }
    }
    schemas
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let schemas = schemas();
    let mut paths = PathsBuilder::new().build();
    for described in routes()
        .iter()
        .filter_map(|Route { described, .. }| described.as_ref())
    {
        paths.merge(described.paths());
    }
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas.into_iter().collect::<BTreeMap<_, _>>())
        .security_scheme("token", SecurityScheme::Http(token))
        .build();
    let info = InfoBuilder::new()
        .title("Holt")
        .version("2")
        .description(Some("Autoscaling as a service. Errors are problem+json; each code has a page in docs/errors/."))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components))
        .build()
}

/// The same as JSON, made once.
pub(crate) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| document().to_json().unwrap_or_default())
}

/// One response for each status of these codes. It names every code of that status, so that it is the same wherever it stands.
fn problems(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let of = |status: u16| {
        let same = Code::ALL.iter().filter(|code| code.status() == status);
        let words: Vec<&str> = same.map(|code| code.as_str()).collect();
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Problem::name())))
            .build();
        let response = ResponseBuilder::new()
            .description(words.join(", "))
            .content(MEDIA_TYPE, content);
        RefOr::T(response.build())
    };
    let statuses = codes.iter().map(|code| code.status());
    statuses
        .map(|status| (status.to_string(), of(status)))
        .collect()
}

/// What every route that needs a token may answer instead.
pub(crate) struct Refusals;
/// What a route with a body may answer instead.
pub(crate) struct OfBody;
/// What a route with query parameters may answer instead.
pub(crate) struct OfQuery;
/// What a route of a scope may answer instead.
pub(crate) struct OfScope;
/// What a route of one colo may answer instead.
pub(crate) struct OfColo;
/// What a write may answer instead.
pub(crate) struct OfWrite;
/// What a route that makes policies or webhooks may answer instead.
pub(crate) struct OfMake;
/// What a route that changes a group may answer instead.
pub(crate) struct OfChange;
/// What a route that answers for a waiting server may answer instead.
pub(crate) struct OfWait;
/// What a route that needs no token but can be used too often may answer instead.
pub(crate) struct OfOpen;

/// What a sender of alerts may be answered instead.
pub(crate) struct OfIntake;

impl IntoResponses for OfIntake {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            Code::SignatureInvalid,
            Code::TenantSuspended,
            Code::NotFound,
            Code::BodyTimeout,
            Code::BodyTooLarge,
            Code::AlertUnreadable,
            Code::Internal,
            Code::Overloaded,
            Code::Unavailable,
            Code::OutcomeUnknown,
        ])
    }
}

impl IntoResponses for OfWait {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[Code::NotWaiting])
    }
}

impl IntoResponses for OfOpen {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            Code::NotFound,
            Code::TooManyRequests,
            Code::Busy,
            Code::Internal,
            Code::NotConfigured,
            Code::Unavailable,
            Code::OutcomeUnknown,
        ])
    }
}

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            Code::TokenMissing,
            Code::TokenInvalid,
            Code::TokenExpired,
            Code::MissingRight,
            Code::GroupsLimited,
            Code::NotFound,
            Code::TooManyRequests,
            Code::Busy,
            Code::Internal,
            Code::Unavailable,
            Code::OutcomeUnknown,
        ])
    }
}

impl IntoResponses for OfBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            Code::MalformedJson,
            Code::TooDeep,
            Code::InvalidHeader,
            Code::BodyTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::UnknownField,
            Code::InvalidField,
            Code::KeyReused,
        ])
    }
}

impl IntoResponses for OfQuery {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[Code::InvalidParameter])
    }
}

impl IntoResponses for OfChange {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[Code::GroupNotEmpty, Code::GroupDeleting])
    }
}

impl IntoResponses for OfWrite {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            Code::InvalidHeader,
            Code::PreconditionFailed,
            Code::KeyInUse,
            Code::KeyReused,
        ])
    }
}

impl IntoResponses for OfMake {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[Code::LimitReached, Code::NotConfigured])
    }
}

impl IntoResponses for OfColo {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[Code::Misdirected, Code::NotFound])
    }
}

impl IntoResponses for OfScope {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[Code::InvalidField])
    }
}

#[cfg(test)]
mod tests;
