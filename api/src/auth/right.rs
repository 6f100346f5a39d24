//! Rights in signatures: a handler takes [`Allowed`] or [`InGroup`] with the right that it needs, or [`Open`] to say that it needs none.
//!
//! The route table accepts no other handler ([`Guarded`]), so a route without a right does not compile (safety S7).

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use domain::access::Right;
use domain::event::{Actor, ActorKind};
use domain::ids::{GroupId, GroupKey, TenantId};
use futures_util::future::Either;
use wire::problem::Code;

use super::Caller;
use super::token::Refused;
use crate::context::Context;
use crate::failure::Failure;
use crate::looks;
use crate::origin::Origin;

/// The other header that a token may come in (design 9).
const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// A right as a type.
pub trait Need: 'static {
    /// The right.
    const RIGHT: Right;
}

macro_rules! needs {
    ($($name:ident),+) => { $(
        #[doc = concat!("[`Right::", stringify!($name), "`] in a signature.")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl Need for $name {
            const RIGHT: Right = Right::$name;
        }
    )+ };
}
needs!(Read, Crud, Trigger, Audit, Support, Operate);

/// The caller holds the right `R` for the tenant of the path, and the tenant has not asked too much.
#[derive(Debug)]
pub struct Allowed<R> {
    /// Who.
    pub caller: Arc<Caller>,
    /// For whom.
    pub tenant: TenantId,
    /// In which request, from where.
    pub(crate) origin: Origin,
    right: PhantomData<R>,
}

/// [`Allowed`], and the token is not limited to other groups than that of the path. Says nothing about whether the group exists.
#[derive(Debug)]
pub struct InGroup<R> {
    /// The rest of what is known of the caller.
    pub allowed: Allowed<R>,
    /// The group of the path.
    pub key: GroupKey,
}

/// The caller is staff and holds the right `R`, which is for the whole installation and no tenant's. No limit of requests holds it back: an
/// operator's hand on a switch least of all.
#[derive(Debug)]
pub struct Staff<R> {
    /// Who.
    pub caller: Arc<Caller>,
    right: PhantomData<R>,
}

/// Anybody may.
#[derive(Debug, Clone, Copy)]
pub struct Open;

/// How many requests the tenant may still make at once: in an extension of each admitted request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left(pub(crate) u32);

impl<R> Allowed<R> {
    /// Who caused a change, for its record.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let name = self.caller.subject.to_string();
        self.origin.actor(ActorKind::Caller, name)
    }

    /// A second right, where the request asks for more than its route.
    ///
    /// # Errors
    /// 403 naming the right.
    pub fn also(&self, right: Right) -> Result<(), Failure> {
        self.caller
            .rights
            .has(right)
            .then_some(())
            .ok_or_else(|| Failure::missing(right))
    }
}

/// What a handler needs, read from its signature.
pub trait Needs {
    /// The right; none for what is open to everybody.
    const RIGHT: Option<Right>;
}

impl<R: Need> Needs for Allowed<R> {
    const RIGHT: Option<Right> = Some(R::RIGHT);
}
impl<R: Need> Needs for InGroup<R> {
    const RIGHT: Option<Right> = Some(R::RIGHT);
}
impl<R: Need> Needs for Staff<R> {
    const RIGHT: Option<Right> = Some(R::RIGHT);
}
impl Needs for Open {
    const RIGHT: Option<Right> = None;
}

/// Arguments of a handler whose first one says what it needs. The first is also the first to be asked: nothing is read of a body
/// before.
pub trait Guarded {
    /// The right; none for what is open to everybody.
    const RIGHT: Option<Right>;
}

impl<A: Needs> Guarded for (A,) {
    const RIGHT: Option<Right> = A::RIGHT;
}
impl<A: Needs, B> Guarded for (A, B) {
    const RIGHT: Option<Right> = A::RIGHT;
}
impl<A: Needs, B, C> Guarded for (A, B, C) {
    const RIGHT: Option<Right> = A::RIGHT;
}
impl<A: Needs, B, C, D> Guarded for (A, B, C, D) {
    const RIGHT: Option<Right> = A::RIGHT;
}

