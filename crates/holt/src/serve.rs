//! `holt serve`: all roles in one process, wired by the same `build` functions as the separate processes, over the in-process ports.
//!
//! ```text
//! api ──Submit──► supervisor ◄──Ops── worker ──► guard ──► OpenStack
//!  └──────► store ◄──┘ ◄──Hooks── hooks lane ──► customers' receivers
//! ```
use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use chassis::{Process, ops, shutdown, telemetry};
use cloud::{guard::Guard, openstack::OpenStack, port::Cloud, transport::http::HttpTransport};
use domain::time::Timestamp;
use holt_supervisor::{HomeSettings, Supervisor};
use store::Stores;
use store::embedded::{Embedded, Keep};
use store_cassandra::choice::{self, Opened};
use store_elasticsearch::{choice::searching, feeder};
use wire::ports::{hooks::Hooks, ops::Ops};

use crate::{
    args,
    config::{self, Config},
    out, settings,
};

/// Between two looks for rows that are past their time: verdicts after 25 h, ended slots after 30 days (design 5).
const PRUNE: Duration = Duration::from_secs(24 * 3600);
/// Between two looks for records that the index of history lacks.
const INDEX: Duration = Duration::from_secs(60);
/// For requests in hand to end; with the other two less than 5 s in all.
const DRAIN: Duration = Duration::from_secs(3);
/// For tasks to end by themselves before they are cut off, which is always safe.
const TASKS: Duration = Duration::from_secs(1);

/// Serves until it is asked to stop.
///
/// # Errors
/// What is missing or wrong in the configuration, by its key; an address or file that cannot be used; a store that could not sync.
pub(crate) async fn run(process: &Process, args: args::Serve) -> anyhow::Result<()> {
    if args.print_defaults {
        return out::say(config::DEFAULTS.trim_end());
    }
    let config = config::load(args.config.as_deref())?;
    if args.print_config {
        return out::say(config::print(&config)?.trim_end());
    }
    telemetry::init(&config.telemetry)?;
    let process = &process.traced(&config.telemetry.traces, "holt")?;
    shutdown::on_signals(process).context("watch signals")?;
    let running = start(process, &config).await?;
    tracing::info!(address = %running.address, "holt serves");
    process.stop.requested().await;
    let store = running.store.clone();
    running.stop().await;
    // Not the stop that somebody asked for: a service manager has to see that it failed.
    let is_broken = store.embedded().is_some_and(Embedded::is_broken);
    anyhow::ensure!(
        !is_broken,
        "the store could not be synced (`store.path`): it is opened anew by the next start"
    );
    tracing::info!("holt has stopped");
    Ok(())
}

/// All roles, running.
#[derive(Debug)]
pub(crate) struct Running {
    process: Process,
    api: holt_api::Api,
    operators: Option<ops::ServerHandle>,
    store: Opened,
    pub(crate) address: SocketAddr,
}

