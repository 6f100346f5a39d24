//! Sends a request on to an api of another colo, and brings its answer back.
//!
//! A request that certainly did not reach anybody is sent to the next api; what may have been taken is repeated only where that is
//! harmless by its method. Nothing is streamed: bodies are small, and the home wants to see all of one before it believes anything.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use chassis::{Clock, Mono};
use domain::ids::ColoId;
use wire::problem::Code;

use super::carried::{Carried, FORWARDED, Request, Signer};
use crate::failure::Failure;

/// What another colo answers is at most this long: the largest page that there is has some MiB.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A colo of which no api could be connected to is not tried again for so long: its callers are told so at once.
const REST: Duration = Duration::from_secs(1);
/// With less time than this left nothing is sent any more.
const LEFT_MIN: Duration = Duration::from_millis(20);
/// Says of a refusal that the request was not looked at: another process may do it.
pub(crate) const NOT_BEGUN: HeaderName = HeaderName::from_static("holt-not-begun");

/// Headers that are about one connection (RFC 9110 7.6.1), or that the next one has of its own.
const OF_THE_CONNECTION: [HeaderName; 12] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::HOST,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("x-forwarded-for"),
    FORWARDED,
];

/// The apis of one other colo.
#[derive(Debug)]
pub(super) struct Peer {
    addresses: Vec<String>,
    /// Which answered last.
    good: AtomicUsize,
    /// None could be connected to; not before this.
    rests_until: Mutex<Mono>,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Parcel<'a> {
    pub(super) request: Request<'a>,
    pub(super) body: Bytes,
    /// What is carried, but for how long there is left.
    pub(super) carried: Carried,
    /// Until when its sender waits.
    pub(super) until: Mono,
}

/// What came of one try.
enum Tried {
    Answered(reqwest::Response),
    /// It certainly reached nobody.
    NotSent,
    /// It may have been done.
    Lost,
}

impl Peer {
    pub(super) fn new(addresses: Vec<String>) -> Self {
        Self {
            addresses,
            good: AtomicUsize::new(0),
            rests_until: Mutex::default(),
        }
    }

    /// Sends a parcel to one of the apis.
    ///
    /// # Errors
    /// 503: nobody could be reached and nothing was done, or it is not known whether it was done.
    pub(super) async fn send(
        &self,
        (client, clock): (&reqwest::Client, &Clock),
        signer: &Signer,
        parcel: &Parcel<'_>,
    ) -> Result<HttpResponse, Failure> {
        let colo = parcel.carried.to;
        if clock.mono()
            < *self
                .rests_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        {
            return Err(unreachable(colo));
        }
        let first = self.good.load(Ordering::Relaxed);
        let mut reached = false;
        for n in 0..self.addresses.len() {
            let at = (first + n) % self.addresses.len();
            let left = parcel.until.saturating_since(clock.mono());
            let Some(address) = self.addresses.get(at).filter(|_| left > LEFT_MIN) else {
                break;
            };
            match self.attempt(client, signer, (parcel, left), address).await {
                Tried::Answered(response) => {
                    let again = response.headers().contains_key(NOT_BEGUN.as_str());
                    // A control plane that stands by has no answer of its own; none of them may serve the colo right now.
                    let stands_by = again && response.status().as_u16() == 421;
                    if stands_by || (again && n + 1 < self.addresses.len()) {
                        continue;
                    }
                    self.good.store(at, Ordering::Relaxed);
                    return bring(colo, parcel, response).await;
                }
                Tried::NotSent => {}
                Tried::Lost if parcel.request.method.is_safe() => reached = true,
                Tried::Lost => return Err(lost(colo)),
            }
        }
        if !reached {
            let mut rests_until = self
                .rests_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *rests_until = clock.mono() + REST;
        }
        Err(unreachable(colo))
    }

    async fn attempt(
        &self,
        client: &reqwest::Client,
        signer: &Signer,
        (parcel, left): (&Parcel<'_>, Duration),
        address: &str,
    ) -> Tried {
        let request = parcel.request;
        let Ok(method) = reqwest::Method::from_bytes(request.method.as_str().as_bytes()) else {
            return Tried::NotSent;
        };
        let carried = Carried {
            left,
            ..parcel.carried.clone()
        };
        let mut sent = client
            .request(method, format!("{address}{}", request.target))
            .timeout(left)
            .header(FORWARDED.as_str(), signer.sign(&carried, request))
            .body(parcel.body.clone());
        for (name, value) in request.headers {
            if !OF_THE_CONNECTION.contains(name) {
                sent = sent.header(name.as_str(), value.as_bytes());
            }
        }
        match sent.send().await {
            Ok(response) => Tried::Answered(response),
            Err(error) => {
                let not_sent = error.is_connect() || error.is_builder();
                // The text of a capability URL is a secret (safety S11).
                let error = error.without_url();
                let told = &error as &dyn std::error::Error;
                tracing::debug!(
                    error = told,
                    address,
                    colo = carried.to.0,
                    "a request was not forwarded"
                );
                if not_sent {
                    Tried::NotSent
                } else {
                    Tried::Lost
                }
            }
        }
    }
}

/// The answer as it is passed on.
async fn bring(
    colo: ColoId,
    parcel: &Parcel<'_>,
    response: reqwest::Response,
) -> Result<HttpResponse, Failure> {
    let status = StatusCode::from_u16(response.status().as_u16());
    let mut headers = HeaderMap::new();
    for (name, value) in response.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value)
            && !OF_THE_CONNECTION.contains(&name)
            && name != NOT_BEGUN
            && name != header::DATE
        {
            headers.append(name, value);
        }
    }
    let broken = |_error: &dyn std::error::Error| {
        if parcel.request.method.is_safe() {
            unreachable(colo)
        } else {
            lost(colo)
        }
    };
    let body = chassis::http::body(response, ANSWER_BYTES_MAX).await;
    let body = body.map_err(|error| broken(&error))?;
    let status = status.map_err(|error| broken(&error))?;
    let mut answer = HttpResponse::build(status).body(body);
    *answer.headers_mut() = headers;
    Ok(answer)
}

pub(super) fn unreachable(colo: ColoId) -> Failure {
    let detail = format!(
        "colo {}, the home of what the path names, cannot be reached from here, or no control plane serves it; nothing was done",
        colo.0
    );
    Failure::new(Code::ColoUnreachable, detail)
        .at("colo", colo.0.to_string())
        .after(REST)
}

fn lost(colo: ColoId) -> Failure {
    let detail = format!(
        "colo {}, the home of what the path names, gave no answer in time: it may have been done",
        colo.0
    );
    Failure::new(Code::OutcomeUnknown, detail).at("colo", colo.0.to_string())
}
