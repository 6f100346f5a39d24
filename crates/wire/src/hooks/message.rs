//! One message of a hook, as receivers read it.

use domain::group::{Group, HoldWhy};
use domain::hook::{Answer, Hook};
use domain::ids::{DeliveryId, GroupId};
use domain::outbox::{About, Delivery, Wait};
use domain::slot::{DeleteWhy, GoneWhy};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::v2::time::Moment;

/// A message. Its id and content stay the same however often it is sent, but for `attempt` and `remaining_s`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Stable: the header `webhook-id`, by which a receiver knows a repetition.
    pub id: String,
    /// What happened: `server.before_active`, `server.active`, `server.before_delete`, `server.gone`, `group.scaled`, `group.degraded`,
    /// `alert.escalated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub timestamp: Moment,
    /// To what.
    pub data: Data,
}

/// What a message says. Fields that do not belong to its type are absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Data {
    /// The tenant.
    pub tenant: String,
    /// The group.
    pub group: String,
    /// Its name, for people.
    pub group_name: String,
    /// The hook that this is for.
    pub hook: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The server's uuid in the cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The server's slot in the ledger: also the end of its name, and in its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Why a server is gone, or a group degraded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// More about it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Desired before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u32>,
    /// Desired after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// The same for as long as one trouble lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// Whether that trouble is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<bool>,
    /// What the server waits for, if it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Waits>,
}

/// What a server waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waits {
    /// Without an answer, `default` is done then; each heartbeat moves it.
    pub deadline: Moment,
    /// However many heartbeats come, it does not wait longer than until then.
    pub longest: Moment,
    /// How much is left when this attempt begins, in seconds.
    pub remaining_s: u64,
    /// `continue` or `abandon`.
    pub default: String,
    /// POST to this with `/continue`, `/abandon` or `/heartbeat` at its end, without a token: the address itself is the right to answer, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_url: Option<String>,
}

/// The id of a message for ever.
#[must_use]
pub fn message_id(group: GroupId, id: DeliveryId) -> String {
    format!("msg_{group}_{id}")
}

/// The message of a delivery.
#[must_use]
pub fn message(group: &Group, delivery: &Delivery, now: Timestamp) -> Message {
    let mut data = Data {
        tenant: group.key.tenant.to_string(),
        group: group.key.id.to_string(),
        group_name: group.config.name.clone(),
        hook: delivery.hook.to_string(),
        attempt: delivery.attempts().saturating_add(1),
        server: None,
        slot: None,
        reason: None,
        detail: None,
        before: None,
        after: None,
        incident: None,
        over: None,
        wait: delivery
            .wait
            .filter(|wait| wait.ended.is_none())
            .map(|wait| waits(&wait, now)),
    };
    about(&mut data, &delivery.about, group.key.id);
    Message {
        id: message_id(group.key.id, delivery.id),
        kind: delivery.point.word().to_owned(),
        timestamp: Moment(delivery.made),
        data,
    }
}

fn about(data: &mut Data, about: &About, group: GroupId) {
    match about {
        About::Server { slot, server, gone } => {
            data.slot = Some(slot.to_string());
            data.server = Some(server.to_string());
            data.reason = gone.map(|gone| why_gone(gone).to_owned());
        }
        About::Size { before, after } => {
            data.before = Some(before.0);
            data.after = Some(after.0);
        }
        About::Trouble { why, detail, over } => {
            data.reason = Some(why_held(*why).to_owned());
            data.detail = (!detail.is_empty()).then(|| detail.clone());
            data.incident = Some(format!("{group}/degraded"));
            data.over = Some(*over);
        }
        About::Incident { id, text, over } => {
            data.detail = Some(text.clone());
            data.incident = Some(id.clone());
            data.over = Some(*over);
        }
    }
}

fn waits(wait: &Wait, now: Timestamp) -> Waits {
    Waits {
        deadline: Moment(wait.since.plus(wait.length)),
        longest: Moment(wait.since.plus(wait.terms.longest)),
        remaining_s: wait.rest(now).as_secs(),
        default: answer_word(wait.terms.default).to_owned(),
        answer_url: None,
    }
}

/// The word of an answer.
#[must_use]
pub const fn answer_word(answer: Answer) -> &'static str {
    match answer {
        Answer::Continue => "continue",
        Answer::Abandon => "abandon",
    }
}

/// The word for how a server ended.
#[must_use]
pub const fn why_gone(gone: GoneWhy) -> &'static str {
    match gone {
        GoneWhy::Deleted(DeleteWhy::ScaleIn) => "scale-in",
        GoneWhy::Deleted(DeleteWhy::NoCapacity) => "no-capacity",
        GoneWhy::Deleted(DeleteWhy::Quota) => "quota",
        GoneWhy::Deleted(DeleteWhy::Failed) => "build-failed",
        GoneWhy::Deleted(DeleteWhy::Stuck) => "stuck",
        GoneWhy::Deleted(DeleteWhy::Surplus) => "surplus",
        GoneWhy::Deleted(DeleteWhy::GroupDeleted) => "group-deleted",
        GoneWhy::Deleted(DeleteWhy::Abandoned) => "abandoned",
        GoneWhy::External => "external",
        GoneWhy::HandedBack => "handed-back",
    }
}

/// The word for why a group launches nothing.
#[must_use]
pub const fn why_held(why: HoldWhy) -> &'static str {
    match why {
        HoldWhy::NoCapacity => "no-capacity",
        HoldWhy::Quota => "quota",
        HoldWhy::Config => "config",
        HoldWhy::Credential => "credential",
        HoldWhy::Failures => "failures",
        HoldWhy::Throttled => "throttled",
        HoldWhy::Restored => "restored",
    }
}

/// The keys of a hook that are used at that time.
pub fn live_keys(hook: &Hook, now: Timestamp) -> impl Iterator<Item = &domain::hook::Key> {
    let keys = hook.keys.iter();
    keys.filter(move |key| key.until.is_none_or(|until| until > now))
}
