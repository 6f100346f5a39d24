//! The fence between the control planes of a colo: reads the key pairs that planes claim it with, claims for its own when its supervisors say
//! so, and tells the guard, which holds back what may not be done (safety 3.10, ADR 0020).
//!
//! The guard asks just before each call, where it asks for kill switches too. A read counts from when it began.

use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use chassis::ops::Check;
use cloud::error::CallError;
use cloud::guard::{Call, Priority, Whose};
use cloud::home;
use cloud::port::Made;
use domain::home::{Claim, Fence, KEPT, READ_EVERY, Refusal, STALE, key_pair_epoch};
use domain::ids::{ColoId, HomeEpoch, PlaneName, TenantId};
use domain::time::Mono;
use serde::{Deserialize, Serialize};
use wire::ports::ops::FenceRead;

use crate::Shared;

/// A read, or the making of a key pair, that takes longer is given up: the next one may be luckier.
const WITHIN: Duration = Duration::from_secs(10);
/// Before the first orders nobody has said for which colo to read.
const EARLY: Duration = Duration::from_millis(200);

/// Which control plane a worker works for, and how it watches the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its control plane.
    pub plane: PlaneName,
    /// The plane that serves as long as nobody took over.
    pub first: PlaneName,
    /// The tenant by whose account key pairs are read and made; best one that has no groups. Key pairs are a user's: it must be the same user for
    /// all planes.
    pub tenant: TenantId,
    /// Between two reads: 5 s.
    pub read: Duration,
    /// Nothing that changes the cloud is begun when the last good read began longer ago: 20 s.
    pub stale: Duration,
}

/// The same as a section of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    name: String,
    first: String,
    tenant: String,
    #[serde(default = "read_every", with = "chassis::config::duration")]
    read: Duration,
    #[serde(default = "stale", with = "chassis::config::duration")]
    stale: Duration,
}

const fn read_every() -> Duration {
    READ_EVERY
}

const fn stale() -> Duration {
    STALE
}

impl Settings {
    /// Settings that suit production.
    #[must_use]
    pub const fn new(plane: PlaneName, first: PlaneName, tenant: TenantId) -> Self {
        Self {
            plane,
            first,
            tenant,
            read: READ_EVERY,
            stale: STALE,
        }
    }

    /// Holds the times against each other.
    ///
    /// # Errors
    /// Names the rule: planes wait for as long as safety 3.10 says, so no worker may be more generous to itself.
    pub fn checked(self) -> anyhow::Result<Self> {
        ensure!(
            self.stale <= STALE,
            "`stale` must be at most 20s: other control planes count on it"
        );
        ensure!(
            !self.read.is_zero() && self.read * 2 <= self.stale,
            "`read` must be more than nothing, and at most half of `stale`"
        );
        Ok(self)
    }
}

impl Config {
    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let settings = Settings {
            plane: self.name.parse()?,
            first: self.first.parse()?,
            tenant: self.tenant.parse()?,
            read: self.read,
            stale: self.stale,
        };
        settings.checked()
    }
}

/// What a worker knows of the fence.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    settings: Settings,
    fence: Arc<Mutex<Fence>>,
}

/// Which refusal was told of last; none: that it is open. Nothing was told before the first look.
type Told = Option<Discriminant<Refusal>>;

/// What a read came to.
enum Read {
    /// The colo is not known yet.
    Early,
    /// It was made, and this is the highest claim.
    Good(Claim),
    /// It was not.
    Bad(String),
}

