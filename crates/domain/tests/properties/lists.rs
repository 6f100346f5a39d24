//! What must hold of every commit that a list of servers led to (design 4, safety 3.6).

use std::collections::BTreeSet;

use domain::evidence::{Extent, Rules, Status};
use domain::ids::ServerId;
use domain::settle::Outcome;
use domain::slot::{Hold, State};

use crate::auditor::{TOKEN_LEFT, Turn, What};
use crate::ledger::{Verdict, all, ms, newly, no};
use crate::world::{proves, row_of};

pub(crate) fn foreign_servers_are_never_bound(turn: &Turn<'_>) -> Verdict {
    let foreign = all(turn).find(|slot| {
        slot.state
            .server()
            .is_some_and(|server| turn.facts.foreign.contains(&server))
    });
    no(foreign.is_some(), || format!("{foreign:?}"))
}

pub(crate) fn servers_of_other_groups_are_never_bound(turn: &Turn<'_>) -> Verdict {
    let taken = all(turn).find(|slot| {
        slot.state
            .server()
            .is_some_and(|server| turn.facts.elsewhere.contains(&server))
    });
    no(taken.is_some(), || format!("{taken:?}"))
}

pub(crate) fn a_list_binds_only_the_lowest_server_with_this_very_proof(turn: &Turn<'_>) -> Verdict {
    let What::Weigh { listing, .. } = turn.what else {
        return Ok(());
    };
    let group = turn.after.key.id;
    for (before, slot) in turn.changed() {
        let (Some(before), Some(server)) = (before, slot.state.server()) else {
            continue;
        };
        if before.state.server().is_some() {
            continue;
        }
        let row = row_of(listing, server).filter(|row| proves(row, group, slot.id));
        no(row.is_none(), || format!("{slot:?} without proof"))?;
        let lower = listing.rows.iter().find(|row| {
            let free = !all(turn).any(|s| {
                s.id != slot.id && s.state.server() == Some(row.server) && s.proof == s.id
            });
            let elsewhere = turn.facts.elsewhere.contains(&row.server);
            let had = turn
                .before
                .slots
                .ended()
                .any(|s| s.state.server() == Some(row.server));
            proves(row, group, slot.id) && row.server < server && free && !elsewhere && !had
        });
        no(lower.is_some(), || format!("{slot:?} though {lower:?}"))?;
    }
    Ok(())
}

pub(crate) fn a_list_with_gaps_neither_adopts_nor_ends_anything(turn: &Turn<'_>) -> Verdict {
    let What::Weigh { listing, .. } = turn.what else {
        return Ok(());
    };
    if listing.extent == Extent::Complete {
        return Ok(());
    }
    let wrong = turn.changed().find(|(before, slot)| {
        let ended = before.is_some_and(|b| b.state.is_open()) && !slot.state.is_open();
        let adopted =
            before.is_some_and(|b| b.state.server().is_none()) && slot.state.server().is_some();
        let released = matches!(slot.state, State::Lapsed(_, Hold::Released));
        ended || adopted || released
    });
    no(wrong.is_some(), || format!("{wrong:?}"))
}

pub(crate) fn a_server_is_gone_after_three_complete_lists_without_it(turn: &Turn<'_>) -> Verdict {
    let What::Weigh { .. } = turn.what else {
        return Ok(());
    };
    for (_, slot) in newly(turn, |state| matches!(state, State::Gone(..))) {
        let Some(server) = slot.state.server() else {
            continue;
        };
        let bound = turn.facts.bound.get(&slot.id).copied().unwrap_or(0);
        let lists = turn.facts.missing.get(&server).into_iter().flatten();
        let count = lists.filter(|began| **began >= bound).count();
        no(count < 3, || format!("{server} after {count}"))?;
    }
    Ok(())
}

pub(crate) fn a_server_that_a_list_shows_is_not_gone(turn: &Turn<'_>) -> Verdict {
    let What::Weigh { listing, .. } = turn.what else {
        return Ok(());
    };
    let shown = newly(turn, |state| matches!(state, State::Gone(..))).find(|(_, slot)| {
        slot.state
            .server()
            .is_some_and(|server| row_of(listing, server).is_some())
    });
    no(shown.is_some(), || format!("{shown:?}"))
}

