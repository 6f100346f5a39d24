//! One tenant's place at this colo: its account, its one current token, and what was lately refused. Single flight for sign-ins.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Mono;

use super::config::Account;
use crate::error::TokenError;
use crate::port::Token;

/// One tenant's place.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) account: Account,
    /// Held by whoever signs in; the others wait for what comes of it.
    pub(super) flight: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    token: Option<Token>,
    /// Counts sign-ins that ended, and keeps why the last one failed, for those who waited for it.
    flights: u64,
    failed: Option<Failed>,
    /// Tokens in a row that Nova did not take.
    rejected: u32,
    /// A sign-in was refused, or two tokens in a row: the account is suspect until then, no calls but one probe (safety 2.2).
    refused: Option<(Mono, String)>,
    /// A read was forbidden: suspect likewise. Kept apart, because sign-ins are no trouble then, and one that lands is no answer to it.
    forbidden: Option<(Mono, String)>,
    /// Until then no sign-in is begun, for a reason that is ours and neither Keystone's nor the account's.
    held_back: Option<(Mono, Failed)>,
}

/// Why a sign-in failed, for all that waited for it.
#[derive(Debug, Clone)]
pub(super) enum Failed {
    Refused(String),
    NoEndpoint(String),
    Unavailable(Arc<dyn std::error::Error + Send + Sync>),
    Throttled(Duration),
}

/// A failure that several callers share.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Shared(Arc<dyn std::error::Error + Send + Sync>);

impl From<Failed> for TokenError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(words) => Self::Refused(words),
            Failed::NoEndpoint(what) => Self::NoEndpoint(what),
            Failed::Unavailable(source) => Self::Unavailable(Box::new(Shared(source))),
            Failed::Throttled(wait) => Self::Throttled(wait),
        }
    }
}

/// What a rejected token means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    /// It may just have been revoked: another one is worth a try.
    Once,
    /// The one that followed it was not taken either: the account is suspect.
    Again,
}

impl Seat {
    pub(super) fn new(account: Account) -> Self {
        Self {
            account,
            flight: tokio::sync::Mutex::default(),
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token, if it is good for a while.
    pub(super) fn current(&self, now: Mono) -> Option<Token> {
        let inner = self.inner();
        let token = inner.token.as_ref()?;
        let life = token.inner.life;
        let reserve = Duration::from_secs(600).min(life / 10);
        (token.inner.left(now) > reserve).then(|| token.clone())
    }

    /// Whether the token was followed by another one.
    pub(super) fn has_other_than(&self, token: &Token) -> bool {
        let inner = self.inner();
        let current = inner.token.as_ref();
        current.is_some_and(|current| current.serial != token.serial)
    }

    /// The refusal that still stands, of whatever.
    pub(super) fn suspicion(&self, now: Mono) -> Option<String> {
        let inner = self.inner();
        let forbidden = || standing(inner.forbidden.as_ref(), now);
        standing(inner.refused.as_ref(), now).or_else(forbidden)
    }

    /// The refusal that still stands of a sign-in, or of what came of one.
    pub(super) fn refusal(&self, now: Mono) -> Option<String> {
        standing(self.inner().refused.as_ref(), now)
    }

    /// Has nobody sign in until then: whoever wants to hears this instead.
    pub(super) fn hold_back(&self, until: Mono, failed: Failed) {
        self.inner().held_back = Some((until, failed));
    }

    /// Why nobody may sign in now, if nobody may.
    pub(super) fn held_back(&self, now: Mono) -> Option<Failed> {
        let inner = self.inner();
        let (until, failed) = inner.held_back.as_ref()?;
        (*until > now).then(|| failed.clone())
    }

    /// How many sign-ins have ended: read before waiting for [`Seat::flight`].
    pub(super) fn flights(&self) -> u64 {
        self.inner().flights
    }

    /// Why the sign-in that was waited for failed, if one ended since `before` and did.
    pub(super) fn failed_since(&self, before: u64) -> Option<Failed> {
        let inner = self.inner();
        (inner.flights != before).then(|| inner.failed.clone())?
    }

    /// Keeps what came of a sign-in.
    pub(super) fn landed(&self, result: &Result<Token, Failed>, suspect_until: Mono) {
        let mut inner = self.inner();
        inner.flights += 1;
        match result {
            Ok(token) => {
                inner.token = Some(token.clone());
                inner.failed = None;
                inner.refused = None;
            }
            Err(failed) => {
                inner.failed = Some(failed.clone());
                if let Failed::Refused(words) = failed {
                    inner.refused = Some((suspect_until, words.clone()));
                }
            }
        }
    }

    /// Notes that a token was taken.
    pub(super) fn honoured(&self) {
        let mut inner = self.inner();
        inner.rejected = 0;
    }

    /// Notes that a token was not taken, and forgets it. A second one in a row makes the account suspect.
    pub(super) fn rejected(&self, token: &Token, suspect_until: Mono) -> Rejected {
        let mut inner = self.inner();
        let current = inner.token.as_ref().map(|current| current.serial);
        if current == Some(token.serial) {
            inner.token = None;
            inner.rejected += 1;
        }
        if inner.rejected < 2 {
            return Rejected::Once;
        }
        let words = "a fresh token was not accepted".to_owned();
        inner.refused = Some((suspect_until, words));
        // The probe starts anew.
        inner.rejected = 0;
        Rejected::Again
    }

    /// Makes the account suspect: it may not do what it is for.
    pub(super) fn suspect(&self, until: Mono, words: String) {
        self.inner().forbidden = Some((until, words));
    }

    /// Forgets the token without blame: the next one is made with what the service says of itself by then.
    pub(super) fn forget(&self) {
        self.inner().token = None;
    }
}

fn standing(refusal: Option<&(Mono, String)>, now: Mono) -> Option<String> {
    let (until, words) = refusal?;
    (*until > now).then(|| words.clone())
}

#[cfg(test)]
mod tests;
