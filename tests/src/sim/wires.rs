//! The state of the network between all processes: who is cut off from whom, and who is clogged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::strike::Way;

/// The name of the cloud at the far end of a worker's connections.
pub const SKY: &str = "sky";

/// The network. Cheap to clone; every clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Wires {
    state: Arc<Mutex<State>>,
    /// Whether anything is cut or clogged: most messages meet nothing, and ask for nothing else.
    troubled: Arc<AtomicBool>,
    eased: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// How many cuts are on, per sender and receiver; `None` is everybody.
    cuts: BTreeMap<(Option<String>, Option<String>), u32>,
    clogged: BTreeSet<String>,
}

/// What a cut concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pairs: Vec<(Option<String>, Option<String>)>,
}

impl Cut {
    /// Everything that a process sends, receives, or both.
    #[must_use]
    pub fn of(name: &str, way: Way) -> Self {
        Self::new(Some(name), None, way)
    }

    /// What one process sends to another, receives from it, or both.
    #[must_use]
    pub fn between(name: &str, other: &str, way: Way) -> Self {
        Self::new(Some(name), Some(other), way)
    }

    fn new(name: Option<&str>, other: Option<&str>, way: Way) -> Self {
        let own = |n: Option<&str>| n.map(str::to_owned);
        let (out, inward) = ((own(name), own(other)), (own(other), own(name)));
        let pairs = match way {
            Way::Out => vec![out],
            Way::In => vec![inward],
            Way::Both => vec![out, inward],
        };
        Self { pairs }
    }
}

impl Wires {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything is cut or clogged anywhere.
    #[must_use]
    pub fn troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    fn note(&self, state: &State) {
        let troubled = !state.cuts.is_empty() || !state.clogged.is_empty();
        self.troubled.store(troubled, Ordering::Relaxed);
    }

    /// Cuts.
    pub fn cut(&self, cut: &Cut) {
        let mut state = self.lock();
        for pair in &cut.pairs {
            *state.cuts.entry(pair.clone()).or_default() += 1;
        }
        self.note(&state);
    }

    /// Mends one cut.
    pub fn mend(&self, cut: &Cut) {
        let mut state = self.lock();
        for pair in &cut.pairs {
            if let Some(count) = state.cuts.get_mut(pair) {
                *count = count.saturating_sub(1);
            }
        }
        state.cuts.retain(|_, count| *count > 0);
        self.note(&state);
    }

    /// Holds back everything from and to a process, or lets it flow again.
    pub fn clog(&self, name: &str, clogged: bool) {
        let mut state = self.lock();
        if clogged {
            state.clogged.insert(name.to_owned());
        } else {
            state.clogged.remove(name);
            self.eased.notify_waiters();
        }
        self.note(&state);
    }

    /// Mends everything.
    pub fn ease(&self) {
        let mut state = self.lock();
        *state = State::default();
        self.note(&state);
        drop(state);
        self.eased.notify_waiters();
    }

    /// Whether a message is lost on its way.
    #[must_use]
    pub fn loses(&self, from: &str, to: &str) -> bool {
        let state = self.lock();
        let hit = |(a, b): &(Option<String>, Option<String>)| {
            // The cloud is cut off by name only: a cut of a process from its peers leaves its way to the cloud.
            let everybody = from != SKY && to != SKY;
            a.as_ref().map_or(everybody, |a| a == from) && b.as_ref().map_or(everybody, |b| b == to)
        };
        state.cuts.keys().any(hit)
    }

    /// Waits until neither side is clogged.
    pub async fn flow(&self, from: &str, to: &str) {
        loop {
            let eased = self.eased.notified();
            {
                let state = self.lock();
                if !state.clogged.contains(from) && !state.clogged.contains(to) {
                    return;
                }
            }
            eased.await;
        }
    }
}