impl<A: Needs, B, C, D, E> Guarded for (A, B, C, D, E) {
    const RIGHT: Option<Right> = A::RIGHT;
}

impl FromRequest for Open {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(_request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self))
    }
}

impl<R: Need> FromRequest for Allowed<R> {
    type Error = Failure;
    type Future = Later<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        identified(request, admit)
    }
}

impl<R: Need> FromRequest for InGroup<R> {
    type Error = Failure;
    type Future = Later<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        identified(request, |request, caller| {
            in_group(request, admit(request, caller)?)
        })
    }
}

impl<R: Need> FromRequest for Staff<R> {
    type Error = Failure;
    type Future = Later<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        identified(request, staff)
    }
}

/// An answer that is there at once, but for tokens that somebody else has to be asked about.
pub(crate) type Later<T> =
    Either<Ready<Result<T, Failure>>, Pin<Box<dyn Future<Output = Result<T, Failure>>>>>;

/// Finds out who is asking, and what `then` makes of it.
pub(crate) fn identified<T: 'static>(
    request: &HttpRequest,
    then: impl FnOnce(&HttpRequest, Arc<Caller>) -> Result<T, Failure> + 'static,
) -> Later<T> {
    match caller(request) {
        Ok(Who::Known(caller)) => Either::Left(ready(then(request, caller))),
        Err(failure) => Either::Left(ready(Err(failure))),
        Ok(Who::Ask(context, token)) => {
            let request = request.clone();
            Either::Right(Box::pin(async move {
                let asked = match &context.keystone {
                    Some(keystone) => keystone.ask(&token).await,
                    None => Err(Refused::Invalid),
                };
                then(&request, asked.map_err(refused)?)
            }))
        }
    }
}

enum Who {
    Known(Arc<Caller>),
    /// Keystone has to be asked about this token.
    Ask(web::Data<Context>, Vec<u8>),
}

fn caller(request: &HttpRequest) -> Result<Who, Failure> {
    let context = context(request)?;
    let token = token(request)?;
    let is_signed = token.iter().filter(|byte| **byte == b'.').count() == 2;
    let verified = match context.keystone.as_ref().filter(|_| !is_signed) {
        Some(keystone) => match keystone.known(token) {
            Some(known) => known,
            None => return Ok(Who::Ask(context.clone(), token.to_vec())),
        },
        None => context.verifier.verify(token),
    };
    verified.map(Who::Known).map_err(refused)
}

fn refused(why: Refused) -> Failure {
    match why {
        Refused::Invalid => Failure::new(
            Code::TokenInvalid,
            "signature, key, algorithm, issuer, audience or claims do not fit",
        ),
        Refused::Expired => Failure::new(Code::TokenExpired, "get a new token"),
        Refused::Revoked => Failure::new(
            Code::TokenInvalid,
            "an operator has ended this token: get a new one",
        ),
        Refused::Unavailable => Failure::new(
            Code::Unavailable,
            "nothing can be found out about the token at the moment; nothing was done",
        ),
    }
}

/// Token, then right; a token for certain groups is not one for the whole installation.
fn staff<R: Need>(request: &HttpRequest, caller: Arc<Caller>) -> Result<Staff<R>, Failure> {
    let context = context(request)?;
    if !caller.rights.has(R::RIGHT) {
        return Err(lacks(context, request, &caller, R::RIGHT));
    }
    if caller.groups.is_some() {
        return Err(Failure::new(
            Code::GroupsLimited,
            "a token that is limited to certain groups is no operator's",
        ));
    }
    Ok(Staff {
        caller,
        right: PhantomData,
    })
}

/// A refusal for want of a right: counted, and recorded if the right is one to see or do what is not the caller's own (S29).
fn lacks(context: &Context, request: &HttpRequest, caller: &Caller, right: Right) -> Failure {
    context.counts.missing(right);
    if matches!(right, Right::Audit | Right::Support | Right::Operate) {
        let now = (context.wall(), &context.process.entropy);
        let make = || looks::look(now, request, &caller.subject, Some(right));
        let who = (&caller.subject, right);
        context.denied.add(who, request.path(), make);
    }
    Failure::missing(right)
}

