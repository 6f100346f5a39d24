//! A supervisor as a process of its own: the same [`build`](crate::build) as all-in-one and simulator, both ports over HTTP.
//!
//! The embedded store lets one process in: an api process beside this one needs a cluster (`store.kind = "cassandra"`). Workers need none.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use anyhow::{Context as _, bail};
use chassis::config::Layers;
use chassis::{Process, Secret, ops, shutdown, telemetry, tls};
use domain::ids::{ColoId, MemberName};
use serde::{Deserialize, Serialize};
use store::embedded;
use store_cassandra::choice::{self, Kind, Place};
use store_elasticsearch::feeder;
use wire::ports::hooks::Hooks;
use wire::ports::ops::Ops;
use wire::ports::submit::Submit;
use wire::ports::{Credentials, Guard, Role, http_hooks, http_ops, http_submit};

use crate::{HomeConfig, HomeSettings, Settings, Supervisor};

const DEFAULTS: &str = include_str!("defaults.toml");
const PREFIX: &str = "HOLT_SUPERVISOR";
/// For commits in hand to end; what is cut off is safe to lose.
const DRAIN: Duration = Duration::from_secs(3);

/// Everything that a supervisor process is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    store: Place,
    #[serde(default)]
    history: store_elasticsearch::choice::Place,
    colo: Colo,
    roles: Roles,
    tls: Option<tls::Settings>,
    operators: Operators,
    telemetry: telemetry::Settings,
    plane: Option<HomeConfig>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Colo {
    number: u16,
    workers_max: NonZeroU32,
    surge_guard: bool,
    #[serde(default, deserialize_with = "wire::glass::path")]
    break_glass: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    listen: SocketAddr,
    advertise: Option<String>,
    key: Option<Secret>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operators {
    listen: SocketAddr,
}

/// Reads a configuration as [`run`] would, variables of the environment given by the caller, and starts nothing.
///
/// # Errors
/// The key to blame, and where it stands.
pub fn check(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<()> {
    let layers = Layers::new(DEFAULTS).file(file);
    let config: Config = layers.environment(PREFIX, environment).load()?;
    Credentials::check(config.roles.key.as_ref(), config.tls.as_ref(), None)
        .context("`roles.key`")?;
    home(&config)?;
    member(&config).map(drop)
}

/// Runs until it is asked to stop.
///
/// # Errors
/// What is missing or wrong in the configuration, by its key; a store or an address that cannot be used.
pub async fn run(process: &Process, file: Option<&Path>) -> anyhow::Result<()> {
    let layers = Layers::new(DEFAULTS).file(file);
    let layers = layers.process_environment(PREFIX);
    let config: Config = layers.load().context("load the configuration")?;
    telemetry::init(&config.telemetry)?;
    let process = &process.traced(&config.telemetry.traces, "holt-supervisor")?;
    shutdown::on_signals(process).context("watch signals")?;
    let index = config
        .history
        .open(process)
        .context("open the index of history")?;
    let member = member(&config)?;
    let home = home(&config)?;
    let guard = guard(process, &config)?;
    let place = config.store.feeding(config.history.is_outside());
    let store = choice::open(process, &place, embedded::Settings::default()).await?;
    let settings = Settings {
        member,
        home,
        ..settings(&config.colo)
    };
    let stores = match &settings.home {
        Some(home) => store::home::shared(store.stores(), home.plane.own.clone()),
        None => store.stores(),
    };
    if let Some(index) = index {
        let feed = store.feed(feeder::NAME);
        feeder::start(process, index, feed, stores.home.clone());
    }
    let supervisor = crate::build(process, settings, stores);
    let roles =
        TcpListener::bind(config.roles.listen).context("listen for roles (`roles.listen`)")?;
    let roles = listen(process, roles, supervisor, guard)?;
    let operators = ops::serve(process, config.operators.listen)
        .context("listen for operators (`operators.listen`)")?;
    process.stop.requested().await;
    // The lease is given up meanwhile, and others take over; what is asked here is answered or refused, and commits in hand end.
    roles.stop(true).await;
    operators.stop(false).await;
    process.tasks.drain(&process.clock, DRAIN).await;
    store.close().await;
    tracing::info!("supervisor has stopped");
    Ok(())
}

/// Who may call the ports.
fn guard(process: &Process, config: &Config) -> anyhow::Result<Guard> {
    let Roles { listen, key, .. } = &config.roles;
    let credentials =
        Credentials::load(process, Role::Supervisor, key.clone(), config.tls.as_ref());
    if config.tls.is_none() && !listen.ip().is_loopback() {
        // A tunnel may well encrypt what passes here; nobody can see that from inside.
        tracing::warn!(
            address = %listen,
            "the roles' listener is on a network and has no section `[tls]`: its key and all messages pass in the clear, unless a tunnel encrypts them"
        );
    }
    let credentials = credentials.context("`roles.key`, `tls`")?;
    Ok(Guard::new(&process.metrics, credentials))
}

/// Which of several control planes of its colo it works for.
fn home(config: &Config) -> anyhow::Result<Option<HomeSettings>> {
    config.plane.as_ref().map(HomeConfig::settings).transpose()
}

/// Its name among the supervisors that share its store: where the other roles reach it. An embedded store is shared with nobody.
fn member(config: &Config) -> anyhow::Result<Option<MemberName>> {
    if config.store.kind == Kind::Embedded {
        return Ok(None);
    }
    let listen = config.roles.listen;
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let own = match &config.roles.advertise {
        Some(address) if config.tls.is_some() && !address.starts_with("https://") => {
            bail!(
                "configuration key `roles.advertise` must begin with https://, because `[tls]` is set"
            )
        }
        Some(address) => address.clone(),
        None if listen.ip().is_unspecified() => bail!(
            "configuration key `roles.advertise` is required where `roles.listen` names no address"
        ),
        None => format!("{scheme}://{listen}"),
    };
    own.parse().map(Some).context("`roles.advertise`")
}

fn settings(colo: &Colo) -> Settings {
    Settings {
        colo: ColoId(colo.number),
        workers_max: colo.workers_max,
        surge: colo.surge_guard,
        break_glass: colo.break_glass.clone(),
        ..Settings::default()
    }
}

/// Serves the ports of a supervisor to whom the guard lets in, until the handle is stopped: over TLS alone, if it has certificates.
///
/// # Errors
/// The listener cannot be used, or TLS not be set up.
pub fn listen(
    process: &Process,
    listener: TcpListener,
    supervisor: Supervisor,
    guard: impl Into<Guard>,
) -> anyhow::Result<ServerHandle> {
    let (supervisor, guard) = (Arc::new(supervisor), guard.into());
    let encrypted = guard.tls()?;
    let server = HttpServer::new(move || {
        let ops: Arc<dyn Ops> = supervisor.clone();
        let submit: Arc<dyn Submit> = supervisor.clone();
        let hooks: Arc<dyn Hooks> = supervisor.clone();
        App::new()
            .service(http_ops::routes(ops, guard.clone()))
            .service(http_submit::routes(submit, guard.clone()))
            .service(http_hooks::routes(hooks, guard.clone()))
    });
    let server = server
        .on_connect(tls::on_connect(Role::NAMES))
        .workers(2)
        .shutdown_timeout(DRAIN.as_secs())
        .disable_signals();
    let server = match encrypted {
        Some(config) => server.listen_rustls_0_23(listener, config),
        None => server.listen(listener),
    };
    let server = server.context("listen")?.run();
    let handle = server.handle();
    drop(process.tasks.spawn("roles", async move {
        if let Err(error) = server.await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the roles' listener failed"
            );
        }
    }));
    Ok(handle)
}
