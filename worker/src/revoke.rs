//! Tokens of creates whose answer was lost. While such a token lives, the call may still be executed somewhere, so its slot counts against
//! max (design 4, rule 3): an hour, or a day where tokens live that long. So it gets a successor at once, and is revoked when nobody can
//! need it any more; six minutes later its slots are free (ADR 0021).
//!
//! Memory only: what a worker forgets when it dies waits for the token's own end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Mono;
use cloud::error::CallError;
use cloud::port::{Revoked, Token};
use domain::ids::{GroupKey, OpId, SlotId};
use domain::settle::Outcome;
use tokio::sync::Notify;
use wire::ports::ops::{Done, Subject};

use crate::Shared;
use crate::report::Pending;

/// Creates without an answer that are remembered. Beyond it, slots wait for the end of their token.
const CREATES_MAX: usize = 4096;
/// Between two tries.
const AGAIN: Duration = Duration::from_secs(60);

/// Nobody may be using a token any more when it is revoked: what was handed out with it has begun and ended by then, and been looked for.
const AFTER_MIN: Duration = Duration::from_secs(300);

/// It would be revoked while calls that were made with it may be under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be 5m or more, or 0s for never")]
pub struct TooSoon;

/// [`Settings::revoke_after`](crate::Settings::revoke_after) as a person writes it: 0 is never.
///
/// # Errors
/// [`TooSoon`].
pub fn after(given: Duration) -> Result<Option<Duration>, TooSoon> {
    if given.is_zero() {
        return Ok(None);
    }
    if given < AFTER_MIN {
        return Err(TooSoon);
    }
    Ok(Some(given))
}

/// A create without an answer.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// The supervisor that it came from.
    pub(crate) supervisor: usize,
    pub(crate) key: GroupKey,
    pub(crate) slot: SlotId,
}

/// The tokens that are to be revoked, by serial.
#[derive(Debug)]
pub(crate) struct Revocations {
    /// How long after it got a successor; none: never.
    after: Option<Duration>,
    retired: Mutex<BTreeMap<u64, Retired>>,
    news: Notify,
}

#[derive(Debug)]
struct Retired {
    token: Token,
    creates: Vec<Unanswered>,
    next: Next,
    due: Mono,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// It gets a successor.
    Renew,
    /// It is revoked. `Again`: a try without an answer may have done it.
    Revoke(Try),
}

#[derive(Debug, Clone, Copy)]
enum Try {
    First,
    Again,
}

