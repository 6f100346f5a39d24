//! The edge: authenticates, authorises, validates, limits, and hands scale events to the owner of their group.
//!
//! Every route stands in one table ([`routes`]) and says in its signature which right it needs.
//!
//! Deliberately absent: deciding or planning a scale event (the owner does), cloud credentials, sessions and cookies, private keys
//! (tokens are made elsewhere), a per-request log line (it would cost more than the request: dependencies 4).
#![warn(missing_docs)]

pub mod auth;
pub mod body;
mod change;
mod colos;
pub mod context;
pub mod counts;
mod edit;
pub mod envelope;
mod etag;
pub mod failure;
mod intake;
mod known;
pub mod launch;
pub mod limits;
mod listen;
mod looks;
mod notes;
pub mod openapi;
mod origin;
pub mod owners;
mod page;
mod patch;
mod rest;
pub mod routes;
pub mod serve;
pub mod settings;
pub mod submit;
mod tenant;
mod told;
mod v1;
mod write;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceRequest;
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, web};
use chassis::{Process, Secret};
use store::Stores;
use wire::hooks::secret::HookKeys;
use wire::ports::submit::Submit;

use crate::auth::keys::Keys;
use crate::auth::keystone::Keystone;
use crate::auth::revoked::Revoked;
use crate::auth::token::Verifier;
pub use crate::colos::Settings as Colos;
use crate::context::Context;
use crate::listen::Server;
pub use crate::routes::{Route, routes};
pub use crate::settings::{
    Capabilities, Keystone as KeystoneSettings, Limits, Settings, StartError, Tokens, V1,
};
pub use crate::v1::capability::{Capability, Seal};

/// After a stop, requests in hand have so long: longer than an owner is waited for.
const STOP_DEADLINE: Duration = Duration::from_millis(2_500);
/// For the last answers to be written, after their handlers are done.
const WRITE_OUT: Duration = Duration::from_millis(50);

/// An api that serves.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    server: Server,
    keys: Keys,
    context: web::Data<Context>,
}

/// Builds an api and starts to serve. The same for all-in-one, separate process and tests.
///
/// # Errors
/// [`StartError`]: stop the start.
pub async fn build(
    process: &Process,
    settings: Settings,
    stores: Stores,
    owner: Arc<dyn Submit>,
) -> Result<Api, StartError> {
    let keys = Keys::load(&settings.tokens)?;
    let revoked = Revoked::default();
    let clock = process.clock.clone();
    let verifier = Verifier::new(clock, keys.clone(), revoked.clone(), &settings.tokens)?;
    let keystone = Keystone::new(&process.clock, &revoked, &settings.tokens.keystone)?;
    let listen = |source| StartError::Listen {
        address: settings.listen,
        source,
    };
    let listener = TcpListener::bind(settings.listen).map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let v1 = v1::service::Service::new(&settings.v1, address)?;
    let hooks = hook_keys(&settings.hooks)?;
    let colos = colos::Colos::new(&settings.colos, settings.colo)?;
    let context = web::Data::new(Context::new(
        process,
        &settings,
        (stores, owner),
        (verifier, keystone, revoked),
        (v1, hooks, colos),
    ));
    let notes = Arc::clone(&context.stores.notes);
    // These go on for as long as requests are served: an api that lingers believes and records as any other does.
    let serving = process.until(&context.ended);
    context.denied.watch(&serving, Arc::clone(&notes));
    context.revoked.watch(&serving, notes).await;
    let shared = context.clone();
    let app = move || {
        let context = shared.clone();
        App::new()
            // The context is at hand: as an argument of the middleware, it would cost every request a box.
            .wrap(from_fn(
                move |request: ServiceRequest, next: Next<BoxBody>| {
                    envelope::envelope(context.clone(), request, next)
                },
            ))
            .app_data(shared.clone())
            .configure(routes::configure)
    };
    let server = Server::start(process, settings.threads, listener, app);
    let server = server.await.map_err(listen)?;
    auth::jwks::watch(&keys, &serving, &settings.tokens)?;
    Ok(Api {
        address,
        server,
        keys,
        context,
    })
}

/// What seals the secrets of hooks, if the operator set up keys.
fn hook_keys(keys: &[Secret]) -> Result<Option<HookKeys>, StartError> {
    if keys.is_empty() {
        return Ok(None);
    }
    let keys = HookKeys::new(keys);
    keys.map(Some).map_err(|_bad| StartError::OutOfRange {
        key: "hooks",
        rule: "must have at least 32 characters each",
    })
}

impl Api {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The keys that may sign tokens.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Answers the requests in hand, and closes every connection.
    ///
    /// Ask the process to stop first: what comes later is then refused with 503, instead of being cut off. Drain its tasks afterwards: they go on
    /// until here, and then write down the last refusals.
    pub async fn stop(&self) {
        self.context.idle(STOP_DEADLINE).await;
        self.context.process.clock.sleep(WRITE_OUT).await;
        self.server.stop().await;
        self.context.ended.request();
    }
}
