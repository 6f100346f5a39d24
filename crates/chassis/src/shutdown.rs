//! Stopping in order: a request that everyone sees, and a gate that counts what is still in hand.
use std::{io, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{Process, time::Clock};

/// One process's stop switch; cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    requested: bool,
    in_flight: usize,
}

impl Stop {
    /// A switch that nobody has asked to stop.
    pub fn new() -> Self {
        let (state, _) = watch::channel(State::default());
        Self {
            shared: Arc::new(Shared { state }),
        }
    }

    /// Asks for the stop; repeating it changes nothing.
    pub fn request(&self) {
        self.shared
            .state
            .send_modify(|state| state.requested = true);
    }

    /// True once the stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.shared.state.borrow().requested
    }

    /// Ends when the stop is asked for (at once if it was). Put it first in a `select!` with `biased`.
    pub async fn requested(&self) {
        self.reaches(|state| state.requested).await;
    }

    /// Enters with a piece of work that must not be cut off; hold the [`Gate`] until it is done. None once a stop was asked for.
    pub fn enter(&self) -> Option<Gate> {
        let entered = self.shared.state.send_if_modified(|state| {
            if !state.requested {
                state.in_flight += 1;
            }
            !state.requested
        });
        entered.then(|| Gate {
            shared: Arc::clone(&self.shared),
        })
    }

    /// Waits until nothing is in hand any more, for at most `within`.
    ///
    /// # Errors
    /// [`Undrained`] when work is left: log it and go; whatever it was must be safe to lose anyway.
    pub async fn drained(&self, clock: &Clock, within: Duration) -> Result<(), Undrained> {
        match clock
            .timeout(within, self.reaches(|state| state.in_flight == 0))
            .await
        {
            Ok(()) => Ok(()),
            Err(_elapsed) => Err(Undrained {
                in_flight: self.shared.state.borrow().in_flight,
            }),
        }
    }

    async fn reaches(&self, goal: fn(&State) -> bool) {
        let mut states = self.shared.state.subscribe();
        // The sender lives in `self`, so the wait cannot fail before it is dropped.
        if states.wait_for(goal).await.is_err() {
            tracing::debug!("stop switch dropped while waited for");
        }
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
        self.shared.state.send_modify(|state| state.in_flight -= 1);
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
        tokio::select! {
            biased;
            () = stop.requested() => return,
            _ = terminate.recv() => tracing::info!("stop asked for by SIGTERM"),
            _ = interrupt.recv() => tracing::info!("stop asked for by ctrl-c"),
        }
        stop.request();
    }));
    Ok(())
}

#[cfg(test)]
mod tests;