impl Revocations {
    pub(crate) fn new(after: Option<Duration>) -> Self {
        Self {
            after,
            retired: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// Remembers a create without an answer, and with which token it was sent. One that ends by itself about as soon is left alone.
    pub(crate) fn note(&self, shared: &Shared, token: &Token, create: Unanswered) {
        let Some(after) = self.after else {
            return;
        };
        if shared.cloud.token_left(token) <= after * 2 {
            return;
        }
        let mut retired = self.retired();
        if retired.values().map(|c| c.creates.len()).sum::<usize>() >= CREATES_MAX {
            return;
        }
        // One after the other for a tenant: its tokens change no more often than that, however many answers are lost.
        let before = retired
            .values()
            .filter(|c| c.token.tenant == token.tenant && matches!(c.next, Next::Revoke(_)));
        let due = before.map(|c| c.due).max();
        let entry = retired.entry(token.serial).or_insert_with(|| Retired {
            token: token.clone(),
            creates: Vec::new(),
            next: Next::Renew,
            due: due.unwrap_or_else(|| shared.process.clock.mono()),
        });
        entry.creates.push(create);
        drop(retired);
        self.news.notify_one();
    }

    /// Which is due first, and when.
    fn first(&self) -> Option<(u64, Mono)> {
        let retired = self.retired();
        let due = retired.iter().map(|(serial, c)| (*serial, c.due));
        due.min_by_key(|(serial, due)| (*due, *serial))
    }

    fn put_off(&self, serial: u64, (next, due): (Next, Mono)) {
        if let Some(retired) = self.retired().get_mut(&serial) {
            (retired.next, retired.due) = (next, due);
        }
    }

    fn take(&self, serial: u64) -> Option<Retired> {
        self.retired().remove(&serial)
    }

    fn retired(&self) -> MutexGuard<'_, BTreeMap<u64, Retired>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives such tokens successors and revokes them, until the process is to stop.
pub(crate) async fn run(shared: Arc<Shared>) {
    let clock = &shared.process.clock;
    loop {
        let first = shared.revocations.first();
        let due = async {
            match first {
                Some((_, due)) => clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.process.stop.requested() => return,
            () = shared.revocations.news.notified() => {}
            () = due => {
                if let Some((serial, _)) = first {
                    step(&shared, serial).await;
                }
            }
        }
    }
}

/// One call for that token.
async fn step(shared: &Arc<Shared>, serial: u64) {
    let all = &shared.revocations;
    let of = |c: &Retired| (c.token.clone(), c.next);
    let Some((token, next)) = all.retired().get(&serial).map(of) else {
        return;
    };
    if shared.cloud.token_left(&token).is_zero() {
        drop(all.take(serial));
        return;
    }
    match next {
        Next::Renew => renew(shared, &token).await,
        Next::Revoke(tried) => revoke(shared, &token, tried).await,
    }
}

async fn renew(shared: &Shared, token: &Token) {
    let all = &shared.revocations;
    let renewed = match shared.cloud.renew(token).await {
        // Offered from the next poll on.
        Ok(()) => shared.tokens.sign_in(&token.tenant).await,
        Err(error) => Err(error),
    };
    let now = shared.process.clock.mono();
    let next = match renewed {
        Ok(()) => (
            Next::Revoke(Try::First),
            now + all.after.unwrap_or_default(),
        ),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, tenant = %token.tenant, "a token that creates without an answer were sent with has no successor yet");
            (Next::Renew, now + AGAIN)
        }
    };
    all.put_off(token.serial, next);
}

async fn revoke(shared: &Arc<Shared>, token: &Token, tried: Try) {
    let all = &shared.revocations;
    let answer = shared.cloud.revoke(token).await;
    let again = shared.process.clock.mono() + AGAIN;
    match (answer, tried) {
        (Ok(Revoked::Now), _) | (Ok(Revoked::NotFound), Try::Again) => {
            if let Some(retired) = all.take(token.serial) {
                tell(shared, retired);
            }
        }
        (Ok(Revoked::NotFound), Try::First) => {
            tracing::warn!(tenant = %token.tenant, "Keystone does not know a token that should live: the slots wait for its end");
            drop(all.take(token.serial));
        }
        (Err(CallError::Credential), _) => {
            tracing::warn!(tenant = %token.tenant, "Keystone does not let the service account revoke its own token: the slots wait for its end");
            drop(all.take(token.serial));
        }
        (Err(error), _) => {
            let tried = match error {
                CallError::Unclear(_) => Try::Again,
                CallError::Token(_) | CallError::Credential | CallError::Throttled(_) => tried,
            };
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, tenant = %token.tenant, "a token is not revoked yet");
            all.put_off(token.serial, (Next::Revoke(tried), again));
        }
    }
}

/// Reports it of each slot.
fn tell(shared: &Arc<Shared>, retired: Retired) {
    let tenant = &retired.token.tenant;
    let slots = retired.creates.len();
    tracing::info!(%tenant, slots, "a token that creates without an answer were sent with is revoked");
    let help = "Tokens revoked, because creates that were sent with them got no answer.";
    let revoked = shared
        .process
        .metrics
        .counter("worker_tokens_revoked_total", help);
    revoked.increment();
    for create in retired.creates {
        // None: the process stops, and the slots wait for the token's end.
        let Some(gate) = shared.process.stop.enter() else {
            return;
        };
        let pending = Pending {
            op: OpId::from_u128(shared.process.entropy.u128()),
            key: Subject::Group(create.key),
            result: Done::Slot {
                slot: create.slot,
                outcome: Outcome::TokenRevoked,
            },
            trace: None,
            began: None,
        };
        let reporting = Arc::clone(shared);
        drop(shared.process.tasks.spawn("revoked", async move {
            reporting.deliver(create.supervisor, pending).await;
            drop(gate);
        }));
    }
}
