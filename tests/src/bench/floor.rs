//! The floor of the edge: bare actix-web handlers in a process of their own, JSON in, JSON out, nothing else.
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use alert::{Format, How, MediaType};
use anyhow::Context as _;
use chassis::Process;
use domain::time::Timestamp;
use wire::v2::event::EventRequest;

use super::child::Running;
use super::exchange::{Connection, request};
use super::load::{self, Plan, Requests, Tally};
use super::{CONNECTIONS, EVENT, cpu};

/// Where the bare handler answers.
const PATH: &str = "/v2/tenant/groups/0001f6ee-7f2c-8000-8000-000000000000/events";

/// Where the bare handler for alerts answers.
pub(super) const ALERTS_PATH: &str = "/in/key";

/// Serves the bare handlers with one worker until the process is ended; prints its address in one line first.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve() -> anyhow::Result<()> {
    let app = || {
        App::new()
            .app_data(web::PayloadConfig::new(alert::BODY_BYTES_MAX))
            .route(
                "/v2/{tenant}/groups/{group}/events",
                web::post().to(handler),
            )
            .route("/in/{key}", web::post().to(alerts))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))?;
    let address = server.addrs().first().copied().context("an address")?;
    writeln!(std::io::stdout(), "{address}")?;
    server.run().await?;
    Ok(())
}

/// The body is parsed into the type that the service parses it into, and said back.
async fn handler(
    _path: web::Path<(String, String)>,
    body: web::Json<EventRequest>,
) -> HttpResponse {
    HttpResponse::Accepted().json(&*body)
}

/// The alerts of the body are read as the service reads them, and counted.
async fn alerts(_key: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let now = Timestamp::from_unix_ms(0);
    let how = How::As(Format::Alertmanager);
    match alert::read(how, MediaType::of("application/json"), &body, now) {
        Ok(content) => HttpResponse::Accepted().json(content.alerts.len()),
        Err(why) => HttpResponse::BadRequest().body(why.to_string()),
    }
}

/// The floor as a child process.
#[derive(Debug)]
pub struct Floor {
    child: Running,
    address: SocketAddr,
    request: Vec<u8>,
}

impl Floor {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let (child, address) = Running::again(&["floor-http"])?;
        Ok(Self {
            child,
            address: address.parse()?,
            request: request("POST", PATH, "", EVENT),
        })
    }

    /// An event, for the bare handler of events.
    pub fn event(&self) -> Requests {
        Requests::Same(self.request.as_slice().into())
    }

    /// CPU of the process for the answers of so much time, and the answers.
    pub async fn load(
        &self,
        process: &Process,
        during: Duration,
        requests: Requests,
    ) -> anyhow::Result<(Duration, Tally)> {
        let plan = Plan {
            to: self.address,
            connections: CONNECTIONS,
            during,
            requests,
            status: 202,
        };
        let before = cpu::time_of(self.child.pid())?;
        let tally = load::run(process, &plan).await?;
        Ok((
            cpu::time_of(self.child.pid())?.saturating_sub(before),
            tally,
        ))
    }

    /// A connection for single exchanges.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.address).await
    }

    /// How long one exchange takes.
    pub async fn exchange(
        &self,
        process: &Process,
        connection: &mut Connection,
    ) -> anyhow::Result<Duration> {
        let start = process.clock.mono();
        connection.ask(&self.request).await?;
        Ok(process.clock.mono().saturating_since(start))
    }
}
