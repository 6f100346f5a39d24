//! What must hold of a whole history, after faults end.

use std::collections::BTreeMap;

use domain::group::Phase;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::deciding::Run;
use crate::steps;
use crate::world::World;

/// Shorter than the others: each is followed by hours of calm.
const STEPS_MAX: usize = 40;

/// Each case costs as much as a hundred others, so there are fewer.
const CASES_PART: u32 = 8;

fn calmed(runner: &TestRunner, check: impl Fn(&World) -> Result<(), String>) -> Run {
    let mut few = crate::runner((runner.config().cases / CASES_PART).max(1));
    let tested = few.run(&steps::history(STEPS_MAX), |steps| {
        let mut world = World::new(|_| Ok(()));
        world
            .play(&steps)
            .and_then(|()| world.calm())
            .and_then(|()| check(&world))
            .map_err(TestCaseError::fail)
    });
    tested.map_err(|error| error.to_string())
}

pub(crate) fn a_fair_world_converges_and_then_nothing_is_planned(runner: &mut TestRunner) -> Run {
    calmed(runner, |world| {
        let group = &world.group;
        let census = group.slots.census();
        let is_disowned = group.slots.open().any(|slot| slot.flags.disowned);
        let is_settled = match group.state.phase {
            Phase::Running => {
                is_disowned
                    || (census.active == group.state.desired && census.open == census.active)
            }
            Phase::Tombstone => census.open.0 == 0,
            Phase::Paused | Phase::Deleting => false,
        };
        if !is_settled {
            return Err(format!("{census:?} of {:?}", group.state));
        }
        if world.is_at_rest() {
            Ok(())
        } else {
            Err("something is still planned".into())
        }
    })
}

pub(crate) fn in_a_fair_world_no_server_is_forgotten(runner: &mut TestRunner) -> Run {
    calmed(runner, |world| match world.orphans().as_slice() {
        [] => Ok(()),
        orphans => Err(format!("{orphans:?}")),
    })
}

pub(crate) fn a_group_is_what_its_commits_say(runner: &mut TestRunner) -> Run {
    let tested = runner.run(&steps::history(STEPS_MAX), |steps| {
        let mut world = World::new(|_| Ok(()));
        let mut last = None;
        for step in &steps {
            let rev = world.group.rev;
            world.step(step).map_err(TestCaseError::fail)?;
            for change in world.changes.drain(..) {
                for slot in &change.slots {
                    last.get_or_insert_with(BTreeMap::new)
                        .insert(slot.id, slot.clone());
                }
                prop_assert!(world.group.rev > rev);
                if world.group.rev == rev.next() {
                    prop_assert_eq!(&change.state, &world.group.state);
                }
            }
        }
        for (id, slot) in last.into_iter().flatten() {
            prop_assert_eq!(world.group.slots.get(id), Some(&slot));
        }
        Ok(())
    });
    tested.map_err(|error| error.to_string())
}

/// Large groups, of which many slots want to change at once: a commit takes few, and what it leaves comes with the next ones.
pub(crate) fn a_commit_takes_few_slots_and_the_next_ones_the_rest(runner: &mut TestRunner) -> Run {
    let tested = runner.run(&(0..90u32, 0..90u32), |(have, want)| {
        let mut world = World::new(|turn| match turn.changed().count() {
            0..=32 => Ok(()),
            more => Err(format!("{more} slots in one commit")),
        });
        world.grow(have, want).map_err(TestCaseError::fail)?;
        prop_assert_eq!(world.group.slots.census().active.0, want);
        Ok(())
    });
    tested.map_err(|error| error.to_string())
}
