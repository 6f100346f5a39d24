mod numbers;
mod order;

use std::collections::BTreeSet;

use super::*;
use crate::evidence::{Around, Extent, Rules, Status, Watch, weigh};
use crate::fixture::{at, commit, group, id, list, mono, row, secs, server, slot, wall};
use crate::group::{Group, Hold, Phase};
use crate::hook::{Format, Hook};
use crate::plan::plan;

fn hook(points: &[Point], wait: Option<Waiting>) -> Hook {
    Hook {
        points: points.iter().copied().collect::<BTreeSet<_>>(),
        format: Format::Webhook,
        url: "https://receiver.example/hook".into(),
        wait,
        skippable: true,
        enabled: true,
        keys: Vec::new(),
    }
}

const fn waiting(deadline: u64, longest: u64, default: Answer) -> Waiting {
    Waiting {
        deadline: secs_const(deadline),
        longest: secs_const(longest),
        default,
    }
}

const fn secs_const(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A group of one server that the cloud accepted, with these hooks.
fn with_hooks(hooks: &[(&str, Hook)]) -> Group {
    let mut group = group(0, 9, 1);
    for (name, hook) in hooks {
        let name = name.parse().expect("a hook id");
        group.config.hooks.insert(name, hook.clone());
    }
    group.slots.put(slot(1, State::Accepted(server(1))));
    group
}

/// A list shows the server up.
fn boot(group: &mut Group, second: u64) {
    let mut watch = Watch::new(Rules::default(), mono(0));
    let up = list(second, Extent::Complete, vec![row(1, 1, Status::Up)]);
    let see = |draft: &mut Draft<'_>| {
        weigh(draft, &mut watch, &up, &Around::default(), &mut || id(99));
    };
    commit(group, see, at(second));
}

/// The owner looks at the group.
fn look(group: &mut Group, second: u64) {
    let watch = Watch::new(Rules::default(), mono(0));
    commit(
        group,
        |draft| {
            plan(draft, &watch, &[]);
        },
        at(second),
    );
}

fn state(group: &Group) -> &'static str {
    group.slots.get(id(1)).expect("the slot").state.word()
}

fn points(group: &Group) -> Vec<&'static str> {
    group.outbox.values().map(|d| d.point.word()).collect()
}

/// The first message of a group whose server is up at once, and of one whose is after ten seconds: numbers are no smaller than the time.
const FIRST: DeliveryId = DeliveryId(1_700_000_000_000);
const AT_TEN: DeliveryId = DeliveryId(FIRST.0 + 10_000);
const AFTER_TEN: DeliveryId = DeliveryId(AT_TEN.0 + 1);

#[test]
fn a_server_without_waiting_hooks_goes_straight_into_service_and_its_customer_hears_of_both() {
    let told = hook(&[Point::BeforeActive, Point::Active], None);
    let mut group = with_hooks(&[("a", told)]);
    boot(&mut group, 10);
    assert_eq!(state(&group), "active");
    assert_eq!(points(&group), ["server.before_active", "server.active"]);
    let duty = due(&group, wall(10));
    assert_eq!(duty.due, [AT_TEN], "the second one after the first");
}

#[test]
fn a_server_waits_for_its_hook_and_goes_into_service_when_it_is_answered() {
    let wait = waiting(300, 600, Answer::Abandon);
    let mut group = with_hooks(&[("a", hook(&[Point::BeforeActive], Some(wait)))]);
    boot(&mut group, 10);
    boot(&mut group, 40);
    assert_eq!(state(&group), "configuring");
    assert_eq!(
        group.outbox.len(),
        1,
        "told once, however often it is seen up"
    );
    let taken = |draft: &mut Draft<'_>| settle(draft, AT_TEN, 0, &Sent::Taken);
    commit(&mut group, taken, at(41));
    assert!(group.outbox.contains_key(&AT_TEN), "taken is not answered");
    let answer =
        |draft: &mut Draft<'_>| complete(draft, AT_TEN, Answer::Continue).expect("in time");
    commit(&mut group, answer, at(50));
    assert_eq!((state(&group), group.outbox.len()), ("active", 0));
}

