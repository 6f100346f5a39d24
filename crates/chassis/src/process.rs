//! The bundle that a shell is built from.
use std::sync::Arc;

use crate::{
    Clock, Entropy, Health, Metrics, Stop, Tasks, Tracer,
    spawn::{Always, Probe},
    trace,
};

/// What a running process needs from its surroundings; cheap to clone, every clone is the same process.
#[derive(Clone, Debug)]
pub struct Process {
    /// Wall time and monotonic time.
    pub clock: Clock,
    /// Where its tasks live and die.
    pub tasks: Tasks,
    /// Where its randomness comes from.
    pub entropy: Entropy,
    /// How it is asked to stop, and what it still has in hand.
    pub stop: Stop,
    /// What it counts.
    pub metrics: Metrics,
    /// Whether its parts are ready.
    pub health: Health,
    /// Where its spans go; off until somebody sets another one.
    pub tracer: Tracer,
}

impl Process {
    /// The real machine: its clock, its threads, its random bytes. Call inside a tokio runtime.
    pub fn system() -> Self {
        Self::from_parts(Clock::system(), Tasks::system(), Entropy::system())
    }

    /// One simulated process. Call inside a current-thread runtime with paused time.
    pub fn simulated(parts: SimulatedProcess) -> Self {
        Self::from_parts(
            Clock::simulated(parts.epoch_unix_ms, parts.skew_ms),
            Tasks::with_probe(parts.probe),
            Entropy::seeded(parts.seed),
        )
    }

    fn from_parts(clock: Clock, tasks: Tasks, entropy: Entropy) -> Self {
        Self {
            clock,
            tasks,
            entropy,
            stop: Stop::new(),
            metrics: Metrics::new(),
            health: Health::new(),
            tracer: Tracer::off(),
        }
    }

    /// The same process to tasks that end with `stop` instead of its own: what requests are judged by is kept up to date until none is served.
    #[must_use]
    pub fn until(&self, stop: &Stop) -> Self {
        Self {
            stop: stop.clone(),
            ..self.clone()
        }
    }

    /// The same process, whose spans go where `settings` says.
    ///
    /// # Errors
    /// [`trace::Error`]: stop the start.
    pub fn traced(
        &self,
        settings: &trace::Settings,
        service: &'static str,
    ) -> Result<Self, trace::Error> {
        Ok(Self {
            tracer: Tracer::start(self, settings, service)?,
            ..self.clone()
        })
    }
}

/// How a simulated process differs from the real one.
#[derive(Clone, Debug)]
pub struct SimulatedProcess {
    /// Wall time at which its clock starts, in ms since 1970.
    pub epoch_unix_ms: u64,
    /// By how much its wall clock is wrong, in ms.
    pub skew_ms: i64,
    /// Seed of its randomness; give every process its own.
    pub seed: u64,
    /// Asked before every poll of every task; [`Always`] never interferes.
    pub probe: Arc<dyn Probe>,
}

impl Default for SimulatedProcess {
    fn default() -> Self {
        Self {
            epoch_unix_ms: 1_700_000_000_000,
            skew_ms: 0,
            seed: 0,
            probe: Arc::new(Always),
        }
    }
}
