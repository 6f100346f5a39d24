use domain::ids::Incarnation;
use domain::slot::FailWhy;

use super::nova::End;
use super::*;

fn void(of: u128, incarnation: Incarnation) -> Op {
    for_group(Call::Void {
        slot: slot(of),
        incarnation,
    })
}

#[tokio::test(start_paused = true)]
async fn what_was_voided_is_refused_when_it_comes_later() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    let life = bench.worker.incarnation();
    assert_eq!(
        bench.done(vec![void(1, life)], 1).await,
        [came(1, Outcome::Voided)]
    );
    let refused = came(1, Outcome::NotCreated(FailWhy::NotSent));
    assert_eq!(bench.done(vec![create(1)], 1).await, [refused]);
    assert!(bench.created().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_is_not_voided_and_its_outcome_is_told_when_known() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    let life = bench.worker.incarnation();
    let wait = End::After(Duration::from_secs(5));
    bench.nova.state().create_ends.push_back(wait);
    bench.desk.put(vec![create(1)]);
    bench.pause(1).await;
    assert_eq!(
        bench.done(vec![void(1, life)], 1).await,
        [came(1, Outcome::Begun)]
    );
    bench.pause(6).await;
    let created = came(1, Outcome::Created(server(1)));
    assert_eq!(bench.done(vec![void(1, life)], 1).await, [created]);
}

#[tokio::test(start_paused = true)]
async fn a_successor_voids_only_what_the_dead_process_did_not_send() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    let dead = bench.worker.incarnation();
    bench.nova.state().create_ends.push_back(End::Never);
    bench.desk.put(vec![create(1)]);
    bench.pause(1).await;
    assert_eq!(bench.created().len(), 1, "it was sent");
    bench.process.tasks.abort_all();
    bench.machine.killed(&"w".parse().unwrap());

    let process = process(2);
    let desk = Desk::new(process.clock.clone());
    let worker = run(&process, settings(&bench.machine), &bench.nova, &[&desk]).unwrap();
    assert_ne!(worker.incarnation(), dead);
    desk.put(vec![
        void(1, dead),
        void(2, dead),
        void(3, Incarnation::from_u128(5)),
    ]);
    let mut results: Vec<Done> = desk
        .reports(3)
        .await
        .into_iter()
        .map(|report| report.result)
        .collect();
    results.sort_by_key(|done| format!("{done:?}"));
    let expected = [
        came(1, Outcome::Begun),
        came(2, Outcome::Voided),
        came(3, Outcome::Begun),
    ];
    assert_eq!(results, expected);
}

#[tokio::test(start_paused = true)]
async fn a_second_process_of_the_same_name_does_not_start() {
    let bench = Bench::start();
    let second = run(
        &process(2),
        settings(&bench.machine),
        &bench.nova,
        &[&bench.desk],
    );
    assert!(
        matches!(second, Err(host::Error::Taken { .. })),
        "{second:?}"
    );
}
