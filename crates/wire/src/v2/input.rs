//! Inputs: where alerts come in, how they are read and proved, which groups they are for, and what is done about them.

use std::collections::BTreeMap;
use std::time::Duration;

use alert::decimal::Milli;
use alert::mapping::{Mapping, Words};
use alert::route::{Route, Target};
use alert::template::Template;
use alert::vote::Rule;
use alert::{Format, Severity as AlertSeverity, State};
use domain::capacity::Size;
use domain::circle::{Action, Missing, Severity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Invalid;
use super::circle::{self, step};
use super::number::PercentNumber;
use super::object::{list, optional};
use super::time::Moment;
use super::verdict::Verdict;

/// Inputs of one tenant.
pub const INPUTS_MAX: usize = 100;
/// Routes of one input.
pub const ROUTES_MAX: usize = 50;
/// Groups of one route, and conditions of one.
pub const TARGETS_MAX: usize = 20;
/// Words of one table.
const WORDS_MAX: usize = 64;
/// Characters of a name.
const NAME_MAX: usize = 255;

/// What a customer configures: the body of a create, and of a change, which replaces all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// For people; not unique.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// The shape of bodies: `recognised` (where none is given), `mapped`, or a format by its name.
    #[serde(default = "recognised")]
    pub format: String,
    /// How to read bodies; with the format `mapped`.
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub mapping: Option<MappingSpec>,
    /// What a sender must prove, besides knowing the URL.
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub verify: Option<VerifySpec>,
    /// Which groups alerts are for. Every route that fits counts.
    #[serde(deserialize_with = "list")]
    #[schema(min_items = 1, max_items = 50)]
    pub routes: Vec<RouteSpec>,
    /// What is done about open alerts, by how bad they are.
    #[serde(default)]
    pub severities: Severities,
    /// What holds for a group while nobody knows how an alert stands.
    #[serde(default)]
    pub missing: MissingSpec,
    /// With `missing` as `floor`: the least servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 10000)]
    pub floor: Option<u32>,
    /// How pushed metrics are judged; without it, metrics are refused.
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub metrics: Option<MetricSpec>,
}

fn recognised() -> String {
    "recognised".to_owned()
}

/// One route: an alert that fits every condition is for these groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// By field (`source`, `name`, `application`, `host`, `severity`, `labels.NAME`) a pattern for its whole text: `*` is any text, `?` one
    /// character, and everything else, dots too, is itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, String>,
    /// The groups: each an id, or a whole name that may have holes, as in `{application}-{labels.env}`.
    #[schema(min_items = 1, max_items = 20)]
    pub to: Vec<String>,
}

/// What is done about open alerts, by how bad they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Severities {
    /// About critical ones: the group's step, where nothing else is given.
    pub critical: ActionSpec,
    /// About warnings: told, where nothing else is given.
    pub warning: ActionSpec,
    /// About information: nothing, where nothing else is given.
    pub info: ActionSpec,
    /// How bad an alert is that does not say.
    pub otherwise: circle::Severity,
}

/// What is done about an open alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// `step`, `notify` or `nothing`.
    #[serde(rename = "do")]
    pub what: What,
    /// With `step`: so many servers more, in place of the group's own step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10000)]
    pub by: Option<u32>,
    /// With `step`: so many percent more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_percent: Option<PercentNumber>,
}

/// What is done about an open alert, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The group steps up, again and again while the alert is open.
    Step,
    /// Somebody is told; the group gives nothing up meanwhile.
    Notify,
    /// Nothing.
    Nothing,
}

/// What holds for a group while nobody knows how an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MissingSpec {
    /// Other alerts may make it grow; it gives nothing up.
    #[default]
    OutOnly,
    /// It neither grows nor gives anything up because of alerts.
    Hold,
    /// As `out-only`, and it has at least `floor` servers.
    Floor,
}

/// What a sender must prove, besides knowing the URL. The secret is made here and shown once; give it to the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifySpec {
    /// How.
    pub by: VerifyBy,
    /// With `hmac`: the header with the signature; `X-Holt-Signature` where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// With `hmac`: a header with the time in seconds. The signed text is then the time, a colon, and the body, and may be 5 min old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_header: Option<String>,
}

/// How a sender proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyBy {
    /// `Authorization: Basic` with any user and the secret as password.
    Basic,
    /// `Authorization: Bearer` with the secret.
    Bearer,
    /// HMAC-SHA256 of the body in a header, hexadecimal or base64, with or without `sha256=` before it.
    Hmac,
    /// The headers of Standard Webhooks (symmetric, v1).
    StandardWebhooks,
}

/// How pushed metrics of servers are judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricSpec {
    /// The value is percent idle, and is turned round into use.
    #[serde(default)]
    pub idle: bool,
    /// From here on a server asks for more. A decimal number as text, as in `"80"`.
    pub above: String,
    /// Down from here a server can do with fewer. Without it, whoever does not ask for more can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
    /// It must have been so for this long.
    #[schema(maximum = 86400)]
    pub lasting_seconds: u32,
    /// Percent of the servers that are heard that must say so.
    #[serde(default = "majority")]
    #[schema(minimum = 1, maximum = 100)]
    pub share_percent: u8,
    /// A server that is not heard for this long is missing.
    #[schema(minimum = 10, maximum = 86400)]
    pub missing_after_seconds: u32,
}

const fn majority() -> u8 {
    51
}

/// A customer's own reading of bodies. Texts are templates whose holes are JSON pointers: `{/a/b}` into one item, `{^/a/b}` into the whole body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingSpec {
    /// Where the list of items is, as a JSON pointer; without it, the body is the one item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// Names the thing that is wrong, from its beginning to its end.
    pub fingerprint: String,
    /// Whether it is wrong: a text, and its words as `open`, `acknowledged`, `closed`, `unknown`, `once` or `pass-over`.
    pub state: WordsSpec,
    /// How bad it is: a text, and its words as `critical`, `warning` or `info`.
    #[serde(
        default,
        deserialize_with = "optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub severity: Option<WordsSpec>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which application it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Which host it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// When it came to be in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Labels by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A text, and what its words mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WordsSpec {
    /// The text.
    pub of: String,
    /// What each word means; case does not matter.
    pub words: BTreeMap<String, String>,
    /// For every other word. Without it, such an item is broken: kept for people to see, and acted on by nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
}

impl Default for Severities {
    fn default() -> Self {
        let plain = |what| ActionSpec {
            what,
            by: None,
            by_percent: None,
        };
        Self {
            critical: plain(What::Step),
            warning: plain(What::Notify),
            info: plain(What::Nothing),
            otherwise: circle::Severity::Critical,
        }
    }
}

mod parse;
mod shown;

pub use parse::{Parsed, Verify};
pub use shown::*;

#[cfg(test)]
mod tests;
