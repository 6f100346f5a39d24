//! Recovery is checked again where somebody can be asked.

use super::*;
use crate::evidence::{Rules, Watch};
use crate::fixture::mono;
use crate::outbox::{self, Sent};
use crate::plan::plan;

/// Features S7: recovery is checked again before anything is given up. Whoever says no is asked again; whoever cannot be asked stops nothing for ever.
#[test]
fn before_anything_is_given_up_the_source_is_asked_and_must_agree() {
    let probed = || {
        let mut group = calm(2);
        let hook = Hook {
            points: [Point::Over].into(),
            format: Format::Probe,
            url: "https://shop.example/health".into(),
            wait: None,
            skippable: true,
            enabled: true,
            keys: Vec::new(),
        };
        group
            .config
            .hooks
            .insert("well".parse().expect("an id"), hook);
        say(&mut group, 0, signal(1, Standing::Open));
        say(&mut group, 60, signal(1, Standing::Closed));
        group
    };
    let settle = |group: &mut Group, second, made, sent: &Sent| {
        let id = *group.outbox.keys().next().expect("a question");
        let report = |draft: &mut Draft<'_>| {
            outbox::settle(draft, id, made, sent);
            decide(draft, &[]);
        };
        commit(group, report, at(second));
    };
    let mut group = probed();
    let asked = run(&mut group, 3 * 60 * MINUTE);
    assert_eq!(asked, [(60 + 5 * MINUTE, Turn::Ask, 5)], "and nothing else");
    assert_eq!(group.outbox.len(), 1);
    settle(&mut group, 4_000, 0, &Sent::Failed("503".into(), None));
    assert_eq!(run(&mut group, 3 * 60 * MINUTE), [], "not yet");
    settle(&mut group, 11_000, 1, &Sent::Taken);
    let down = run(&mut group, 5 * 60 * MINUTE);
    assert_eq!(down[0], (11_000, Turn::Deflate, 3), "confirmed");
    assert_eq!(group.state.desired.0, 2);

    let mut group = probed();
    run(&mut group, 10 * MINUTE);
    settle(&mut group, 700, 0, &Sent::Refused("410".into()));
    let down = run(&mut group, 60 * MINUTE);
    assert_eq!(down[0].1, Turn::Deflate, "nobody can be asked: {down:?}");

    let mut group = probed();
    run(&mut group, 10 * MINUTE);
    say(&mut group, 700, signal(1, Standing::Open));
    let look = |draft: &mut Draft<'_>| {
        plan(draft, &Watch::new(Rules::default(), mono(0)), &[]);
    };
    commit(&mut group, look, at(701));
    assert!(group.outbox.is_empty(), "the question has lost its sense");
    say(&mut group, 800, signal(1, Standing::Closed));
    let again = run(&mut group, 30 * MINUTE);
    assert_eq!(again.last().expect("a turn").1, Turn::Ask, "{again:?}");
}
