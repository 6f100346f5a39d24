//! The submit port: events come in here, and their durable verdicts go back.

use async_trait::async_trait;
use domain::event::Event;
use domain::ids::{GroupKey, TenantId};
use domain::verdict::Verdict;
use store::home::{Home, Shared};
use tokio::sync::oneshot;
use wire::ports::ops::{LookedUp, Names};
use wire::ports::submit::{Submit, SubmitError};

use crate::Supervisor;
use crate::owners::Note;

/// How long a caller is asked to wait when too many events wait for one group.
const BUSY_RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// Whether a group's epoch is not the one that is served here, as far as this supervisor has found out: the caller knows less, and must not put the event
/// into the inbox either, where nobody would ever decide it. Before its first look a supervisor knows nothing, and its process may just have started.
fn is_over(home: &Home, key: &GroupKey) -> bool {
    let has_looked = |shared: &Shared| shared.status().act.is_some();
    !home.is_current(key.epoch) && home.shared().is_some_and(has_looked)
}

#[async_trait]
impl Submit for Supervisor {
    async fn submit(&self, key: &GroupKey, event: Event) -> Result<Verdict, SubmitError> {
        let seams = self.owners.seams();
        if is_over(&seams.stores.home, key) {
            return Err(SubmitError::Unavailable);
        }
        if !seams.shards.is_mine(key) {
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
