//! What is asked of a group, and what each gate says to it.
//!
//! The gates stand in the order of [`Gate`]; the first that stops an event gives its outcome (contract 3.3, design 8). Only an event
//! that was applied or clamped moves desired, the clocks, the grant and the mark of force.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::capacity::{Bounds, Size};
use crate::circle;
use crate::draft::Draft;
use crate::event::{Ask, Event, Force, Override};
use crate::group::{HoldWhy, Phase};
use crate::ids::{EventId, PolicyId};
use crate::mutant::{self, Mutant};
use crate::policy::{Adjust, Policy};
use crate::time::Timestamp;
use crate::verdict::{Gate, GateWord, Outcome, Verdict, Word};

/// Judges events in order of arrival, each against the running desired size and cooldowns.
///
/// Leaves one verdict per event and the new desired size in the draft. The same id twice, in one batch or in one draft, gets one
/// verdict; the second is dropped here.
pub fn decide(draft: &mut Draft<'_>, events: &[Event]) {
    let mut judged: BTreeSet<EventId> = draft.verdicts().iter().map(|v| v.event.clone()).collect();
    for event in events {
        if !judged.insert(event.id.clone()) && !mutant::on(Mutant::DoubleJudged) {
            continue;
        }
        let verdict = judge(draft, event);
        draft.verdict(verdict);
    }
    circle::arm(draft);
}

/// Ends what time has ended: a grant whose time is over is dropped and desired is clamped again, also into bounds that were changed.
///
/// The owner calls it in each pass, before it decides and plans. Source: design 8, safety S8.
pub fn expire(draft: &mut Draft<'_>) {
    let now = draft.now().wall;
    if draft.state.over.is_some_and(|over| over.until <= now)
        && !mutant::on(Mutant::OverrideEternal)
    {
        draft.state.over = None;
    }
    match draft.state.phase {
        Phase::Running | Phase::Paused => {
            let desired = draft.limits().clamp(draft.state.desired);
            if desired != draft.state.desired && !mutant::on(Mutant::OverrideEternal) {
                draft.state.desired = desired;
                draft.state.forced = false;
            }
        }
        Phase::Deleting | Phase::Tombstone => {}
    }
    let mut clocks = std::mem::take(&mut draft.state.clocks.policy);
    clocks.retain(|id, _| draft.config().policies.contains_key(id));
    draft.state.clocks.policy = clocks;
}

fn judge(draft: &mut Draft<'_>, event: &Event) -> Verdict {
    let before = draft.state.desired;
    let mut words = Vec::with_capacity(9);
    let (Ok(outcome) | Err(outcome)) = hear(draft, event, &mut words);
    Verdict {
        event: event.id.clone(),
        request: event.request,
        ask: event.ask.clone(),
        force: event.force,
        actor: event.actor.clone(),
        outcome,
        words,
        before,
        after: if mutant::on(Mutant::VerdictForgetsChange) {
            before
        } else {
            draft.state.desired
        },
        at: draft.now().wall,
        rev: draft.group().rev.next(),
    }
}

/// What deciding needs of a policy, without its capability URLs.
struct Rules {
    id: PolicyId,
    adjust: Adjust,
    cooldown: Duration,
    debounce: Duration,
}

impl From<&Policy> for Rules {
    fn from(policy: &Policy) -> Self {
        Self {
            id: policy.id.clone(),
            adjust: policy.adjust,
            cooldown: policy.cooldown,
            debounce: policy.debounce,
        }
    }
}

/// Asks the gates one after the other. `Err` is the outcome of an event that one of them stopped.
fn hear(
    draft: &mut Draft<'_>,
    event: &Event,
    words: &mut Vec<GateWord>,
) -> Result<Outcome, Outcome> {
    let now = draft.now().wall;
    gate(
        words,
        Gate::Age,
        stop_if(now > event.valid_until),
        Outcome::Expired,
    )?;
    let leaving = matches!(draft.state.phase, Phase::Deleting | Phase::Tombstone);
    gate(words, Gate::Lifecycle, stop_if(leaving), Outcome::Deleting)?;
    let heard = match &event.ask {
        Ask::Alert(signal) => Some((signal, circle::take(draft, signal))),
        Ask::Policy(_) | Ask::Adjust(_) | Ask::Converge | Ask::Turn(_) => None,
    };
    let paused = draft.state.phase == Phase::Paused
        && !(mutant::on(Mutant::ForcePassesPause) && event.force != Force::No);
    gate(words, Gate::Pause, stop_if(paused), Outcome::Paused)?;
    if let Some((signal, heard)) = heard {
        return circle::heed(draft, (event, signal), heard, words);
    }
    let (policy, adjust) = match &event.ask {
        Ask::Alert(_) => return Ok(Outcome::Noted),
        Ask::Turn(turn) => return circle::turn(draft, (event, *turn), words),
        Ask::Converge => {
            retry(draft);
            return Ok(Outcome::Unchanged);
        }
        Ask::Policy(id) => {
            let policy = draft.config().policies.get(id).map(Rules::from);
            gate(
                words,
                Gate::Policy,
                stop_if(policy.is_none()),
                Outcome::NoSuchPolicy,
            )?;
            let Some(policy) = policy else {
                return Err(Outcome::NoSuchPolicy);
            };
            let adjust = policy.adjust;
            (Some(policy), adjust)
        }
        Ask::Adjust(adjust) => (None, *adjust),
    };
    let heard = wait(draft, event, words, policy.as_ref())
        .and_then(|()| change(draft, event.force, words, adjust));
    if heard.is_ok() || mutant::on(Mutant::RefusalMovesClock) {
        draft.state.clocks.group = Some(now);
        if let Some(policy) = policy {
            draft.state.clocks.policy.insert(policy.id, now);
        }
    }
    heard
}

