//! What others have told the guard: the kill switches that stand, its share of the colo's budget, whether it may probe (safety 3.11).

use std::sync::Arc;
use std::time::Duration;

use chassis::Mono;
use domain::control::{Effect, Mode, Scope, Switch};
use domain::home::Fence;
use domain::ids::{ColoId, GroupId, GroupKey, HomeEpoch, TenantId};
use domain::turn::ProbeTurn;

use super::ramp::WHOLE;
use super::{Call, Refused, pause};

/// With news older than this nothing that changes the cloud is begun (design 6).
pub const NEWS_AGE_MAX: Duration = Duration::from_secs(4);

/// Whom a call is for.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The group, if it is for one only.
    pub group: Option<GroupId>,
    /// The epoch of that group's partition: a call of another epoch than the colo's is not begun (safety 3.10).
    pub epoch: Option<HomeEpoch>,
    /// Which pauses hold it up: the tenant's and the colo's, or the colo's and what calls for everybody by that account were told.
    pub heeds: pause::Scope,
}

impl<'a> Whose<'a> {
    /// A call for everybody in the colo, by the account of one tenant: while it is not made all stand still, so what that tenant's own calls were
    /// told concerns it not.
    #[must_use]
    pub const fn everybody(by: &'a TenantId) -> Self {
        Self {
            tenant: by,
            group: None,
            epoch: None,
            heeds: pause::Scope::Colo,
        }
    }
}

impl<'a> From<&'a TenantId> for Whose<'a> {
    fn from(tenant: &'a TenantId) -> Self {
        Self {
            tenant,
            group: None,
            epoch: None,
            heeds: pause::Scope::Tenant,
        }
    }
}

impl<'a> From<&'a GroupKey> for Whose<'a> {
    fn from(key: &'a GroupKey) -> Self {
        Self {
            tenant: &key.tenant,
            group: Some(key.id),
            epoch: Some(key.epoch),
            heeds: pause::Scope::Tenant,
        }
    }
}

/// What a worker was last told by those who hand its work out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The colo that this guard stands before.
    pub colo: ColoId,
    /// The switches that stand.
    pub switches: Arc<[Switch]>,
    /// The share of the colo's budget in thousandths; none: only the floor.
    pub share: Option<u32>,
    /// This worker's turn among those that probe; none: it may not.
    pub turn: Option<ProbeTurn>,
    /// Whether a colleague's probe was answered since this worker was told so last.
    pub answered: bool,
    /// As of when all this is, on this process's clock; none: nothing was heard yet, and nothing that changes the cloud is begun.
    pub as_of: Option<Mono>,
}

/// What a guard knows of its standing. A guard that shares its colo with nobody knows nothing and needs nothing.
#[derive(Debug)]
pub(super) struct Told {
    colo: ColoId,
    switches: Arc<[Switch]>,
    share: Option<u32>,
    /// Whether another control plane has the colo.
    pub(super) fence: Fence,
    /// None: nobody tells it anything, and it has the colo for itself.
    shared: Option<Shared>,
}

#[derive(Debug)]
struct Shared {
    floor: u32,
    /// As of when the news are; none: there were none yet.
    as_of: Option<Mono>,
}

impl Told {
    pub(super) fn nothing() -> Self {
        Self {
            colo: ColoId(0),
            switches: Arc::new([]),
            share: None,
            fence: Fence::Off,
            shared: None,
        }
    }

    /// From now on others say what it may.
    pub(super) fn share(&mut self, floor: u32) {
        self.shared = Some(Shared { floor, as_of: None });
    }

    /// Takes news in. True: something is less strict than before, and calls must come back slowly.
    pub(super) fn hear(&mut self, now: Mono, news: &Standing) -> bool {
        let was_heard = self.shared.as_ref().is_some_and(|s| s.as_of.is_some());
        let was_frozen = (was_heard && self.is_stale(now)) || frozen_anywhere(&self.switches);
        self.colo = news.colo;
        self.switches = Arc::clone(&news.switches);
        self.share = news.share;
        if let Some(shared) = &mut self.shared {
            shared.as_of = news.as_of;
        }
        was_frozen && !self.is_stale(now) && !frozen_anywhere(&self.switches)
    }

    /// The last news.
    #[cfg(test)]
    pub(super) fn last(&self) -> Standing {
        Standing {
            colo: self.colo,
            switches: Arc::clone(&self.switches),
            share: self.share,
            turn: Some(ProbeTurn::ALONE),
            answered: false,
            as_of: self.shared.as_ref().and_then(|shared| shared.as_of),
        }
    }

    /// The share of the budget, in thousandths.
    pub(super) fn permille(&self) -> u32 {
        self.shared.as_ref().map_or(WHOLE, |shared| {
            self.share.unwrap_or(0).max(shared.floor).min(WHOLE)
        })
    }

    /// What holds for calls of that class for that group.
    pub(super) fn effect(&self, now: Mono, whose: Whose<'_>) -> Effect {
        if self.is_stale(now) || self.is_fenced(now, whose.epoch) {
            return Effect::FROZEN;
        }
        Effect::of(&*self.switches, self.colo, whose.tenant, whose.group)
    }

    /// What holds for the whole colo.
    pub(super) fn colo_effect(&self, now: Mono) -> Effect {
        if self.is_stale(now) || self.is_fenced(now, None) {
            return Effect::FROZEN;
        }
        let whole = |switch: &&Switch| match &switch.scope {
            Scope::Global => true,
            Scope::Colo(colo) => *colo == self.colo,
            Scope::Tenant(_) | Scope::Group(_) => false,
        };
        Effect::sum(self.switches.iter().filter(whole))
    }

    /// Why a call of that class may not be made for that group, if so.
    pub(super) fn refusal(&self, now: Mono, call: Call, whose: Whose<'_>) -> Option<Refused> {
        let stops = stops(self.effect(now, whose), call);
        let stale = self.is_stale(now);
        let is_fenced = !stale && self.is_fenced(now, whose.epoch);
        stops.then_some(if is_fenced {
            Refused::Fenced
        } else {
            Refused::Stopped { stale }
        })
    }

    fn is_fenced(&self, now: Mono, epoch: Option<HomeEpoch>) -> bool {
        let now = domain::time::Mono::from_ms(now.as_millis());
        self.fence.allows(epoch, now).is_err()
    }

    /// Whether any call of that class is stopped by old news.
    pub(super) fn is_stale(&self, now: Mono) -> bool {
        self.shared.as_ref().is_some_and(|shared| {
            shared
                .as_of
                .is_none_or(|as_of| now.saturating_since(as_of) > NEWS_AGE_MAX)
        })
    }
}

/// Whether an effect stops calls of that class.
pub(super) const fn stops(effect: Effect, call: Call) -> bool {
    match call {
        Call::Create => effect.no_create,
        Call::Delete => effect.no_delete,
        Call::Get | Call::List | Call::Auth => false,
    }
}

/// Whether an effect slows calls of that class.
pub(super) const fn slows(effect: Effect, call: Call) -> bool {
    match call {
        Call::Create | Call::Delete => effect.slow,
        Call::Get | Call::List | Call::Auth => false,
    }
}

fn frozen_anywhere(switches: &[Switch]) -> bool {
    switches.iter().any(|switch| match switch.mode {
        Mode::Run | Mode::Slow => false,
        Mode::NoCreate | Mode::NoDelete | Mode::Freeze => true,
    })
}
