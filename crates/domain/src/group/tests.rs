use super::*;
use crate::decide::{decide, expire};
use crate::draft::Draft;
use crate::evidence::{Around, Extent, Rules, Watch, weigh};
use crate::fixture;
use crate::plan::{deficit, plan};
use crate::slot::{FailWhy, GoneWhy, State as Place};

/// A group of min 0 that has no servers.
fn idle() -> Group {
    fixture::group(0, 5, 0)
}

/// What its owner would do in a pass, a list included: nothing at all?
fn does_nothing(group: &Group) -> bool {
    let mut watch = Watch::new(Rules::default(), fixture::mono(0));
    watch.sync(group, fixture::mono(1));
    let mut draft = Draft::new(group, fixture::at(100_000));
    expire(&mut draft);
    let list = fixture::list(99_990, Extent::Complete, Vec::new());
    let spare = &mut || fixture::id(9_999);
    weigh(&mut draft, &mut watch, &list, &Around::default(), spare);
    decide(&mut draft, &[]);
    let wants = deficit(&draft, &watch);
    plan(&mut draft, &watch, &[]);
    let due = watch.due(group, fixture::at(100_000));
    draft.is_empty() && wants == 0 && due == crate::evidence::Wake::default()
}

/// Changes that give an owner something to do.
fn busy() -> Vec<Group> {
    let with = |change: fn(&mut Group)| {
        let mut group = idle();
        change(&mut group);
        group
    };
    let mut all = vec![
        with(|g| g.state.desired = Size(1)),
        with(|g| g.config.bounds = Bounds::new(Size(1), Size(5)).expect("ordered")),
        with(|g| g.state.phase = Phase::Deleting),
        with(|g| {
            g.state.over = Some(Override {
                size: Size(7),
                until: fixture::wall(1),
            });
        }),
        with(|g| {
            let gone = "gone".parse().expect("a policy's id");
            g.state.clocks.policy.insert(gone, fixture::wall(1));
        }),
        with(|g| g.state.degraded = Some(HoldWhy::Quota)),
    ];
    all.extend(
        [
            fixture::slot(1, Place::Active(fixture::server(1))),
            fixture::slot(1, Place::Issued(fixture::issue(60))),
            fixture::slot(1, Place::Failed(FailWhy::NotSent)),
        ]
        .map(|slot| {
            let mut group = idle();
            group.slots.put(slot);
            group
        }),
    );
    all
}

#[test]
fn a_group_that_rests_has_nothing_to_do_in_any_phase() {
    for phase in [Phase::Running, Phase::Paused, Phase::Tombstone] {
        let mut group = idle();
        group.state.phase = phase;
        assert!(group.rests(), "{phase:?}");
        assert!(does_nothing(&group), "{phase:?}");
        // It is known for ever, and nobody looks for it.
        let handed_back = Place::Gone(fixture::server(1), GoneWhy::HandedBack);
        group.slots.put(fixture::slot(1, handed_back));
        assert!(group.rests(), "{phase:?}");
        assert!(does_nothing(&group), "{phase:?}");
    }
}

#[test]
fn a_group_that_has_something_to_do_does_not_rest() {
    for group in busy() {
        assert!(!group.rests(), "{group:?}");
    }
    // And some would be missed: the rule is not only careful.
    assert!(busy().iter().any(|group| !does_nothing(group)));
}
