//! The sample application: as many requests a second as are demanded of it, over as many servers as the cloud has. Its health fails while they are too few.
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use chassis::Process;

/// Requests a second that one server can answer.
pub(crate) const OF_ONE: u32 = 100;

/// The application. Cheap to clone; every clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) address: SocketAddr,
    load: Arc<AtomicU32>,
    servers: Arc<AtomicU32>,
}

impl Sample {
    /// Serves `/health` on a port of its own until the process stops.
    ///
    /// # Errors
    /// No port is free.
    pub(crate) fn start(process: &Process) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("find a port")?;
        let app = Self {
            address: listener.local_addr()?,
            load: Arc::default(),
            servers: Arc::default(),
        };
        let shared = web::Data::new(app.clone());
        let routes = move || {
            App::new()
                .app_data(shared.clone())
                .route("/health", web::get().to(health))
        };
        let server = HttpServer::new(routes).workers(1).disable_signals();
        let server = server.listen(listener)?.run();
        drop(process.tasks.spawn("sample-app", async move {
            // It ends with the process; whoever asks then gets no answer.
            server.await.unwrap_or_default();
        }));
        Ok(app)
    }

    /// From now on so many requests a second are demanded: the way to make it fail.
    pub(crate) fn demand(&self, load: u32) {
        self.load.store(load, Ordering::Relaxed);
    }

    /// It runs on so many servers.
    pub(crate) fn run_on(&self, servers: u32) {
        self.servers.store(servers, Ordering::Relaxed);
    }

    fn is_well(&self) -> bool {
        self.servers.load(Ordering::Relaxed) * OF_ONE >= self.load.load(Ordering::Relaxed)
    }
}

async fn health(app: web::Data<Sample>) -> HttpResponse {
    if app.is_well() {
        HttpResponse::Ok().body("well\n")
    } else {
        HttpResponse::ServiceUnavailable().body("more is demanded than the servers can do\n")
    }
}
