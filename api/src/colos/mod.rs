//! What is between colos: any api takes any request, and forwards what belongs to another colo to an api there (safety 3.10).
//!
//! ```text
//! request ─► place (path) ─► home here? ── yes ─► handlers
//!                                 └── no ─► token, limits, body ─► forward, signed ─► api of the home ─► verify, home here? ─► handlers
//!                                                                                                            └── no ─► 421, nothing done
//! ```
//! A colo that several control planes may serve lists the apis of all of them, here too: those that stand by answer 421, and the next is asked.
//!
//! The edge asks only for what protects the way between colos: a token that is one, the tenant's limit, a body of the right size. The home
//! verifies the token again and alone decides about rights. What was forwarded once is never forwarded again.
//!
//! Deliberately absent: lists over several colos (a list is one colo's), streaming, a second try of what may have been done.

mod carried;
mod forward;
mod place;
mod settings;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header::HeaderValue;
use actix_web::{HttpMessage, HttpResponse, web};
use chassis::http::{Connections, Transit, Trust, transit};
use domain::ids::ColoId;
use futures_util::stream;
use wire::problem::Code;

use carried::{Carried, FORWARDED, Request, Signer};
use forward::{Parcel, Peer};
use place::{Place, Way, place};
pub use settings::Colos as Settings;

use crate::auth::right::{identified, may_ask};
use crate::body::arrive;
use crate::context::Context;
use crate::envelope::REQUEST_ID;
use crate::failure::Failure;
use crate::origin::Origin;
use crate::settings::StartError;
pub(crate) use forward::NOT_BEGUN;
pub(crate) use place::COLO;

/// A longer time than this is no deadline.
const DEADLINE_MAX: Duration = Duration::from_secs(60);
/// An idle connection to another colo is used again within this.
const WARM: Duration = Duration::from_secs(10);

/// The other colos, as this process reaches them.
#[derive(Debug)]
pub(crate) struct Colos {
    here: ColoId,
    peers: BTreeMap<ColoId, Peer>,
    signer: Signer,
    client: reqwest::Client,
    deadline: Duration,
}

/// The address of whoever sent a forwarded request, as the colo that forwarded it says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender(pub(crate) Option<IpAddr>);

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Pass {
    /// It is answered here; a forwarded one within this time, because nobody waits longer.
    Here(Option<Duration>),
    /// Another colo answered it.
    Answered(HttpResponse),
}

impl Colos {
    /// Takes the configuration; none if there are no other colos.
    ///
    /// # Errors
    /// [`StartError`] naming the key at fault: stop the start.
    pub(crate) fn new(settings: &Settings, here: u16) -> Result<Option<Self>, StartError> {
        if settings.apis.is_empty() {
            return Ok(None);
        }
        let wrong = |key, rule| StartError::OutOfRange { key, rule };
        if settings.deadline > DEADLINE_MAX || settings.deadline < settings.connect {
            let rule = "must be at most 60s, and no shorter than `colos.connect`";
            return Err(wrong("colos.deadline", rule));
        }
        let mut peers = BTreeMap::new();
        for (colo, addresses) in &settings.apis {
            let number: Result<u16, _> = colo.parse();
            let number = number.ok();
            let number =
                number.ok_or_else(|| wrong("colos.apis", "must name colos by their numbers"))?;
            if addresses.is_empty() || !addresses.iter().all(|it| is_address(it)) {
                let rule = "must list addresses as https://host:port; http:// on loopback only";
                return Err(wrong("colos.apis", rule));
            }
            let addresses = addresses
                .iter()
                .map(|it| it.trim_end_matches('/').to_owned());
            peers.insert(ColoId(number), Peer::new(addresses.collect()));
        }
        let trust = match &settings.ca_file {
            Some(path) => Trust::Only(
                std::fs::read(path)
                    .map_err(|_error| wrong("colos.ca_file", "must be a file that can be read"))?,
            ),
            // Plain HTTP works on a machine without a certificate store.
            None if settings.apis.values().flatten().all(|it| is_plain(it)) => {
                Trust::Only(Vec::new())
            }
            None => Trust::Machine,
        };
        let client = chassis::http::client(&chassis::http::Settings {
            connect_timeout: settings.connect,
            total_timeout: settings.deadline,
            // Far below the time that an api keeps an idle connection, so that none is about to be closed when it is used.
            connections: Connections::Warm(WARM),
            trust,
            user_agent: "holt",
        });
        Ok(Some(Self {
            here: ColoId(here),
            peers,
            signer: Signer::new(&settings.keys)?,
            client: client.map_err(|_error| wrong("colos.ca_file", "must hold certificates"))?,
            deadline: settings.deadline,
        }))
    }