#[test]
fn every_end_of_a_wait_before_service_moves_the_server_as_its_hook_says() {
    type End = fn(&mut Draft<'_>);
    let table: [(&str, Answer, u64, End, &str); 8] = [
        (
            "answered continue",
            Answer::Abandon,
            20,
            |d| complete(d, AT_TEN, Answer::Continue).expect("in time"),
            "active",
        ),
        (
            "answered abandon",
            Answer::Continue,
            20,
            |d| complete(d, AT_TEN, Answer::Abandon).expect("in time"),
            "deleting",
        ),
        (
            "skipped",
            Answer::Abandon,
            20,
            |d| skip(d, AT_TEN).expect("in time"),
            "active",
        ),
        ("deadline, continue", Answer::Continue, 310, go_on, "active"),
        ("deadline, abandon", Answer::Abandon, 310, go_on, "deleting"),
        ("not yet", Answer::Abandon, 309, go_on, "configuring"),
        (
            "refused for good, continue",
            Answer::Continue,
            20,
            |d| settle(d, AT_TEN, 0, &Sent::Refused("410".into())),
            "active",
        ),
        (
            "refused for good, abandon",
            Answer::Abandon,
            20,
            |d| settle(d, AT_TEN, 0, &Sent::Refused("410".into())),
            "deleting",
        ),
    ];
    for (what, default, second, end, expected) in table {
        let wait = waiting(300, 600, default);
        let mut group = with_hooks(&[("a", hook(&[Point::BeforeActive], Some(wait)))]);
        boot(&mut group, 10);
        commit(&mut group, end, at(second));
        assert_eq!(state(&group), expected, "{what}");
        assert_eq!(group.outbox.is_empty(), expected != "configuring", "{what}");
    }
}

#[test]
fn of_two_hooks_that_wait_both_must_continue_and_one_can_abandon() {
    let wait = waiting(300, 600, Answer::Continue);
    let both = || {
        let hook = hook(&[Point::BeforeActive], Some(wait));
        let mut group = with_hooks(&[("a", hook.clone()), ("b", hook)]);
        boot(&mut group, 10);
        group
    };
    let mut group = both();
    let one = |draft: &mut Draft<'_>| complete(draft, AT_TEN, Answer::Continue).expect("in time");
    commit(&mut group, one, at(11));
    assert_eq!(state(&group), "configuring");
    let other = |d: &mut Draft<'_>| complete(d, AFTER_TEN, Answer::Continue).expect("in time");
    commit(&mut group, other, at(12));
    assert_eq!(state(&group), "active");
    let mut group = both();
    let one = |draft: &mut Draft<'_>| complete(draft, AT_TEN, Answer::Abandon).expect("in time");
    let change = commit(&mut group, one, at(11));
    assert_eq!((state(&group), group.outbox.len()), ("deleting", 0));
    let ends: Vec<_> = change
        .posts
        .iter()
        .map(|d| d.wait.expect("a wait").ended)
        .collect();
    let expected =
        [How::Answered(Answer::Abandon), How::Withdrawn].map(|how| Some((how, wall(11))));
    assert_eq!(ends, expected);
}

#[test]
fn an_answer_that_comes_late_twice_or_to_nothing_is_refused_with_its_reason() {
    let wait = waiting(300, 600, Answer::Continue);
    let mut group = with_hooks(&[("a", hook(&[Point::BeforeActive, Point::Active], Some(wait)))]);
    boot(&mut group, 10);
    let draft = || Draft::new(&group, at(310));
    let late = complete(&mut draft(), AT_TEN, Answer::Abandon);
    assert_eq!(late, Err(NotTaken::Over(How::Deadline(Answer::Continue))));
    let stretch = heartbeat(&mut draft(), AT_TEN);
    assert_eq!(
        stretch,
        Err(NotTaken::Over(How::Deadline(Answer::Continue)))
    );
    let strange = complete(&mut draft(), DeliveryId(7), Answer::Continue);
    assert_eq!(strange, Err(NotTaken::Unknown));
    let mut draft = Draft::new(&group, at(20));
    assert_eq!(complete(&mut draft, AT_TEN, Answer::Continue), Ok(()));
    let twice = complete(&mut draft, AT_TEN, Answer::Abandon);
    assert_eq!(twice, Err(NotTaken::Over(How::Answered(Answer::Continue))));
    let told = complete(&mut draft, DeliveryId(AT_TEN.0 + 10_000), Answer::Continue);
    assert_eq!(
        told,
        Err(NotTaken::NotWaiting),
        "server.active waits for nobody"
    );
}

#[test]
fn heartbeats_stretch_a_wait_up_to_the_longest_and_not_beyond() {
    let wait = waiting(100, 250, Answer::Abandon);
    let mut group = with_hooks(&[("a", hook(&[Point::BeforeActive], Some(wait)))]);
    boot(&mut group, 0);
    for (second, until) in [(90, 190), (180, 250), (240, 250)] {
        let beat = |d: &mut Draft<'_>| assert_eq!(heartbeat(d, FIRST), Ok(wall(until)));
        commit(&mut group, beat, at(second));
        look(&mut group, second + 9);
        assert_eq!(state(&group), "configuring");
    }
    look(&mut group, 250);
    assert_eq!(state(&group), "deleting");
}

#[test]
fn a_step_that_may_not_be_skipped_is_not() {
    let wait = waiting(100, 250, Answer::Abandon);
    let fixed = Hook {
        skippable: false,
        ..hook(&[Point::BeforeActive], Some(wait))
    };
    let mut group = with_hooks(&[("a", fixed)]);
    boot(&mut group, 0);
    let skipped = skip(&mut Draft::new(&group, at(1)), FIRST);
    assert_eq!(skipped, Err(NotTaken::NotSkippable));
}

#[test]
fn a_delete_waits_for_its_hook_and_never_past_the_deadline() {
    let wait = waiting(60, 60, Answer::Continue);
    let drained = |end: Option<u64>| {
        let mut group = with_hooks(&[("a", hook(&[Point::BeforeDelete, Point::Gone], Some(wait)))]);
        group.slots.put(slot(1, State::Active(server(1))));
        let leave = |draft: &mut Draft<'_>| {
            draft.state.phase = Phase::Deleting;
            draft.state.desired = Size::ZERO;
        };
        commit(&mut group, leave, at(5));
        look(&mut group, 10);
        assert_eq!(state(&group), "draining");
        look(&mut group, 69);
        assert_eq!(state(&group), "draining");
        if let Some(second) = end {
            let answer = |d: &mut Draft<'_>| complete(d, AT_TEN, Answer::Abandon).expect("in time");
            commit(&mut group, answer, at(second));
        }
        look(&mut group, if end.is_some() { 69 } else { 70 });
        group
    };
    for end in [None, Some(68)] {
        let group = drained(end);
        let slot = group.slots.get(id(1)).expect("the slot");
        assert_eq!(
            slot.state,
            State::Deleting(server(1), DeleteWhy::GroupDeleted)
        );
        let mut draft = Draft::new(&group, at(80));
        draft
            .step(id(1), crate::slot::Move::Vanish)
            .expect("it went");
        let gone: Vec<_> = draft.outbox().map(|d| d.point.word()).collect();
        assert_eq!(gone, ["server.gone"]);
    }
}

