//! What must hold of every commit, whatever happens: promises I1 to I3 and I9, and the rules of design 4.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::evidence::Rules;
use domain::group::{Phase, Slots};
use domain::hold;
use domain::ids::{ServerId, SlotId};
use domain::settle::Outcome;
use domain::slot::{DeleteWhy, GoneWhy, Hold, Slot, State, is_handed_back};

use crate::auditor::{self, Turn, What};

pub(crate) type Verdict = Result<(), String>;

pub(crate) fn no(is_wrong: bool, why: impl FnOnce() -> String) -> Verdict {
    if is_wrong { Err(why()) } else { Ok(()) }
}

pub(crate) fn all<'a>(turn: &'a Turn<'_>) -> impl Iterator<Item = &'a Slot> {
    turn.after.slots.open().chain(turn.after.slots.ended())
}

pub(crate) fn newly<'a>(
    turn: &'a Turn<'_>,
    is: impl Fn(&State) -> bool + 'a,
) -> impl Iterator<Item = (Option<&'a Slot>, &'a Slot)> {
    turn.changed()
        .filter(move |(before, slot)| is(&slot.state) && before.is_none_or(|b| !is(&b.state)))
}

fn issued<'a>(turn: &'a Turn<'_>) -> Vec<&'a Slot> {
    newly(turn, |state| matches!(state, State::Issued(_)))
        .map(|(_, slot)| slot)
        .collect()
}

pub(crate) fn nothing_is_issued_beyond_max(turn: &Turn<'_>) -> Verdict {
    let max = match turn.after.state.over {
        Some(over) if over.until > turn.now.wall => turn.after.config.bounds.max().max(over.size),
        Some(_) | None => turn.after.config.bounds.max(),
    };
    let counted = turn.after.slots.census().counted;
    no(!issued(turn).is_empty() && counted > max, || {
        format!("{counted} count, max {max}")
    })
}

pub(crate) fn a_lapsed_slot_counts_until_it_is_released(turn: &Turn<'_>) -> Verdict {
    let counts = |slot: &&Slot| {
        slot.state.is_wanted() || matches!(slot.state, State::Lapsed(_, Hold::Counted))
    };
    let counted = u32::try_from(all(turn).filter(counts).count()).map_err(|e| e.to_string())?;
    let census = turn.after.slots.census().counted.0;
    no(counted != census, || {
        format!("{counted} count, the census says {census}")
    })
}

pub(crate) fn no_more_is_issued_than_is_wanted_and_permitted(turn: &Turn<'_>) -> Verdict {
    let new = issued(turn);
    let permits = match turn.what {
        What::Plan { permits, .. } => *permits,
        What::Events
        | What::Settle { .. }
        | What::Weigh { .. }
        | What::Configure
        | What::Wake { .. } => 0,
    };
    let (wanted, desired) = (turn.after.slots.census().wanted, turn.after.state.desired);
    no(new.len() > permits, || {
        format!("{} for {permits} permits", new.len())
    })?;
    // A server whose cell was down for half an hour is replaced.
    let is_dark = |server| {
        turn.facts
            .dark
            .get(&server)
            .is_some_and(|since| turn.now.mono.ms() - since >= 1_800_000)
    };
    let dark = turn
        .after
        .slots
        .open()
        .filter(|slot| slot.state.is_wanted() && slot.state.server().is_some_and(is_dark));
    let limit = u32::try_from(dark.count()).map_err(|e| e.to_string())? + desired.0;
    no(!new.is_empty() && wanted.0 > limit, || {
        format!("{wanted} wanted, {desired} desired")
    })
}

pub(crate) fn a_slot_is_issued_once(turn: &Turn<'_>) -> Verdict {
    let again = turn.changed().find(|(before, slot)| {
        matches!(slot.state, State::Issued(_))
            && (before.is_some() || turn.facts.issued.contains_key(&slot.id))
    });
    no(again.is_some(), || format!("{again:?}"))
}

pub(crate) fn nothing_is_issued_while_held(turn: &Turn<'_>) -> Verdict {
    let is_held = hold::is_held(&turn.before.state, turn.now.wall);
    no(is_held && !issued(turn).is_empty(), || {
        format!("{:?}", turn.before.state.hold)
    })
}

