//! An event on its way to a verdict: to the owner of its group, or, when the owner does not answer in time, into the group's inbox.
//!
//! Nothing here knows HTTP: the simulator runs this very code.

mod trace;

use std::time::Duration;

use chassis::Process;
use domain::draft::Draft;
use domain::event::Event;
use domain::group::{Cause, Change, Group, Phase};
use domain::ids::{Fence, GroupKey};
use domain::mutant::{Rule, off};
use domain::time::{Mono, Now, Timestamp};
use domain::verdict::Verdict;
use store::Stores;
use store::apply::{Refused, View, apply};
use wire::ports::submit::{Submit, SubmitError};

/// Events that may wait in one inbox; more are answered 429.
pub const INBOX_MAX: usize = 1_000;
/// How long a caller waits before it tries a full inbox again.
const BUSY_RETRY: Duration = Duration::from_secs(5);

/// What an acknowledged event has become; both are durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Decided.
    Decided(Box<Verdict>),
    /// In the inbox: the owner or its successor will decide it.
    Queued(Box<Event>),
}

/// Why an event was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// There is no such group.
    #[error("no such group")]
    NoGroup,
    /// The id came with another request before.
    #[error("the event id was used with another request")]
    IdReused,
    /// Too much waits for the group.
    #[error("too many events are waiting")]
    Busy(Duration),
    /// The store takes nothing; the event is not and will not be applied.
    #[error("the store is not available")]
    Unavailable,
    /// The store gave no answer: send the event again under the same id.
    #[error("it is not known whether the event was accepted")]
    Unknown,
}

/// Gets an event acknowledged: by the owner within `deadline`, else through the inbox. Sending it again under the same id is harmless.
///
/// # Errors
/// [`NotAccepted`]; only after `Unknown` may it be acknowledged all the same.
pub async fn submit(
    process: &Process,
    stores: &Stores,
    owner: &dyn Submit,
    (key, mut event): (&GroupKey, Event),
    deadline: Duration,
) -> Result<Accepted, NotAccepted> {
    let mut span = trace::begin(process, key, &mut event);
    let accepted = hand_on(process, stores, owner, (key, event), deadline).await;
    if let Some(span) = &mut span {
        trace::end(span, &accepted);
    }
    accepted
}

async fn hand_on(
    process: &Process,
    stores: &Stores,
    owner: &dyn Submit,
    (key, event): (&GroupKey, Event),
    deadline: Duration,
) -> Result<Accepted, NotAccepted> {
    match process
        .clock
        .timeout(deadline, owner.submit(key, event.clone()))
        .await
    {
        Ok(Ok(verdict)) => Ok(Accepted::Decided(Box::new(verdict))),
        Ok(Err(SubmitError::NoGroup)) => Err(NotAccepted::NoGroup),
        Ok(Err(SubmitError::IdReused)) => Err(NotAccepted::IdReused),
        Ok(Err(SubmitError::Busy { retry_after })) => Err(NotAccepted::Busy(retry_after)),
        Ok(Err(SubmitError::Unavailable)) => Err(NotAccepted::Unavailable),
        // The owner may have it all the same: its id makes the double harmless.
        Ok(Err(SubmitError::Unreachable | SubmitError::NotOwner)) | Err(_) => {
            queue(process, stores, key, event).await
        }
    }
}

async fn queue(
    process: &Process,
    stores: &Stores,
    key: &GroupKey,
    event: Event,
) -> Result<Accepted, NotAccepted> {
    let groups = &*stores.groups;
    match groups.verdict(key, &event.id).await {
        Ok(Some(verdict)) => return known(verdict, &event),
        Ok(None) => {}
        Err(_error) => return Err(NotAccepted::Unavailable),
    }
    // Before the commit that causes it (safety 3.5); a lost mark costs time only.
    let now = now(process);
    if stores.hints.mark(key, now.wall).await.is_err() {
        tracing::debug!(group.id = %key.id, "hint not written");
    }
    let put = |view: View<'_>| put(view.group, now, &event);
    match apply(process, groups, key, Fence(0), None, put).await {
        // As it lies there: a double gets the answer that the first one got.
        Ok(group) => Ok(Accepted::Queued(Box::new(
            group.inbox.get(&event.id).cloned().unwrap_or(event),
        ))),
        Err(Refused::Decision(refusal)) => Err(refusal),
        Err(Refused::Missing) => Err(NotAccepted::NoGroup),
        Err(Refused::Store(_)) => Err(NotAccepted::Unavailable),
        Err(Refused::Contended) => Err(NotAccepted::Busy(BUSY_RETRY)),
        Err(Refused::Unknown) if off(Rule::AckWhenDurable) => Ok(Accepted::Queued(Box::new(event))),
        Err(Refused::Unknown) => Err(NotAccepted::Unknown),
    }
}

fn known(verdict: Verdict, event: &Event) -> Result<Accepted, NotAccepted> {
    if verdict.request == event.request {
        Ok(Accepted::Decided(Box::new(verdict)))
    } else {
        Err(NotAccepted::IdReused)
    }
}

/// The change that puts the event into the inbox; none if it is there already.
fn put(group: &Group, now: Now, event: &Event) -> Result<Option<Change>, NotAccepted> {
    if group.state.phase == Phase::Tombstone {
        return Err(NotAccepted::NoGroup);
    }
    match group.inbox.get(&event.id) {
        Some(there) if there.request == event.request => return Ok(None),
        Some(_) => return Err(NotAccepted::IdReused),
        None => {}
    }
    if group.inbox.len() >= INBOX_MAX {
        return Err(NotAccepted::Busy(BUSY_RETRY));
    }
    let mut draft = Draft::new(group, now);
    if off(Rule::OwnerDecides) {
        domain::decide::decide(&mut draft, std::slice::from_ref(event));
    } else {
        draft.queue(event.clone());
    }
    Ok(Some(draft.finish(Cause::Queue, event.actor.clone())))
}

fn now(process: &Process) -> Now {
    Now {
        wall: Timestamp::from_unix_ms(process.clock.unix_ms()),
        mono: Mono::from_ms(process.clock.mono().as_millis()),
    }
}

#[cfg(test)]
mod tests;
