//! The floor of the edge: one bare actix-web handler in a process of its own, JSON in, JSON out, nothing else.
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use chassis::Process;
use wire::v2::event::EventRequest;

use super::child::Running;
use super::exchange::{Connection, request};
use super::load::{self, Plan, Requests, Tally};
use super::{CONNECTIONS, EVENT, cpu};

/// Where the bare handler answers.
const PATH: &str = "/v2/tenant/groups/0001f6ee-7f2c-8000-8000-000000000000/events";

/// Serves the bare handler with one worker until the process is ended; prints its address in one line first.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve() -> anyhow::Result<()> {
    let app = || {
        App::new().route(
            "/v2/{tenant}/groups/{group}/events",
            web::post().to(handler),
        )
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

    /// CPU of the process for the answers of so much time, and the answers.
    pub async fn load(
        &self,
        process: &Process,
        during: Duration,
    ) -> anyhow::Result<(Duration, Tally)> {
        let plan = Plan {
            to: self.address,
            connections: CONNECTIONS,
            during,
            requests: Requests::Same(self.request.as_slice().into()),
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
