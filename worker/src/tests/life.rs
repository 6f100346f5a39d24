//! Stopping, a supervisor that is away, and more work than fits.

use wire::ports::ops::OpsError;

use super::nova::End;
use super::*;

#[tokio::test(start_paused = true)]
async fn a_report_goes_to_another_supervisor_when_its_own_is_away() {
    let process = process(1);
    let clock = process.clock.clone();
    let machine = Machine::new();
    let nova = Nova::new(clock.clone());
    let (first, second) = (Desk::new(clock.clone()), Desk::new(clock));
    first.state().answers = [OpsError::Unreachable].into();
    let worker = run(&process, settings(&machine), &nova, &[&first, &second]).unwrap();
    first.put(vec![for_tenant("a", Call::SignIn)]);
    let reports = second.reports(1).await;
    assert_eq!(reports[0].result, Done::SignedIn(Ok(())));
    assert_eq!(worker.unreported(), 0);
}

#[tokio::test(start_paused = true)]
async fn reports_are_kept_until_somebody_takes_them_and_one_bad_one_holds_no_other_up() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    bench.desk.state().answers = std::iter::repeat_n(OpsError::Unreachable, 20).collect();
    bench.desk.put(vec![create(1)]);
    bench.pause(3).await;
    assert_eq!(bench.worker.unreported(), 1);
    let done = bench.done(vec![create(2)], 2).await;
    assert_eq!(done.len(), 2);
    let slots: Vec<Report> = bench.desk.state().acknowledged.split_off(1);
    assert_eq!(slots.len(), 2);
    assert_eq!(bench.created().len(), 2);
    let later: Vec<usize> = bench
        .desk
        .state()
        .reported
        .iter()
        .skip(2)
        .map(Vec::len)
        .collect();
    assert!(
        later.iter().all(|count| *count == 1),
        "what failed travels alone: {later:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_supervisor_takes_of_a_batch_is_not_said_again_beside_what_it_does_not() {
    let bench = Bench::start();
    bench.desk.state().sick = Some(tenant("sick"));
    // They end together: the first sends its own, and the others leave in batches of what waits.
    let names = ["a", "sick", "b", "sick", "c", "sick", "d", "sick", "e"];
    let ops = (0..18).map(|n| for_tenant(names[n % names.len()], Call::SignIn));
    bench.done(ops.collect(), 10).await;
    bench.pause(60).await;
    let (times, longest) = {
        let state = bench.desk.state();
        let well = |report: &&Report| report.key.tenant() != &tenant("sick");
        let times = state.reported.iter().flatten().filter(well).count();
        (times, state.reported.iter().map(Vec::len).max())
    };
    assert_eq!(times, 10, "each was said once");
    assert!(longest > Some(1), "and some of them beside others");
    assert_eq!(bench.worker.unreported(), 8);
    bench.desk.state().sick = None;
    bench.pause(11).await;
    assert_eq!(bench.worker.unreported(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_never_failed_does_not_wait_for_what_did() {
    let bench = Bench::start();
    bench.desk.state().sick = Some(tenant("sick"));
    let ops = (0..40).map(|_| for_tenant("sick", Call::SignIn));
    bench.desk.put(ops.collect());
    bench.pause(5).await;
    for n in 0..20 {
        let began = bench.process.clock.mono();
        bench.done(vec![for_tenant("a", Call::SignIn)], 1).await;
        let took = bench.process.clock.mono().saturating_since(began);
        assert!(took < Duration::from_millis(500), "{took:?} in round {n}");
        bench.process.clock.sleep(Duration::from_millis(130)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn with_too_many_reports_waiting_nothing_more_is_asked_for() {
    let bench = Bench::start_with(|settings| {
        settings.polls = 1;
        settings.reports_max = 1;
    });
    bench.desk.state().answers = std::iter::repeat_n(OpsError::Unreachable, 10).collect();
    bench.desk.put(vec![for_tenant("a", Call::List)]);
    bench.pause(2).await;
    let offers = bench.desk.state().offers.len();
    bench.pause(2).await;
    assert_eq!(bench.desk.state().offers.len(), offers);
    bench.desk.reports(1).await;
    bench.pause(2).await;
    assert!(bench.desk.state().offers.len() > offers);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_polls_and_lets_what_was_begun_be_reported() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    let wait = End::After(Duration::from_secs(20));
    bench.nova.state().create_ends.push_back(wait);
    bench.desk.put(vec![create(1)]);
    bench.pause(1).await;
    bench.process.stop.request();
    bench.pause(1).await;
    let offers = bench.desk.state().offers.len();
    let drained = bench
        .process
        .stop
        .drained(&bench.process.clock, Duration::from_secs(30))
        .await;
    assert_eq!(drained, Ok(()));
    let reports = bench.desk.state().acknowledged.clone();
    assert_eq!(reports[1].result, came(1, Outcome::Created(server(1))));
    assert_eq!(bench.desk.state().offers.len(), offers);
    assert_eq!(
        bench
            .process
            .tasks
            .drain(&bench.process.clock, Duration::from_secs(1))
            .await,
        0
    );
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_the_worker_stops_is_not_begun() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    bench.process.clock.sleep(Duration::from_millis(100)).await;
    bench.process.stop.request();
    let wait = Duration::from_millis(100);
    bench
        .desk
        .put_after(wait, vec![create(1), for_tenant("a", Call::List)]);
    bench.pause(5).await;
    assert!(bench.created().is_empty());
    assert_eq!(bench.desk.state().acknowledged.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn offers_never_exceed_what_can_be_under_way() {
    let bench = Bench::start_with(|settings| settings.polls = 3);
    bench.sign_in("a").await;
    bench.nova.state().create_ends = std::iter::repeat_n(End::Never, 100).collect();
    let offered = |bench: &Bench| {
        let state = bench.desk.state();
        let last: Vec<(u32, u32)> = state
            .offers
            .iter()
            .rev()
            .take(3)
            .map(|o| (o.creates, o.others))
            .collect();
        last.iter()
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    bench.pause(6).await;
    let (creates, others) = offered(&bench);
    assert!(creates > 30 && creates <= 42, "{creates}");
    assert_eq!(others, 48);
    let ops: Vec<Op> = (0..12).map(create).collect();
    bench.desk.put(ops);
    bench.pause(2).await;
    assert!(
        offered(&bench).0 <= creates - 12 + 1,
        "{:?}",
        offered(&bench)
    );
}

#[tokio::test(start_paused = true)]
async fn every_operation_is_counted_by_class_and_outcome() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    bench
        .done(vec![create(1), for_tenant("a", Call::List)], 2)
        .await;
    let text = bench.process.metrics.text();
    for line in [
        "worker_operations_total{class=\"create\",outcome=\"created\"} 1",
        "worker_operations_total{class=\"list\",outcome=\"listed\"} 1",
        "worker_operations_total{class=\"sign_in\",outcome=\"signed_in\"} 1",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn room_that_comes_free_is_offered_soon() {
    let bench = Bench::start_with(|settings| {
        settings.polls = 1;
        settings.others_max = 8;
    });
    bench.sign_in("a").await;
    bench
        .nova
        .state()
        .ends
        .insert("GET", End::After(Duration::from_millis(400)));
    let read = |of: u128| {
        for_group(Call::Read {
            slot: slot(of),
            server: server(of),
        })
    };
    let start = bench.process.clock.mono();
    for round in 0..5 {
        // No poll can have taken more than it offered, so each round waits for the room of the one before.
        let done = bench
            .done((0..8).map(|of| read(round * 8 + of)).collect(), 8)
            .await;
        assert!(
            done.iter()
                .all(|done| matches!(done, Done::Read { .. } | Done::Nothing(_)))
        );
    }
    let took = bench.process.clock.mono().saturating_since(start);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_never_answered_is_asked_again_soon_and_then_once_a_second() {
    let bench = Bench::start();
    // Nothing has run yet.
    bench.desk.state().unready = 3;
    let clock = &bench.process.clock;
    clock.sleep(Duration::from_millis(300)).await;
    assert!(bench.process.health.is_ready(), "long before the next beat");
    let before = bench.desk.state().beats;
    bench.pause(10).await;
    assert_eq!(bench.desk.state().beats - before, 10);
    bench.process.stop.request();
}