#[test]
fn a_server_that_fails_while_it_waits_is_not_waited_for() {
    let wait = waiting(600, 600, Answer::Continue);
    let mut group = with_hooks(&[("a", hook(&[Point::BeforeActive], Some(wait)))]);
    boot(&mut group, 10);
    let mut failed = group.slots.get(id(1)).expect("the slot").clone();
    failed.state = State::Deleting(server(1), DeleteWhy::Failed);
    commit(&mut group, |draft| draft.put(failed), at(20));
    look(&mut group, 21);
    assert!(group.outbox.is_empty(), "nothing waits for it any more");
}

#[test]
fn what_waits_for_a_hook_that_was_removed_goes_on() {
    let wait = waiting(600, 600, Answer::Abandon);
    let mut group = with_hooks(&[("a", hook(&[Point::BeforeActive], Some(wait)))]);
    boot(&mut group, 10);
    let mut config = group.config.clone();
    config.hooks.clear();
    commit(&mut group, |draft| draft.configure(config), at(20));
    look(&mut group, 21);
    assert_eq!((state(&group), group.outbox.len()), ("active", 0));
}

#[test]
fn servers_that_hooks_abandon_are_not_replaced_without_end() {
    let wait = waiting(60, 60, Answer::Abandon);
    let mut group = with_hooks(&[("a", hook(&[Point::BeforeActive], Some(wait)))]);
    for n in 1..=3 {
        group.slots.put(slot(n, State::Configuring(server(n))));
        let boot = |draft: &mut Draft<'_>| {
            let about = About::Server {
                slot: id(n),
                server: server(n),
                gone: None,
            };
            post(draft, Point::BeforeActive, &about);
        };
        commit(&mut group, boot, at(10));
    }
    look(&mut group, 80);
    let hold = group.state.hold.expect("a hold");
    assert_eq!(hold.why, HoldWhy::Failures);
}

