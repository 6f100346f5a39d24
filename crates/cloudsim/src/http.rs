//! The HTTP skin: real requests go into the state machine, and answers leave when they are due.
//!
//! A lost answer really is none: the connection is shut without a byte. `/admin` is for tests and operators of the simulation, see
//! [`admin`]. Anybody who reaches the port may use it: serve it on loopback only.

pub mod admin;
mod exchange;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use chassis::{Clock, Process};

use crate::{Settings, Sim};

/// One cloud and the clock it lives by, shared by all connections.
#[derive(Debug, Clone)]
pub struct Shared {
    sim: Arc<Mutex<Sim>>,
    clock: Clock,
    /// Wall time at the clock's start.
    zero_ms: u64,
}

impl Shared {
    /// Shares a cloud.
    pub fn new(sim: Sim, clock: Clock) -> Self {
        Self {
            sim: Arc::new(Mutex::new(sim)),
            zero_ms: clock.unix_ms().saturating_sub(clock.mono().as_millis()),
            clock,
        }
    }

    /// The cloud itself. Hold it briefly: every request waits for it.
    pub fn sim(&self) -> MutexGuard<'_, Sim> {
        self.sim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cloud's time, in ms since 1970: the wall clock as it was when the cloud was made, and from then on one that never jumps.
    pub fn now_ms(&self) -> u64 {
        self.zero_ms.saturating_add(self.clock.mono().as_millis())
    }
}

/// Serves a cloud on a listener until the process is asked to stop. If the catalog has no address yet it gets the listener's.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(process: &Process, listener: TcpListener, shared: Shared) -> io::Result<()> {
    let address = listener.local_addr()?;
    {
        let mut sim = shared.sim();
        if sim.settings().base_url.is_empty() {
            sim.set_base_url(&format!("http://{address}"));
        }
    }
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(shared.clone()))
            .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
            .app_data(web::JsonConfig::default().limit(BODY_BYTES_MAX))
            .service(admin::routes())
            .default_service(web::to(exchange::exchange))
    })
    .on_connect(exchange::keep_wire)
    .workers(THREADS)
    .backlog(BACKLOG)
    .keep_alive(IDLE_MAX)
    // Whoever hangs must not hold up the end.
    .shutdown_timeout(0)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    let stop = process.stop.clone();
    let stopper = process.tasks.spawn("cloudsim stop", async move {
        stop.requested().await;
        handle.stop(false).await;
    });
    let ended = server.await;
    stopper.abort();
    ended
}

/// The whole of a cloud's process: binds, tells its address, serves until the process is asked to stop.
///
/// # Errors
/// When the address cannot be bound.
pub async fn run(
    process: &Process,
    address: SocketAddr,
    settings: Settings,
    ready: impl FnOnce(SocketAddr),
) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    ready(listener.local_addr()?);
    let shared = Shared::new(Sim::new(settings), process.clock.clone());
    serve(process, listener, shared).await
}

/// Largest body; Nova's own bound is smaller.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Two threads are enough: all of them wait for one lock.
const THREADS: usize = 2;
/// Creates come each on a connection of its own, many at once.
const BACKLOG: u32 = 4_096;
/// Longer than any client here keeps an idle connection.
const IDLE_MAX: Duration = Duration::from_secs(75);

#[cfg(test)]
mod tests;
