//! The edge: authenticates, authorises, validates, limits, and hands scale events to the owner of their group.
//!
//! [`build`] makes an [`Api`], which can be mounted in any actix app or served by itself. Every route stands in one table
//! ([`routes`]) and says in its signature which right it needs.
//!
//! Deliberately absent: deciding or planning a scale event (the owner does), cloud credentials, sessions and cookies, private keys
//! (tokens are made elsewhere), a per-request log line (it would cost more than the request: dependencies 4).
#![warn(missing_docs)]

pub mod auth;
pub mod body;
pub mod context;
pub mod envelope;
pub mod failure;
pub mod launch;
pub mod limits;
pub mod openapi;
pub mod routes;
pub mod settings;
pub mod submit;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer};
use chassis::Process;
use store::Stores;
use wire::ports::submit::Submit;

use crate::auth::keys::Keys;
use crate::auth::token::Verifier;
use crate::context::Context;
pub use crate::routes::{Route, routes};
pub use crate::settings::{Settings, StartError};

/// A client has this long to send the head of a request (safety S10).
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// An idle connection is kept this long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Connections that one thread serves at once.
const CONNECTIONS_MAX: usize = 10_000;
/// After a stop, requests under way have this many seconds.
const SHUTDOWN_SECONDS: u64 = 10;

/// An api that is ready to be served; cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    context: web::Data<Context>,
    keys: Keys,
    threads: usize,
}

/// Builds an api and starts its tasks. The same for all-in-one, separate process and tests.
///
/// # Errors
/// [`StartError`]: stop the start.
pub fn build(
    process: &Process,
    settings: &Settings,
    stores: Stores,
    owner: Arc<dyn Submit>,
) -> Result<Api, StartError> {
    let keys = Keys::load(&settings.tokens)?;
    let verifier = Verifier::new(process.clock.clone(), keys.clone(), &settings.tokens)?;
    keys.watch(process, &settings.tokens);
    Ok(Api {
        context: web::Data::new(Context::new(process, settings, stores, owner, verifier)),
        keys,
        threads: settings.threads.max(1),
    })
}

impl Api {
    /// Mounts all routes with what they work with. The app needs [`envelope::envelope`] round it: see [`Api::serve`].
    pub fn configure(&self, config: &mut ServiceConfig) {
        config.app_data(self.context.clone());
        routes::configure(config);
    }

    /// The keys that may sign tokens.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Serves on `listener` until the process is asked to stop and the requests under way are answered. Await the server; it runs on
    /// threads of its own.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Server> {
        let api = self.clone();
        let app = move || {
            let api = api.clone();
            App::new()
                .wrap(from_fn(envelope::envelope))
                .app_data(api.context.clone())
                .configure(move |config| api.configure(config))
        };
        let server = HttpServer::new(app)
            .workers(self.threads)
            .client_request_timeout(HEAD_DEADLINE)
            .keep_alive(KEEP_ALIVE)
            .max_connections(CONNECTIONS_MAX)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals()
            .listen(listener)?
            .run();
        let (handle, stop) = (server.handle(), self.context.process.stop.clone());
        drop(self.context.process.tasks.spawn("api-stop", async move {
            stop.requested().await;
            handle.stop(true).await;
        }));
        Ok(server)
    }
}
