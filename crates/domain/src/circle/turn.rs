//! Hearing of alerts, and the turns of the circle.

use std::time::Duration;

use super::known::Sum;
use super::{ALERTS_MAX, Action, Alerts, Circle, Known, Missing, Signal, Standing, Turn, late};
use crate::decide::{change, gate, stop_if, until_over};
use crate::draft::Draft;
use crate::event::{Actor, ActorKind, Ask, Event, Force, OF_CIRCLES};
use crate::group::Phase;
use crate::hook::{Point, any_at};
use crate::ids::RequestHash;
use crate::mutant::{self, Mutant};
use crate::outbox::{self, About, Delivery};
use crate::policy::Adjust;
use crate::time::Timestamp;
use crate::verdict::{Gate, GateWord, Outcome, Word};

/// Names of alerts in a call for help.
const NAMES_TOLD: usize = 5;

/// Takes note of what is heard, whatever comes of it: a group that is paused hears, too. Says whether the alert was open before, and how
/// bad it was then; and whether it is one too many to be remembered. None: it is older than what was heard of the alert, and changes nothing.
pub(crate) fn take(draft: &mut Draft<'_>, signal: &Signal) -> Option<Heard> {
    let now = draft.now().wall;
    if late::is_late(&draft.state, signal, now) {
        return None;
    }
    late::remember(&mut draft.state.ends, signal, now);
    let mut alerts = draft
        .state
        .alerts
        .take()
        .unwrap_or_else(|| Alerts::new(now));
    let before = alerts.known.get(&signal.alert);
    let was_open = before.is_some_and(|known| known.is_open(now));
    let is_worse = before.is_none_or(|known| signal.severity > known.severity);
    let was_known = before.is_some();
    let is_full = !was_known && alerts.known.len() >= ALERTS_MAX;
    let known = Known::new(signal, before, now);
    match signal.standing {
        Standing::Once => {}
        Standing::Closed if signal.hearing.is_none() => {
            alerts.known.remove(&signal.alert);
        }
        Standing::Open | Standing::Acknowledged | Standing::Unknown
            if known.action == Action::Nothing =>
        {
            alerts.known.remove(&signal.alert);
        }
        Standing::Closed
        | Standing::Open
        | Standing::Acknowledged
        | Standing::Steady
        | Standing::Spare
        | Standing::Unknown => {
            if !is_full {
                alerts.known.insert(signal.alert, known);
            }
        }
    }
    draft.state.alerts = Some(alerts);
    add_up(draft);
    Some(Heard {
        was_known,
        was_open: was_open && !is_worse,
        is_full,
    })
}

/// What was known of an alert before it was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    was_known: bool,
    was_open: bool,
    is_full: bool,
}

/// Judges what was heard and taken note of.
pub(crate) fn heed(
    draft: &mut Draft<'_>,
    (event, signal): (&Event, &Signal),
    heard: Option<Heard>,
    words: &mut Vec<GateWord>,
) -> Result<Outcome, Outcome> {
    let Some(heard) = heard else {
        gate(words, Gate::Alert, Word::Stop, Outcome::Unchanged)?;
        return Ok(Outcome::Unchanged);
    };
    match signal.standing {
        Standing::Once => match signal.action {
            Action::Step(by) => {
                gate(words, Gate::Alert, Word::Pass, Outcome::Noted)?;
                let by = by.unwrap_or_else(|| draft.config().circle.expand);
                step(draft, event.force, words, by)
            }
            Action::Notify | Action::Nothing => note(words, Word::Pass),
        },
        Standing::Open => open(draft, (event, signal), heard, words),
        Standing::Closed if !heard.was_known => {
            gate(words, Gate::Alert, Word::Stop, Outcome::Unchanged)?;
            Ok(Outcome::Unchanged)
        }
        Standing::Acknowledged
        | Standing::Steady
        | Standing::Spare
        | Standing::Closed
        | Standing::Unknown => note(words, Word::Pass),
    }
}

fn note(words: &mut Vec<GateWord>, word: Word) -> Result<Outcome, Outcome> {
    gate(words, Gate::Alert, word, Outcome::Noted)?;
    Ok(Outcome::Noted)
}

