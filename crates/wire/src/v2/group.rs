//! Groups: what a customer configures, and what a group shows of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::capacity::{Bounds, BoundsError, Size};
use domain::circle::Circle;
use domain::group::{self, Config, Phase, ScaleInOrder};
use domain::hold::is_held;
use domain::ids::{LaunchHash, PolicyId};
use domain::policy;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Invalid;
use super::circle::{CircleSpec, Circling};
use super::event::Grant;
use super::object::{list, optional};
use super::policy::{Policy, check_policies};
use super::time::Moment;
use super::verdict::words;

/// Key-value pairs of one group.
pub const METADATA_MAX: usize = 64;
/// Characters of a name, and bytes of a metadata key or value.
pub const TEXT_MAX: usize = 255;
/// Longest cooldown: a day (contract).
pub const COOLDOWN_SECONDS_MAX: u32 = 86_400;
/// Shortest and longest build timeout, and the one where none is given (design 11).
pub const BUILD_TIMEOUT_SECONDS: (u32, u32, u32) = (300, 14_400, 3_600);

/// What a customer configures: the body of a create and of a configuration change, which replaces all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// For people; not unique.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// The least servers.
    #[schema(maximum = 10000)]
    pub min: u32,
    /// The most servers.
    #[schema(maximum = 10000)]
    pub max: u32,
    /// No policy acts sooner than this after another one acted.
    #[serde(default)]
    #[schema(maximum = 86400)]
    pub cooldown_seconds: u32,
    /// What is launched. Required when the group is created; in a change, leave it out to keep what is.
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub launch: Option<Launch>,
    /// The customer's own key-value pairs; nothing is done with them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Scaling policies, at most 100.
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schema(max_items = 100)]
    pub policies: Vec<Policy>,
    /// Who goes first when the group scales in.
    #[serde(default)]
    pub scale_in: ScaleIn,
    /// What it does about alerts.
    #[serde(default)]
    pub alerts: CircleSpec,
    /// A server that builds longer is deleted and replaced.
    #[serde(default = "build_timeout_default")]
    #[schema(minimum = 300, maximum = 14400)]
    pub build_timeout_seconds: u32,
}

const fn build_timeout_default() -> u32 {
    BUILD_TIMEOUT_SECONDS.2
}

/// What is launched: the body of Nova's create call, as the customer wants it. Holt adds a name, metadata and a tag of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// Nova's `server` object. `min_count`, `max_count` and `return_reservation_id` are refused: one slot is one server.
    #[schema(value_type = Object)]
    pub server: serde_json::Map<String, serde_json::Value>,
    /// Whether it was stored by `/v1.0` while no cloud could say if its image and flavor are there. `/v2` asks no cloud, and keeps what it is told.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unvalidated: bool,
}

/// For members that are shown only where they say something.
const fn is_false(value: &bool) -> bool {
    !*value
}

words!(
    /// Who goes first when the group scales in. Servers still building always go before all others.
    #[derive(Default)]
    ScaleIn of domain::group::ScaleInOrder {
        /// The oldest.
        #[default]
        OldestFirst,
        /// The newest: keep what has warm caches.
        NewestFirst,
    }
);

/// A checked [`GroupSpec`], but for the launch configuration, which is checked and stored apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// See [`Config`].
    pub name: String,
    /// See [`Config`].
    pub bounds: Bounds,
    cooldown: Duration,
    metadata: BTreeMap<String, String>,
    /// See [`Config`].
    pub policies: BTreeMap<PolicyId, policy::Policy>,
    scale_in: ScaleInOrder,
    circle: Circle,
    build_timeout: Duration,
}

impl Parsed {
    /// The configuration with this launch configuration and generation.
    #[must_use]
    pub fn config(self, launch: LaunchHash, generation: u64) -> Config {
        Config {
            name: self.name,
            bounds: self.bounds,
            cooldown: self.cooldown,
            launch,
            metadata: self.metadata,
            policies: self.policies,
            scale_in: self.scale_in,
            circle: self.circle,
            build_timeout: self.build_timeout,
            serials: 0,
            hooks: BTreeMap::new(),
            generation,
        }
    }
}

impl GroupSpec {
    /// Checks everything but the launch configuration.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule it breaks.
    pub fn parse(&self) -> Result<Parsed, Invalid> {
        Ok(Parsed {
            name: self.check_own_name()?,
            bounds: self.check_bounds()?,
            cooldown: check_cooldown(self.cooldown_seconds)?,
            metadata: check_metadata(&self.metadata)?,
            policies: check_policies(&self.policies, &BTreeMap::new())?,
            scale_in: self.scale_in.into(),
            circle: self.check_circle()?,
            build_timeout: self.check_build_timeout()?,
        })
    }

