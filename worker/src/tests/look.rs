use domain::evidence::{Extent, Proof, Status};
use serde_json::json;
use wire::ports::ops::OpsError;

use super::nova::{End, row_of};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_list_shows_what_concerns_us_and_counts_the_rest() {
    let bench = Bench::start();
    let row = |id: u128, user: &str, status: &str| json!({"id": server(id).to_string(), "status": status, "tenant_id": "a", "user_id": user, "metadata": {}});
    let rows = [
        (1, row_of(server(1), group().id, slot(1))),
        (2, row(2, "u1", "SHUTOFF")),
        (3, row(3, "customer", "ACTIVE")),
        (4, json!({"id": server(4).to_string(), "status": "UNKNOWN"})),
        (5, row(5, "customer", "ERROR")),
    ];
    for (id, row) in rows {
        bench
            .nova
            .state()
            .servers
            .insert(server(id).to_string(), row);
    }
    let Done::Listed {
        extent,
        rows,
        others,
        ..
    } = bench
        .done(vec![for_tenant("a", Call::List)], 1)
        .await
        .remove(0)
    else {
        panic!("no list");
    };
    assert_eq!((extent, others), (Extent::Complete, 2));
    let valid = Proof::Valid {
        group: group().id,
        slot: slot(1),
    };
    let shown: Vec<_> = rows
        .into_iter()
        .map(|row| (row.server, row.proof, row.ours, row.status))
        .collect();
    let expected = [
        (server(1), valid, true, Status::Up),
        (server(2), Proof::None, true, Status::Held),
        (server(4), Proof::Unreadable, false, Status::Unknown),
    ];
    assert_eq!(shown, expected);
}

#[tokio::test(start_paused = true)]
async fn a_read_shows_the_server_or_that_it_is_not_there() {
    let bench = Bench::start();
    let row = row_of(server(1), group().id, slot(1));
    bench
        .nova
        .state()
        .servers
        .insert(server(1).to_string(), row);
    for (id, is_there) in [(1, true), (2, false)] {
        let read = Call::Read {
            slot: slot(1),
            server: server(id),
        };
        let done = bench.done(vec![for_group(read)], 1).await.remove(0);
        let Done::Read { row, .. } = done else {
            panic!("{done:?}");
        };
        assert_eq!(row.map(|row| row.server), is_there.then(|| server(id)));
    }
}

#[tokio::test(start_paused = true)]
async fn lists_that_wait_for_their_budget_leave_seats_to_everything_else() {
    let bench = Bench::start();
    let lists = (0..60).map(|_| for_tenant("a", Call::List)).collect();
    bench.desk.put(lists);
    bench.pause(1).await;
    let read = |of| Call::Read {
        slot: slot(of),
        server: server(of),
    };
    let reads = (0..30).map(|of| for_group(read(of))).collect();
    bench.desk.put(reads);
    bench.pause(2).await;
    let reports = &bench.desk.state().acknowledged;
    let read = reports
        .iter()
        .filter(|report| matches!(report.result, Done::Read { .. }));
    assert_eq!(read.count(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_cloud_is_slow_holds_no_other_up() {
    let bench = Bench::start();
    bench
        .nova
        .state()
        .ends
        .insert("GET list of b", End::After(Duration::from_secs(70)));
    let start = bench.process.clock.mono();
    let ops = vec![for_tenant("b", Call::List), for_tenant("a", Call::List)];
    let first = bench.done(ops, 1).await;
    assert!(matches!(first[0], Done::Listed { .. }));
    assert!(bench.process.clock.mono().saturating_since(start) < Duration::from_secs(5));
    let keys: Vec<Subject> = bench
        .desk
        .reports(2)
        .await
        .into_iter()
        .map(|report| report.key)
        .collect();
    assert_eq!(
        keys,
        [Subject::Tenant(tenant("a")), Subject::Tenant(tenant("b"))]
    );
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_list_is_counted_from_its_start_anew_at_each_send() {
    let bench = Bench::start();
    bench
        .nova
        .state()
        .ends
        .insert("GET list", End::After(Duration::from_secs(7)));
    bench.desk.state().answers = [
        OpsError::Unreachable,
        OpsError::Refused,
        OpsError::Unreachable,
    ]
    .into();
    bench.done(vec![for_tenant("a", Call::List)], 1).await;
    let ages: Vec<Duration> = bench
        .desk
        .state()
        .reported
        .iter()
        .map(|batch| {
            let Done::Listed { age, .. } = &batch[0].result else {
                panic!("{batch:?}");
            };
            *age
        })
        .collect();
    assert_eq!(ages.len(), 4);
    assert!(ages[0] >= Duration::from_secs(7), "{ages:?}");
    assert!(ages.is_sorted_by(|a, b| a < b), "{ages:?}");
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_says_when_to_ask_again() {
    let table = [
        (End::Status(500), Duration::from_secs(10)),
        (End::Never, Duration::from_secs(10)),
        (End::Status(401), Duration::from_secs(600)),
    ];
    for (end, after) in table {
        let bench = Bench::start();
        bench.nova.state().ends.insert("GET list", end.clone());
        let done = bench
            .done(vec![for_tenant("a", Call::List)], 1)
            .await
            .remove(0);
        let Done::Nothing(wait) = done else {
            panic!("{end:?}: {done:?}");
        };
        assert_eq!(wait.after, after, "{end:?}");
    }
}