/// An alert that is news steps at once, unless the group grew a moment ago; one that is not news waits for the circle.
fn open(
    draft: &mut Draft<'_>,
    (event, signal): (&Event, &Signal),
    heard: Heard,
    words: &mut Vec<GateWord>,
) -> Result<Outcome, Outcome> {
    let now = draft.now().wall;
    let by = match signal.action {
        Action::Step(by) => by.unwrap_or_else(|| draft.config().circle.expand),
        Action::Notify | Action::Nothing => return note(words, Word::Pass),
    };
    let waits = heard.was_open && !mutant::on(Mutant::AlertActsAgain);
    let word = match due(draft).map(|(_, at)| at.since(now)) {
        _ if !waits && !heard.is_full => Word::Pass,
        Some(left) if waits && !left.is_zero() => Word::Wait(left),
        Some(_) | None => Word::Stop,
    };
    gate(words, Gate::Alert, word, Outcome::Waiting)?;
    let held = draft
        .state
        .alerts
        .as_ref()
        .is_some_and(|alerts| Sum::of(alerts, now).held);
    gate(words, Gate::Missing, stop_if(held), Outcome::Waiting)?;
    let stepped = draft
        .state
        .alerts
        .as_ref()
        .and_then(|alerts| alerts.stepped);
    // What is worse than all that the group has stepped for does not wait for it.
    let is_worse = stepped.is_some_and(|stepped| signal.severity > stepped);
    if !is_worse {
        window(draft, Turn::Expand, words)?;
    }
    let outcome = step(draft, event.force, words, by)?;
    stepped_for(draft, signal.severity);
    Ok(outcome)
}

fn stepped_for(draft: &mut Draft<'_>, severity: super::Severity) {
    if let Some(alerts) = &mut draft.state.alerts {
        alerts.stepped = alerts.stepped.max(Some(severity));
    }
}

/// The windows of up and down, in a verdict.
fn window(draft: &Draft<'_>, turn: Turn, words: &mut Vec<GateWord>) -> Result<(), Outcome> {
    let left = rest(draft, turn);
    let word = if left.is_zero() {
        Word::Pass
    } else {
        Word::Wait(left)
    };
    gate(words, Gate::Window, word, Outcome::Waiting)
}

fn step(
    draft: &mut Draft<'_>,
    force: Force,
    words: &mut Vec<GateWord>,
    by: Adjust,
) -> Result<Outcome, Outcome> {
    let now = draft.now().wall;
    let cooldown = draft.config().cooldown;
    let word = until_over(draft.state.clocks.group, cooldown, now, force != Force::No);
    gate(words, Gate::GroupCooldown, word, Outcome::Cooldown)?;
    let outcome = change(draft, force, words, by)?;
    draft.state.clocks.group = Some(now);
    Ok(outcome)
}

/// Judges a turn: whatever was heard since it was due counts.
pub(crate) fn turn(
    draft: &mut Draft<'_>,
    (event, asked): (&Event, Turn),
    words: &mut Vec<GateWord>,
) -> Result<Outcome, Outcome> {
    let now = draft.now().wall;
    let is_due = due(draft).is_some_and(|(turn, at)| turn == asked && at <= now);
    gate(words, Gate::Alert, stop_if(!is_due), Outcome::Unchanged)?;
    let circle = draft.config().circle;
    let sum = draft
        .state
        .alerts
        .as_ref()
        .map(|alerts| Sum::of(alerts, now))
        .unwrap_or_default();
    match asked {
        Turn::Escalate => {
            if let Some(alerts) = &mut draft.state.alerts {
                alerts.escalated = true;
            }
            let since = draft.state.alerts.as_ref().and_then(|alerts| alerts.open);
            call_for_help(draft, since, false);
            Ok(Outcome::Escalated)
        }
        Turn::Floor(size) => step(draft, event.force, words, Adjust::Desired(size)),
        Turn::Expand => {
            window(draft, asked, words)?;
            let (severity, by) = sum.step.unwrap_or((super::Severity::Info, None));
            let outcome = step(draft, event.force, words, by.unwrap_or(circle.expand))?;
            stepped_for(draft, severity);
            Ok(outcome)
        }
        Turn::Ask => {
            let since = draft.state.alerts.as_ref().and_then(|alerts| alerts.over);
            if let Some(alerts) = &mut draft.state.alerts {
                alerts.asked = true;
            }
            ask(draft, since);
            Ok(Outcome::Noted)
        }
        Turn::Deflate => {
            window(draft, asked, words)?;
            step(draft, event.force, words, circle.deflate)
        }
    }
}

