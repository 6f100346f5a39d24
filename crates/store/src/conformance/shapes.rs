//! Everything that a group can hold comes back as it was written.

use domain::event::{Ask, Force};
use domain::group::{Group, HoldWhy, Phase};
use domain::ids::SlotId;
use domain::policy::Adjust;
use domain::slot::{Flags, GoneWhy, State};

use super::case::{Bench, Outcome, cases, holds, same};
use super::sample::{self, NOON};
use crate::group::Committed;

cases! {
    every_state_of_a_slot_comes_back
    every_flag_of_a_slot_comes_back
    a_surplus_slot_keeps_whose_proof_its_server_carries
    every_key_of_a_configuration_comes_back
    every_part_of_the_state_comes_back
    every_phase_and_reason_to_hold_comes_back
    a_commit_without_configuration_keeps_the_one_before
    a_configuration_replaces_the_whole_one_before
    a_slot_is_replaced_not_doubled
    a_slot_that_ends_is_kept_among_the_ended
    slots_that_a_commit_does_not_name_stay
    a_commit_takes_thirty_two_slots_and_sixty_four_verdicts
    a_group_of_a_thousand_slots_comes_back
    every_kind_of_queued_event_comes_back
    a_create_keeps_the_slots_verdicts_and_inbox_of_its_first_change
    ids_at_both_ends_of_their_range_come_back
}

async fn every_state_of_a_slot_comes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let slots: Vec<_> = (1..)
        .zip(sample::every_place())
        .map(|(id, state)| sample::slot(id, state))
        .collect();
    for some in slots.chunks(32) {
        let mut change = sample::desired(&group, 3);
        change.slots = some.to_vec();
        s.applied(&mut group, change).await?;
    }
    s.reads_as(&group).await
}

async fn every_flag_of_a_slot_comes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 3);
    for bits in 0..8_u8 {
        let mut slot = sample::slot(u128::from(bits) + 1, State::Active(sample::server(1)));
        slot.flags = Flags {
            blocked: bits & 1 != 0,
            disowned: bits & 2 != 0,
            held: bits & 4 != 0,
        };
        change.slots.push(slot);
    }
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await
}

async fn a_surplus_slot_keeps_whose_proof_its_server_carries(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 3);
    let mut slot = sample::slot(1, State::Surplus(sample::server(1)));
    slot.proof = SlotId::from_u128(77);
    change.slots.push(slot);
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await
}

async fn every_key_of_a_configuration_comes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 3);
    change.config = Some(sample::other_config());
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await
}

async fn every_part_of_the_state_comes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 3);
    change.state = sample::full_state();
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await?;
    let mut empty = sample::desired(&group, 0);
    empty.state = Group::new(group.key.clone(), sample::config()).state;
    s.applied(&mut group, empty).await?;
    s.reads_as(&group).await
}

async fn every_phase_and_reason_to_hold_comes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let phases = [
        Phase::Running,
        Phase::Paused,
        Phase::Deleting,
        Phase::Tombstone,
    ];
    let reasons = [
        HoldWhy::NoCapacity,
        HoldWhy::Quota,
        HoldWhy::Config,
        HoldWhy::Credential,
        HoldWhy::Failures,
        HoldWhy::Throttled,
        HoldWhy::Restored,
    ];
    for (why, phase) in reasons.into_iter().zip(phases.into_iter().cycle()) {
        let mut change = sample::desired(&group, 3);
        change.state = sample::full_state();
        change.state.phase = phase;
        if let Some(hold) = &mut change.state.hold {
            hold.why = why;
            hold.until = None;
        }
        s.applied(&mut group, change).await?;
        s.reads_as(&group).await?;
    }
    Ok(())
}

async fn a_commit_without_configuration_keeps_the_one_before(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 3);
    change.config = Some(sample::other_config());
    s.applied(&mut group, change).await?;
    let change = sample::desired(&group, 4);
    s.applied(&mut group, change).await?;
    holds(
        "other configuration",
        group.config == sample::other_config(),
    )?;
    s.reads_as(&group).await
}

async fn a_configuration_replaces_the_whole_one_before(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for config in [sample::other_config(), sample::config()] {
        let mut change = sample::desired(&group, 3);
        change.config = Some(config);
        s.applied(&mut group, change).await?;
    }
    s.reads_as(&group).await
}