pub(crate) fn a_doubt_lapses_by_two_complete_lists_after_quiesce(turn: &Turn<'_>) -> Verdict {
    let What::Weigh { listing, .. } = turn.what else {
        return Ok(());
    };
    let rules = Rules::default();
    for (_, slot) in newly(turn, |state| matches!(state, State::Lapsed(..))) {
        let doubt = turn
            .facts
            .doubt
            .get(&slot.id)
            .copied()
            .unwrap_or(0)
            .max(turn.facts.began);
        let quiet = doubt + ms(rules.quiesce);
        let lists: Vec<u64> = turn
            .facts
            .complete
            .iter()
            .copied()
            .filter(|began| *began >= quiet)
            .collect();
        let apart = lists.last().copied().unwrap_or(0) - lists.first().copied().unwrap_or(0);
        no(listing.extent != Extent::Complete, || {
            format!("{slot:?} by a list with gaps")
        })?;
        no(apart < ms(rules.apart), || {
            format!("{slot:?} by lists at {lists:?}, quiet at {quiet}")
        })?;
    }
    Ok(())
}

pub(crate) fn a_doubt_never_lapses_while_an_unknown_row_may_be_its_server(
    turn: &Turn<'_>,
) -> Verdict {
    let What::Weigh { listing, .. } = turn.what else {
        return Ok(());
    };
    let bound: BTreeSet<ServerId> = all(turn).filter_map(|slot| slot.state.server()).collect();
    for (_, slot) in newly(turn, |state| matches!(state, State::Lapsed(..))) {
        let dark = listing.rows.iter().find(|row| {
            let placed = bound.contains(&row.server) || turn.facts.elsewhere.contains(&row.server);
            let known = turn.facts.foreign.contains(&row.server)
                || turn.facts.shown_complete.contains_key(&row.server);
            row.status == Status::Unknown && !placed && !known
        });
        no(dark.is_some(), || format!("{slot:?} beside {dark:?}"))?;
    }
    Ok(())
}

pub(crate) fn a_lapsed_slot_is_released_after_its_token_is_dead(turn: &Turn<'_>) -> Verdict {
    let created = match turn.what {
        What::Settle { outcome, .. } => matches!(outcome, Outcome::Created(_)),
        What::Events
        | What::Plan { .. }
        | What::Weigh { .. }
        | What::Configure
        | What::Wake { .. } => false,
    };
    for (_, slot) in newly(turn, |state| {
        matches!(state, State::Lapsed(_, Hold::Released))
    }) {
        let issued = turn
            .facts
            .issued
            .get(&slot.id)
            .copied()
            .unwrap_or(0)
            .max(turn.facts.began);
        let ended = issued + ms(TOKEN_LEFT);
        let revoked = turn.facts.revoked.get(&slot.id).copied();
        let dead = ended.min(revoked.unwrap_or(ended)) + ms(Rules::default().token_cache);
        let listed = turn
            .facts
            .complete
            .last()
            .is_some_and(|began| *began >= dead);
        no(!created && !listed, || format!("{slot:?} dead at {dead}"))?;
    }
    Ok(())
}

pub(crate) fn only_a_full_row_without_proof_disowns(turn: &Turn<'_>) -> Verdict {
    let What::Weigh { listing, .. } = turn.what else {
        return Ok(());
    };
    for (before, slot) in turn.changed() {
        if !slot.flags.disowned || before.is_some_and(|b| b.flags.disowned) {
            continue;
        }
        let row = slot
            .state
            .server()
            .and_then(|server| row_of(listing, server));
        let full = row.filter(|row| {
            row.status != Status::Unknown && !proves(row, turn.after.key.id, slot.proof)
        });
        no(full.is_none(), || format!("{slot:?} by {row:?}"))?;
    }
    Ok(())
}

pub(crate) fn an_older_list_changes_nothing_that_a_newer_one_said(turn: &Turn<'_>) -> Verdict {
    let What::Weigh { listing, .. } = turn.what else {
        return Ok(());
    };
    for (before, slot) in turn.changed() {
        let Some(server) = before.and_then(|b| b.state.server()) else {
            continue;
        };
        let newest = turn.facts.shown.get(&server).map_or(0, |(began, _)| *began);
        let is_old = listing.began.ms() < newest && row_of(listing, server).is_some();
        no(is_old, || {
            format!(
                "{slot:?} by a list of {:?}, seen at {newest}",
                listing.began
            )
        })?;
    }
    Ok(())
}
