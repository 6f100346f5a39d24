//! Hints: wakes the groups that somebody marked.
//!
//! ```text
//! mark ──► looked at, taken away ──(a commit must have ended)──► looked at once more
//! ```
//! A mark is written before the commit that it announces, so that a crash in between loses no wake (safety 3.5). Whoever looks just then sees nothing new,
//! and takes the mark away; with the second look the event that came is decided half a minute later, and not by the full pass, when it has expired
//! (simulator, schedule 5011893).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::GroupKey;
use domain::time::Mono;

use crate::mono;
use crate::owners::{Note, Owners};
use crate::sweep::pause;

/// Marks read in one look: those of other supervisors' groups are among them, and must not hide this one's.
const MARKS: u32 = 16_384;
/// Longer than a commit with its repetitions takes.
const COMMIT_MAX: Duration = Duration::from_secs(30);

/// Groups whose marks were taken away, and when they are to be looked at once more. Cheap to clone; a restart loses it, as it loses little.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecondLooks(Arc<Mutex<BTreeMap<GroupKey, Mono>>>);

impl SecondLooks {
    fn note(&self, key: GroupKey, at: Mono) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(key, at);
    }

    fn due(&self, now: Mono) -> Vec<GroupKey> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extract_if(.., |_, at| *at <= now)
            .map(|(key, _)| key)
            .collect()
    }
}

/// Looks at the marks now and then.
pub(crate) async fn pass(owners: Owners, period: Duration) {
    loop {
        look(&owners).await;
        let seams = owners.seams();
        for key in seams.second_looks.due(mono(&seams.process)) {
            if seams.shards.is_mine(&key) {
                owners.hint(&key, Note::Changed);
            }
        }
        if !pause(&seams.process, period).await {
            return;
        }
    }
}

/// Wakes those of this supervisor's groups that somebody marked.
pub(crate) async fn look(owners: &Owners) {
    let seams = owners.seams();
    match seams.stores.hints.marked(MARKS).await {
        Ok(marked) => {
            let own = |(key, _): &(GroupKey, _)| seams.shards.is_mine(key);
            for (key, at) in marked.into_iter().filter(own) {
                owners.hint(&key, Note::Changed);
                if let Err(error) = seams.stores.hints.clear(&key, at).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a hint stays");
                }
                let at = mono(&seams.process).plus(COMMIT_MAX);
                seams.second_looks.note(key, at);
            }
        }
        Err(error) => tracing::debug!(
            error = &error as &dyn std::error::Error,
            "hints cannot be read"
        ),
    }
}

#[cfg(test)]
mod tests {
    use chassis::{Process, SimulatedProcess};
    use domain::draft::Draft;
    use domain::group::Cause;
    use domain::ids::Fence;
    use store::memory::Memory;

    use super::*;
    use crate::home::tests::{actor, event, large};
    use crate::{Settings, now};

    #[tokio::test(start_paused = true)]
    async fn an_event_that_is_queued_while_its_mark_is_looked_at_is_decided_soon_all_the_same() {
        let process = Process::simulated(SimulatedProcess::default());
        let stores = Arc::new(Memory::new(process.clock.clone()).handle("a"));
        let key = large(&process, &stores).await;
        drop(crate::build(
            &process,
            Settings::default(),
            (*stores).clone(),
        ));
        let minute = Duration::from_secs(60);
        process.clock.sleep(minute).await;

        stores.hints.mark(&key, now(&process).wall).await.unwrap();
        while !stores.hints.marked(1).await.unwrap().is_empty() {
            process.clock.sleep(Duration::from_secs(1)).await;
        }
        let late = event(1_000);
        let queue = store::apply::apply(&process, &*stores.groups, &key, Fence(0), None, |view| {
            let mut draft = Draft::new(view.group, now(&process));
            draft.queue(late.clone());
            Ok::<_, ()>(Some(draft.finish(Cause::Queue, actor())))
        });
        queue.await.unwrap();

        process.clock.sleep(minute).await;
        let verdict = stores.groups.verdict(&key, &late.id).await.unwrap();
        assert!(
            verdict.is_some(),
            "the full pass is a quarter of an hour off"
        );
    }
}
