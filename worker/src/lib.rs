//! The worker: holds the cloud credentials, offers what it could do right now, does what the ledger already names it for, and reports until
//! somebody has written it down.
//!
//! The way of an operation, one file a step: [`poll`] (offers permits, takes operations) → [`execute`] (the last checks, one call) →
//! [`classify`] (what came of it) → [`report`] (until acknowledged). Beside it: [`beat`] (that it lives, and what holds for its calls), [`host`] and [`begun`] (what outlives this process, and what
//! it proves), [`tokens`] (fixed before an offer is made) and [`revoke`] (those of lost creates end early), [`observe`] (what of a list matters).
//!
//! Deliberately absent: the store, any decision about what should be, and any second try at a create.
#![warn(missing_docs)]

mod beat;
pub mod begun;
mod classify;
mod config;
mod deal;
mod execute;
mod fence;
pub mod host;
mod measure;
mod observe;
mod poll;
mod report;
mod revoke;
pub mod serve;
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use chassis::Process;
use cloud::guard::Guard;
use cloud::port::Cloud;
use domain::ids::{Incarnation, WorkerName};
use tokio::sync::Semaphore;
use wire::ports::ops::Ops;

use crate::beat::Beats;
use crate::begun::Begun;
use crate::deal::Deal;
use crate::execute::Hands;
pub use crate::fence::Settings as FenceSettings;
use crate::fence::Watch as FenceWatch;
use crate::host::Place;
use crate::measure::Measure;
use crate::report::Reporter;
use crate::revoke::Revocations;
pub use crate::revoke::{TooSoon, after as revoke_after};
use crate::tokens::Tokens;

/// Who this worker is, and how much it takes on at once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name that its operator gave it. Two processes of one name on one place are refused.
    pub name: WorkerName,
    /// Where its lock, its begun-logs and its notes of projects are.
    pub place: Place,
    /// Polls that are held open at each supervisor: 2 to 4.
    pub polls: u32,
    /// Creates that are offered at most, over all polls. The guard may allow fewer.
    pub creates_max: u32,
    /// Other operations that are under way at most.
    pub others_max: u32,
    /// How long a supervisor may hold a poll: at most 5 s (design 6).
    pub wait: Duration,
    /// What came in reply to a poll must begin within this from the start of the poll (rule H2 of safety 6.1): 10 s.
    pub begin: Duration,
    /// A token with less than this left is not offered: it would hardly outlive the call.
    pub token_left_min: Duration,
    /// A token with which a create was sent that got no answer has a successor from then on, and is revoked after this; none: it ends by itself.
    /// Longer than builds take: Nova shows the customer's other services the token with which a server was asked for.
    pub revoke_after: Option<Duration>,
    /// With so many reports that nobody has acknowledged, no more operations are asked for.
    pub reports_max: usize,
    /// Between two heartbeats to each supervisor, and between two looks at the break-glass file: 1 s, well under the 4 s after which old news
    /// freeze everything.
    pub heartbeat: Duration,
    /// The break-glass file: kill switches that need neither api nor store nor supervisor.
    pub break_glass: Option<PathBuf>,
    /// The fence between the control planes of its colo; none: the colo has one, and nothing is read or held back.
    pub fence: Option<FenceSettings>,
}

impl Settings {
    /// Settings that suit production.
    #[must_use]
    pub const fn new(name: WorkerName, place: Place) -> Self {
        Self {
            name,
            place,
            polls: 3,
            creates_max: 40,
            others_max: 48,
            wait: Duration::from_secs(5),
            begin: Duration::from_secs(10),
            token_left_min: Duration::from_secs(60),
            revoke_after: Some(Duration::from_secs(30 * 60)),
            reports_max: 4096,
            heartbeat: Duration::from_secs(1),
            break_glass: None,
            fence: None,
        }
    }
}

/// One in so many of the operations other than creates may be a list. They have the smallest budget of all, and wait for it the longest: with more
/// tenants than seats they would leave none to deletes.
const LISTS_PART: usize = 3;

