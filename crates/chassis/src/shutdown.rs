//! Stopping in order: a request that everyone sees, and a gate that counts what is still in hand.
use std::{io, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{Process, time::Clock};

/// One process's stop switch; cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop {
    shared: Arc<Shared>,
}

/// Two channels: thousands of tasks wait for the request, and work comes and goes thousands of times a second. In one channel each piece of
/// work would wake every one of them.
#[derive(Debug)]
struct Shared {
    requested: watch::Sender<bool>,
    in_flight: watch::Sender<usize>,
}

impl Stop {
    /// A switch that nobody has asked to stop.
    pub fn new() -> Self {
        let (requested, _) = watch::channel(false);
        let (in_flight, _) = watch::channel(0);
        Self {
            shared: Arc::new(Shared {
                requested,
                in_flight,
            }),
        }
    }

    /// Asks for the stop; repeating it changes nothing.
    pub fn request(&self) {
        self.shared
            .requested
            .send_if_modified(|requested| !std::mem::replace(requested, true));
    }

    /// True once the stop was asked for.
    pub fn is_requested(&self) -> bool {
        *self.shared.requested.borrow()
    }

    /// Ends when the stop is asked for (at once if it was). Put it first in a `select!` with `biased`.
    pub async fn requested(&self) {
        reaches(&self.shared.requested, |requested| *requested).await;
    }

    /// Enters with a piece of work that must not be cut off; hold the [`Gate`] until it is done. None once a stop was asked for.
    pub fn enter(&self) -> Option<Gate> {
        // Counted before the look at the request: whoever asks for the stop and then waits for work in hand misses none.
        self.shared.in_flight.send_modify(|count| *count += 1);
        let gate = Gate {
            shared: Arc::clone(&self.shared),
        };
        (!self.is_requested()).then_some(gate)
    }

    /// Waits until nothing is in hand any more, for at most `within`.
    ///
    /// # Errors
    /// [`Undrained`] when work is left: log it and go; whatever it was must be safe to lose anyway.
    pub async fn drained(&self, clock: &Clock, within: Duration) -> Result<(), Undrained> {
        let idle = reaches(&self.shared.in_flight, |count| *count == 0);
        match clock.timeout(within, idle).await {
            Ok(()) => Ok(()),
            Err(_elapsed) => Err(Undrained {
                in_flight: *self.shared.in_flight.borrow(),
            }),
        }
    }
}

async fn reaches<T>(values: &watch::Sender<T>, goal: fn(&T) -> bool) {
    // The sender lives as long as the reference, so the wait cannot fail.
    if values.subscribe().wait_for(goal).await.is_err() {
        tracing::debug!("stop switch dropped while waited for");
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

/// A piece of work in hand; dropping it is leaving.
#[derive(Debug)]
#[must_use = "the work counts as done when the gate is dropped"]
pub struct Gate {
    shared: Arc<Shared>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.in_flight.send_modify(|count| *count -= 1);
    }
}

/// The time to drain ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{in_flight} pieces of work were still in hand when the time to drain was over")]
pub struct Undrained {
    /// How many.
    pub in_flight: usize,
}

/// Makes SIGTERM and ctrl-c ask `process` to stop. For mains.
///
/// # Errors
/// When the signal handlers cannot be installed: stop the start.
pub fn on_signals(process: &Process) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = process.stop.clone();
    drop(process.tasks.spawn("signals", async move {
        let signal = tokio::select! {
            biased;
            () = stop.requested() => return,
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "ctrl-c",
        };
        stop.request();
        tracing::info!(signal, "stop asked for");
    }));
    Ok(())
}

#[cfg(test)]
mod tests;
