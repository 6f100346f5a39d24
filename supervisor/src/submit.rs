//! The submit port: events come in here, and their durable verdicts go back.

use async_trait::async_trait;
use domain::event::Event;
use domain::ids::{GroupKey, TenantId};
use domain::verdict::Verdict;
use tokio::sync::oneshot;
use wire::ports::ops::{LookedUp, Names};
use wire::ports::submit::{Submit, SubmitError};

use crate::Supervisor;
use crate::owners::Note;

/// How long a caller is asked to wait when too many events wait for one group.
const BUSY_RETRY: std::time::Duration = std::time::Duration::from_secs(1);

#[async_trait]
impl Submit for Supervisor {
    async fn submit(&self, key: &GroupKey, event: Event) -> Result<Verdict, SubmitError> {
        if !self.owners.seams().shards.is_mine(key) {
            return Err(SubmitError::NotOwner);
        }
        let (answer, verdict) = oneshot::channel();
        self.owners
            .tell(key, Note::Event(Box::new(event), answer))
            .map_err(|_full| SubmitError::Busy {
                retry_after: BUSY_RETRY,
            })?;
        // An owner that goes away without a word may have committed: the caller falls back to the inbox, and the id makes that harmless.
        verdict.await.unwrap_or(Err(SubmitError::Unreachable))
    }

    async fn poke(&self, key: &GroupKey) {
        // Not its own: whoever marked the group did so for the one whose it is.
        if self.owners.seams().shards.is_mine(key) {
            self.owners.hint(key, Note::Changed);
        }
    }

    async fn look_up(&self, tenant: &TenantId, names: Names) -> Option<LookedUp> {
        self.ask_cloud(tenant, names).await
    }
}