pub(crate) fn a_paused_group_neither_launches_nor_deletes(turn: &Turn<'_>) -> Verdict {
    if turn.before.state.phase != Phase::Paused || turn.after.state.phase != Phase::Paused {
        return Ok(());
    }
    let leaves = newly(turn, |state| {
        matches!(state, State::Draining(_) | State::Deleting(..))
    })
    .next();
    no(!issued(turn).is_empty() || leaves.is_some(), || {
        format!("{leaves:?}")
    })?;
    match turn.what {
        What::Wake { wake, .. } => no(!wake.deletes.is_empty(), || format!("{:?}", wake.deletes)),
        What::Events
        | What::Plan { .. }
        | What::Settle { .. }
        | What::Weigh { .. }
        | What::Configure => Ok(()),
    }
}

pub(crate) fn a_server_is_bound_once(turn: &Turn<'_>) -> Verdict {
    let mut open: BTreeMap<ServerId, SlotId> = BTreeMap::new();
    for slot in turn.after.slots.open() {
        let Some(server) = slot.state.server() else {
            continue;
        };
        let other = open.insert(server, slot.id);
        no(other.is_some(), || {
            format!("{server} in {} and {other:?}", slot.id)
        })?;
    }
    // One that had a role comes back as surplus only.
    let ended: BTreeSet<ServerId> = turn
        .before
        .slots
        .ended()
        .filter_map(|slot| slot.state.server())
        .collect();
    let back = turn.changed().find(|(before, slot)| {
        let bound = before.is_none_or(|b| b.state.server().is_none());
        let had = slot
            .state
            .server()
            .is_some_and(|server| ended.contains(&server));
        bound && had && matches!(slot.state, State::Accepted(_) | State::Active(_))
    });
    no(back.is_some(), || format!("{back:?}"))
}

pub(crate) fn a_slot_keeps_its_server_and_an_ended_one_never_opens(turn: &Turn<'_>) -> Verdict {
    for (before, slot) in turn.changed() {
        let Some(before) = before else { continue };
        let (old, new) = (before.state.server(), slot.state.server());
        no(old.is_some() && old != new, || {
            format!("{before:?} became {slot:?}")
        })?;
        no(!before.state.is_open() && slot.state.is_open(), || {
            format!("{before:?} became {slot:?}")
        })?;
    }
    Ok(())
}

pub(crate) fn the_census_equals_a_recount(turn: &Turn<'_>) -> Verdict {
    let recount = all(turn).cloned().collect::<Slots>().census();
    let census = turn.after.slots.census();
    no(recount != census, || {
        format!("{census:?}, recounted {recount:?}")
    })
}

pub(crate) fn a_disowned_server_is_never_sent_away(turn: &Turn<'_>) -> Verdict {
    if let What::Wake { wake, .. } = turn.what {
        let wrong = wake.deletes.iter().find(|call| {
            turn.after
                .slots
                .get(call.slot)
                .is_some_and(|s| s.flags.disowned)
        });
        return no(wrong.is_some(), || format!("{wrong:?}"));
    }
    let wrong = newly(turn, |state| {
        matches!(state, State::Deleting(..) | State::Draining(_))
    })
    .find(|(before, slot)| before.is_some_and(|b| b.flags.disowned) && slot.flags.disowned);
    no(wrong.is_some(), || format!("{wrong:?}"))
}

fn scaled_in<'a>(turn: &'a Turn<'_>) -> Vec<&'a Slot> {
    turn.changed()
        .filter(|(before, slot)| auditor::scaled_in(*before, slot))
        .map(|(_, slot)| slot)
        .collect()
}

pub(crate) fn victims_were_seen_a_moment_ago(turn: &Turn<'_>) -> Verdict {
    for slot in scaled_in(turn) {
        let Some(server) = slot.state.server() else {
            continue;
        };
        let facts = turn.facts;
        let whole = facts.shown_complete.get(&server).copied();
        // Where lists leave something out, the rows that they show have to do.
        let falls_short = facts.partial.as_ref() > facts.complete.last();
        let row = facts
            .shown
            .get(&server)
            .filter(|(_, full)| falls_short && *full);
        let seen = whole.max(row.map(|(began, _)| *began));
        let fresh = seen
            .is_some_and(|began| turn.now.mono.ms() - began <= ms(Rules::default().victim_seen));
        no(!fresh, || format!("{slot:?} seen at {seen:?}"))?;
    }
    Ok(())
}

