//! From an alert to the events of its groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use alert::route::{self, Wanted};
use alert::{Alert, Dated, State};
use domain::circle::{AlertKey, NAME_MAX, Severity, Signal, Standing};
use domain::event::{Actor, ActorKind, Ask, Event, Force, OF_ALERTS};
use domain::ids::{GroupId, RequestHash, TenantId};
use domain::time::Timestamp;
use futures_util::future::join_all;
use sha2::{Digest, Sha256};
use store::group::Level;

use super::Loaded;
use super::inputs::Names;
use super::verify::MessageId;
use crate::context::Context;
use crate::failure::Failure;
use crate::origin::Origin;
use crate::submit::NotAccepted;
use crate::tenant;

/// Events that are sent at once: as many as one commit takes.
const AT_ONCE: usize = 64;
/// An alert without a time of its own, in a message that its sender did not sign with an id or a time, counts as the same for so long (design 8:
/// debounce of alert inputs).
pub(super) const SAME_FOR_MS: u64 = 10_000;
/// An alert that lasts is heard again once in so long, as its own time counts, although its source says the same: meanwhile a person may have closed
/// it, or there was no room for it.
const HEARD_AGAIN: Duration = Duration::from_secs(3_600);
/// However long an event waits for its owner: an alert that began does not become wrong by it. Verdicts are kept for longer.
pub(super) const VALID_FOR: Duration = Duration::from_secs(86_400);

/// Which groups the routes ask for.
pub(crate) fn wanted(input: &Loaded, alert: &Alert) -> Vec<Wanted> {
    route::wanted(&input.parsed.routes, alert, input.parsed.severity(alert))
}