#[test]
fn attempts_follow_the_plan_for_a_day_and_end_as_a_dead_letter() {
    let mut group = with_hooks(&[("a", hook(&[Point::Active], None))]);
    boot(&mut group, 0);
    let (mut second, mut made) = (0, 0);
    while let Some(Sending::Due(attempts)) = group.outbox.get(&FIRST).map(|d| d.sending.clone()) {
        second += attempts.pause.as_secs() + 1;
        assert_eq!(attempts.made, made);
        assert_eq!(due(&group, wall(second)).due, [FIRST]);
        let failed = Sent::Failed("500 Internal Server Error".into(), None);
        let change = commit(&mut group, |d| settle(d, FIRST, made, &failed), at(second));
        made += 1;
        if let Sending::Dead { attempts, why, .. } = &change.posts[0].sending {
            assert_eq!((*attempts, &**why), (made, "500 Internal Server Error"));
        }
    }
    assert!((8..16).contains(&made), "{made} attempts");
    assert!((8 * 3600..=24 * 3600).contains(&second), "until {second} s");
}

#[test]
fn a_report_that_comes_twice_counts_once_and_a_late_success_counts_always() {
    let mut group = with_hooks(&[("a", hook(&[Point::Active], None))]);
    boot(&mut group, 0);
    let failed = Sent::Failed("no answer".into(), None);
    for _ in 0..2 {
        commit(&mut group, |d| settle(d, FIRST, 0, &failed), at(10));
    }
    assert_eq!(group.outbox.get(&FIRST).map(Delivery::attempts), Some(1));
    commit(&mut group, |d| settle(d, FIRST, 0, &Sent::Taken), at(11));
    assert!(group.outbox.is_empty());
}

#[test]
fn a_receiver_that_asks_to_wait_is_given_an_hour_at_most() {
    for (asked, least, most) in [(120, 120, 120), (1, 4, 6), (90_000, 3600, 3600)] {
        let mut group = with_hooks(&[("a", hook(&[Point::Active], None))]);
        boot(&mut group, 0);
        let failed = Sent::Failed("429".into(), Some(secs(asked)));
        commit(&mut group, |d| settle(d, FIRST, 0, &failed), at(10));
        let rest = due(&group, wall(10)).next.expect("a time").as_secs();
        assert!((least..=most).contains(&rest), "{asked}: {rest}");
    }
}

#[test]
fn without_a_hooks_lane_nothing_counts_as_tried() {
    let mut group = with_hooks(&[("a", hook(&[Point::Active], None))]);
    boot(&mut group, 0);
    commit(&mut group, |d| settle(d, FIRST, 0, &Sent::Nobody), at(30));
    assert_eq!(group.outbox.get(&FIRST).map(Delivery::attempts), Some(0));
    assert_eq!(due(&group, wall(30)).next, Some(secs(30)));
}

