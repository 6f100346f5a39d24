//! A scale event: somebody asks a group for something, once.

use crate::capacity::Size;
use crate::circle::{Signal, Turn};
use crate::ids::{EventId, PolicyId, RequestHash};
use crate::policy::Adjust;
use crate::time::Timestamp;
use crate::trace::Trace;
use std::net::IpAddr;

/// One request to scale, as accepted at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name for ever; the same name gets the same verdict.
    pub id: EventId,
    /// Of the request's body: the same id with another body is refused (safety 3.8).
    pub request: RequestHash,
    /// What is asked.
    pub ask: Ask,
    /// What it may skip.
    pub force: Force,
    /// Who asked.
    pub actor: Actor,
    /// When the edge accepted it.
    pub received: Timestamp,
    /// After this it gets the verdict `expired` instead of acting (safety 3.8).
    pub valid_until: Timestamp,
    /// The trace that watches it, if one does.
    pub trace: Option<Trace>,
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What a policy of the group says.
    Policy(PolicyId),
    /// An adjustment given with the event itself.
    Adjust(Adjust),
    /// Look again now; desired stays.
    Converge,
    /// An input says how an alert stands.
    Alert(Box<Signal>),
    /// The group looks again because of alerts.
    Turn(Turn),
}

/// What an event may skip (design 8). Nothing skips kill switch, budget, quota or ownership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Nothing.
    No,
    /// Cooldown, debounce and alert state.
    Gates,
    /// Those, and the group's bounds too: down or up to `size`, until `until`. Needs the exceed-limits right.
    Override(Override),
}

/// A grant beyond a group's bounds, recorded on the group (design 8). A group has one at a time: the last one that went further, or lasted longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override {
    /// The size that is granted, above max or below min.
    pub size: Size,
    /// When the grant ends; desired is then clamped again.
    pub until: Timestamp,
}

/// Who or what caused a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of cause.
    pub kind: ActorKind,
    /// The subject of its token, the policy's name, the schedule's id; never a secret.
    pub name: String,
    /// The request that brought it, for support.
    pub request_id: String,
    /// The address of who sent it; none for what no request brought.
    pub from: Option<IpAddr>,
}

/// Kinds of cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActorKind {
    /// A person or program with a token.
    Caller,
    /// An anonymous capability URL.
    Capability,
    /// A schedule.
    Schedule,
    /// An input for alerts.
    Input,
    /// Holt itself: self-heal, reconciliation, expiry.
    System,
}

/// Ids of events of schedules begin so; the policy and the planned time follow.
pub const OF_SCHEDULES: &str = "schedule-";
/// Ids of turns of the circle begin so; its beginning and the turn's number follow.
pub const OF_CIRCLES: &str = "circle-";
/// Ids of events of alerts that came in at an input begin so; [`OWN_DIGITS`] follow.
pub const OF_ALERTS: &str = "alert-";
/// Ids of events that `/v1.0` makes of requests without a key begin so; [`OWN_DIGITS`] follow.
pub const OF_V1: &str = "v1-";
/// Hexadecimal digits of an id that is a digest or chance.
pub const OWN_DIGITS: usize = 32;

/// Whether an id has a form that Holt gives to what it makes itself.
///
/// No caller may give such an id to an event: the first event of an id is the one that is decided, so whoever guessed the id of a
/// schedule's next run would run in its place. Only the whole form counts where ids are digests: `alert-17` is a good name for the event of
/// somebody's alert.
#[must_use]
pub fn is_own(id: &EventId) -> bool {
    let id = id.as_str();
    let are_digits =
        |rest: &str| rest.len() == OWN_DIGITS && rest.bytes().all(|b| b.is_ascii_hexdigit());
    let is_digest = |start: &str| id.strip_prefix(start).is_some_and(are_digits);
    id.starts_with(OF_SCHEDULES)
        || id.starts_with(OF_CIRCLES)
        || is_digest(OF_ALERTS)
        || is_digest(OF_V1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(id: &str) -> bool {
        is_own(&id.parse().expect("an id"))
    }

    #[test]
    fn ids_that_holt_makes_itself_are_its_own() {
        let digits = "0123456789abcdef".repeat(2);
        for id in [
            format!("{OF_SCHEDULES}night-1795280000000"),
            format!("{OF_CIRCLES}1795280000000-3"),
            format!("{OF_ALERTS}{digits}"),
            format!("{OF_V1}{digits}"),
        ] {
            assert!(is_taken(&id), "{id}");
        }
    }

    #[test]
    fn names_that_people_give_to_events_stay_free() {
        for id in [
            "alert-17",
            "alert-0123456789abcdef",
            "v1-deploy",
            "schedule",
            "my-schedule-1",
            "holt-0123456789abcdef0123456789abcdef",
            "0190163d-8694-739b-aea5-966c26f8ad91",
        ] {
            assert!(!is_taken(id), "{id}");
        }
    }
}
