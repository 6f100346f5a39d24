//! Every way in which a create can end: what the client says of it, and what the cloud really did.
use std::time::Duration;

use cloud::error::CreateError;
use cloud::port::Cloud as _;
use cloud::proof::Proven;
use cloudsim::{Fault, Faults, Span};
use domain::ids::SlotId;
use domain::slot::{DoubtWhy, FailWhy};

use super::colo::{Colo, GROUP, PATIENCE, launch, server};

fn fails(status: u16, executed: bool, retry_after_s: Option<u32>) -> Fault {
    Fault::Fail {
        status,
        executed,
        retry_after_s,
    }
}

#[tokio::test]
async fn a_doubt_is_told_whatever_happened_and_a_list_tells_what_did() {
    for (fault, why, servers) in [
        (Fault::LoseAnswer, DoubtWhy::Reset, 1),
        (Fault::LoseRequest, DoubtWhy::Reset, 0),
        (Fault::Hang { executed: true }, DoubtWhy::Timeout, 1),
        (Fault::Hang { executed: false }, DoubtWhy::Timeout, 0),
        (
            Fault::AnswerLate {
                by: Span::exactly(5_000),
            },
            DoubtWhy::Timeout,
            1,
        ),
        (Fault::Garble, DoubtWhy::Unclear, 1),
        (fails(500, true, None), DoubtWhy::Unclear, 1),
        (fails(404, true, None), DoubtWhy::Unclear, 1),
        (fails(404, false, None), DoubtWhy::Unclear, 0),
        (fails(405, false, None), DoubtWhy::Unclear, 0),
        (fails(502, false, None), DoubtWhy::Unclear, 0),
        (fails(503, true, Some(1)), DoubtWhy::Unclear, 1),
        (fails(504, true, None), DoubtWhy::Unclear, 1),
    ] {
        let faults = Faults::instant().with_nth_create(1, fault.clone());
        let patience = match why {
            DoubtWhy::Timeout => Duration::from_millis(400),
            DoubtWhy::Reset | DoubtWhy::Unclear | DoubtWhy::WorkerLost => PATIENCE,
        };
        let colo = Colo::start_as(cloudsim::Settings::default(), faults, patience).await;
        let token = colo.token("a").await;
        let error = colo
            .cloud
            .create(&token, &server(1))
            .await
            .expect_err("no answer");
        assert_eq!(error, CreateError::Unknown(why), "{fault:?}");
        let rows = colo.rows("a").await;
        assert_eq!(rows.len(), servers, "{fault:?}");
        let proven = Proven::Valid {
            group: GROUP,
            slot: SlotId::from_u128(1),
        };
        assert!(rows.iter().all(|row| row.proven == proven && row.ours));
        assert_eq!(colo.creates_per_slot_max(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_the_client_says_was_not_created_was_not() {
    for (fault, word) in [
        (fails(401, false, None), "Not(Token)"),
        (fails(413, false, Some(3)), "Throttled(3s)"),
        (fails(429, false, Some(4)), "Throttled(4s)"),
    ] {
        let faults = Faults::instant().with_nth_create(1, fault.clone());
        let colo = Colo::start(faults).await;
        let token = colo.token("a").await;
        let error = colo
            .cloud
            .create(&token, &server(1))
            .await
            .expect_err("refused");
        assert_eq!(format!("{error:?}"), word, "{fault:?}");
        assert_eq!(colo.truth(|sim, _| sim.servers().len()), 0);
        assert_eq!(colo.creates_per_slot_max(), 1);
    }
}

#[tokio::test]
async fn a_create_that_something_repeats_shows_as_two_servers_with_one_proof() {
    let colo = Colo::start(Faults::instant().with_nth_create(1, Fault::Twice)).await;
    let token = colo.token("a").await;
    let bound = colo
        .cloud
        .create(&token, &server(1))
        .await
        .expect("accepted");
    let rows = colo.rows("a").await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].proven, rows[1].proven);
    assert!(rows.iter().any(|row| row.id == bound));
    assert_eq!(colo.creates_per_slot_max(), 1);
}

#[tokio::test]
async fn customers_mistakes_are_told_in_the_clouds_words() {
    let colo = Colo::start(Faults::instant()).await;
    let token = colo.token("a").await;
    let image = "11111111-1111-4111-8111-111111111111";
    for body in [
        format!(r#"{{"server": {{"flavorRef": "none", "imageRef": "{image}"}}}}"#),
        r#"{"server": {"flavorRef": "1", "imageRef": "99999999-9999-4999-8999-999999999999"}}"#
            .to_owned(),
        format!(r#"{{"server": {{"flavorRef": "zero-disk", "imageRef": "{image}"}}}}"#),
        format!(r#"{{"server": {{"flavorRef": "1", "imageRef": "{image}", "odd": 1}}}}"#),
        format!(
            r#"{{"server": {{"flavorRef": "1", "imageRef": "{image}", "key_name": "nobodys"}}}}"#
        ),
        format!(
            r#"{{"server": {{"flavorRef": "1", "imageRef": "{image}", "availability_zone": "nowhere"}}}}"#
        ),
    ] {
        let error = colo.cloud.create(&token, &launch(1, &body)).await;
        let Err(CreateError::Not(FailWhy::Refused(words))) = error else {
            panic!("{body}: {error:?}");
        };
        assert!(
            !words.is_empty() && !words.starts_with("HTTP"),
            "{body}: {words}"
        );
    }
    assert_eq!(colo.truth(|sim, _| sim.servers().len()), 0);
}

#[tokio::test]
async fn personality_goes_out_under_the_version_that_still_has_it() {
    let colo = Colo::start(Faults::instant()).await;
    let token = colo.token("a").await;
    let body = r#"{"server": {"flavorRef": "1", "imageRef": "11111111-1111-4111-8111-111111111111",
        "personality": [{"path": "/etc/motd", "contents": "aGVsbG8="}]}}"#;
    colo.cloud
        .create(&token, &launch(1, body))
        .await
        .expect("accepted");
    assert_eq!(colo.rows("a").await.len(), 1);
}

#[tokio::test]
async fn a_quota_is_found_out_late_and_then_at_once() {
    let colo = Colo::start(Faults {
        quota_instances: Some(1),
        ..Faults::instant()
    })
    .await;
    let token = colo.token("a").await;
    colo.cloud
        .create(&token, &server(1))
        .await
        .expect("the first");
    colo.sleep(50).await;
    let error = colo.cloud.create(&token, &server(2)).await;
    let Err(CreateError::Not(FailWhy::Quota(words))) = error else {
        panic!("{error:?}");
    };
    assert!(words.contains("Quota exceeded"), "{words}");
}

#[tokio::test]
async fn a_dead_cloud_got_nothing() {
    let colo = Colo::start(Faults::instant()).await;
    let token = colo.token("a").await;
    let create = server(1);
    colo.stop().await;
    let error = colo.cloud.create(&token, &create).await;
    assert_eq!(error, Err(CreateError::Not(FailWhy::NotSent)));
}