    /// Whether groups of that colo are served here.
    ///
    /// # Errors
    /// 421 if they are not: whoever asks has stale routing.
    fn serves(&self, colo: ColoId) -> Result<(), Failure> {
        if colo == self.here {
            return Ok(());
        }
        let detail = format!(
            "the home of what the path names is colo {}, and this is colo {}; nothing was done",
            colo.0, self.here.0
        );
        Err(Failure::new(Code::Misdirected, detail).at("colo", colo.0.to_string()))
    }
}

fn is_plain(address: &str) -> bool {
    transit(address) == Some(Transit::Loopback)
}

/// Tokens travel there: encrypted, or not at all over a network.
fn is_address(address: &str) -> bool {
    matches!(
        transit(address),
        Some(Transit::Encrypted | Transit::Loopback)
    )
}

/// Decides where a request is answered, and has it answered there if that is in another colo.
///
/// # Errors
/// The refusal to answer with; nothing was done.
pub(crate) async fn pass(
    context: &web::Data<Context>,
    request: &mut ServiceRequest,
) -> Result<Pass, Failure> {
    let given = request.headers().get(&FORWARDED).cloned();
    let serves = context.stores.home.is_serving();
    let Some(colos) = &context.colos else {
        let stray = "this process knows no other colos and takes nothing that one forwards";
        return match given {
            Some(_) => Err(Failure::new(Code::Misdirected, stray)),
            None if serves || place(context, request.path()) == Place::Here => Ok(Pass::Here(None)),
            None => Err(forward::unreachable(context.colo)),
        };
    };
    let place = place(context, request.path());
    if let Some(given) = given {
        let left = arrived(context, colos, request, (&given, &place)).await?;
        if !serves && place != Place::Here {
            return Err(stands_by(context.colo));
        }
        return Ok(Pass::Here(Some(left)));
    }
    let (colo, way) = match place {
        Place::Here => return Ok(Pass::Here(None)),
        Place::At(colo, way) => (colo, way),
        Place::Anywhere(way) => match named(request)? {
            Some(colo) => (colo, way),
            None => (colos.here, way),
        },
    };
    // What belongs here is another control plane's while this one stands by.
    if colo == colos.here && serves {
        return Ok(Pass::Here(None));
    }
    let answer = send(context, colos, request, (colo, &way)).await?;
    Ok(Pass::Answered(answer))
}

/// 421: this control plane does not serve the colo now, so whoever forwarded this has stale routing (safety 3.10).
fn stands_by(colo: ColoId) -> Failure {
    let detail = format!(
        "this control plane of colo {} does not serve it now; nothing was done",
        colo.0
    );
    Failure::new(Code::Misdirected, detail).at("colo", colo.0.to_string())
}

/// The colo that the caller names.
fn named(request: &ServiceRequest) -> Result<Option<ColoId>, Failure> {
    let Some(value) = request.headers().get(&COLO) else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    let number = number.ok_or_else(|| {
        let rule = "must be the number of a colo";
        Failure::new(Code::InvalidHeader, format!("`Holt-Colo` {rule}")).at("Holt-Colo", rule)
    })?;
    Ok(Some(ColoId(number)))
}

