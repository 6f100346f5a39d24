//! The ops port over HTTP: [`routes`] for a supervisor, [`HttpOps`] for a worker.
//!
//! A poll is one request that the supervisor holds open; its reply names the incarnation that it is for.
//!
//! Of a batch of reports of which some are not durable the supervisor says `unreachable`, as it ever did, with their places beside it. A worker
//! of an older version reads the status alone and says all of them again; a supervisor of an older version gives no places, which means all.

mod beat;
mod op;
mod report;

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::StatusCode;
use actix_web::web;
use async_trait::async_trait;
use chassis::Secret;
use chassis::http::Trust;
use serde::{Deserialize, Serialize};

use super::Role;
use super::http::{Door, Failure, Guard, Insider, Peer, PeerError, Refusal, read};
use super::ops::{Heartbeat, Offer, Op, Ops, OpsError, Orders, Report};
use beat::{HeartbeatMessage, OrdersMessage};
use op::{OfferMessage, ReplyMessage};
pub(super) use report::LookedUpMessage;
use report::ReportMessage;

/// An offer names at most as many tenants as a worker keeps tokens for (4096), at some 100 bytes each.
const OFFER_BYTES_MAX: usize = 1024 * 1024;
/// A report of a list has at most as many rows as one unpaged list can hold, some 300 bytes each; a batch has 64 reports.
const REPORTS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A reply has at most 64 operations, whose launch configurations (2 MB each) are most often the same one, sent once.
const REPLY_BYTES_MAX: usize = 160 * 1024 * 1024;
/// Beyond the wait that an offer names, for the way there and back and a commit in between.
const POLL_GRACE: Duration = Duration::from_secs(5);
/// A report is answered once it is durable, or within a moment; a supervisor of an older version waits for as long as its store does.
const REPORT_WITHIN: Duration = Duration::from_secs(15);

const POLL: &str = "/internal/ops/poll";
const REPORT: &str = "/internal/ops/report";
const HEARTBEAT: &str = "/internal/ops/heartbeat";
/// Beats come every second; one that takes longer is of no use.
const HEARTBEAT_WITHIN: Duration = Duration::from_millis(1_500);
/// Thousands of switches.
const ORDERS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Everything in it is durable.
#[derive(Debug, Serialize, Deserialize)]
struct Acknowledged {}

/// The supervisor's side. Serve it on a listener that only workers reach; whoever lacks the key gets 401, and whoever has another role 403, before anything is read.
pub fn routes(ops: Arc<dyn Ops>, guard: impl Into<Guard>) -> impl HttpServiceFactory {
    let door = Door {
        guard: guard.into(),
        caller: Role::Worker,
    };
    web::scope("/internal/ops")
        .app_data(web::Data::new(door))
        .app_data(web::Data::new(ops))
        .service(
            web::resource("/poll")
                .app_data(web::PayloadConfig::new(OFFER_BYTES_MAX))
                .route(web::post().to(poll)),
        )
        .service(
            web::resource("/report")
                .app_data(web::PayloadConfig::new(REPORTS_BYTES_MAX))
                .route(web::post().to(report)),
        )
        .service(web::resource("/heartbeat").route(web::post().to(heartbeat)))
}

async fn heartbeat(
    _: Insider,
    ops: web::Data<Arc<dyn Ops>>,
    body: web::Bytes,
) -> Result<web::Json<OrdersMessage>, Refusal> {
    let heartbeat = Heartbeat::from(read::<HeartbeatMessage>(&body)?);
    let orders = ops.heartbeat(heartbeat).await;
    let orders = orders.map_err(|error| refusal(&error))?;
    Ok(web::Json(OrdersMessage::from(orders)))
}

async fn poll(
    _: Insider,
    ops: web::Data<Arc<dyn Ops>>,
    body: web::Bytes,
) -> Result<web::Json<ReplyMessage>, Refusal> {
    let offer = Offer::from(read::<OfferMessage>(&body)?);
    let incarnation = offer.incarnation;
    let reply = ops.poll(offer).await.map_err(|error| refusal(&error))?;
    Ok(web::Json(ReplyMessage::new(incarnation, reply)))
}