/// Builds and starts all roles.
///
/// # Errors
/// As [`run`].
pub(crate) async fn start(process: &Process, config: &Config) -> anyhow::Result<Running> {
    // Everything that a person may have to mend comes before the first thing that is started.
    let keys = settings::proof_keys(&config.proof)?;
    let openstack = settings::openstack(&config.cloud)?;
    openstack.tell_of_plain_http();
    let transport = settings::transport(&config.cloud)?;
    let worker = settings::worker(config)?;
    let home = settings::home(config)?;
    let api = settings::api(config)?;
    let mut hooks = settings::hooks(config, config.api.listen)?;

    let index = config
        .history
        .open(process)
        .context("open the index of history")?;

    let place = settings::place(config);
    let store = choice::open(process, &place, settings::store(&config.store)).await?;
    let stores = searching(store.stores(), index.as_ref());
    if let Some(embedded) = store.embedded() {
        let prune = prune(process.clone(), embedded.clone());
        drop(process.tasks.spawn("prune", prune));
        if index.is_none() {
            let index = own_index(process.clone(), embedded.clone());
            drop(process.tasks.spawn("index", index));
        }
    }
    let (stores, supervisor) = supervised(process, config, home, stores);
    if let Some(index) = index {
        let feed = store.feed(feeder::NAME);
        feeder::start(process, index, feed, stores.home.clone());
    }

    let guard = Guard::new(process, config.cloud.budgets.clone());
    let transport = HttpTransport::new(&transport).context("build the cloud's HTTP client")?;
    let cloud = OpenStack::new(
        process.clone(),
        Arc::new(transport),
        openstack,
        keys,
        guard.clone(),
    );
    let projects = worker.place.projects(&worker.name);
    let cloud: Arc<dyn Cloud> = Arc::new(cloud.remembering(projects));
    let ops: Arc<dyn Ops> = supervisor.clone();
    holt_worker::build(process, worker, cloud, guard, vec![ops])
        .context("start the worker (`worker.state_dir`)")?;

    let lanes: Vec<Arc<dyn Hooks>> = vec![supervisor.clone()];
    let api = holt_api::build(process, api, stores, supervisor)
        .await
        .context("start the api")?;
    if config.hooks.answers.is_none() {
        hooks.answers = format!("http://{}", api.address());
    }
    holt_hooks::build(process, hooks, lanes).context("start the hooks lane (`hooks`)")?;
    let operators = config.ops.listen.map(|listen| {
        ops::serve(process, listen).with_context(|| format!("listen on {listen} (`ops.listen`)"))
    });
    let address = api.address();
    Ok(Running {
        process: process.clone(),
        api,
        operators: operators.transpose()?,
        store,
        address,
    })
}

/// The supervisor, and the store as its control plane may use it.
fn supervised(
    process: &Process,
    config: &Config,
    home: Option<HomeSettings>,
    stores: Stores,
) -> (Stores, Arc<Supervisor>) {
    let stores = match &home {
        Some(home) => store::home::shared(stores, home.plane.own.clone()),
        None => stores,
    };
    let settings = holt_supervisor::Settings {
        home,
        ..settings::supervisor(config)
    };
    let supervisor = holt_supervisor::build(process, settings, stores.clone());
    (stores, Arc::new(supervisor))
}

/// Deletes what is past its time, once a day. What a pass misses, the next one finds.
async fn prune(process: Process, store: Embedded) {
    loop {
        tokio::select! {
            biased;
            () = process.stop.requested() => return,
            () = process.clock.sleep(PRUNE) => {}
        }
        let now = Timestamp::from_unix_ms(process.clock.unix_ms());
        match store.prune(now, Keep::default()).await {
            Ok(rows) => tracing::info!(rows, "pruned what was past its time"),
            Err(error) => tracing::warn!(error = %telemetry::chain(&error), "nothing was pruned"),
        }
    }
}

/// Keeps the store's own index of history close behind the commits; a search brings in what is missing.
async fn own_index(process: Process, store: Embedded) {
    loop {
        tokio::select! {
            biased;
            () = process.stop.requested() => return,
            () = process.clock.sleep(INDEX) => {}
        }
        if let Err(error) = store.index().await {
            tracing::warn!(error = %telemetry::chain(&error), "the index of history was not brought up to date");
        }
    }
}

impl Running {
    /// Takes nothing new, ends what is in hand, and gives the store up: less than 5 s. What is cut off is safe to lose.
    pub(crate) async fn stop(self) {
        let Self {
            process,
            api,
            operators,
            store,
            ..
        } = self;
        process.stop.request();
        let (drained, ()) = tokio::join!(process.stop.drained(&process.clock, DRAIN), api.stop());
        if let Err(undrained) = drained {
            tracing::warn!(in_flight = undrained.in_flight, "work in hand was cut off");
        }
        if let Some(operators) = operators {
            operators.stop(false).await;
        }
        let left = process.tasks.drain(&process.clock, TASKS).await;
        if left > 0 {
            tracing::debug!(left, "tasks were cut off");
        }
        store.close().await;
    }
}
