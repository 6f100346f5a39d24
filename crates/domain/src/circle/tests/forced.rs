//! Force, while a group circles.

use super::*;

/// A defect of the pack: `force` was ignored on expand.
#[test]
fn force_passes_what_holds_a_step_back_but_never_max() {
    let mut group = calm(2);
    group.config.cooldown = secs(600);
    say(&mut group, 0, signal(1, Standing::Open));
    let wish = |force, second| {
        let ask = Ask::Adjust(Adjust::Change(3));
        Event {
            id: format!("wish-{second}").parse().expect("an id"),
            ..event("x", ask, force, second)
        }
    };
    let mut ask = |force, second| {
        let verdict = pass(&mut group, second, &[wish(force, second)]);
        (verdict[0].outcome, verdict[0].after.0)
    };
    assert_eq!(ask(Force::No, 60), (Outcome::Cooldown, 5));
    assert_eq!(ask(Force::Gates, 61), (Outcome::Applied, 8));
    assert_eq!(ask(Force::Gates, 62), (Outcome::Clamped, 10));
}
