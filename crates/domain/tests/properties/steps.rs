//! What may happen next, at random.

use domain::group::Phase;
use proptest::prelude::*;

/// One thing that happens. Numbers choose among what there is, counted round.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Wait(u64),
    Ask(i64, u8),
    Plan(u8),
    Answer(usize, u8),
    Execute(usize),
    Again(usize),
    List(Option<u64>),
    Keep,
    Deliver(usize),
    Boot(usize, u8),
    Storm(u8),
    Dark(usize),
    Lose(usize),
    Strip(usize),
    Copy(usize, usize, u8),
    Restart,
    Void(usize),
    Deletes(u8),
    Bounds(u32, u32),
    Phase(Phase),
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..16usize;
    prop_oneof![
        8 => prop::sample::select(vec![1000, 5000, 20_000, 31_000, 61_000, 200_000, 700_000]).prop_map(Step::Wait),
        5 => (-4..6i64, 0..8u8).prop_map(|(ask, force)| Step::Ask(ask, force)),
        8 => (0..5u8).prop_map(Step::Plan),
        7 => (n.clone(), 0..8u8).prop_map(|(n, how)| Step::Answer(n, how)),
        2 => n.clone().prop_map(Step::Execute),
        1 => n.clone().prop_map(Step::Again),
        8 => Just(Step::List(None)),
        3 => any::<u64>().prop_map(|mask| Step::List(Some(mask))),
        2 => Just(Step::Keep),
        2 => n.clone().prop_map(Step::Deliver),
        5 => (n.clone(), 0..8u8).prop_map(|(n, status)| Step::Boot(n, status)),
        1 => (3..6u8).prop_map(Step::Storm),
        2 => n.clone().prop_map(Step::Dark),
        1 => n.clone().prop_map(Step::Lose),
        1 => n.clone().prop_map(Step::Strip),
        2 => (n.clone(), n.clone(), 0..3u8).prop_map(|(from, to, whose)| Step::Copy(from, to, whose)),
        1 => Just(Step::Restart),
        2 => n.prop_map(Step::Void),
        4 => (0..8u8).prop_map(Step::Deletes),
        1 => (0..3u32, 0..9u32).prop_map(|(min, more)| Step::Bounds(min, more)),
        1 => prop::sample::select(vec![Phase::Paused, Phase::Running, Phase::Running]).prop_map(Step::Phase),
    ]
}

/// A history, which in one case of ten ends with the group being deleted.
pub(crate) fn history(len: usize) -> impl Strategy<Value = Vec<Step>> {
    (prop::collection::vec(step(), 1..len), 0..10u8).prop_map(|(mut steps, end)| {
        // Histories begin with servers, half of them in service: without them little can go wrong.
        let up = [
            Step::Answer(0, 0),
            Step::Answer(0, 0),
            Step::Answer(0, 0),
            Step::Storm(3),
        ];
        let up = up.into_iter().filter(|_| end % 2 == 0);
        let begin = [Step::Ask(4, 0), Step::Plan(4), Step::Answer(0, 0)];
        steps.splice(0..0, begin.into_iter().chain(up).chain([Step::List(None)]));
        if end == 0 {
            steps.push(Step::Phase(Phase::Deleting));
            steps.extend([
                Step::Plan(2),
                Step::Deletes(0),
                Step::List(None),
                Step::Plan(2),
            ]);
        }
        steps
    })
}
