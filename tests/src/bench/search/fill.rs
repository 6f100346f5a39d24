//! Changes to search for: real commits of many groups of some tenants, spread over a year.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::ensure;
use chassis::{Entropy, Process};
use domain::capacity::Size;
use domain::event::{Actor, ActorKind};
use domain::group::{Cause, Change, Group};
use domain::ids::{ColoId, Fence, GroupId, GroupKey, HomeEpoch, Nonce, Rev, ServerId, TenantId};
use domain::slot::State;
use domain::time::Timestamp;
use domain::verdict::Outcome;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use store::Stores;
use store::conformance::{HOSTILE, sample};
use store::group::{Committed, Guard};
use store::search::Wanted;

/// Tenants, and groups of all of them.
const TENANTS: usize = 20;
const GROUPS: usize = 1_000;
/// Groups that are written to at once.
const AT_ONCE: usize = 128;
/// Actors, beside those with hostile names.
const ACTORS: u64 = 300;
/// Changes that are kept to be searched for.
const SAMPLES: usize = 2_000;

/// One change that is there.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) tenant: TenantId,
    pub(super) group: GroupId,
    pub(super) rev: Rev,
    pub(super) at: Timestamp,
    pub(super) server: ServerId,
    pub(super) actor: String,
    pub(super) request: String,
}

/// What was written.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) documents: u64,
    pub(super) tenants: Vec<TenantId>,
    groups: Vec<GroupKey>,
    samples: Vec<Sample>,
}

impl Filled {
    pub(super) fn sample(&self, n: u64) -> &Sample {
        let place = usize::try_from(n.wrapping_mul(7_919)).unwrap_or(0);
        &self.samples[place % self.samples.len()]
    }

    fn key(&self, n: u64) -> &GroupKey {
        let place = usize::try_from(n.wrapping_mul(31)).unwrap_or(0);
        &self.groups[place % self.groups.len()]
    }

    pub(super) fn group(&self, n: u64) -> GroupId {
        self.key(n).id
    }

    /// Everything of a tenant.
    pub(super) fn of_tenant(&self, n: u64) -> Wanted {
        of(&self.tenants[usize::try_from(n).unwrap_or(0) % self.tenants.len()])
    }

    /// Everything of the tenant of [`Self::group`].
    pub(super) fn of_tenant_of(&self, n: u64) -> Wanted {
        of(&self.key(n).tenant)
    }

    /// Everything of the tenant of [`Self::sample`].
    pub(super) fn of_sample(&self, n: u64) -> Wanted {
        of(&self.sample(n).tenant)
    }
}

/// Everything of that tenant.
pub(super) fn of(tenant: &TenantId) -> Wanted {
    Wanted {
        tenant: Some(tenant.clone()),
        ..Wanted::default()
    }
}

/// Writes about so many changes.
pub(super) async fn fill(
    process: &Process,
    stores: &Stores,
    documents: u64,
) -> anyhow::Result<Filled> {
    let tenants: Vec<TenantId> = (0..TENANTS)
        .map(|n| sample::text(&format!("tenant-{n:02}")))
        .collect();
    let groups = u64::try_from(GROUPS)?;
    let each = documents.div_ceil(groups).max(2);
    let now = process.clock.unix_ms();
    let year = Duration::from_secs(360 * 24 * 3600);
    let (samples, entropy) = (Mutex::new(Vec::new()), Entropy::seeded(7));
    let keys: Vec<GroupKey> = (0..GROUPS)
        .map(|n| GroupKey {
            tenant: tenants[n % TENANTS].clone(),
            id: GroupId::new(ColoId(1), entropy.u128()),
            epoch: HomeEpoch(0),
        })
        .collect();
    let writer = Writer {
        stores,
        entropy: &entropy,
        samples: &samples,
        began: Timestamp::from_unix_ms(now).rest_of(year),
        step: year / u32::try_from(each)?,
        each,
    };
    let written = stream::iter(keys.iter().cloned()).map(|key| writer.group(key));
    let _done: Vec<()> = written.buffer_unordered(AT_ONCE).try_collect().await?;
    let samples = samples.into_inner()?;
    ensure!(!samples.is_empty(), "nothing was kept to be searched for");
    Ok(Filled {
        documents: each * groups,
        tenants,
        groups: keys,
        samples,
    })
}