async fn report(
    _: Insider,
    ops: web::Data<Arc<dyn Ops>>,
    body: web::Bytes,
) -> Result<web::Json<Acknowledged>, Refusal> {
    let reports: Vec<ReportMessage> = read(&body)?;
    drop(body);
    let reports = reports.into_iter().map(Report::from).collect();
    let again = ops.report(reports).await;
    let again = again.map_err(|error| refusal(&error))?;
    if again.is_empty() {
        return Ok(web::Json(Acknowledged {}));
    }
    Err(Refusal {
        refused: again,
        ..refusal(&OpsError::Unreachable)
    })
}

const DRAINING: &str = "draining";

fn refusal(error: &OpsError) -> Refusal {
    match error {
        OpsError::Unreachable => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unreachable"),
        OpsError::Draining => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, DRAINING),
        OpsError::Refused => Refusal::new(StatusCode::FORBIDDEN, "refused"),
    }
}

fn error(failure: &Failure) -> OpsError {
    match failure {
        Failure::NoAnswer => OpsError::Unreachable,
        Failure::Refused(refusal) if refusal.code == DRAINING => OpsError::Draining,
        Failure::Refused(refusal) if [400, 401, 403, 413].contains(&refusal.status) => {
            OpsError::Refused
        }
        Failure::Refused(_) => OpsError::Unreachable,
    }
}

/// The worker's side of one supervisor.
#[derive(Debug, Clone)]
pub struct HttpOps {
    peer: Peer,
}

impl HttpOps {
    /// A client of the supervisor at an address (`https://host:port`). Nothing is sent yet.
    ///
    /// # Errors
    /// [`PeerError`]: stop the start.
    pub fn new(
        address: &str,
        key: impl Into<Option<Secret>>,
        trust: Trust,
    ) -> Result<Self, PeerError> {
        let peer = Peer::new(address, key.into(), trust)?;
        Ok(Self { peer })
    }
}

#[async_trait]
impl Ops for HttpOps {
    async fn poll(&self, offer: Offer) -> Result<Vec<Op>, OpsError> {
        let incarnation = offer.incarnation;
        let within = offer.wait + POLL_GRACE;
        let message = OfferMessage::from(offer);
        let reply: Result<ReplyMessage, Failure> = self
            .peer
            .post(POLL, &message, within, REPLY_BYTES_MAX)
            .await;
        let reply = reply.map_err(|failure| error(&failure))?;
        reply.into_ops(incarnation).ok_or_else(|| {
            // Something between the two gave us the reply to another request: nothing of it may be begun.
            tracing::error!(%incarnation, "a reply came that is for another worker, or makes no sense");
            OpsError::Unreachable
        })
    }

    async fn report(&self, reports: Vec<Report>) -> Result<Vec<usize>, OpsError> {
        let message: Vec<ReportMessage> = reports.into_iter().map(ReportMessage::from).collect();
        let answer: Result<Acknowledged, Failure> =
            self.peer.post(REPORT, &message, REPORT_WITHIN, 1024).await;
        // Places beyond what was said are an answer to something else: nothing is known of any.
        let is_answer =
            |again: &[usize]| !again.is_empty() && again.iter().all(|place| *place < message.len());
        match answer {
            Ok(Acknowledged {}) => Ok(Vec::new()),
            Err(Failure::Refused(refusal)) if is_answer(&refusal.refused) => Ok(refusal.refused),
            Err(failure) => Err(error(&failure)),
        }
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<Orders, OpsError> {
        let message = HeartbeatMessage::from(heartbeat);
        let answer: Result<OrdersMessage, Failure> = self
            .peer
            .post(HEARTBEAT, &message, HEARTBEAT_WITHIN, ORDERS_BYTES_MAX)
            .await;
        let orders = answer.map_err(|failure| error(&failure))?;
        orders.into_orders().ok_or_else(|| {
            // A mode or scope that this version does not know may be one that stops something: no news is the safe reading.
            tracing::error!(
                "orders came that cannot be understood: do the roles run the same version?"
            );
            OpsError::Unreachable
        })
    }
}

#[cfg(test)]
mod tests;
