//! Tokens of creates whose answer was lost end before their time.

use domain::slot::DoubtWhy;

use super::nova::End;
use super::*;

const MINUTE: u64 = 60;

/// A worker whose tokens live ten hours, after one create without an answer.
async fn bereaved() -> Bench {
    let bench = Bench::start();
    bench.nova.state().token_hours = 10;
    bench.sign_in("a").await;
    lose(&bench, 1).await;
    bench
}

async fn lose(bench: &Bench, of: u128) {
    bench.nova.state().create_ends.push_back(End::Lost);
    let lost = Outcome::Unknown(DoubtWhy::Reset);
    assert_eq!(bench.done(vec![create(of)], 1).await, [came(of, lost)]);
}

fn revoked(bench: &Bench) -> Vec<(String, String)> {
    bench.nova.state().revoked.clone()
}

fn pair(subject: &str, by: &str) -> (String, String) {
    (subject.to_owned(), by.to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_lost_create_has_a_successor_at_once_and_is_revoked_by_it_when_builds_are_over()
 {
    let bench = bereaved().await;
    bench.pause(10).await;
    assert_eq!(bench.nova.state().sign_ins, 2);
    bench.done(vec![create(2)], 1).await;
    let with: Vec<String> = bench
        .nova
        .state()
        .creates
        .iter()
        .map(|(_, token)| token.clone())
        .collect();
    assert_eq!(with, ["token-1", "token-2"]);
    bench.pause(29 * MINUTE).await;
    assert_eq!(revoked(&bench), []);
    bench.desk.reports(4).await;
    assert_eq!(revoked(&bench), [pair("token-1", "token-2")]);
    let said = bench.desk.state().acknowledged.pop().unwrap();
    assert_eq!(said.result, came(1, Outcome::TokenRevoked));
    assert_eq!(said.key, Subject::Group(group()));
    bench.pause(10 * 60 * MINUTE).await;
    assert_eq!(revoked(&bench).len(), 1, "and no other");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_soon_by_itself_is_left_alone() {
    let bench = Bench::start();
    bench.sign_in("a").await;
    lose(&bench, 1).await;
    bench.pause(70 * MINUTE).await;
    assert_eq!(revoked(&bench), []);
    assert_eq!(bench.nova.state().sign_ins, 1);
}

#[tokio::test(start_paused = true)]
async fn however_many_answers_are_lost_the_tokens_of_a_tenant_change_once_in_half_an_hour() {
    let bench = bereaved().await;
    for of in 2..50 {
        bench.pause(MINUTE).await;
        lose(&bench, of).await;
    }
    assert_eq!(bench.nova.state().sign_ins, 3, "48 minutes, and at once");
    bench.pause(60 * MINUTE).await;
    assert_eq!(
        revoked(&bench),
        [
            pair("token-1", "token-2"),
            pair("token-2", "token-3"),
            pair("token-3", "token-4")
        ]
    );
    let ended = |report: &&Report| {
        matches!(
            &report.result,
            Done::Slot {
                outcome: Outcome::TokenRevoked,
                ..
            }
        )
    };
    assert_eq!(
        bench.desk.state().acknowledged.iter().filter(ended).count(),
        49
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_successor_stays_and_one_that_may_live_is_not_said_to_be_dead() {
    let bench = Bench::start();
    bench.nova.state().token_hours = 10;
    bench.sign_in("a").await;
    bench
        .nova
        .state()
        .ends
        .insert("POST /auth", End::Status(500));
    lose(&bench, 1).await;
    bench.pause(5 * MINUTE).await;
    bench.done(vec![create(2)], 1).await;
    assert_eq!(
        bench.nova.state().creates[1].1,
        "token-1",
        "Keystone is away, and nothing is lost by it"
    );
    bench.nova.state().ends.clear();
    bench.nova.state().ends.insert("DELETE /auth", End::Lost);
    bench.pause(60 * MINUTE).await;
    assert!(revoked(&bench).len() > 10, "it is tried again");
    let count = bench.desk.state().acknowledged.len();
    // Keystone's words for a token that is revoked already.
    bench.nova.state().ends.insert("DELETE /auth", End::Unknown);
    bench.pause(2 * MINUTE).await;
    let said = bench.desk.reports(count + 1).await;
    assert_eq!(said[count].result, came(1, Outcome::TokenRevoked));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_keystone_never_knew_is_not_said_to_be_revoked() {
    let bench = bereaved().await;
    bench.nova.state().ends.insert("DELETE /auth", End::Unknown);
    bench.pause(40 * MINUTE).await;
    assert_eq!(revoked(&bench).len(), 1);
    assert_eq!(bench.desk.state().acknowledged.len(), 2);
}

#[test]
fn a_token_is_not_to_be_revoked_while_calls_that_use_it_may_be_under_way() {
    let after = |seconds| revoke_after(Duration::from_secs(seconds));
    assert_eq!(after(0), Ok(None));
    assert_eq!(after(299), Err(TooSoon));
    assert_eq!(after(300), Ok(Some(Duration::from_secs(300))));
}