    /// Checks what a patch made of `there`: only the members that it changed. The others stay as they are, also where only `/v1.0` takes
    /// them so.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule it breaks.
    pub fn parse_over(&self, there: &Config) -> Result<Parsed, Invalid> {
        let before = Self::new(there, None);
        let bounds = |spec: &Self| (spec.min, spec.max);
        let cooldown_stays = self.cooldown_seconds == before.cooldown_seconds;
        let timeout_stays = self.build_timeout_seconds == before.build_timeout_seconds;
        Ok(Parsed {
            name: kept_or(self.name == before.name, &there.name, || {
                self.check_own_name()
            })?,
            bounds: kept_or(bounds(self) == bounds(&before), &there.bounds, || {
                self.check_bounds()
            })?,
            cooldown: kept_or(cooldown_stays, &there.cooldown, || {
                check_cooldown(self.cooldown_seconds)
            })?,
            metadata: kept_or(self.metadata == before.metadata, &there.metadata, || {
                check_metadata(&self.metadata)
            })?,
            policies: kept_or(self.policies == before.policies, &there.policies, || {
                check_policies(&self.policies, &there.policies)
            })?,
            scale_in: self.scale_in.into(),
            circle: kept_or(self.alerts == before.alerts, &there.circle, || {
                self.check_circle()
            })?,
            build_timeout: kept_or(timeout_stays, &there.build_timeout, || {
                self.check_build_timeout()
            })?,
        })
    }

    fn check_own_name(&self) -> Result<String, Invalid> {
        check_name("name", &self.name).map(|()| self.name.clone())
    }

    fn check_bounds(&self) -> Result<Bounds, Invalid> {
        Bounds::new(Size(self.min), Size(self.max)).map_err(|error| match error {
            BoundsError::MinAboveMax => Invalid::new("min", "must not be larger than max"),
            BoundsError::MaxAboveLimit => Invalid::new("max", "must not be larger than 10000"),
        })
    }

    fn check_circle(&self) -> Result<Circle, Invalid> {
        self.alerts
            .parse()
            .map_err(|invalid| invalid.within("alerts"))
    }

    fn check_build_timeout(&self) -> Result<Duration, Invalid> {
        let (least, most, _) = BUILD_TIMEOUT_SECONDS;
        if !(least..=most).contains(&self.build_timeout_seconds) {
            return Err(Invalid::new(
                "build_timeout_seconds",
                "must be 300 to 14400",
            ));
        }
        Ok(seconds(self.build_timeout_seconds))
    }
}

/// What is there, of a member that stays as it is shown; else what its check makes of it.
pub(super) fn kept_or<T: Clone>(
    stays: bool,
    there: &T,
    check: impl FnOnce() -> Result<T, Invalid>,
) -> Result<T, Invalid> {
    if stays { Ok(there.clone()) } else { check() }
}

pub(super) fn check_name(field: &str, name: &str) -> Result<(), Invalid> {
    let length = name.chars().count();
    if name.trim().is_empty() || length > TEXT_MAX || name.chars().any(char::is_control) {
        return Err(Invalid::new(
            field,
            "must be 1 to 255 characters, not all blank, no control characters",
        ));
    }
    Ok(())
}

pub(super) fn check_cooldown(value: u32) -> Result<Duration, Invalid> {
    if value > COOLDOWN_SECONDS_MAX {
        return Err(Invalid::new("cooldown_seconds", "must be 0 to 86400"));
    }
    Ok(seconds(value))
}

pub(super) fn check_metadata(
    metadata: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Invalid> {
    if metadata.len() > METADATA_MAX {
        return Err(Invalid::new(
            "metadata",
            "must not have more than 64 entries",
        ));
    }
    let long = metadata
        .iter()
        .find(|(key, value)| key.is_empty() || key.len() > TEXT_MAX || value.len() > TEXT_MAX);
    match long {
        Some((key, _)) => {
            let shown: String = key.chars().take(64).collect();
            Err(Invalid::new(
                format!("metadata.{shown}"),
                "must have a key of 1 to 255 bytes and a value of at most 255 bytes",
            ))
        }
        None => Ok(metadata.clone()),
    }
}

impl From<ScaleIn> for ScaleInOrder {
    fn from(order: ScaleIn) -> Self {
        match order {
            ScaleIn::OldestFirst => Self::OldestFirst,
            ScaleIn::NewestFirst => Self::NewestFirst,
        }
    }
}

pub(super) fn seconds(value: u32) -> Duration {
    Duration::from_secs(value.into())
}

pub(super) fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// A group as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Its id; names its home colo.
    pub id: String,
    /// For people.
    pub name: String,
    /// Where it is in its life, and whether something is wrong.
    pub status: Status,
    /// The least servers.
    pub min: u32,
    /// The most servers.
    pub max: u32,
    /// How many servers are wanted now.
    pub desired: u32,
    /// How many are in service.
    pub active: u32,
    /// How many are on their way in, doubts included.
    pub pending: u32,
    /// Creates that nobody answered, that no list showed for long, and that still take room: each counts against `max` until the token of its call is
    /// dead (an hour and a quarter at most, as a rule), because its server may still come. So `active` may stay below `desired` meanwhile.
    #[serde(default)]
    pub lapsed: u32,
    /// A grant beyond the bounds, while it lasts.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// Why nothing new is launched, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Events that were accepted and wait for the owner.
    pub waiting: u32,
    /// See [`GroupSpec`].
    pub cooldown_seconds: u32,
    /// What is launched; absent in lists. Secrets in it show as `***` to those without the right `crud`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Launch>,
    /// See [`GroupSpec`].
    pub metadata: BTreeMap<String, String>,
    /// In order of id.
    pub policies: Vec<Policy>,
    /// See [`GroupSpec`].
    pub scale_in: ScaleIn,
    /// See [`GroupSpec`].
    pub alerts: CircleSpec,
    /// What it knows of alerts, while it knows of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circling: Option<Circling>,
    /// See [`GroupSpec`].
    pub build_timeout_seconds: u32,
    /// Raised by one by every change, of whatever part.
    pub rev: u64,
    /// When it was created; absent in lists, and once the first record of its history is gone (30 days).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Moment>,
}