/// The event of a turn that is due, if one is.
///
/// Its id is made of the circle's beginning and the turn's number, so that it is decided once, whoever finds it due.
pub fn fire(draft: &mut Draft<'_>) -> Option<Event> {
    match draft.state.phase {
        Phase::Running => {}
        Phase::Paused => return None,
        Phase::Deleting | Phase::Tombstone => {
            draft.state.alerts = None;
            return None;
        }
    }
    let now = draft.now().wall;
    let (turn, _) = due(draft).filter(|(_, at)| *at <= now)?;
    let alerts = draft.state.alerts.as_mut()?;
    let number = alerts.turns;
    alerts.turns = number.saturating_add(1);
    Some(Event {
        id: format!("{OF_CIRCLES}{}-{number}", alerts.began.unix_ms())
            .parse()
            .ok()?,
        request: RequestHash([0; 32]),
        ask: Ask::Turn(turn),
        force: Force::No,
        actor: Actor {
            kind: ActorKind::System,
            name: "circle-back".to_owned(),
            request_id: String::new(),
            from: None,
        },
        received: now,
        valid_until: Timestamp::from_unix_ms(u64::MAX >> 1),
        trace: None,
    })
}

/// The next turn and its time, by what is known now.
fn due(draft: &Draft<'_>) -> Option<(Turn, Timestamp)> {
    let now = draft.now().wall;
    let alerts = draft.state.alerts.as_ref()?;
    if draft.state.phase != Phase::Running {
        return None;
    }
    let sum = Sum::of(alerts, now);
    let turns = [
        escalation(draft, alerts, sum),
        floor(draft, alerts, sum),
        growth(draft, sum),
        retreat(draft, alerts, sum),
    ];
    turns
        .into_iter()
        .flatten()
        .min_by_key(|(turn, at)| (*at, *turn))
}

fn escalation(draft: &Draft<'_>, alerts: &Alerts, sum: Sum) -> Option<(Turn, Timestamp)> {
    let (now, after) = (draft.now().wall, draft.config().circle.escalate_after?);
    let since = alerts
        .open
        .filter(|_| sum.unattended && !alerts.escalated)?;
    Some((Turn::Escalate, now.plus(since.rest(after, now))))
}

/// A floor that holds now, or will when an input stays silent.
fn floor(draft: &Draft<'_>, alerts: &Alerts, sum: Sum) -> Option<(Turn, Timestamp)> {
    let (now, limits, desired) = (draft.now().wall, draft.limits(), draft.state.desired);
    let cooldown = cooldown(draft);
    if let Some(size) = sum
        .floor
        .map(|size| limits.clamp(size))
        .filter(|size| *size > desired)
    {
        return Some((Turn::Floor(size), now.plus(cooldown)));
    }
    let later = alerts
        .known
        .values()
        .filter_map(|known| match (known.missing, known.hearing) {
            (Missing::Floor(size), Some(every)) if limits.clamp(size) > desired => {
                let left = known.heard.rest(every, now);
                (!left.is_zero()).then(|| {
                    (
                        Turn::Floor(limits.clamp(size)),
                        now.plus(left.max(cooldown)),
                    )
                })
            }
            (Missing::Floor(_) | Missing::OutOnly | Missing::Hold, _) => None,
        });
    later.min_by_key(|(_, at)| *at)
}

fn growth(draft: &Draft<'_>, sum: Sum) -> Option<(Turn, Timestamp)> {
    let desired = draft.state.desired;
    let (_, by) = sum.step.filter(|_| !sum.held)?;
    let to = by
        .unwrap_or_else(|| draft.config().circle.expand)
        .apply(desired);
    let left = rest(draft, Turn::Expand).max(cooldown(draft));
    (draft.limits().clamp(to) > desired).then(|| (Turn::Expand, draft.now().wall.plus(left)))
}

fn retreat(draft: &Draft<'_>, alerts: &Alerts, sum: Sum) -> Option<(Turn, Timestamp)> {
    let (now, circle, desired) = (draft.now().wall, draft.config().circle, draft.state.desired);
    let is_kept = sum.kept && !mutant::on(Mutant::DeflateWhileOpen);
    let over = alerts.over.filter(|_| !is_kept)?;
    let left = over.rest(circle.report_delay, now);
    let to = draft.limits().clamp(circle.deflate.apply(desired));
    if to < desired && any_at(&draft.config().hooks, Point::Over) {
        if !alerts.asked {
            return Some((Turn::Ask, now.plus(left)));
        }
        let unanswered = |delivery: &Delivery| delivery.point == Point::Over && delivery.is_open();
        if draft.outbox().any(unanswered) && !mutant::on(Mutant::AskedForNothing) {
            return None;
        }
    }
    let left = left.max(rest(draft, Turn::Deflate)).max(cooldown(draft));
    (to < desired).then(|| (Turn::Deflate, now.plus(left)))
}

