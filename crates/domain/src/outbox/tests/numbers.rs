//! What numbers messages have.

use super::*;

#[test]
fn a_group_that_comes_back_from_a_backup_gives_no_number_twice() {
    let told = hook(&[Point::BeforeActive], None);
    let backup = with_hooks(&[("a", told)]);
    let mut group = backup.clone();
    boot(&mut group, 10);
    let before: Vec<_> = group.outbox.keys().copied().collect();
    assert_eq!(before, [AT_TEN]);
    let mut group = backup;
    boot(&mut group, 40);
    let after: Vec<_> = group.outbox.keys().copied().collect();
    assert_eq!(after, [DeliveryId(AT_TEN.0 + 30_000)]);
}

/// Posts or changes messages, and tells what may be taken out: the second at which each run of numbers begins and ends.
fn taken_out(group: &mut Group, second: u64, make: impl FnOnce(&mut Draft<'_>)) -> Vec<[u64; 2]> {
    let change = commit(group, make, at(second));
    let second = |number: &DeliveryId| number.0.saturating_sub(FIRST.0) / 1000;
    let runs = change.closed.iter();
    runs.map(|run| [second(run.start()), second(run.end())])
        .collect()
}

/// What a message posted at that second is called.
const fn of(second: u64) -> DeliveryId {
    DeliveryId(FIRST.0 + second * 1000)
}

fn tell(draft: &mut Draft<'_>) {
    let (before, after) = (Size(1), Size(2));
    post(draft, Point::Scaled, &About::Size { before, after });
}

fn take(draft: &mut Draft<'_>, second: u64) {
    settle(draft, of(second), 0, &Sent::Taken);
}

#[test]
fn closed_messages_are_taken_out_as_far_as_the_open_ones_beside_them() {
    let mut group = with_hooks(&[("a", hook(&[Point::Scaled], None))]);
    for second in [10, 20, 30, 40, 50] {
        let none = taken_out(&mut group, second, tell);
        assert!(none.is_empty(), "nothing was closed: {none:?}");
    }
    // A run ends one number before the next open message, so it shows as the second before that one.
    let both = taken_out(&mut group, 60, |draft| {
        take(draft, 20);
        take(draft, 30);
    });
    assert_eq!(both, [[10, 39]], "two in one gap");
    let closed = group.outbox.get(&of(50)).cloned().expect("a message");
    let apart = taken_out(&mut group, 60, |draft| {
        take(draft, 10);
        take(draft, 50);
        tell(draft);
    });
    assert_eq!(apart, [[0, 39], [40, 59]], "below the new one too");
    let last = taken_out(&mut group, 70, |draft| take(draft, 60));
    assert_eq!(last, [[40, 60]], "up to the last number given");
    let reopened = taken_out(&mut group, 80, |draft| again(draft, taken(closed)));
    assert!(reopened.is_empty(), "nothing was closed: {reopened:?}");
    let rest = taken_out(&mut group, 90, |draft| take(draft, 40));
    assert_eq!(rest, [[0, 49]], "what is open again stays");
}

fn taken(delivery: Delivery) -> Delivery {
    let sending = Sending::Taken {
        at: wall(60),
        attempts: 1,
    };
    Delivery {
        sending,
        ..delivery
    }
}
