//! What handlers work with.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use chassis::config::Rate;
use chassis::net::Network;
use chassis::{Process, Stop};
use domain::event::Event;
use domain::ids::{ColoId, GroupId, GroupKey, HomeEpoch, TenantId};
use domain::time::{Mono, Now, Timestamp};
use store::Stores;
use wire::hooks::secret::HookKeys;
use wire::ports::submit::Submit;

use crate::auth::keystone::Keystone;
use crate::auth::revoked::Revoked;
use crate::auth::token::Verifier;
use crate::colos::Colos;
use crate::counts::Counts;
use crate::intake::Books;
use crate::known::Known;
use crate::limits::Limiter;
use crate::looks::Denied;
use crate::settings::{Limits, Settings};
use crate::submit::{Accepted, NotAccepted, submit};
use crate::v1::service::Service;

/// How long an owner may take to hear that its group changed; losing the hint costs time only.
const POKE_DEADLINE: Duration = Duration::from_secs(2);

/// Answers of receivers to the hooks of one group in a second: a hundred servers may become ready at once. A bucket of their own: whoever has a
/// capability URL of the group must not be able to hold them back.
const ANSWERS: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

/// Between two looks whether requests are still in hand.
const IDLE_GRAIN: Duration = Duration::from_millis(5);

/// Shared by all threads.
#[derive(Debug)]
pub struct Context {
    /// Time, tasks, randomness.
    pub process: Process,
    /// Where groups are.
    pub stores: Stores,
    /// Who decides.
    pub owner: Arc<dyn Submit>,
    /// Who is asking.
    pub verifier: Verifier,
    /// Who is asking, where a Keystone made the token.
    pub(crate) keystone: Option<Keystone>,
    /// Which tokens an operator has ended.
    pub(crate) revoked: Revoked,
    /// How much may be asked.
    pub limiter: Limiter<TenantId>,
    /// The same, as it is told to callers.
    pub(crate) rate_policy: HeaderValue,
    /// Believed about whom they speak for.
    pub(crate) proxies: Vec<Network>,
    /// How often one group may be asked by its capability URLs.
    pub(crate) executions: Limiter<GroupId>,
    /// How often the hooks of one group may be answered.
    pub(crate) answers: Limiter<GroupId>,
    /// How long an owner is waited for.
    pub owner_deadline: Duration,
    linger: Duration,
    /// When the first request came after the process was asked to stop.
    stopped: OnceLock<chassis::Mono>,
    /// Asked for when no request is served any more, which may be long after the process was asked to stop.
    pub(crate) ended: Stop,
    /// Where new groups live.
    pub colo: ColoId,
    /// The other colos, if there are any.
    pub(crate) colos: Option<Colos>,
    /// What seals the secrets of hooks; none if the operator set up no key.
    pub hooks: Option<HookKeys>,
    /// What the old surface is told.
    pub(crate) v1: Service,
    /// What was done and refused.
    pub counts: Counts,
    /// What was refused for want of a privileged right.
    pub(crate) denied: Arc<Denied>,
    /// What never changes.
    pub(crate) known: Known,
    /// What is remembered of inputs.
    pub(crate) books: Books,
    /// How many bodies of inputs were rejected, counted on from a random start: which place the next one takes.
    pub(crate) rejected: AtomicU64,
    in_hand: AtomicUsize,
}