/// How long until a turn's window is open.
fn rest(draft: &Draft<'_>, turn: Turn) -> Duration {
    let (now, clocks) = (draft.now().wall, &draft.state.clocks);
    let Circle {
        expand_delay,
        deflate_delay,
        ..
    } = draft.config().circle;
    let since =
        |ran: Option<Timestamp>, length| ran.map_or(Duration::ZERO, |ran| ran.rest(length, now));
    match turn {
        Turn::Expand if mutant::on(Mutant::WindowMissing) => Duration::ZERO,
        Turn::Expand => since(clocks.up, expand_delay),
        Turn::Deflate => {
            let down = since(clocks.down, deflate_delay);
            if mutant::on(Mutant::GrowthPostponesNothing) {
                return down;
            }
            down.max(since(clocks.up, deflate_delay))
        }
        Turn::Escalate | Turn::Ask | Turn::Floor(_) => Duration::ZERO,
    }
}

fn cooldown(draft: &Draft<'_>) -> Duration {
    let ran = draft.state.clocks.group;
    ran.map_or(Duration::ZERO, |ran| {
        ran.rest(draft.config().cooldown, draft.now().wall)
    })
}

/// Sees whether something is open or over, after something was heard or time went by.
fn add_up(draft: &mut Draft<'_>) {
    let now = draft.now().wall;
    let above_min = draft.state.desired > draft.limits().min();
    let Some(alerts) = &mut draft.state.alerts else {
        return;
    };
    let sum = Sum::of(alerts, now);
    let mut ended = None;
    if sum.open {
        alerts.open.get_or_insert(now);
        alerts.over = None;
        alerts.asked = false;
    } else if !sum.unknown {
        let since = alerts.open.take();
        let was_open = since.is_some();
        let was_escalated = alerts.escalated;
        alerts.stepped = None;
        alerts.escalated = false;
        ended = since.filter(|_| was_escalated);
        if above_min && (was_open || sum.spare) && !mutant::on(Mutant::EndUnheard) {
            alerts.over.get_or_insert(now);
        }
        if !above_min {
            alerts.over = None;
            alerts.asked = false;
        }
    }
    if alerts.known.is_empty() && alerts.open.is_none() && alerts.over.is_none() {
        draft.state.alerts = None;
    }
    if let Some(since) = ended {
        call_for_help(draft, Some(since), true);
    }
}

/// Tells the hooks of the group that alerts last, or that they are over after that; both under one id.
fn call_for_help(draft: &mut Draft<'_>, since: Option<Timestamp>, over: bool) {
    let Some(since) = since else { return };
    let known = draft
        .state
        .alerts
        .iter()
        .flat_map(|alerts| alerts.known.values());
    let names: Vec<&str> = known
        .take(NAMES_TOLD)
        .map(|known| known.name.as_str())
        .collect();
    let (desired, names) = (draft.state.desired, names.join(", "));
    let text = if over {
        format!("the alerts are over; the group wants {desired} servers")
    } else {
        format!("alerts are still open although the group wants {desired} servers by now: {names}")
    };
    let about = About::Incident {
        id: format!("{}-{}", draft.group().key.id, since.unix_ms()),
        text,
        over,
    };
    outbox::post(draft, Point::Escalated, &about);
}

/// Asks the hooks of the group whether it is over: nothing is given up until each has taken the question, or can never take it.
fn ask(draft: &mut Draft<'_>, since: Option<Timestamp>) {
    let Some(since) = since else { return };
    let about = About::Incident {
        id: format!("{}-over-{}", draft.group().key.id, since.unix_ms()),
        text: String::from("the alerts are over; nothing is given up until this is confirmed"),
        over: true,
    };
    outbox::post(draft, Point::Over, &about);
}

/// Whether the last alert is over, and there is still something to give up.
pub(crate) fn is_over(draft: &Draft<'_>) -> bool {
    let alerts = draft.state.alerts.as_ref();
    alerts.is_some_and(|alerts| alerts.over.is_some())
}

/// Sets when the group looks again. Every pass of its owner ends with it.
pub(crate) fn arm(draft: &mut Draft<'_>) {
    if draft.state.alerts.is_none() {
        return;
    }
    add_up(draft);
    let now = draft.now().wall;
    let next = due(draft).map(|(_, at)| at);
    if let Some(alerts) = &mut draft.state.alerts {
        // What is due already keeps its time: passes that find nothing else to do change nothing.
        let waits = alerts
            .next
            .filter(|before| *before <= now && next.is_some_and(|next| next <= now));
        alerts.next = waits.or(next);
    }
}
