use domain::control::{Mode, Scope, Switch};
use domain::slot::{DoubtWhy, FailWhy};
use domain::time::Timestamp;

use super::nova::End;
use super::*;

const NOT_SENT: Outcome = Outcome::NotCreated(FailWhy::NotSent);

#[tokio::test(start_paused = true)]
async fn a_create_is_one_call_and_one_report() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    let done = bench.done(vec![create(1)], 1).await;
    assert_eq!(done, [came(1, Outcome::Created(server(1)))]);
    assert_eq!(bench.created(), [slot(1).to_string()]);
    let report = bench.desk.state().acknowledged.pop().unwrap();
    assert_eq!(report.incarnation, bench.worker.incarnation());
    assert_eq!(
        (report.key, report.op),
        (Subject::Group(group()), OpId::from_u128(1))
    );
    bench.pause(60).await;
    assert_eq!(bench.created().len(), 1);
    assert_eq!(bench.worker.unreported(), 0);
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_a_create_is_reported_and_never_tried_again() {
    let table = [
        (End::Lost, Outcome::Unknown(DoubtWhy::Reset)),
        (End::Never, Outcome::Unknown(DoubtWhy::Timeout)),
        (End::Status(500), Outcome::Unknown(DoubtWhy::Unclear)),
        (End::Page(404), Outcome::Unknown(DoubtWhy::Unclear)),
        (End::NotSent, NOT_SENT),
        (End::Status(401), Outcome::NotCreated(FailWhy::Token)),
    ];
    for (end, expected) in table {
        let bench = Bench::start();
        bench.sign_in("a").await;
        bench.nova.state().create_ends.push_back(end);
        assert_eq!(
            bench.done(vec![create(1)], 1).await,
            [came(1, expected.clone())]
        );
        // A double of the operation, later: the known outcome again, and no call.
        bench.sign_in("a").await;
        assert_eq!(bench.done(vec![create(1)], 1).await, [came(1, expected)]);
        assert_eq!(bench.created().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_double_within_one_reply_is_one_call() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    let wait = End::After(Duration::from_secs(3));
    bench.nova.state().create_ends.push_back(wait);
    let done = bench.done(vec![create(1), create(1)], 2).await;
    assert_eq!(
        done,
        [
            came(1, Outcome::Begun),
            came(1, Outcome::Created(server(1)))
        ]
    );
    assert_eq!(bench.created().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_double_that_may_not_begin_does_not_deny_the_call_that_has_begun() {
    // Simulator, schedule 10000008: one permit was offered, and the reply named the slot twice.
    let bench = Bench::start_with(|settings| (settings.polls, settings.creates_max) = (1, 1));
    bench.sign_in("a").await;
    let wait = End::After(Duration::from_secs(3));
    bench.nova.state().create_ends.push_back(wait);
    let done = bench.done(vec![create(1), create(1)], 2).await;
    assert!(!done.contains(&came(1, NOT_SENT)), "{done:?}");
    assert_eq!(bench.created().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_double_that_is_held_back_does_not_deny_the_call_that_has_begun() {
    // Simulator, schedule 1795305598950067: the cloud asked to wait while the double stood in line behind others.
    let bench = Bench::start();
    bench.sign_in("a").await;
    let ends = [End::Lost, End::Busy(30)];
    bench.nova.state().create_ends.extend(ends);
    let ops: Vec<Op> = (1..=6).chain([1]).map(create).collect();
    let done = bench.done(ops, 7).await;
    let of_the_first = done
        .iter()
        .filter(|done| matches!(done, Done::Slot { slot: of, .. } if *of == slot(1)));
    let lost = came(1, Outcome::Unknown(DoubtWhy::Reset));
    let said: Vec<&Done> = of_the_first.collect();
    assert_eq!(said, [&lost, &lost]);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_not_to_be_sent_is_never_sent() {
    let bench = Bench::start_with(|settings| (settings.polls, settings.creates_max) = (1, 1));
    bench.sign_in("a").await;
    let done = bench.done(vec![create(2), create(1)], 2).await;
    assert!(done.contains(&came(1, NOT_SENT)), "{done:?}");
    bench.sign_in("a").await;
    let again = bench.done(vec![create(1)], 1).await;
    assert_eq!(again, [came(1, NOT_SENT)]);
    assert_eq!(bench.created(), [slot(2).to_string()]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_comes_after_the_begin_window_begins_nothing() {
    for (held_ms, expected) in [
        (9_900, Outcome::Created(server(1))),
        (10_000, NOT_SENT),
        (60_000, NOT_SENT),
    ] {
        let bench = Bench::start();
        bench.sign_in("a").await;
        // The poll that offers the token is out since a moment ago.
        bench
            .desk
            .put_after(Duration::from_millis(held_ms), vec![create(1)]);
        let reports = bench.desk.reports(2).await;
        assert_eq!(
            reports[1].result,
            came(1, expected.clone()),
            "held for {held_ms} ms"
        );
        assert_eq!(bench.created().is_empty(), expected == NOT_SENT);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_budget_has_no_room_for_in_time_is_not_begun() {
    let bench = Bench::start_with(|settings| {
        settings.polls = 1;
        settings.begin = Duration::from_millis(1_500);
    });
    bench.sign_in("a").await;
    // Burst 5, then 10 a second: 20 begin within 1.5 s, whichever they are.
    let ops: Vec<Op> = (1..=30).map(create).collect();
    let done = bench.done(ops, 30).await;
    let not_sent = done
        .iter()
        .filter(|done| matches!(done, Done::Slot { outcome, .. } if *outcome == NOT_SENT));
    let not_sent = not_sent.count();
    assert_eq!(bench.created().len() + not_sent, 30);
    assert!(
        (15..=21).contains(&bench.created().len()),
        "{}",
        bench.created().len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_create_that_a_switch_holds_back_makes_its_group_wait() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    // Permits are offered all the same: others may use them.
    bench.desk.state().switches = vec![Switch {
        scope: Scope::Tenant(tenant("a")),
        mode: Mode::NoCreate,
        who: "ann".to_owned(),
        why: "because".to_owned(),
        at: Timestamp::default(),
        until: None,
    }];
    bench.pause(2).await;
    let waits = came(1, Outcome::Throttled(Duration::from_secs(5)));
    assert_eq!(bench.done(vec![create(1)], 1).await, [waits]);
    bench.desk.state().switches.clear();
    bench.pause(2).await;
    let voided = came(1, NOT_SENT);
    assert_eq!(bench.done(vec![create(1)], 1).await, [voided]);
    assert!(bench.created().is_empty());
}

#[tokio::test(start_paused = true)]
async fn with_a_begun_log_that_cannot_be_written_no_creates_are_offered() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    bench.machine.fill(true);
    let done = bench.done(vec![create(1)], 1).await;
    assert!(matches!(done[..], [Done::Nothing(_)]), "{done:?}");
    bench.pause(6).await;
    assert_eq!(bench.desk.state().offers.last().unwrap().creates, 0);
    bench.machine.fill(false);
    bench.pause(2).await;
    assert!(bench.desk.state().offers.last().unwrap().creates > 0);
    let created = came(2, Outcome::Created(server(1)));
    assert_eq!(bench.done(vec![create(2)], 1).await, [created]);
}

#[tokio::test(start_paused = true)]
async fn more_creates_than_were_offered_are_not_begun() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    bench.pause(6).await;
    let offered = bench.desk.state().offers.last().unwrap().creates;
    let ops: Vec<Op> = (0..=u128::from(offered)).map(create).collect();
    let done = bench.done(ops.clone(), ops.len()).await;
    let refused = came(u128::from(offered), NOT_SENT);
    assert_eq!(done.iter().filter(|done| **done == refused).count(), 1);
    assert_eq!(bench.created().len(), ops.len() - 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_uses_the_token_that_its_poll_offered_even_if_there_is_a_newer_one() {
    let bench = Bench::start_with(|settings| settings.polls = 2);
    bench.sign_in("a").await;
    // Both polls go out with the first token, which has five minutes left.
    bench.pause(55 * 60).await;
    bench
        .desk
        .put_after(Duration::from_secs(4), vec![create(1)]);
    bench.process.clock.sleep(Duration::from_secs(1)).await;
    // Meanwhile the other poll brings a sign-in, and the client's token, with less than a tenth of its life left, is replaced.
    bench.desk.put(vec![for_tenant("a", Call::SignIn)]);
    bench.desk.reports(3).await;
    assert_eq!(bench.nova.state().sign_ins, 2);
    assert_eq!(
        bench.nova.state().creates,
        [(slot(1).to_string(), "token-1".to_owned())]
    );
    assert_eq!(bench.done(vec![create(2)], 1).await.len(), 1);
    assert_eq!(bench.nova.state().creates[1].1, "token-2");
}

#[tokio::test(start_paused = true)]
async fn without_an_offered_token_nothing_is_sent_and_nobody_signs_in_for_it() {
    let bench = Bench::start();
    assert_eq!(bench.done(vec![create(1)], 1).await, [came(1, NOT_SENT)]);
    assert_eq!(bench.nova.state().sign_ins, 0);
    assert!(
        bench
            .desk
            .state()
            .offers
            .iter()
            .all(|offer| offer.tokens.is_empty())
    );
}

#[tokio::test(start_paused = true)]
async fn an_offer_names_the_token_at_once_and_how_long_it_can_live() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    bench.pause(1).await;
    let left = bench.desk.state().offers.last().unwrap().tokens[&tenant("a")];
    assert!(left > Duration::from_secs(3590), "{left:?}");
    bench.pause(1800).await;
    let later = bench.desk.state().offers.last().unwrap().tokens[&tenant("a")];
    assert!(left - later >= Duration::from_secs(1790), "{later:?}");
    bench.pause(1800).await;
    assert!(bench.desk.state().offers.last().unwrap().tokens.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_refused_is_not_offered_again() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    bench.nova.state().create_ends.push_back(End::Status(401));
    bench.done(vec![create(1)], 1).await;
    bench.pause(6).await;
    assert!(bench.desk.state().offers.last().unwrap().tokens.is_empty());
    bench.sign_in("a").await;
    bench.done(vec![create(2)], 1).await;
    assert_eq!(bench.nova.state().creates[1].1, "token-2");
}
