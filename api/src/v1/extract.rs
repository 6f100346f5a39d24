//! What handlers of the old surface take: who asks for what, the body, the query. None of them refuses an id: what is wrong with the
//! body is said before what is missing (contract 1.1, order of checks).

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use domain::access::Right;
use domain::event::Actor;
use domain::ids::{GroupId, GroupKey, HomeEpoch, PolicyId, ServerId, TenantId, WebhookId};
use domain::trace::Trace;
use wire::v1::json::Json;

use super::Error;
use crate::auth::right::{Allowed, Later, Need, Needs, admit, context, identified};
use crate::body::arrive;
use crate::context::Context;
use crate::failure::Failure;
use wire::problem::Code;

/// The largest group or launch configuration (design 11).
pub(crate) const LARGE: usize = 2 * 1024 * 1024;
/// The largest body of anything else.
pub(super) const SMALL: usize = 256 * 1024;

/// The names in a path, as they were asked for.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) tenant: TenantId,
    pub(crate) group: String,
    pub(crate) policy: String,
    pub(crate) webhook: String,
    pub(crate) server: String,
}

/// The caller holds the right `R` for the tenant of the path.
#[derive(Debug)]
pub(crate) struct At<R> {
    /// Who.
    pub(super) allowed: Allowed<R>,
    /// Where.
    pub(super) names: Names,
    /// The epoch that is served here.
    epoch: HomeEpoch,
}

impl<R> At<R> {
    /// The group's partition.
    ///
    /// # Errors
    /// 404, also for a group that the token may not see.
    pub(super) fn key(&self) -> Result<GroupKey, Error> {
        let id = exact::<GroupId>(&self.names.group);
        let seen = id.filter(|id| self.allowed.caller.sees(*id));
        let id = seen.ok_or_else(|| Error::no_group(&self.names))?;
        Ok(GroupKey {
            tenant: self.names.tenant.clone(),
            id,
            epoch: self.epoch,
        })
    }

    /// The policy of the path.
    pub(super) fn policy(&self) -> Result<PolicyId, Error> {
        exact(&self.names.policy).ok_or_else(|| Error::no_policy(&self.names))
    }

    /// The webhook of the path.
    pub(super) fn webhook(&self) -> Result<WebhookId, Error> {
        exact(&self.names.webhook).ok_or_else(|| Error::no_webhook(&self.names))
    }

    /// The server of the path.
    pub(super) fn server(&self) -> Result<ServerId, Error> {
        exact(&self.names.server).ok_or_else(|| Error::no_server(&self.names))
    }

    /// Who caused a change, for its record.
    pub(super) fn actor(&self) -> Actor {
        self.allowed.actor()
    }

    /// The same for an event, with the trace that its caller keeps.
    pub(super) fn cause(&self) -> (Actor, Option<Trace>) {
        (self.actor(), self.allowed.origin.trace)
    }

    /// Whether the caller may see what lets others in.
    pub(super) fn is_admin(&self) -> bool {
        self.allowed.caller.rights.has(Right::Crud)
    }
}

/// An id in the one text form that it has.
fn exact<T: std::str::FromStr + std::fmt::Display>(text: &str) -> Option<T> {
    let id: T = text.parse().ok()?;
    (id.to_string() == text).then_some(id)
}

impl<R: Need> Needs for At<R> {
    const RIGHT: Option<Right> = Some(R::RIGHT);
}

impl<R: Need> FromRequest for At<R> {
    type Error = Failure;
    type Future = Later<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        identified(request, |request, caller| {
            let allowed: Allowed<R> = admit(request, caller)?;
            let name = |name| {
                request
                    .match_info()
                    .get(name)
                    .unwrap_or_default()
                    .to_owned()
            };
            let names = Names {
                tenant: allowed.tenant.clone(),
                group: name("group"),
                policy: name("policy"),
                webhook: name("webhook"),
                server: name("server"),
            };
            let epoch = context(request)?.epoch();
            Ok(Self {
                allowed,
                names,
                epoch,
            })
        })
    }
}

/// A JSON body of at most `MOST` bytes. Its content type is not looked at.
#[derive(Debug)]
pub(crate) struct Sent<const MOST: usize>(pub(super) Json);

impl<const MOST: usize> FromRequest for Sent<MOST> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let context = request.app_data::<web::Data<Context>>().cloned();
        let payload = payload.take();
        Box::pin(async move {
            let context = context.ok_or_else(|| Failure::new(Code::Internal, "no context"))?;
            let bytes = arrive(&context, payload, MOST).await?;
            Ok(Self(Json::parse(&bytes)?))
        })
    }
}

/// The query: what is not known is left alone, and of what comes twice the first counts (row B153).
#[derive(Debug)]
pub(crate) struct Asked(pub(super) Vec<(String, String)>);

impl FromRequest for Asked {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let unreadable = |_error| Error::query("The query cannot be read");
        ready(
            pairs
                .map(|pairs| Self(pairs.into_inner()))
                .map_err(unreadable),
        )
    }
}

impl Asked {
    /// The value of that name, if it is given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// `true` or `false` in any case of letters, else 400 (rows B180, B186).
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, Error> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Error::query(format!(
                "Invalid \"{name}\" query argument: \"{text}\". Must be \"true\" or \"false\". Defaults to \"{default}\" if not provided"
            ))),
        }
    }
}