/// Sends a request to its home.
async fn send(
    context: &web::Data<Context>,
    colos: &Colos,
    request: &mut ServiceRequest,
    (to, way): (ColoId, &Way),
) -> Result<HttpResponse, Failure> {
    let peer = colos.peers.get(&to).ok_or_else(|| {
        if to == colos.here {
            return forward::unreachable(to);
        }
        let detail = format!("colo {} is not known here; nothing was done", to.0);
        Failure::new(Code::Misdirected, detail).at("colo", to.0.to_string())
    })?;
    may_pass(context, request, way).await?;
    let most = body_max(request.path());
    let body = arrive(context, request.take_payload(), most).await?;
    let until = context.process.clock.mono() + colos.deadline;
    let origin = Origin::of(request.request());
    let target = request.uri().path_and_query();
    let mut headers = request.headers().clone();
    // The home names the request as this process does, also where the caller did not.
    if let Ok(id) = HeaderValue::from_str(&origin.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    let parcel = Parcel {
        request: Request {
            method: request.method(),
            target: target.map_or("/", |target| target.as_str()),
            headers: &headers,
            body: &body,
        },
        body: body.clone(),
        carried: Carried {
            from: colos.here,
            to,
            at: context.wall(),
            left: Duration::ZERO,
            request_id: origin.request_id,
            address: origin.address,
        },
        until,
    };
    let outbound = (&colos.client, &context.process.clock);
    let answer = peer.send(outbound, &colos.signer, &parcel).await;
    context.counts.forwarded(answer.is_ok());
    answer
}

/// What the edge asks for before it troubles another colo.
async fn may_pass(context: &Context, request: &ServiceRequest, way: &Way) -> Result<(), Failure> {
    let too_often =
        |wait| Failure::new(Code::TooManyRequests, "this address is used too often").after(wait);
    match way {
        Way::Group(group) => context.executions.take(group).map(drop).map_err(too_often),
        Way::Answer(group) => context.answers.take(group).map(drop).map_err(too_often),
        Way::Input(input) => {
            let full =
                |wait| Failure::new(Code::Overloaded, "this input sends too often").after(wait);
            context.books.limiter.take(input).map(drop).map_err(full)
        }
        Way::Staff => identified(request.request(), |_, _| Ok(())).await,
        Way::Tenant(tenant) => {
            let tenant = tenant.clone();
            let asked = identified(request.request(), move |request, caller| {
                may_ask(request, &caller, &tenant)
            });
            asked.await.map(drop)
        }
    }
}

/// The largest body that any route of the path takes.
fn body_max(path: &str) -> usize {
    if crate::v1::is_v1(path) {
        crate::v1::BODY_BYTES_MAX
    } else if path.starts_with("/in/") {
        alert::BODY_BYTES_MAX
    } else {
        crate::body::BODY_BYTES_MAX
    }
}

/// Takes what another colo forwarded: proved to come from one, for this one, and at home here. Gives the time that is left for it.
async fn arrived(
    context: &web::Data<Context>,
    colos: &Colos,
    request: &mut ServiceRequest,
    (given, place): (&HeaderValue, &Place),
) -> Result<Duration, Failure> {
    let most = body_max(request.path());
    let body = arrive(context, request.take_payload(), most).await?;
    let target = request.uri().path_and_query();
    let seen = Request {
        method: request.method(),
        target: target.map_or("/", |target| target.as_str()),
        headers: request.headers(),
        body: &body,
    };
    let verified = colos
        .signer
        .verify(given.to_str().unwrap_or_default(), seen, context.wall());
    let carried = verified.map_err(|why| {
        tracing::warn!(reason = %why, peer = ?request.peer_addr(), "a forwarded request was not believed");
        Failure::new(Code::SignatureInvalid, why.to_string())
    })?;
    let of_here = carried.to == colos.here;
    let known = colos.peers.contains_key(&carried.from);
    if !of_here || !known {
        let detail = format!(
            "this is colo {}, and colo {} forwarded something for colo {}; nothing was done",
            colos.here.0, carried.from.0, carried.to.0
        );
        return Err(Failure::new(Code::Misdirected, detail));
    }
    if let Place::At(colo, _) = place {
        colos.serves(*colo)?;
    }
    if carried.left.is_zero() {
        let detail = "whoever forwarded this waits no more; nothing was done";
        return Err(Failure::new(Code::Unavailable, detail));
    }
    request.extensions_mut().insert(Sender(carried.address));
    let whole = stream::once(std::future::ready(Ok(body)));
    request.set_payload(Payload::Stream {
        payload: Box::pin(whole),
    });
    Ok(carried.left.min(DEADLINE_MAX))
}

#[cfg(test)]
mod tests;