/// Where a group is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Scales.
    Active,
    /// Scales, but launches nothing new for now; `hold` says why.
    Degraded,
    /// Refuses events, launches and deletes nothing.
    Paused,
    /// Every server is on its way out.
    Deleting,
}

/// Why nothing new is launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// The reason.
    pub why: HoldWhy,
    /// The cloud's own words; may be empty.
    pub detail: String,
    /// Since when.
    pub since: Moment,
    /// It ends by itself then; absent: only a configuration change or the event `converge` ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

words!(
    /// Reasons why nothing new is launched.
    HoldWhy of domain::group::HoldWhy {
        /// The cloud has no room.
        NoCapacity,
        /// Quota.
        Quota,
        /// The launch configuration is wrong.
        Config,
        /// The credential is refused.
        Credential,
        /// Three failed builds in 30 minutes.
        Failures,
        /// Throttled by the cloud, or stopped at its worker.
        Throttled,
        /// Servers proved slots that the ledger did not have: it was restored from a backup. Resume the group when you have looked.
        Restored,
    }
);

impl Group {
    /// The view of `group` at `now`, without launch configuration and time of creation.
    #[must_use]
    pub fn new(group: &group::Group, now: Timestamp) -> Self {
        let (config, state, census) = (&group.config, &group.state, group.slots.census());
        Self {
            id: group.key.id.to_string(),
            name: config.name.clone(),
            status: status(state, now),
            min: config.bounds.min().0,
            max: config.bounds.max().0,
            desired: state.desired.0,
            active: census.active.0,
            pending: census.wanted.less(census.active).0,
            lapsed: census.counted.less(census.wanted).0,
            grant: state.over.filter(|over| over.until > now).map(Grant::from),
            hold: state
                .hold
                .as_ref()
                .filter(|_| is_held(state, now))
                .map(Hold::from),
            waiting: u32::try_from(group.inbox.len()).unwrap_or(u32::MAX),
            cooldown_seconds: whole_seconds(config.cooldown),
            launch: None,
            metadata: config.metadata.clone(),
            policies: config.policies.values().map(Policy::from).collect(),
            scale_in: config.scale_in.into(),
            alerts: config.circle.into(),
            circling: state
                .alerts
                .as_ref()
                .map(|alerts| Circling::new(alerts, now)),
            build_timeout_seconds: whole_seconds(config.build_timeout),
            rev: group.rev.0,
            created: None,
        }
    }
}

impl GroupSpec {
    /// The configuration as a customer would write it.
    #[must_use]
    pub fn new(config: &Config, launch: Option<Launch>) -> Self {
        Self {
            name: config.name.clone(),
            min: config.bounds.min().0,
            max: config.bounds.max().0,
            cooldown_seconds: whole_seconds(config.cooldown),
            launch,
            metadata: config.metadata.clone(),
            policies: config.policies.values().map(Policy::from).collect(),
            scale_in: config.scale_in.into(),
            alerts: config.circle.into(),
            build_timeout_seconds: whole_seconds(config.build_timeout),
        }
    }
}

fn status(state: &group::State, now: Timestamp) -> Status {
    match state.phase {
        Phase::Deleting | Phase::Tombstone => Status::Deleting,
        Phase::Paused => Status::Paused,
        Phase::Running if is_held(state, now) => Status::Degraded,
        Phase::Running => Status::Active,
    }
}

impl From<&group::Hold> for Hold {
    fn from(hold: &group::Hold) -> Self {
        Self {
            why: hold.why.into(),
            detail: hold.detail.clone(),
            since: Moment(hold.since),
            until: hold.until.map(Moment),
        }
    }
}

#[cfg(test)]
mod tests;