/// One request in hand; dropping it is having answered.
#[derive(Debug)]
pub struct InHand<'context> {
    context: &'context Context,
    began: chassis::Mono,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        let Self { context, began } = self;
        let now = context.process.clock.mono();
        context.counts.took(now.saturating_since(*began));
        context.in_hand.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Context {
    pub(crate) fn new(
        process: &Process,
        settings: &Settings,
        (stores, owner): (Stores, Arc<dyn Submit>),
        (verifier, keystone, revoked): (Verifier, Option<Keystone>, Revoked),
        (v1, hooks, colos): (Service, Option<HookKeys>, Option<Colos>),
    ) -> Self {
        let in_a_second = |count: NonZeroU32| Limits {
            requests: Rate::PerSecond(count),
            burst: count,
        };
        Self {
            limiter: Limiter::new(process, &settings.limits),
            rate_policy: rate_policy(&settings.limits),
            proxies: settings.proxies.clone(),
            executions: Limiter::new(process, &in_a_second(settings.v1.executions)),
            answers: Limiter::new(process, &in_a_second(ANSWERS)),
            process: process.clone(),
            stores,
            owner,
            verifier,
            keystone,
            revoked,
            v1,
            hooks,
            owner_deadline: settings.owner_deadline,
            linger: settings.linger,
            stopped: OnceLock::new(),
            ended: Stop::new(),
            colo: ColoId(settings.colo),
            colos,
            counts: Counts::new(&process.metrics),
            denied: Arc::new(Denied::new(&process.metrics)),
            known: Known::new(),
            books: Books::new(process, settings.alerts),
            rejected: AtomicU64::new(process.entropy.below(1 << 32)),
            in_hand: AtomicUsize::new(0),
        }
    }

    /// Counts a request as in hand.
    #[must_use]
    pub fn enter(&self) -> InHand<'_> {
        self.in_hand.fetch_add(1, Ordering::SeqCst);
        InHand {
            context: self,
            began: self.process.clock.mono(),
        }
    }

    /// Whether requests are refused: the process is to stop, and whatever is in front had the time to notice.
    pub(crate) fn is_closed(&self) -> bool {
        let clock = &self.process.clock;
        if !self.process.stop.is_requested() {
            return false;
        }
        let since = *self.stopped.get_or_init(|| clock.mono());
        // A connection may outlive the listener for a moment, and nobody keeps up to date what its requests are judged by.
        self.ended.is_requested() || clock.mono().saturating_since(since) >= self.linger
    }

    /// Waits until no request is in hand, for at most `within`.
    pub async fn idle(&self, within: Duration) {
        let clock = &self.process.clock;
        let until = clock.mono() + within;
        while self.in_hand.load(Ordering::SeqCst) > 0 && clock.mono() < until {
            clock.sleep(IDLE_GRAIN).await;
        }
    }

    /// Both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        Now {
            wall: self.wall(),
            mono: Mono::from_ms(self.process.clock.mono().as_millis()),
        }
    }

    /// The wall clock.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.process.clock.unix_ms())
    }

    /// A group's partition: that of the epoch which is served here. Where none is, the store refuses it.
    #[must_use]
    pub fn key(&self, tenant: TenantId, id: GroupId) -> GroupKey {
        let epoch = self.epoch();
        GroupKey { tenant, id, epoch }
    }

    /// The epoch that is served here.
    #[must_use]
    pub fn epoch(&self) -> HomeEpoch {
        self.stores.home.epoch().unwrap_or_default()
    }

    /// Marks the group as having something to do, before the commit that causes it (safety 3.5). A lost mark costs time only.
    pub async fn mark(&self, key: &GroupKey) {
        if let Err(error) = self.stores.hints.mark(key, self.wall()).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "hint not written");
        }
    }

    /// Gets an event acknowledged. One that went into the inbox is counted, and its owner is told without waiting for it.
    ///
    /// # Errors
    /// As [`submit`].
    pub(crate) async fn submit(
        &self,
        key: &GroupKey,
        event: Event,
    ) -> Result<Accepted, NotAccepted> {
        let (process, stores, owner) = (&self.process, &self.stores, &*self.owner);
        let accepted = submit(process, stores, owner, (key, event), self.owner_deadline).await;
        if matches!(accepted, Ok(Accepted::Queued(_))) {
            self.counts.queued();
            self.poke(key);
        }
        accepted
    }

    /// Tells the owner that the group changed, without waiting for it.
    pub fn poke(&self, key: &GroupKey) {
        let (owner, key, clock) = (
            Arc::clone(&self.owner),
            key.clone(),
            self.process.clock.clone(),
        );
        drop(self.process.tasks.spawn("poke", async move {
            if clock.timeout(POKE_DEADLINE, owner.poke(&key)).await.is_err() {
                tracing::debug!(group.id = %key.id, "the owner did not hear that its group changed");
            }
        }));
    }
}

/// So many requests in so many seconds (draft-ietf-httpapi-ratelimit-headers).
fn rate_policy(limits: &Limits) -> HeaderValue {
    let (count, window) = match limits.requests {
        Rate::PerSecond(count) => (count, 1),
        Rate::PerMinute(count) => (count, 60),
        Rate::PerHour(count) => (count, 3_600),
    };
    let policy = format!("\"tenant\";q={count};w={window}");
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("\"tenant\""))
}
