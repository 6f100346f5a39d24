//! Hooks of a group, as they are asked for and shown.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::hook;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Invalid;
use super::time::Moment;

/// Bytes of an address at most.
const URL_BYTES_MAX: usize = 2048;

macro_rules! words {
    ($(#[$what:meta])* $name:ident of $domain:path { $($(#[$doc:meta])* $case:ident $word:tt,)+ }) => {
        $(#[$what])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $case,)+ }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                use $domain as Domain;
                match value { $(Domain::$case => Self::$case,)+ }
            }
        }
        impl From<$name> for $domain {
            fn from(word: $name) -> Self {
                use $domain as Domain;
                match word { $($name::$case => Domain::$case,)+ }
            }
        }
    };
}

words!(
    /// When a hook is called.
    Point of hook::Point {
        /// The server is up, and not yet in service. Can wait.
        BeforeActive "server.before_active",
        /// The server is in service.
        Active "server.active",
        /// The server has left service, and is not yet deleted. Can wait.
        BeforeDelete "server.before_delete",
        /// The server is gone.
        Gone "server.gone",
        /// The desired size changed.
        Scaled "group.scaled",
        /// The group cannot launch what it wants, or can again.
        Degraded "group.degraded",
        /// An alert stays open in spite of all that was done, or is over after that.
        Escalated "alert.escalated",
        /// The last alert is over, and nothing is given up before the message is taken.
        Over "alert.over",
    }
);
words!(
    /// The form of a message.
    Format of hook::Format {
        /// Standard Webhooks.
        Webhook "webhook",
        /// The same in a `CloudEvents` envelope.
        CloudEvents "cloudevents",
        /// A text for Slack and what imitates it; the address is a secret.
        Slack "slack",
        /// `PagerDuty` Events v2: opens and resolves incidents; for `group.degraded` and `alert.escalated`.
        PagerDuty "pagerduty",
        /// A GET that asks whether all is well; for `alert.over`.
        Probe "probe",
    }
);
words!(
    /// What is done with a server that waited.
    Answer of hook::Answer {
        /// Go on: into service, or to the delete.
        Continue "continue",
        /// Before service: delete the server. Before the delete: wait for nobody else.
        Abandon "abandon",
    }
);
words!(
    /// What something secret of a hook is.
    KeyKind of hook::KeyKind {
        /// Signs with HMAC-SHA256 (`v1`).
        Hmac "hmac",
        /// Signs with Ed25519 (`v1a`).
        Ed25519 "ed25519",
        /// The whole address.
        Address "address",
        /// The routing key of `PagerDuty`.
        Routing "routing",
        /// The bearer token of a probe.
        Bearer "bearer",
    }
);

/// How messages are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Signature {
    /// HMAC-SHA256 with a secret that both sides have.
    #[default]
    Hmac,
    /// Ed25519: the receiver has a public key only.
    Ed25519,
}

/// How a server waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// So long, and as long again with each heartbeat.
    #[schema(minimum = 5, maximum = 7200)]
    pub deadline_s: u32,
    /// But never longer in all; without it, two hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 5, maximum = 7200)]
    pub longest_s: Option<u32>,
    /// What is done when nobody answers.
    pub default: Answer,
}

/// A hook as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HookSpec {
    /// When it is called: 1 to 8.
    pub points: Vec<Point>,
    /// In which form.
    #[serde(default = "webhook")]
    pub format: Format,
    /// Where. May be left out for `PagerDuty`. Of a probe, what follows `#` is a JSON pointer to a list in the answer that must be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether servers wait for its answer, at the points that can wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Whether somebody with the trigger right may skip a step that waits.
    #[serde(default = "yes")]
    pub skippable: bool,
    /// A hook that is switched off is not called, and nothing waits for it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How messages are signed; the secret is made here and shown once.
    #[serde(default)]
    pub signature: Signature,
    /// A secret of one's own instead of one that is made here: `whsec_...`, for `PagerDuty` its routing key, for a probe a bearer token. Never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

const fn webhook() -> Format {
    Format::Webhook
}

const fn yes() -> bool {
    true
}

/// A hook of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hook {
    /// Its id in the group.
    pub hook: String,
    /// When it is called.
    pub points: Vec<Point>,
    /// In which form.
    pub format: Format,
    /// Where; of an address that is a secret only the beginning.
    pub url: String,
    /// Whether servers wait for its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Whether a step that waits may be skipped.
    pub skippable: bool,
    /// Whether it is called at all.
    pub enabled: bool,
    /// What it signs with, newest first.
    pub keys: Vec<Key>,
}

/// What is shown of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// What it is.
    pub kind: KeyKind,
    /// What receivers verify with, where that is no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// It is used until then, beside the newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

/// A hook that was made, changed or given a new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HookMade {
    /// The hook.
    pub hook: Hook,
    /// The secret that receivers verify with: shown now and never again. Absent if none was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A new key for a hook; the one before signs too until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// How the new key signs.
    #[serde(default)]
    pub signature: Signature,
    /// How long the key before is used beside it: 0 to 30 days, one day if not given.
    #[serde(default = "day")]
    #[schema(maximum = 2_592_000)]
    pub overlap_s: u32,
}