pub(crate) fn context(request: &HttpRequest) -> Result<&web::Data<Context>, Failure> {
    request
        .app_data::<web::Data<Context>>()
        .ok_or_else(|| Failure::new(Code::Internal, "no context"))
}

/// Token, then tenant, then right, then amount: who may not know of a tenant learns nothing about it.
pub(crate) fn admit<R: Need>(
    request: &HttpRequest,
    caller: Arc<Caller>,
) -> Result<Allowed<R>, Failure> {
    let context = context(request)?;
    let tenant = request.match_info().get("tenant").unwrap_or_default();
    let tenant: TenantId = tenant.parse().map_err(|_error| Failure::not_found())?;
    of_tenant(request, &caller, &tenant)?;
    if !caller.rights.has(R::RIGHT) {
        return Err(lacks(context, request, &caller, R::RIGHT));
    }
    let left = within_limit(context, &tenant)?;
    request.extensions_mut().insert(Left(left));
    Ok(Allowed {
        caller,
        tenant,
        origin: Origin::of(request),
        right: PhantomData,
    })
}

/// What is asked of a caller before its request is forwarded to another colo, which alone looks at rights: the tenant is its own, and has not
/// asked too much here.
pub(crate) fn may_ask(
    request: &HttpRequest,
    caller: &Caller,
    tenant: &TenantId,
) -> Result<(), Failure> {
    of_tenant(request, caller, tenant)?;
    within_limit(context(request)?, tenant).map(drop)
}

/// Who may not know of a tenant learns nothing about it; the old surface always said 403 (design 11).
fn of_tenant(request: &HttpRequest, caller: &Caller, tenant: &TenantId) -> Result<(), Failure> {
    if caller.tenants.contains(tenant) {
        Ok(())
    } else if crate::v1::is_v1(request.path()) {
        let detail = "the token is not for this tenant";
        Err(Failure::new(Code::MissingRight, detail))
    } else {
        Err(Failure::not_found())
    }
}

/// How many requests the tenant has left.
fn within_limit(context: &Context, tenant: &TenantId) -> Result<u32, Failure> {
    context.limiter.take(tenant).map_err(|wait| {
        let detail = "the tenant's limit of requests is used up for the moment";
        Failure::new(Code::TooManyRequests, detail).after(wait)
    })
}

fn in_group<R>(request: &HttpRequest, allowed: Allowed<R>) -> Result<InGroup<R>, Failure> {
    let group = request.match_info().get("group").unwrap_or_default();
    let id: GroupId = group.parse().map_err(|_error| Failure::not_found())?;
    if !allowed.caller.sees(id) {
        return Err(Failure::not_found());
    }
    let key = context(request)?.key(allowed.tenant.clone(), id);
    Ok(InGroup { allowed, key })
}

/// The token of the request. Two that differ are a mistake or an attack: refused.
fn token(request: &HttpRequest) -> Result<&[u8], Failure> {
    let headers = request.headers();
    let invalid = |rule| Failure::new(Code::TokenInvalid, rule);
    let mut bearer = headers.get_all(header::AUTHORIZATION);
    let mut plain = headers.get_all(X_AUTH_TOKEN);
    let (first, second) = (bearer.next(), plain.next());
    if bearer.next().is_some() || plain.next().is_some() {
        return Err(invalid("the request carries more than one token"));
    }
    let first = match first.map(header::HeaderValue::as_bytes) {
        Some(value) => {
            let (scheme, rest) = value
                .split_at_checked(7)
                .ok_or_else(|| invalid("the scheme must be Bearer"))?;
            if !scheme.eq_ignore_ascii_case(b"bearer ") {
                return Err(invalid("the scheme must be Bearer"));
            }
            Some(rest)
        }
        None => None,
    };
    match (first, second.map(header::HeaderValue::as_bytes)) {
        (Some(one), Some(other)) if one != other => {
            Err(invalid("the request carries more than one token"))
        }
        (Some(token), _) | (None, Some(token)) => Ok(token),
        (None, None) => Err(Failure::new(
            Code::TokenMissing,
            "send a bearer token in Authorization or X-Auth-Token",
        )),
    }
}
