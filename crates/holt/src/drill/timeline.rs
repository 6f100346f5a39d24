//! What happened, and when: one line each, as it happens.
use chassis::{Mono, Process};

use crate::out;

/// Prints lines with the time since the start.
#[derive(Debug)]
pub(crate) struct Timeline {
    process: Process,
    begun: Mono,
}

impl Timeline {
    /// Begins now.
    pub(crate) fn new(process: &Process) -> Self {
        Self {
            process: process.clone(),
            begun: process.clock.mono(),
        }
    }

    /// Says who did what.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(crate) fn say(&self, who: &str, what: &str) -> anyhow::Result<()> {
        let since = self.process.clock.mono().saturating_since(self.begun);
        let (seconds, tenths) = (since.as_secs(), since.subsec_millis() / 100);
        out::say(&format!("  {seconds:>4}.{tenths} s  {who:<18} {what}"))
    }

    /// How long it has been.
    pub(crate) fn seconds(&self) -> u64 {
        let now = self.process.clock.mono();
        now.saturating_since(self.begun).as_secs()
    }
}