#[test]
fn a_dead_letter_can_be_sent_again_and_moves_no_server() {
    let wait = waiting(60, 60, Answer::Continue);
    let mut group = with_hooks(&[("a", hook(&[Point::BeforeActive], Some(wait)))]);
    boot(&mut group, 0);
    let change = commit(&mut group, go_on, at(60));
    let dead = change
        .posts
        .into_iter()
        .find(|d| d.id == FIRST)
        .expect("the letter");
    assert!(
        matches!(&dead.sending, Sending::Dead { why, .. } if why.starts_with("its deadline passed"))
    );
    commit(&mut group, |draft| again(draft, dead), at(100));
    assert_eq!(due(&group, wall(100)).due, [FIRST]);
    let mut draft = Draft::new(&group, at(101));
    let late = complete(&mut draft, FIRST, Answer::Abandon);
    assert_eq!(late, Err(NotTaken::Over(How::Deadline(Answer::Continue))));
}

#[test]
fn a_group_says_once_that_it_is_degraded_and_once_that_it_is_not() {
    let mut group = with_hooks(&[("a", hook(&[Point::Degraded], None))]);
    let hold = |why| {
        Some(Hold {
            why,
            detail: "no valid host".into(),
            since: wall(10),
            until: Some(wall(40)),
            strikes: 1,
        })
    };
    let told = |group: &Group| -> Vec<bool> {
        let over = group.outbox.values().map(|d| match &d.about {
            About::Trouble { over, .. } => *over,
            About::Server { .. } | About::Size { .. } | About::Incident { .. } => panic!("{d:?}"),
        });
        over.collect()
    };
    group.state.hold = hold(HoldWhy::NoCapacity);
    look(&mut group, 11);
    look(&mut group, 12);
    assert_eq!(told(&group), [false]);
    look(&mut group, 50);
    assert_eq!(
        told(&group),
        [false],
        "that the hold ran out is no recovery"
    );
    group.state.hold = hold(HoldWhy::Quota);
    look(&mut group, 15);
    assert_eq!(told(&group), [false, false], "another reason is news");
    group.state.hold = None;
    look(&mut group, 60);
    look(&mut group, 61);
    assert_eq!(told(&group), [false, false, true]);
}

#[test]
fn a_change_of_desired_is_told_with_the_commit_that_makes_it() {
    let mut group = with_hooks(&[("a", hook(&[Point::Scaled], None))]);
    let grow = |draft: &mut Draft<'_>| draft.state.desired = Size(4);
    let change = commit(&mut group, grow, at(5));
    let about = About::Size {
        before: Size(1),
        after: Size(4),
    };
    assert_eq!(change.posts.len(), 1);
    assert_eq!(change.posts[0].about, about);
}

#[test]
fn the_index_of_timers_knows_of_what_waits_and_forgets_it_with_the_last() {
    let mut group = with_hooks(&[("a", hook(&[Point::Active], None))]);
    let never = crate::group::Wake::Never;
    assert_eq!(group.wake(), never);
    boot(&mut group, 0);
    assert_ne!(group.wake(), never);
    let change = commit(&mut group, |d| settle(d, FIRST, 0, &Sent::Taken), at(1));
    assert_eq!((change.wake, group.wake()), (Some(never), never));
}

#[test]
fn surplus_servers_and_hooks_that_are_switched_off_are_not_told_of() {
    let mut quiet = with_hooks(&[(
        "a",
        Hook {
            enabled: false,
            ..hook(&Point::ALL, None)
        },
    )]);
    boot(&mut quiet, 0);
    assert_eq!((state(&quiet), quiet.outbox.len()), ("active", 0));
    let mut group = with_hooks(&[("a", hook(&Point::ALL, None))]);
    group.slots.put(slot(1, State::Surplus(server(1))));
    let go = |draft: &mut Draft<'_>| {
        draft
            .step(id(1), crate::slot::Move::Delete(DeleteWhy::Surplus))
            .expect("a move");
        draft
            .step(id(1), crate::slot::Move::Vanish)
            .expect("a move");
    };
    commit(&mut group, go, at(1));
    assert!(group.outbox.is_empty());
}
