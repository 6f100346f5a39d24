//! Questions to the cloud that somebody waits for: a worker answers them, and nothing of them is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ids::{OpId, TenantId};
use tokio::sync::oneshot;
use wire::ports::ops::{Call, LookedUp, Names, Priority, Subject};

use crate::Supervisor;

/// Longer than this nobody waits: a configuration is then stored unvalidated.
const WITHIN: Duration = Duration::from_secs(4);

type Answer = oneshot::Sender<Option<LookedUp>>;

/// Who waits for which answer. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct LookUps {
    waiting: Arc<Mutex<BTreeMap<OpId, Answer>>>,
}

impl fmt::Debug for LookUps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.lock().len();
        f.debug_struct("LookUps")
            .field("waiting", &waiting)
            .finish()
    }
}

impl LookUps {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<OpId, Answer>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an answer, or none, to whoever waits for it. False: it belongs to nobody here.
    pub(crate) fn answer(&self, op: OpId, found: Option<LookedUp>) -> bool {
        let waiting = self.lock().remove(&op);
        let is_ours = waiting.is_some();
        if let Some(answer) = waiting {
            // Who has given up meanwhile goes on without it.
            answer.send(found).unwrap_or_default();
        }
        is_ours
    }
}

impl Supervisor {
    /// Has a worker look up what a launch configuration names. None: there is no worker, or it got no answer in time.
    pub(crate) async fn ask_cloud(&self, tenant: &TenantId, names: Names) -> Option<LookedUp> {
        if !self.handout.has_workers() {
            return None;
        }
        let (answer, found) = oneshot::channel();
        let subject = Subject::Tenant(tenant.clone());
        let op = {
            // Held over both, so that no answer comes before somebody waits for it.
            let mut waiting = self.look_ups.lock();
            let call = Call::LookUp(names);
            let op = self
                .handout
                .queue(subject, (call, None), Priority::BelowMin, None)?;
            waiting.insert(op, answer);
            op
        };
        let found = self.process.clock.timeout(WITHIN, found).await;
        self.look_ups.lock().remove(&op);
        found.ok()?.ok()?
    }
}