async fn a_slot_is_replaced_not_doubled(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for state in [
        State::Issued(sample::issue()),
        State::Accepted(sample::server(4)),
        State::Active(sample::server(4)),
    ] {
        let mut change = sample::desired(&group, 3);
        change.slots = vec![sample::slot(1, state)];
        s.applied(&mut group, change).await?;
        s.reads_as(&group).await?;
    }
    Ok(())
}

async fn a_slot_that_ends_is_kept_among_the_ended(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for state in [
        State::Active(sample::server(4)),
        State::Gone(sample::server(4), GoneWhy::External),
    ] {
        let mut change = sample::desired(&group, 3);
        change.slots = vec![sample::slot(1, state)];
        s.applied(&mut group, change).await?;
    }
    s.reads_as(&group).await?;
    same("ended slots", &group.slots.ended().count(), &1)
}

async fn slots_that_a_commit_does_not_name_stay(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    for id in 1..6 {
        let mut change = sample::desired(&group, 3);
        change.slots = vec![sample::slot(id, State::Active(sample::server(id)))];
        s.applied(&mut group, change).await?;
    }
    same("open slots", &group.slots.open().count(), &5)?;
    s.reads_as(&group).await
}

async fn a_commit_takes_thirty_two_slots_and_sixty_four_verdicts(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 3);
    change.slots = (1..=32)
        .map(|id| sample::slot(id, State::Issued(sample::issue())))
        .collect();
    change.verdicts = (0..64)
        .map(|_| sample::verdict(&s.event(), group.rev, NOON))
        .collect();
    let verdicts = change.verdicts.clone();
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await?;
    for verdict in &verdicts {
        let found = s.groups().verdict(&group.key, &verdict.event).await?;
        same("verdict", &found.as_ref(), &Some(verdict))?;
    }
    Ok(())
}

async fn a_group_of_a_thousand_slots_comes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let slots: Vec<_> = (1..=1000)
        .map(|id| sample::slot(id, State::Active(sample::server(id))))
        .collect();
    for some in slots.chunks(32) {
        let mut change = sample::desired(&group, 3);
        change.slots = some.to_vec();
        s.applied(&mut group, change).await?;
    }
    same("active", &group.slots.census().active.0, &1000)?;
    s.reads_as(&group).await
}

async fn every_kind_of_queued_event_comes_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 3);
    let asks = [
        Ask::Policy(sample::text("up")),
        Ask::Adjust(Adjust::Change(-1)),
        Ask::Adjust(Adjust::Desired(domain::capacity::Size(4))),
        Ask::Converge,
    ];
    for force in [Force::No, Force::Gates, Force::Override(sample::grant())] {
        for ask in &asks {
            let event = sample::event(&s.event(), ask.clone(), force);
            change.queued.push(event);
        }
    }
    s.applied(&mut group, change).await?;
    same("inbox", &group.inbox.len(), &12)?;
    s.reads_as(&group).await
}

async fn a_create_keeps_the_slots_verdicts_and_inbox_of_its_first_change(s: &Bench) -> Outcome {
    let mut group = Group::new(s.key(), sample::config());
    let event = s.event();
    let mut first = sample::first(&group);
    first.config = Some(sample::other_config());
    first.state = sample::full_state();
    first.slots = vec![sample::slot(1, State::Active(sample::server(1)))];
    first.verdicts = vec![sample::verdict(&event, group.rev, NOON)];
    first.queued = vec![sample::event(&s.event(), Ask::Converge, Force::No)];
    let done = s.groups().create(&group, &first, s.nonce()).await?;
    same("create", &done, &Committed::Applied)?;
    group.fold(first.clone(), group.fence);
    s.reads_as(&group).await?;
    let found = s.groups().verdict(&group.key, &event).await?;
    same("verdict", &found.as_ref(), &first.verdicts.first())
}

async fn ids_at_both_ends_of_their_range_come_back(s: &Bench) -> Outcome {
    let mut group = s.group().await?;
    let mut change = sample::desired(&group, 3);
    let least = sample::text("!");
    let most = sample::text(&"~".repeat(128));
    for id in [least, most] {
        let event = sample::event(&id, Ask::Converge, Force::No);
        change.queued.push(event);
    }
    change.slots = [0, u128::MAX]
        .map(|id| sample::slot(id, State::Active(sample::server(id))))
        .into();
    s.applied(&mut group, change).await?;
    s.reads_as(&group).await
}