/// Those of them that there are, each once.
pub(crate) async fn groups_of(
    context: &Context,
    tenant: &TenantId,
    wanted: Vec<Wanted>,
) -> Result<Vec<GroupId>, Failure> {
    let mut all = Vec::new();
    for one in wanted {
        match one {
            Wanted::Id(id) => all.push(id),
            Wanted::Named(name) => {
                let names = names(context, tenant).await?;
                all.extend(names.get(&name).into_iter().flatten());
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// All groups of a tenant by their whole names, a few seconds old at most.
async fn names(context: &Context, tenant: &TenantId) -> Result<Names, Failure> {
    if let Some(known) = context.books.names.get(tenant) {
        return Ok(known);
    }
    let keys = tenant::groups(context, tenant).await;
    let mut names: BTreeMap<String, Vec<GroupId>> = BTreeMap::new();
    for key in keys? {
        let group = context.stores.groups.read(&key, Level::Relaxed).await?;
        if let Some(group) = group.filter(tenant::is_there) {
            names.entry(group.config.name).or_default().push(key.id);
        }
    }
    let names = Arc::new(names);
    context
        .books
        .names
        .insert(tenant.clone(), Arc::clone(&names));
    Ok(names)
}

/// A digest of texts, each with its length before it, so that no two lists have one.
pub(super) fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The alert's key in every group.
pub(super) fn key(input: &Loaded, source: &str, fingerprint: &str) -> AlertKey {
    let hash = digest(&[
        &input.id.as_u128().to_be_bytes(),
        source.as_bytes(),
        fingerprint.as_bytes(),
    ]);
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    AlertKey(u64::from_be_bytes(first))
}

/// A name of at most so many bytes.
pub(super) fn short(name: &str) -> String {
    let ends = name.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= NAME_MAX).last().unwrap_or(0);
    name.get(..end).unwrap_or_default().to_owned()
}

/// What an input does, for the records.
pub(super) fn actor(input: &Loaded, origin: &Origin) -> Actor {
    origin.actor(ActorKind::Input, input.id.to_string())
}

/// The event of one alert for one group, out of that message if its sender gave it a name that is to be believed.
pub(crate) fn signal_event(
    context: &Context,
    input: &Loaded,
    (alert, group, message): (&Alert, GroupId, Option<&MessageId>),
    origin: &Origin,
) -> Option<Event> {
    let severity = input.parsed.severity(alert);
    let signal = Signal {
        alert: key(input, &alert.source, &alert.fingerprint),
        name: short(&alert.name),
        standing: standing(alert.state),
        severity: match severity {
            alert::Severity::Info => Severity::Info,
            alert::Severity::Warning => Severity::Warning,
            alert::Severity::Critical => Severity::Critical,
        },
        action: input.parsed.action(severity),
        missing: input.parsed.missing,
        hearing: None,
        at: said_at(alert),
    };
    let hash = digest(&[
        &input.id.as_u128().to_be_bytes(),
        &group.as_u128().to_be_bytes(),
        alert.source.as_bytes(),
        alert.fingerprint.as_bytes(),
        format!("{:?}", alert.state).as_bytes(),
        severity.as_str().as_bytes(),
        &moment(alert, message, context.wall()),
    ]);
    let event = event(context, (signal, hash), actor(input, origin))?;
    Some(Event {
        trace: origin.trace,
        ..event
    })
}

/// When it was said, where that tells an earlier word from a later one.
fn said_at(alert: &Alert) -> Option<Timestamp> {
    match alert.dated {
        Dated::Said => Some(alert.at),
        Dated::Began | Dated::No => None,
    }
}

/// What tells one telling of an alert from the next: the time that the alert has itself, and, while it lasts, how many hours ago that is; without
/// one, the message that its sender signed, so that neither a retry nor a replay of it is a second event; without both, when it came, roughly.
fn moment(alert: &Alert, message: Option<&MessageId>, now: Timestamp) -> Vec<u8> {
    let at = alert.at.unix_ms();
    if alert.dated != Dated::No {
        let mut moment = at.to_be_bytes().to_vec();
        let again = now.since(alert.at).as_secs() / HEARD_AGAIN.as_secs();
        if again > 0 && lasts(alert.state) {
            moment.extend(again.to_be_bytes());
        }
        return moment;
    }
    message.map_or_else(
        || (at - at % SAME_FOR_MS).to_be_bytes().to_vec(),
        |message| message.as_bytes().to_vec(),
    )
}

/// Whether a state is one that a source repeats.
const fn lasts(state: State) -> bool {
    match state {
        State::Open | State::Acknowledged | State::Unknown => true,
        State::Closed | State::Once => false,
    }
}

/// An event under an id made of a digest.
pub(super) fn event(
    context: &Context,
    (signal, hash): (Signal, [u8; 32]),
    actor: Actor,
) -> Option<Event> {
    let now = context.wall();
    let hex: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(Event {
        id: format!("{OF_ALERTS}{hex}").parse().ok()?,
        // What the id is made of is all that counts: the same alert comes in many bodies.
        request: RequestHash(hash),
        ask: Ask::Alert(Box::new(signal)),
        force: Force::No,
        actor,
        received: now,
        valid_until: now.plus(VALID_FOR),
        trace: None,
    })
}

const fn standing(state: State) -> Standing {
    match state {
        State::Open => Standing::Open,
        State::Acknowledged => Standing::Acknowledged,
        State::Closed => Standing::Closed,
        State::Unknown => Standing::Unknown,
        State::Once => Standing::Once,
    }
}

/// What became of events.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Those that are acknowledged, with their groups.
    pub(super) done: Vec<(GroupId, String)>,
    /// The ids that no group of the tenant has; whether another tenant's has one is not looked at.
    pub(super) nowhere: BTreeSet<GroupId>,
}

/// Gets events acknowledged, a commit's worth at a time. A group that is not there holds up no other.
pub(super) async fn deliver(
    context: &Context,
    tenant: &TenantId,
    events: Vec<(GroupId, Event)>,
) -> Result<Delivered, NotAccepted> {
    let mut delivered = Delivered::default();
    for piece in events.chunks(AT_ONCE) {
        let sent = piece.iter().map(|(group, event)| async move {
            let key = context.key(tenant.clone(), *group);
            let accepted = context.submit(&key, event.clone()).await;
            (*group, accepted.map(|_| event.id.to_string()))
        });
        for (group, accepted) in join_all(sent).await {
            match accepted {
                Ok(event) => delivered.done.push((group, event)),
                Err(NotAccepted::NoGroup) => {
                    delivered.nowhere.insert(group);
                }
                Err(why) => return Err(why),
            }
        }
    }
    Ok(delivered)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_795_280_000_000);

    /// An alert that arrives, or says that it began, so many milliseconds after some full ten seconds.
    fn alert(ms: u64, dated: Dated) -> Alert {
        Alert {
            source: "plain".to_owned(),
            fingerprint: "deploy".to_owned(),
            state: State::Once,
            severity: None,
            name: "deploy".to_owned(),
            application: None,
            host: None,
            labels: BTreeMap::new(),
            value: None,
            at: Timestamp::from_unix_ms(1_795_280_000_000 + ms),
            dated,
        }
    }

    #[test]
    fn an_undated_alert_in_a_signed_message_is_the_same_whenever_it_arrives() {
        let (one, other) = (MessageId::named("msg_1"), MessageId::named("msg_2"));
        let first = moment(&alert(9_999, Dated::No), Some(&one), NOW);
        for later in [10_000, 15_000, 290_000] {
            assert_eq!(
                moment(&alert(later, Dated::No), Some(&one), NOW),
                first,
                "{later}"
            );
        }
        assert_ne!(moment(&alert(9_999, Dated::No), Some(&other), NOW), first);
    }

    #[test]
    fn a_time_that_is_signed_counts_where_there_is_no_id() {
        let signed = |stamp: &str| {
            let message = MessageId::signed_at(stamp);
            moment(&alert(0, Dated::No), Some(&message), NOW)
        };
        assert_eq!(signed("1795280000"), signed("1795280000"));
        assert_ne!(signed("1795280000"), signed("1795280001"));
        let named = moment(
            &alert(0, Dated::No),
            Some(&MessageId::named("1795280000")),
            NOW,
        );
        assert_ne!(signed("1795280000"), named, "an id is no time");
    }

    #[test]
    fn without_a_signed_message_an_undated_alert_is_the_same_for_ten_seconds() {
        let at = |ms| moment(&alert(ms, Dated::No), None, NOW);
        assert_eq!(at(0), at(9_999));
        assert_ne!(at(0), at(10_000));
    }

    #[test]
    fn the_time_of_the_alert_itself_counts_more_than_its_message() {
        let message = MessageId::named("msg_1");
        let dated = moment(&alert(1, Dated::Said), Some(&message), NOW);
        assert_eq!(dated, moment(&alert(1, Dated::Said), None, NOW));
        assert_ne!(dated, moment(&alert(2, Dated::Said), Some(&message), NOW));
    }

    #[test]
    fn an_alert_that_lasts_is_heard_again_once_an_hour_and_its_end_is_not() {
        let said = |state, after: u64| {
            let alert = Alert {
                state,
                ..alert(0, Dated::Began)
            };
            moment(&alert, None, NOW.plus(Duration::from_secs(after)))
        };
        for state in [State::Open, State::Acknowledged, State::Unknown] {
            assert_eq!(said(state, 3_599), said(state, 0));
            assert_ne!(said(state, 3_600), said(state, 0));
            assert_eq!(said(state, 3_600), said(state, 7_199));
            assert_ne!(said(state, 3_600), said(state, 7_200));
        }
        for state in [State::Closed, State::Once] {
            assert_eq!(said(state, 90_000), said(state, 0));
        }
    }

    #[test]
    fn only_the_time_of_a_word_tells_whether_it_comes_late() {
        let at = |dated| said_at(&alert(7, dated));
        assert_eq!(at(Dated::Said), Some(NOW.plus(Duration::from_millis(7))));
        assert_eq!((at(Dated::Began), at(Dated::No)), (None, None));
    }
}