impl Watch {
    pub(crate) fn new(settings: Settings) -> Self {
        let fence = Fence::new(settings.plane.clone(), settings.stale);
        Self {
            settings,
            fence: Arc::new(Mutex::new(fence)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Fence> {
        self.fence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guard holds everything back from now on, until a read says otherwise.
    pub(crate) fn start(&self, shared: &Arc<Shared>) {
        shared.guard.fence(&self.lock());
        let run = self.clone().run(Arc::clone(shared));
        drop(shared.process.tasks.spawn("fence", run));
    }

    /// What was read last, for supervisors.
    pub(crate) fn last(&self, now: chassis::Mono) -> Option<FenceRead> {
        match &*self.lock() {
            Fence::Off | Fence::On { seen: None, .. } => None,
            Fence::On {
                seen: Some((claim, began)),
                ..
            } => Some(FenceRead {
                claim: claim.clone(),
                age: mono(now).since(*began),
            }),
        }
    }

    async fn run(self, shared: Arc<Shared>) {
        let process = &shared.process;
        let check = process.health.check("fence");
        let mut told: Told = None;
        loop {
            let began = process.clock.mono();
            let read = self.read(&shared).await;
            let now = mono(process.clock.mono());
            self.tell(&read, (&check, &mut told), now);
            let wait = match &read {
                Read::Early => EARLY,
                Read::Bad(_) => self.settings.read,
                // Whoever won or lost wants to know at once.
                Read::Good(highest) if self.claim(&shared, highest).await => Duration::ZERO,
                Read::Good(_) => self.settings.read,
            };
            tokio::select! {
                biased;
                () = process.stop.requested() => return,
                () = process.clock.sleep_until(began + wait) => {}
            }
        }
    }

    /// Reads the key pairs, and lets the guard know.
    async fn read(&self, shared: &Shared) -> Read {
        let clock = &shared.process.clock;
        let Some((colo, _)) = shared.beats.claim(clock.mono()) else {
            return Read::Early;
        };
        if let Err(why) = self.admit(shared).await {
            return Read::Bad(why);
        }
        let began = mono(clock.mono());
        let tenant = &self.settings.tenant;
        let pairs = match clock.timeout(WITHIN, shared.cloud.key_pairs(tenant)).await {
            Ok(Ok(pairs)) => pairs,
            Ok(Err(error)) => return Read::Bad(error.to_string()),
            Err(_elapsed) => return Read::Bad("no answer in time".to_owned()),
        };
        let claims = pairs.iter().filter_map(|pair| home::claim(colo, pair));
        let highest = Claim::highest(&self.settings.first, claims);
        let mut fence = self.lock();
        let is_good = fence.read(highest.clone(), began);
        shared.guard.fence(&fence);
        drop(fence);
        if !is_good {
            return Read::Bad("a key pair of a higher epoch was there and is gone".to_owned());
        }
        Read::Good(highest)
    }

    /// Takes a turn at the cloud's budget. Everybody's creates wait for the fence, so that one tenant was told to wait does not hold it up.
    async fn admit(&self, shared: &Shared) -> Result<(), String> {
        let deadline = shared.process.clock.mono() + WITHIN;
        let whose = Whose::everybody(&self.settings.tenant);
        let admitted = shared
            .guard
            .admit(Call::Get, whose, Priority::Doubt, deadline);
        admitted.await.map(drop).map_err(|why| why.to_string())
    }

    /// Claims the next epoch, if its supervisors want that one. True: something was tried, and a read shows what came of it.
    async fn claim(&self, shared: &Shared, highest: &Claim) -> bool {
        let clock = &shared.process.clock;
        let Some((colo, Some(wanted))) = shared.beats.claim(clock.mono()) else {
            return false;
        };
        if wanted != highest.epoch.next() || shared.process.stop.is_requested() {
            return false;
        }
        if self.admit(shared).await.is_err() {
            return false;
        }
        let Settings { plane, tenant, .. } = &self.settings;
        let pair = home::pair(colo, wanted, plane);
        let made = clock.timeout(WITHIN, shared.cloud.make_key_pair(tenant, &pair));
        match made.await {
            Ok(Ok(Made::New)) => {
                tracing::warn!(colo = colo.0, epoch = wanted.0, %plane, "this control plane has claimed the colo");
                self.prune(shared, colo, wanted).await;
                true
            }
            Ok(Ok(Made::Taken)) => {
                tracing::warn!(
                    colo = colo.0,
                    epoch = wanted.0,
                    "that epoch is somebody's already"
                );
                true
            }
            Ok(Err(CallError::Unclear(why))) => {
                tracing::error!(colo = colo.0, epoch = wanted.0, %why, "it is not known whether the colo was claimed: the next read shows it");
                false
            }
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    colo = colo.0,
                    epoch = wanted.0,
                    error,
                    "the colo was not claimed"
                );
                false
            }
            Err(_elapsed) => false,
        }
    }

    /// Deletes key pairs that are long superseded: their quota is 100 (safety 3.10). What stays is deleted with the next claim.
    async fn prune(&self, shared: &Shared, colo: ColoId, won: HomeEpoch) {
        let tenant = &self.settings.tenant;
        let Ok(pairs) = shared.cloud.key_pairs(tenant).await else {
            return;
        };
        for pair in pairs {
            let old = key_pair_epoch(colo, &pair.name);
            if old.is_none_or(|old| old.0.saturating_add(KEPT) >= won.0) {
                continue;
            }
            if self.admit(shared).await.is_err() {
                return;
            }
            if let Err(error) = shared.cloud.drop_key_pair(tenant, &pair.name).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, name = pair.name, "an old key pair stays");
                return;
            }
        }
    }

    /// Says how things stand, in the log when that changes.
    fn tell(&self, read: &Read, (check, told): (&Check, &mut Told), now: Mono) {
        let refusal = self.lock().allows(None, now).err();
        let kind = refusal.as_ref().map(discriminant);
        let is_news = *told != kind && !matches!(read, Read::Early);
        if is_news {
            *told = kind;
        }
        let plane = &self.settings.plane;
        match (refusal, read) {
            (None, _) => {
                check.ready();
                if is_news {
                    tracing::warn!(%plane, "the fence is open: this control plane has the colo");
                }
            }
            // To stand by is no fault.
            (Some(why @ Refusal::Superseded(_)), _) => {
                check.ready();
                if is_news {
                    tracing::warn!(%plane, %why, "nothing that changes the cloud is begun");
                }
            }
            (Some(refusal), read) => {
                check.failing("the key pairs of the colo cannot be read: nothing that changes the cloud is begun");
                let why = match read {
                    Read::Bad(why) => why.as_str(),
                    Read::Early | Read::Good(_) => "",
                };
                if is_news {
                    tracing::error!(%plane, %refusal, why, "nothing that changes the cloud is begun");
                }
            }
        }
    }
}

fn mono(at: chassis::Mono) -> Mono {
    Mono::from_ms(at.as_millis())
}