/// The gates that only time opens, and that force skips.
fn wait(
    draft: &Draft<'_>,
    event: &Event,
    words: &mut Vec<GateWord>,
    policy: Option<&Rules>,
) -> Result<(), Outcome> {
    let now = draft.now().wall;
    let ran = |id: &PolicyId| {
        if mutant::on(Mutant::PolicyCooldownShared) {
            return draft.state.clocks.policy.values().max().copied();
        }
        draft.state.clocks.policy.get(id).copied()
    };
    let forced = event.force != Force::No;
    if let Some(policy) = policy {
        let word = until_over(ran(&policy.id), policy.cooldown, now, forced);
        gate(words, Gate::PolicyCooldown, word, Outcome::Cooldown)?;
    }
    let cooldown = if mutant::on(Mutant::CooldownMissing) {
        Duration::ZERO
    } else {
        draft.config().cooldown
    };
    let word = until_over(draft.state.clocks.group, cooldown, now, forced);
    gate(words, Gate::GroupCooldown, word, Outcome::Cooldown)?;
    if let Some(policy) = policy {
        let debounce = if mutant::on(Mutant::DebounceMissing) {
            Duration::ZERO
        } else {
            policy.debounce
        };
        let word = until_over(ran(&policy.id), debounce, now, forced);
        gate(words, Gate::Debounce, word, Outcome::Debounced)?;
    }
    Ok(())
}

/// Clamps what is asked, and takes it over if it changes anything.
pub(crate) fn change(
    draft: &mut Draft<'_>,
    force: Force,
    words: &mut Vec<GateWord>,
    adjust: Adjust,
) -> Result<Outcome, Outcome> {
    let before = draft.state.desired;
    let asked = adjust.apply(before);
    let now = draft.now().wall;
    let grant = match force {
        Force::Override(grant) if grant.until > now => Some(grant),
        Force::No | Force::Gates | Force::Override(_) => None,
    };
    let to = clamp(draft, grant, asked);
    let (word, outcome) = if to == asked {
        (Word::Pass, Outcome::Applied)
    } else {
        (Word::Capped { asked, to }, Outcome::Clamped)
    };
    words.push(GateWord {
        gate: Gate::Clamp,
        word,
    });
    // A grant is recorded only when it is used, and also when a later one prolongs it. One that allows no more than the present one, and no
    // longer, would only take away from it: when it ends, servers leave.
    let bounds = draft.config().bounds;
    let allows = |grant: &Override| bounds.widened(grant.size).clamp(to) == to;
    let present = draft.state.over.filter(|over| over.until > now);
    let adds =
        |grant: &Override| present.is_none_or(|over| !allows(&over) || over.until < grant.until);
    let is_beyond = bounds.clamp(to) != to;
    if let Some(grant) = grant.filter(|grant| is_beyond && allows(grant) && adds(grant)) {
        draft.state.over = Some(grant);
    }
    gate(
        words,
        Gate::Change,
        stop_if(to == before),
        Outcome::Unchanged,
    )?;
    draft.state.desired = to;
    draft.state.forced = force != Force::No;
    let clocks = &mut draft.state.clocks;
    let clock = if to > before {
        &mut clocks.up
    } else {
        &mut clocks.down
    };
    *clock = Some(now);
    Ok(outcome)
}

fn clamp(draft: &Draft<'_>, grant: Option<Override>, asked: Size) -> Size {
    if mutant::on(Mutant::ClampMissing) {
        return asked.min(Size::LIMIT);
    }
    let limits: Bounds = match grant {
        Some(_) if mutant::on(Mutant::OverrideUnbounded) => draft
            .config()
            .bounds
            .widened(Size::ZERO)
            .widened(Size::LIMIT),
        Some(grant) => draft.limits().widened(grant.size),
        None => draft.limits(),
    };
    limits.clamp(asked)
}

/// An explicit retry ends the holds that time does not end, or not soon; what protects the cloud stays (safety 2.2).
fn retry(draft: &mut Draft<'_>) {
    let ends = match draft.state.hold.as_ref().map(|hold| hold.why) {
        Some(HoldWhy::Config | HoldWhy::Failures) => true,
        Some(
            HoldWhy::NoCapacity
            | HoldWhy::Quota
            | HoldWhy::Credential
            | HoldWhy::Throttled
            | HoldWhy::Restored,
        )
        | None => false,
    };
    if ends {
        draft.state.hold = None;
    }
}

pub(crate) fn gate(
    words: &mut Vec<GateWord>,
    gate: Gate,
    word: Word,
    otherwise: Outcome,
) -> Result<(), Outcome> {
    words.push(GateWord { gate, word });
    match word {
        Word::Pass | Word::Skipped | Word::Capped { .. } => Ok(()),
        Word::Wait(_) | Word::Stop => Err(otherwise),
    }
}

pub(crate) const fn stop_if(stop: bool) -> Word {
    if stop { Word::Stop } else { Word::Pass }
}

/// Whether `length` has passed since the clock last ran; a length of zero never blocks (contract 3.2).
pub(crate) fn until_over(
    ran: Option<Timestamp>,
    length: Duration,
    now: Timestamp,
    forced: bool,
) -> Word {
    if mutant::on(Mutant::CooldownReversed) && ran.is_some_and(|ran| now.since(ran) > length) {
        return Word::Wait(length);
    }
    let left = ran.map_or(Duration::ZERO, |ran| ran.rest(length, now));
    if left.is_zero() {
        Word::Pass
    } else if forced {
        Word::Skipped
    } else {
        Word::Wait(left)
    }
}

#[cfg(test)]
mod tests;
