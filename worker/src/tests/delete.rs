use serde_json::json;

use super::nova::{End, row_of};
use super::*;

fn delete(of: u128, proof: u128) -> Op {
    for_group(Call::Delete {
        slot: slot(of),
        proof: slot(proof),
        server: server(9),
        priority: Priority::UserDelete,
    })
}

#[tokio::test(start_paused = true)]
async fn only_a_server_that_proves_to_be_ours_for_that_slot_is_deleted() {
    let ours = || row_of(server(9), group().id, slot(1));
    let with = |change: fn(&mut serde_json::Value)| {
        let mut row = ours();
        change(&mut row);
        row
    };
    let table = [
        (Some(ours()), 1, Outcome::DeleteAccepted(server(9)), 1),
        (Some(ours()), 2, Outcome::NotOurs(server(9)), 0),
        (
            Some(row_of(server(9), GroupId::from_u128(5), slot(1))),
            1,
            Outcome::NotOurs(server(9)),
            0,
        ),
        (
            Some(with(|row| row["user_id"] = json!("someone"))),
            1,
            Outcome::NotOurs(server(9)),
            0,
        ),
        (
            Some(with(|row| row["tenant_id"] = json!("b"))),
            1,
            Outcome::NotOurs(server(9)),
            0,
        ),
        (
            Some(with(|row| row["metadata"] = json!({}))),
            1,
            Outcome::NotOurs(server(9)),
            0,
        ),
        // A dead cell: nothing is known of it, so it is neither deleted nor given up.
        (
            Some(json!({"id": server(9).to_string(), "status": "UNKNOWN"})),
            1,
            Outcome::DeleteUnclear(server(9)),
            0,
        ),
        (None, 1, Outcome::NotFound(server(9)), 0),
    ];
    for (row, proof, expected, deletes) in table {
        let bench = Bench::start();
        if let Some(row) = row.clone() {
            bench
                .nova
                .state()
                .servers
                .insert(server(9).to_string(), row);
        }
        let done = bench.done(vec![delete(1, proof)], 1).await;
        assert_eq!(done, [came(1, expected)], "{row:?}");
        assert_eq!(bench.nova.state().deletes.len(), deletes, "{row:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_proof_names_a_key_that_this_worker_lacks_is_not_given_up() {
    for (user, expected) in [
        ("u1", Outcome::DeleteUnclear(server(9))),
        ("someone", Outcome::NotOurs(server(9))),
    ] {
        let bench = Bench::start();
        let mut row = row_of(server(9), group().id, slot(1));
        row["metadata"]["as.v"] = json!("7");
        row["user_id"] = json!(user);
        let id = server(9).to_string();
        bench.nova.state().servers.insert(id, row);
        let done = bench.done(vec![delete(1, 1)], 1).await;
        assert_eq!(done, [came(1, expected)], "{user}");
        assert_eq!(bench.nova.state().deletes.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_without_a_sure_answer_is_said_to_be_so() {
    let unclear = || came(1, Outcome::DeleteUnclear(server(9)));
    let table = [
        ("GET", End::Never, Some(unclear())),
        ("GET", End::Status(500), Some(unclear())),
        ("GET", End::Page(404), Some(unclear())),
        ("GET", End::Status(429), None),
        ("DELETE", End::Never, Some(unclear())),
        ("DELETE", End::Lost, Some(unclear())),
        (
            "DELETE",
            End::Status(409),
            Some(came(1, Outcome::Locked(server(9)))),
        ),
        (
            "DELETE",
            End::Missing,
            Some(came(1, Outcome::NotFound(server(9)))),
        ),
        ("DELETE", End::Page(404), Some(unclear())),
        ("DELETE", End::Status(429), None),
    ];
    for (of, end, expected) in table {
        let bench = Bench::start();
        let row = row_of(server(9), group().id, slot(1));
        bench
            .nova
            .state()
            .servers
            .insert(server(9).to_string(), row);
        bench.desk.put(vec![for_tenant("a", Call::SignIn)]);
        bench.desk.reports(1).await;
        bench.nova.state().ends.insert(of, end.clone());
        let done = bench.done(vec![delete(1, 1)], 1).await.remove(0);
        match expected {
            Some(expected) => assert_eq!(done, expected, "{of} {end:?}"),
            None => assert!(matches!(done, Done::Nothing(_)), "{of} {end:?}: {done:?}"),
        }
    }
}
