//! Tokens that an operator has ended before their time (safety S5): read from the store every few seconds, and remembered when the store is gone.
//!
//! Each change begins an epoch; what was verified in an older one is verified again, so that a request costs one comparison of numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chassis::Process;
use domain::access::Revocation;
use domain::time::Timestamp;
use store::note::{Note, Notes, Shelf};

use super::Caller;
use super::token::Refused;

/// Between two looks at the store: what an operator ends at one api ends within this at all others.
const LOOK: Duration = Duration::from_secs(2);
/// A store that takes longer is asked again.
const LOOK_WITHIN: Duration = Duration::from_secs(10);
/// Notes in one page.
const PAGE: u32 = 1_000;

/// What is known of ended tokens; cheap to clone, and every clone sees a change.
#[derive(Debug, Clone, Default)]
pub struct Revoked {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    epoch: AtomicU64,
    /// None: the store was not read yet, and might have ended any token.
    standing: RwLock<Option<Arc<[Revocation]>>>,
}

impl Revoked {
    /// Nothing is ended: for whoever verifies tokens without a store.
    #[must_use]
    pub fn nothing() -> Self {
        let revoked = Self::default();
        revoked.replace(Vec::new());
        revoked
    }

    /// Changes whenever what is ended does.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.shared.epoch.load(Ordering::Acquire)
    }

    /// Whether a token still stands.
    ///
    /// # Errors
    /// [`Refused::Revoked`], or [`Refused::Unavailable`] as long as nothing was read.
    pub fn check(&self, caller: &Caller, issued: Option<Timestamp>) -> Result<(), Refused> {
        let standing = self.shared.standing.read();
        let standing = standing.unwrap_or_else(PoisonError::into_inner).clone();
        let standing = standing.ok_or(Refused::Unavailable)?;
        let ended = |one: &Revocation| one.ends(&caller.subject, &caller.tenants, issued);
        if standing.iter().any(ended) {
            return Err(Refused::Revoked);
        }
        Ok(())
    }

    fn replace(&self, all: Vec<Revocation>) {
        let standing = self.shared.standing.write();
        let mut standing = standing.unwrap_or_else(PoisonError::into_inner);
        if standing.as_deref() != Some(all.as_slice()) {
            *standing = Some(all.into());
            self.shared.epoch.fetch_add(1, Ordering::Release);
        }
    }

    /// Reads all that stand.
    ///
    /// # Errors
    /// The store's; the last known ones stand.
    pub(crate) async fn read(&self, notes: &dyn Notes) -> Result<(), store::Error> {
        let mut all = Vec::new();
        let mut before: Option<Vec<u8>> = None;
        loop {
            let page = notes.newest(Shelf::Revocations, before.as_deref(), PAGE);
            let page = page.await?;
            all.extend(page.iter().filter_map(read));
            before = page.last().map(|last| last.id.clone());
            if page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                break;
            }
        }
        self.replace(all);
        Ok(())
    }

    /// Reads them now, and again and again until `process` stops: until no request is served.
    pub(crate) async fn watch(&self, process: &Process, notes: Arc<dyn Notes>) {
        self.look(process, &*notes).await;
        let (revoked, process) = (self.clone(), process.clone());
        let tasks = process.tasks.clone();
        drop(tasks.spawn("revocations", async move {
            loop {
                tokio::select! {
                    biased;
                    () = process.stop.requested() => return,
                    () = process.clock.sleep(LOOK) => {}
                }
                revoked.look(&process, &*notes).await;
            }
        }));
    }

    async fn look(&self, process: &Process, notes: &dyn Notes) {
        match process.clock.timeout(LOOK_WITHIN, self.read(notes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "ended tokens cannot be read: the last known ones stay ended"
            ),
            Err(_elapsed) => {
                tracing::warn!(
                    "ended tokens cannot be read in time: the last known ones stay ended"
                );
            }
        }
    }
}

/// One that cannot be read was not written here: it is left out, and said.
fn read(note: &Note) -> Option<Revocation> {
    let read = serde_json::from_str::<wire::v2::revocation::Revocation>(&note.body);
    let read = read.ok().and_then(|kept| kept.kept());
    if read.is_none() {
        tracing::error!("a note of ended tokens cannot be read");
    }
    read
}