/// The start of a span that ends at a moment.
trait RestOf {
    fn rest_of(self, span: Duration) -> Self;
}

impl RestOf for Timestamp {
    fn rest_of(self, span: Duration) -> Self {
        let span = u64::try_from(span.as_millis()).unwrap_or(0);
        Self::from_unix_ms(self.unix_ms().saturating_sub(span))
    }
}

struct Writer<'a> {
    stores: &'a Stores,
    entropy: &'a Entropy,
    samples: &'a Mutex<Vec<Sample>>,
    began: Timestamp,
    step: Duration,
    /// Changes of a group.
    each: u64,
}

impl Writer<'_> {
    async fn group(&self, key: GroupKey) -> anyhow::Result<()> {
        let mut group = Group::new(key, sample::config());
        let mut first = sample::first(&group);
        first.at = self.began;
        let nonce = Nonce::from_u128(self.entropy.u128());
        let done = self.stores.groups.create(&group, &first, nonce).await?;
        ensure!(
            done == Committed::Applied,
            "a group was not created: {done:?}"
        );
        group.rev = Rev(1);
        for n in 1..self.each {
            let change = self.change(&group, n);
            let guard = Guard {
                rev: group.rev,
                fence: Fence(0),
            };
            let nonce = Nonce::from_u128(self.entropy.u128());
            let done = self
                .stores
                .groups
                .commit(&group.key, guard, &change, nonce)
                .await?;
            ensure!(
                done == Committed::Applied,
                "a change was not committed: {done:?}"
            );
            group.rev = group.rev.next();
        }
        Ok(())
    }

    fn change(&self, group: &Group, n: u64) -> Change {
        let random = || self.entropy.u64();
        let server = ServerId::from_u128(self.entropy.u128());
        let name = match HOSTILE.get(usize::try_from(random() % 1_000).unwrap_or(0)) {
            Some(hostile) => (*hostile).to_owned(),
            None => format!("user-{:03}", random() % ACTORS),
        };
        let event = sample::text(&format!("event-{:032x}", self.entropy.u128()));
        let mut change = sample::desired(group, u32::try_from(random() % 40).unwrap_or(0));
        // Some ms apart, so that groups take turns within a step.
        change.at = self.began.plus(self.step * u32::try_from(n).unwrap_or(0));
        change.at = change.at.plus(Duration::from_millis(random() % 30_000));
        change.cause = Cause::Events;
        change.actor = Actor {
            kind: ActorKind::Caller,
            name,
            request_id: format!("request-{:016x}", random()),
            from: None,
        };
        change.state.desired = Size(u32::try_from(random() % 40).unwrap_or(0));
        // One slot a group is written over and over: its history is in the records, and the ledger stays small.
        change.slots = vec![sample::slot(group.key.id.as_u128(), State::Active(server))];
        let mut verdict = sample::verdict(&event, group.rev, change.at);
        let outcomes = [
            Outcome::Applied,
            Outcome::Clamped,
            Outcome::Cooldown,
            Outcome::Unchanged,
        ];
        verdict.outcome = outcomes[usize::try_from(random() % 4).unwrap_or(0)];
        change.verdicts = vec![verdict];
        self.keep(group, &change, server);
        change
    }

    /// Keeps one in so many, evenly.
    fn keep(&self, group: &Group, change: &Change, server: ServerId) {
        let all = self.each * u64::try_from(GROUPS).unwrap_or(1);
        let one_in = (all / u64::try_from(SAMPLES).unwrap_or(1)).max(1);
        if !self.entropy.u64().is_multiple_of(one_in) {
            return;
        }
        let sample = Sample {
            tenant: group.key.tenant.clone(),
            group: group.key.id,
            rev: group.rev.next(),
            at: change.at,
            server,
            actor: change.actor.name.clone(),
            request: change.actor.request_id.clone(),
        };
        self.samples
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(sample);
    }
}