const fn day() -> u32 {
    24 * 3600
}

/// The longest overlap of two keys.
const OVERLAP_MAX: u32 = 30 * 24 * 3600;

impl Rotation {
    /// How long the key before stays.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn overlap(&self) -> Result<Duration, Invalid> {
        if self.overlap_s > OVERLAP_MAX {
            return Err(Invalid::new("overlap_s", "must be 0 to 2592000"));
        }
        Ok(Duration::from_secs(u64::from(self.overlap_s)))
    }
}

impl HookSpec {
    /// The hook that is asked for, without its keys.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn parse(&self) -> Result<hook::Hook, Invalid> {
        let points: BTreeSet<hook::Point> = self.points.iter().map(|p| (*p).into()).collect();
        if points.is_empty() || points.len() != self.points.len() {
            return Err(Invalid::new("points", "must be 1 to 8, none of them twice"));
        }
        let incidents =
            |point: &hook::Point| matches!(point, hook::Point::Degraded | hook::Point::Escalated);
        if self.format == Format::PagerDuty && !points.iter().all(incidents) {
            let rule = "must be group.degraded or alert.escalated for PagerDuty";
            return Err(Invalid::new("points", rule));
        }
        if self.format == Format::Probe && points.iter().any(|p| *p != hook::Point::Over) {
            let rule = "must be alert.over for a probe";
            return Err(Invalid::new("points", rule));
        }
        Ok(hook::Hook {
            wait: self.wait(&points)?,
            points,
            format: self.format.into(),
            url: self.shown_url()?,
            skippable: self.skippable,
            enabled: self.enabled,
            keys: Vec::new(),
        })
    }

    fn wait(&self, points: &BTreeSet<hook::Point>) -> Result<Option<hook::Waiting>, Invalid> {
        let Some(wait) = self.wait else {
            return Ok(None);
        };
        if !points.iter().any(|point| point.may_wait()) {
            let rule = "needs server.before_active or server.before_delete among the points";
            return Err(Invalid::new("wait", rule));
        }
        if !matches!(self.format, Format::Webhook | Format::CloudEvents) {
            return Err(Invalid::new("wait", "is for webhook and cloudevents only"));
        }
        let seconds = |s: u32| Duration::from_secs(u64::from(s));
        let bounds = 5..=7200;
        if !bounds.contains(&wait.deadline_s) {
            return Err(Invalid::new("wait.deadline_s", "must be 5 to 7200"));
        }
        let longest = wait.longest_s.unwrap_or(7200);
        if !(wait.deadline_s..=7200).contains(&longest) {
            let rule = "must be from deadline_s to 7200";
            return Err(Invalid::new("wait.longest_s", rule));
        }
        let wait = hook::Waiting {
            deadline: seconds(wait.deadline_s),
            longest: seconds(longest),
            default: wait.default.into(),
        };
        Ok(Some(wait))
    }

    /// The address, checked as far as can be without looking it up; the hooks lane judges where it leads.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn address(&self) -> Result<Option<&str>, Invalid> {
        let wrong = |rule: &str| Err(Invalid::new("url", rule));
        let Some(url) = self.url.as_deref() else {
            if self.format == Format::PagerDuty {
                return Ok(None);
            }
            return wrong("is missing");
        };
        let is_http = ["https://", "http://"].iter().any(|s| url.starts_with(s));
        if !is_http || url.len() > URL_BYTES_MAX || !url.bytes().all(|b| b.is_ascii_graphic()) {
            return wrong("must begin with https:// and have at most 2048 visible characters");
        }
        Ok(Some(url))
    }

    fn shown_url(&self) -> Result<String, Invalid> {
        let Some(url) = self.address()? else {
            return Ok(String::new());
        };
        if self.format != Format::Slack {
            return Ok(url.to_owned());
        }
        // Scheme and host.
        let origin: Vec<&str> = url.splitn(4, '/').take(3).collect();
        Ok(format!("{}/...", origin.join("/")))
    }
}

impl Hook {
    /// What is shown of a hook.
    #[must_use]
    pub fn new(id: &domain::ids::HookId, hook: &hook::Hook) -> Self {
        let seconds = |d: Duration| u32::try_from(d.as_secs()).unwrap_or(u32::MAX);
        let keys = hook.keys.iter().map(|key| Key {
            kind: key.kind.into(),
            public_key: key.public.clone(),
            until: key.until.map(Moment),
        });
        Self {
            hook: id.to_string(),
            points: hook.points.iter().map(|point| (*point).into()).collect(),
            format: hook.format.into(),
            url: hook.url.clone(),
            wait: hook.wait.map(|wait| Wait {
                deadline_s: seconds(wait.deadline),
                longest_s: Some(seconds(wait.longest)),
                default: wait.default.into(),
            }),
            skippable: hook.skippable,
            enabled: hook.enabled,
            keys: keys.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