pub(crate) fn a_server_whose_cell_is_down_is_no_victim(turn: &Turn<'_>) -> Verdict {
    for slot in scaled_in(turn) {
        let look = slot
            .state
            .server()
            .and_then(|server| turn.facts.shown.get(&server));
        no(look.is_some_and(|(_, full)| !full), || {
            format!("{slot:?} last shown {look:?}")
        })?;
    }
    Ok(())
}

/// However many commits it takes, and whoever makes them.
pub(crate) fn a_quarter_at_most_is_scaled_in_within_a_minute(turn: &Turn<'_>) -> Verdict {
    let leaving = scaled_in(turn).len();
    if leaving == 0 || turn.after.state.forced {
        return Ok(());
    }
    let bound = turn
        .before
        .slots
        .open()
        .filter(|s| s.state.is_wanted() && s.state.server().is_some())
        .count();
    let lately = |left: &&u64| turn.now.mono.ms() - **left < 60_000;
    let left = turn.facts.shrunk.iter().filter(lately).count();
    no(left + leaving > ((bound + left) / 4).max(1), || {
        format!("{leaving} of {bound} after {left}")
    })
}

pub(crate) fn building_servers_leave_first_then_the_oldest(turn: &Turn<'_>) -> Verdict {
    let leaving = scaled_in(turn);
    let was = |slot: &Slot| turn.before.slots.get(slot.id).cloned();
    let fresh = |slot: &&Slot| {
        let server = slot.state.server();
        let seen = server.and_then(|s| turn.facts.shown_complete.get(&s).copied());
        let lists = server
            .and_then(|s| turn.facts.missing.get(&s))
            .is_some_and(|lists| !lists.is_empty());
        let full = server
            .and_then(|s| turn.facts.shown.get(&s))
            .is_some_and(|(_, full)| *full);
        let near = seen
            .is_some_and(|began| turn.now.mono.ms() - began <= ms(Rules::default().victim_seen));
        // A list that was weighed before the server was bound says nothing to the owner.
        let bound = turn.facts.bound.get(&slot.id).copied().unwrap_or(0);
        near && full && !lists && !slot.flags.disowned && seen > Some(bound)
    };
    for gone in leaving.iter().filter_map(|slot| was(slot)) {
        let rank = |slot: &Slot| {
            (
                slot.flags.held,
                matches!(slot.state, State::Active(_)),
                slot.issued,
                slot.id,
            )
        };
        let better = turn
            .after
            .slots
            .open()
            .filter(|slot| slot.state.is_wanted() && slot.state.server().is_some())
            .filter(fresh)
            .find(|slot| rank(slot) < rank(&gone));
        no(better.is_some(), || format!("{gone:?} before {better:?}"))?;
    }
    Ok(())
}

pub(crate) fn a_group_is_a_tombstone_when_no_slot_is_open(turn: &Turn<'_>) -> Verdict {
    let open = turn.after.slots.census().open.0;
    let is_new =
        turn.before.state.phase != Phase::Tombstone && turn.after.state.phase == Phase::Tombstone;
    no(is_new && open > 0, || format!("{open} open"))
}

pub(crate) fn who_is_woken_at_once_has_something_to_do(turn: &Turn<'_>) -> Verdict {
    let What::Wake { wake, idle } = turn.what else {
        return Ok(());
    };
    let is_now = wake.next.is_some_and(|next| next <= turn.now.mono);
    no(is_now && *idle, || format!("woken at {:?}", wake.next))
}

pub(crate) fn desired_stays_within_bounds_or_grant(turn: &Turn<'_>) -> Verdict {
    let (bounds, desired) = (turn.after.config.bounds, turn.after.state.desired);
    let limits = match turn.after.state.over {
        Some(over) if over.until > turn.now.wall => bounds.widened(over.size),
        Some(_) | None => bounds,
    };
    let fresh = match turn.what {
        What::Events | What::Plan { .. } | What::Configure => true,
        What::Settle { .. } | What::Weigh { .. } | What::Wake { .. } => false,
    };
    let is_alive = matches!(turn.after.state.phase, Phase::Running | Phase::Paused);
    no(
        fresh && is_alive && limits.clamp(desired) != desired,
        || format!("{desired} in {limits:?}"),
    )
}

