//! What is kept of those who look at what is not theirs: staff that searches over tenants, and whoever was refused for want of a privileged right.
//!
//! A look of staff is noted before it is answered. A refusal is answered first: whoever is refused must not be able to make the store work, so
//! refusals are remembered, those that are alike as one, and written by a task of their own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;
use chassis::metrics::Counter;
use chassis::{Entropy, Metrics, Process};
use domain::access::Right;
use domain::time::Timestamp;
use store::note::{Note, Notes, Shelf};
use wire::v2::history::Look;
use wire::v2::time::Moment;

use crate::notes;
use crate::origin::Origin;

/// The longest query that a look is noted with.
const ASKED_MAX: usize = 4 * 1024;
/// Refusals that differ, remembered until they are written; what is beyond is only counted.
const WAITING_MAX: usize = 256;
/// Between two times that they are written.
const EVERY: Duration = Duration::from_secs(1);
/// A store that takes longer is asked again.
const WRITE_WITHIN: Duration = Duration::from_secs(2);

/// One look, or one that was refused for want of a right.
pub(crate) fn look(
    (at, entropy): (Timestamp, &Entropy),
    request: &HttpRequest,
    who: &str,
    refused: Option<Right>,
) -> Look {
    let origin = Origin::of(request);
    let asked = format!("{}?{}", request.path(), request.query_string());
    Look {
        id: notes::text_of(&notes::id(at, entropy.u64())),
        at: Moment(at),
        who: who.to_owned(),
        request_id: origin.request_id.clone(),
        from: origin.address,
        asked: asked.chars().take(ASKED_MAX).collect(),
        refused: refused.map(|right| right.as_str().to_owned()),
        times: 1,
    }
}

/// Writes one.
///
/// # Errors
/// The store's: it is not known to be kept.
pub(crate) async fn keep(shelves: &dyn Notes, look: &Look) -> Result<(), store::Error> {
    let note = Note {
        id: notes::id_of(&look.id).unwrap_or_default(),
        at: look.at.0,
        body: serde_json::to_string(look).unwrap_or_default(),
    };
    shelves.keep(Shelf::Staff, &note, None).await.map(drop)
}

/// Who was refused what, for want of which right.
type Alike = (Arc<str>, Right, String);

/// What was refused for want of a privileged right, and is not written yet.
#[derive(Debug)]
pub(crate) struct Denied {
    waiting: Mutex<BTreeMap<Alike, Look>>,
    lost: Counter,
}

impl Denied {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            waiting: Mutex::default(),
            lost: metrics.counter(
                "api_denied_unrecorded_total",
                "Refusals for want of a privileged right that the audit does not have: too many that differ came at once, or the store took none until the process ended.",
            ),
        }
    }

    /// Remembers one. Costs no store and no waiting.
    pub(crate) fn add(
        &self,
        (who, right): (&Arc<str>, Right),
        path: &str,
        make: impl FnOnce() -> Look,
    ) {
        let alike = (
            Arc::clone(who),
            right,
            path.chars().take(ASKED_MAX).collect(),
        );
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = waiting.get_mut(&alike) {
            look.times = look.times.saturating_add(1);
        } else if waiting.len() < WAITING_MAX {
            waiting.insert(alike, make());
        } else {
            self.lost.increment();
        }
    }

    /// Writes them again and again, and once more when `process` stops: when no request is served any more.
    pub(crate) fn watch(self: &Arc<Self>, process: &Process, shelves: Arc<dyn Notes>) {
        let (denied, process) = (Arc::clone(self), process.clone());
        let tasks = process.tasks.clone();
        drop(tasks.spawn("denied", async move {
            loop {
                let is_last = tokio::select! {
                    biased;
                    () = process.stop.requested() => true,
                    () = process.clock.sleep(EVERY) => false,
                };
                denied.write(&process, &*shelves).await;
                if is_last {
                    denied.give_up();
                    return;
                }
            }
        }));
    }

    /// What cannot be written waits for the next time.
    async fn write(&self, process: &Process, shelves: &dyn Notes) {
        let mut rest = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        while let Some((alike, look)) = rest.pop_first() {
            let kept = process
                .clock
                .timeout(WRITE_WITHIN, keep(shelves, &look))
                .await;
            if matches!(kept, Ok(Ok(()))) {
                continue;
            }
            tracing::warn!("refusals cannot be written into the audit: they are tried again");
            rest.insert(alike, look);
            break;
        }
        self.put_back(rest);
    }

    /// Nothing is written any more: what still waits is lost.
    fn give_up(&self) {
        let rest = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        let lost = rest.values().map(|look| u64::from(look.times)).sum::<u64>();
        if lost > 0 {
            self.lost.add(lost);
            tracing::error!(lost, "refusals are not in the audit: the process ends");
        }
    }

    fn put_back(&self, rest: BTreeMap<Alike, Look>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (alike, look) in rest {
            let times = look.times;
            waiting
                .entry(alike)
                .and_modify(|later| later.times = later.times.saturating_add(times))
                .or_insert(look);
        }
    }
}
