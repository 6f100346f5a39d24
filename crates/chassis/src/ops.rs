//! The operator's routes: `/health/live`, `/health/ready`, `/metrics`. Serve them on a listener of their own or beside an API.
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use actix_web::dev::ServerHandle;

use actix_web::dev::HttpServiceFactory;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Serialize;

use crate::{Metrics, Process, Stop};

/// Whether the named parts of a process are ready; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    checks: Arc<Mutex<BTreeMap<&'static str, State>>>,
}

/// What one part says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Not yet heard of since the start.
    Starting,
    /// Does its work.
    Ready,
    /// Cannot do its work at the moment.
    Failing {
        /// Why; no secrets, operators read it.
        reason: String,
    },
}

impl Health {
    /// No parts yet: such a process is ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a part, which is [`State::Starting`] until its [`Check`] says otherwise.
    pub fn check(&self, name: &'static str) -> Check {
        self.checks().insert(name, State::Starting);
        Check {
            name,
            health: self.clone(),
        }
    }

    /// True if every part is ready.
    pub fn is_ready(&self) -> bool {
        self.checks().values().all(|state| *state == State::Ready)
    }

    /// What every part says.
    pub fn states(&self) -> BTreeMap<&'static str, State> {
        self.checks().clone()
    }

    fn checks(&self) -> MutexGuard<'_, BTreeMap<&'static str, State>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One part's voice in [`Health`].
#[derive(Clone, Debug)]
pub struct Check {
    name: &'static str,
    health: Health,
}

impl Check {
    /// The part does its work.
    pub fn ready(&self) {
        self.set(State::Ready);
    }

    /// The part cannot do its work; `reason` is for operators.
    pub fn failing(&self, reason: impl Into<String>) {
        self.set(State::Failing {
            reason: reason.into(),
        });
    }

    fn set(&self, state: State) {
        self.health.checks().insert(self.name, state);
    }
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    stopping: bool,
    checks: BTreeMap<&'static str, State>,
}

/// Serves them on one thread until the handle is stopped.
///
/// # Errors
/// The address cannot be used.
pub fn serve(process: &Process, listen: SocketAddr) -> io::Result<ServerHandle> {
    let own = process.clone();
    let server = HttpServer::new(move || App::new().service(routes(&own)))
        .workers(1)
        .disable_signals()
        .bind(listen)?
        .run();
    let handle = server.handle();
    drop(process.tasks.spawn("operators", async move {
        if let Err(error) = server.await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "operators cannot be answered any more");
        }
    }));
    Ok(handle)
}

/// The routes for one process; register them with `App::service` (or `configure`).
pub fn routes(process: &Process) -> impl HttpServiceFactory + use<> {
    (health(process), metrics(process))
}

/// Only `/health/live` and `/health/ready`.
pub fn health(process: &Process) -> impl HttpServiceFactory + use<> {
    let (health, stop) = (process.health.clone(), process.stop.clone());
    web::scope("/health")
        .route("/live", web::get().to(live))
        .route(
            "/ready",
            web::get().to(move || ready(health.clone(), stop.clone())),
        )
}

/// Only `/metrics`.
pub fn metrics(process: &Process) -> impl HttpServiceFactory + use<> {
    let metrics = process.metrics.clone();
    web::resource("/metrics").route(web::get().to(move || exposition(metrics.clone())))
}

/// The process answers: nothing more is asked. A restart would not cure what `/health/ready` complains about.
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "live": true }))
}

async fn ready(health: Health, stop: Stop) -> HttpResponse {
    let stopping = stop.is_requested();
    let answer = Readiness {
        ready: health.is_ready() && !stopping,
        stopping,
        checks: health.states(),
    };
    if answer.ready {
        HttpResponse::Ok().json(answer)
    } else {
        HttpResponse::ServiceUnavailable().json(answer)
    }
}

async fn exposition(metrics: Metrics) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4")
        .body(metrics.text())
}

#[cfg(test)]
mod tests;