pub(crate) fn doing_it_twice_changes_nothing_more(turn: &Turn<'_>) -> Verdict {
    match turn.what {
        What::Plan { again, .. } | What::Weigh { again, .. } | What::Settle { again, .. } => {
            no(!again, || "the second time changed something".into())
        }
        What::Events | What::Configure | What::Wake { .. } => Ok(()),
    }
}

pub(crate) fn an_unknown_outcome_leaves_a_doubt(turn: &Turn<'_>) -> Verdict {
    let What::Settle { outcome, .. } = turn.what else {
        return Ok(());
    };
    let failed = newly(turn, |state| matches!(state, State::Failed(_))).next();
    let is_proof = match outcome {
        Outcome::NotCreated(_) | Outcome::Throttled(_) | Outcome::Voided => true,
        Outcome::Created(_) | Outcome::Unknown(_) | Outcome::Begun => false,
        Outcome::TokenRevoked => false,
        Outcome::DeleteAccepted(_) | Outcome::NotFound(_) | Outcome::Locked(_) => false,
        Outcome::DeleteUnclear(_) | Outcome::NotOurs(_) => false,
    };
    no(failed.is_some() && !is_proof, || {
        format!("{failed:?} by {outcome:?}")
    })
}

pub(crate) fn deletes_of_one_server_are_sent_apart(turn: &Turn<'_>) -> Verdict {
    let What::Wake { wake, .. } = turn.what else {
        return Ok(());
    };
    for call in &wake.deletes {
        let pause = turn
            .facts
            .deletes
            .get(&call.slot)
            .map(|last| turn.now.mono.ms() - last);
        no(pause.is_some_and(|pause| pause < 20_000), || {
            format!("{call:?} after {pause:?} ms")
        })?;
    }
    Ok(())
}

pub(crate) fn servers_in_service_are_given_up_within_the_failure_budget(
    turn: &Turn<'_>,
) -> Verdict {
    let now = turn.now.mono.ms();
    let given_up = newly(turn, |state| {
        matches!(state, State::Deleting(_, DeleteWhy::Failed))
    })
    .filter(|(before, _)| before.is_some_and(|b| matches!(b.state, State::Active(_))))
    .count();
    // One that was handed back after all is no failure.
    let counts = |id: &SlotId| {
        turn.after
            .slots
            .get(*id)
            .is_none_or(|slot| !is_handed_back(&slot.state))
    };
    let lately = turn
        .facts
        .failed
        .iter()
        .filter(|(at, id)| now - at < ms(hold::FAILURES_WINDOW) && counts(id))
        .count();
    no(
        given_up > 0 && given_up + lately > hold::FAILURES_MAX,
        || format!("{given_up} and {lately} before"),
    )
}

pub(crate) fn one_wave_of_failures_is_one_strike(turn: &Turn<'_>) -> Verdict {
    let (Some(before), Some(after)) = (&turn.before.state.hold, &turn.after.state.hold) else {
        return Ok(());
    };
    let newest = turn
        .changed()
        .filter(|(old, slot)| old.is_some_and(|o| o.state != slot.state))
        .map(|(_, slot)| slot.issued)
        .max();
    let same = before.why == after.why && after.why != domain::group::HoldWhy::Failures;
    let is_wave = newest.is_none_or(|issued| issued <= before.since);
    no(same && is_wave && after.strikes > before.strikes, || {
        format!("{before:?} became {after:?}")
    })
}

pub(crate) fn gone_says_why(turn: &Turn<'_>) -> Verdict {
    for (before, slot) in newly(turn, |state| matches!(state, State::Gone(..))) {
        let State::Gone(_, why) = &slot.state else {
            continue;
        };
        let was = before.map(|b| &b.state);
        let is_right = match why {
            GoneWhy::Deleted(why) => matches!(was, Some(State::Deleting(_, w)) if w == why),
            GoneWhy::External => {
                was.is_some_and(|s| s.is_open() && !matches!(s, State::Deleting(..)))
            }
            GoneWhy::HandedBack => before.is_some_and(|b| b.flags.disowned) || slot.flags.disowned,
        };
        no(!is_right, || format!("{before:?} became {slot:?}"))?;
    }
    Ok(())
}

pub(crate) fn ms(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}