/// A running worker. Cheap to clone. It ends with its process: ask `process.stop`, then wait for `process.stop.drained`.
#[derive(Debug, Clone)]
pub struct Worker {
    shared: Arc<Shared>,
}

/// What all tasks of a worker share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) process: Process,
    pub(crate) settings: Settings,
    pub(crate) incarnation: Incarnation,
    pub(crate) cloud: Arc<dyn Cloud>,
    pub(crate) guard: Guard,
    pub(crate) supervisors: Vec<Arc<dyn Ops>>,
    pub(crate) begun: Begun,
    pub(crate) tokens: Tokens,
    pub(crate) revocations: Revocations,
    pub(crate) reporter: Reporter,
    pub(crate) others: Arc<Semaphore>,
    /// How many of those may be lists.
    pub(crate) lists: Semaphore,
    /// Operations that have begun to use what a poll offered and have not ended.
    pub(crate) under_way: AtomicUsize,
    pub(crate) measure: Measure,
    pub(crate) beats: Beats,
    pub(crate) deal: Deal,
    /// None: its colo has one control plane.
    pub(crate) fence: Option<FenceWatch>,
}

impl Worker {
    /// Which life of the worker this is.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.shared.incarnation
    }

    /// How many reports no supervisor has acknowledged yet.
    #[must_use]
    pub fn unreported(&self) -> usize {
        self.shared.reporter.waiting()
    }
}

/// Builds a worker and starts its polls: the same for all-in-one, separate process and simulator.
///
/// # Errors
/// [`host::Error`]: stop the start. Most often another process of that name runs on this host.
pub fn build(
    process: &Process,
    settings: Settings,
    cloud: Arc<dyn Cloud>,
    guard: Guard,
    supervisors: Vec<Arc<dyn Ops>>,
) -> Result<Worker, host::Error> {
    let incarnation = Incarnation::from_u128(process.entropy.u128());
    let host = settings.place.take(&settings.name)?;
    host.prune(process.clock.unix_ms());
    let begun = Begun::open(host, incarnation)?;
    let others = usize::try_from(settings.others_max)
        .unwrap_or(usize::MAX)
        .min(Semaphore::MAX_PERMITS);
    let shared = Arc::new(Shared {
        process: process.clone(),
        incarnation,
        guard,
        begun,
        tokens: Tokens::new(Arc::clone(&cloud)),
        revocations: Revocations::new(settings.revoke_after),
        cloud,
        reporter: Reporter::new(process.clone(), &supervisors),
        beats: Beats::new(supervisors.len(), settings.break_glass.as_deref()),
        deal: Deal::new(supervisors.len()),
        supervisors,
        others: Arc::new(Semaphore::new(others)),
        lists: Semaphore::new(others.div_ceil(LISTS_PART)),
        under_way: AtomicUsize::new(0),
        measure: Measure::new(process.metrics.clone()),
        fence: settings.fence.clone().map(FenceWatch::new),
        settings,
    });
    tracing::info!(worker = %shared.settings.name, %incarnation, supervisors = shared.supervisors.len(), "worker starts");
    shared.guard.share();
    if let Some(path) = shared.settings.break_glass.clone() {
        tracing::info!(path = %path.display(), "the break-glass file is looked at");
        let glass = beat::watch_glass(Arc::clone(&shared), path);
        drop(process.tasks.spawn("break-glass", glass));
    }
    if let Some(watch) = &shared.fence {
        watch.start(&shared);
    }
    let revoking = revoke::run(Arc::clone(&shared));
    drop(process.tasks.spawn("revocations", revoking));
    for supervisor in 0..shared.supervisors.len() {
        let beats = beat::run(Arc::clone(&shared), supervisor);
        drop(process.tasks.spawn("heartbeat", beats));
        for _ in 0..shared.settings.polls {
            let hands = Hands::new(Arc::clone(&shared), supervisor);
            drop(process.tasks.spawn("poll", poll::run(hands)));
        }
    }
    Ok(Worker { shared })
}

#[cfg(test)]
mod tests;
