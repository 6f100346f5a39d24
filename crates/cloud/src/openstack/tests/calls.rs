//! Creates, reads and deletes.

use std::sync::OnceLock;

use domain::control::{Mode, Switch};
use domain::ids::ColoId;
use domain::slot::{DoubtWhy, FailWhy};
use domain::time::Timestamp;

use super::*;
use crate::proof;

#[tokio::test]
async fn a_create_is_one_post_with_exactly_the_given_token() {
    let (cloud, double) = cloud(|_| accepted()).await;
    let token = cloud.token(&tenant()).await.expect("a token");
    let id = cloud.create(&token, &new_server()).await.expect("accepted");
    assert_eq!(id.to_string(), SERVER);
    let posts = double.asked("POST", "/v2.1/servers");
    assert_eq!(posts.len(), 1);
    let post = &posts[0];
    assert_eq!(post.path, "/v2.1/servers");
    assert_eq!(post.header("x-auth-token"), Some("CANARY-token-1"));
    assert_eq!(post.header("openstack-api-version"), Some("compute 2.93"));
    assert_eq!(post.header("x-openstack-nova-api-version"), Some("2.93"));
    assert_eq!(post.header("content-type"), Some("application/json"));
    let request_id = post.header("x-openstack-request-id").expect("an id");
    assert!(
        request_id.starts_with("req-") && request_id.len() == 40,
        "{request_id}"
    );
    let body: Value = serde_json::from_str(&post.body).expect("JSON");
    let server = &body["server"];
    assert_eq!(server["tags"], json!([format!("as:{}", MINT.slot)]));
    assert_eq!(server["networks"], "auto");
    assert_eq!(server["metadata"]["as.s"], MINT.slot.to_string());
    assert_eq!(server["flavorRef"], "2");
}

#[tokio::test]
async fn no_create_goes_out_on_a_connection_that_other_calls_use() {
    let (cloud, double) = cloud(|seen| match seen.method.as_str() {
        "POST" => accepted(),
        _ => Say::json(200, json!({"servers": []})),
    })
    .await;
    for _ in 0..3 {
        cloud.list(&tenant()).await.expect("a list");
        let token = cloud.token(&tenant()).await.expect("a token");
        cloud.create(&token, &new_server()).await.expect("accepted");
    }
    let posts = double.asked("POST", "/v2.1/servers");
    for post in &posts {
        let seen = double.seen();
        let mut on_it = seen
            .iter()
            .filter(|seen| seen.connection == post.connection);
        assert!(on_it.all(|seen| seen.method == "POST"), "{seen:?}");
    }
    assert_eq!(posts.len(), 3);
    let lists = double.asked("GET", "/v2.1/servers/detail");
    assert!(
        lists
            .iter()
            .all(|list| list.connection == lists[0].connection)
    );
}

#[tokio::test]
async fn a_create_is_never_sent_twice_whatever_comes_back() {
    let answers: [(fn() -> Say, CreateError); 8] = [
        (|| Say::json(401, "{}"), CreateError::Not(FailWhy::Token)),
        (
            || Say::json(500, "{}"),
            CreateError::Unknown(DoubtWhy::Unclear),
        ),
        (
            || Say::json(202, "{"),
            CreateError::Unknown(DoubtWhy::Unclear),
        ),
        (|| Say::Hang, CreateError::Unknown(DoubtWhy::Timeout)),
        (
            || Say::Bytes(Vec::new()),
            CreateError::Unknown(DoubtWhy::Reset),
        ),
        (
            || {
                Say::Answer(
                    307,
                    vec![("location", "/v2.1/servers".to_owned())],
                    String::new(),
                )
            },
            CreateError::Unknown(DoubtWhy::Unclear),
        ),
        (
            || Say::Answer(503, vec![("retry-after", "1".to_owned())], String::new()),
            CreateError::Unknown(DoubtWhy::Unclear),
        ),
        (
            || Say::Answer(429, vec![("retry-after", "2".to_owned())], String::new()),
            CreateError::Throttled(Duration::from_secs(2)),
        ),
    ];
    for (answer, expected) in answers {
        let (mut cloud, double) = cloud(move |_| answer()).await;
        cloud.settings.timeouts = SHORT;
        let token = cloud.token(&tenant()).await.expect("a token");
        let error = cloud
            .create(&token, &new_server())
            .await
            .expect_err("no server");
        assert_eq!(error, expected);
        assert_eq!(
            double.asked("POST", "/v2.1/servers").len(),
            1,
            "{expected:?}"
        );
    }
}

#[tokio::test]
async fn after_a_401_the_next_create_has_another_token_and_a_second_401_stops_the_account() {
    let (cloud, double) = cloud(|_| Say::json(401, "{}")).await;
    for expected in ["Token", "Credential"] {
        let token = cloud.token(&tenant()).await.expect("a token");
        let error = cloud
            .create(&token, &new_server())
            .await
            .expect_err("no server");
        assert!(format!("{error:?}").contains(expected), "{error:?}");
    }
    let used: Vec<_> = double
        .asked("POST", "/v2.1/servers")
        .iter()
        .map(|post| post.header("x-auth-token").map(str::to_owned))
        .collect();
    assert_eq!(
        used,
        [
            Some("CANARY-token-1".to_owned()),
            Some("CANARY-token-2".to_owned())
        ]
    );
    let refused = cloud.token(&tenant()).await;
    assert!(
        matches!(refused, Err(TokenError::Refused(_))),
        "{refused:?}"
    );
    assert!(matches!(
        cloud.list(&tenant()).await,
        Err(CallError::Credential)
    ));
    assert_eq!(double.asked("POST", "/v3").len(), 2);
}

#[tokio::test]
async fn a_launch_that_may_not_be_sent_is_refused_without_a_call() {
    let (cloud, double) = cloud(|_| accepted()).await;
    let token = cloud.token(&tenant()).await.expect("a token");
    let create = Create {
        launch: Arc::from(&br#"{"server": {"min_count": 2}}"#[..]),
        ..new_server()
    };
    let error = cloud.create(&token, &create).await.expect_err("refused");
    let CreateError::Not(FailWhy::Refused(words)) = error else {
        panic!("another error: {error:?}");
    };
    assert!(words.contains("min_count"), "{words}");
    assert!(double.asked("POST", "/v2.1").is_empty());
}

#[tokio::test]
async fn a_version_that_the_server_does_not_know_any_more_is_asked_for_anew() {
    let words = json!({"computeFault": {"code": 406, "message": "Version 2.93 is not supported."}});
    let (cloud, double) = cloud(move |_| Say::json(406, &words)).await;
    let token = cloud.token(&tenant()).await.expect("a token");
    let error = cloud
        .create(&token, &new_server())
        .await
        .expect_err("refused");
    assert_eq!(error, CreateError::Not(FailWhy::NotSent));
    cloud.token(&tenant()).await.expect("a token");
    assert_eq!(double.asked("GET", "/v2.1/").len(), 2);
}

#[tokio::test]
async fn a_server_is_read_deleted_and_gone() {
    let mut deleted = false;
    let (cloud, double) = cloud(move |seen| match (seen.method.as_str(), deleted) {
        ("GET", false) => Say::json(200, json!({"server": row()})),
        ("DELETE", false) => {
            deleted = true;
            Say::Answer(204, Vec::new(), String::new())
        }
        _ => Say::json(404, json!({"itemNotFound": {"code": 404, "message": "no"}})),
    })
    .await;
    let id: ServerId = SERVER.parse().expect("an id");
    let owned = || async {
        let shown = cloud
            .get(&tenant(), id)
            .await
            .expect("read")
            .expect("there");
        proof::verify(&shown, id, MINT.group, MINT.slot).expect("ours")
    };
    let (first, second) = (owned().await, owned().await);
    assert_eq!(cloud.delete(&tenant(), first).await, Ok(Deleted::Accepted));
    assert_eq!(cloud.delete(&tenant(), second).await, Ok(Deleted::NotFound));
    assert_eq!(cloud.get(&tenant(), id).await, Ok(None));
    let paths: Vec<String> = double
        .asked("DELETE", "/")
        .into_iter()
        .map(|seen| seen.path)
        .collect();
    assert_eq!(paths, vec![format!("/v2.1/servers/{SERVER}"); 2]);
}

/// News that a switch stops all deletes of our group.
fn stopped() -> guard::Standing {
    let switch = Switch {
        scope: domain::control::Scope::Group(MINT.group),
        mode: Mode::NoDelete,
        who: "ann".to_owned(),
        why: "because".to_owned(),
        at: Timestamp::default(),
        until: None,
    };
    guard::Standing {
        colo: ColoId(1),
        switches: Arc::from([switch]),
        share: None,
        turn: Some(domain::turn::ProbeTurn::ALONE),
        answered: false,
        as_of: None,
    }
}

#[tokio::test]
async fn a_delete_that_is_stopped_while_it_signs_in_anew_is_not_sent_again() {
    let told = Arc::new(OnceLock::<Guard>::new());
    let tell = Arc::clone(&told);
    let (cloud, double) = cloud(move |seen| {
        if seen.method == "GET" {
            return Say::json(200, json!({"server": row()}));
        }
        // Between the first try and the second.
        tell.get().expect("a guard").hear(&stopped());
        Say::json(401, "{}")
    })
    .await;
    told.set(cloud.guard.clone()).expect("only once");
    let id: ServerId = SERVER.parse().expect("an id");
    for _ in 0..2 {
        let shown = cloud.get(&tenant(), id).await.expect("read");
        let shown = shown.expect("there");
        let owned = proof::verify(&shown, id, MINT.group, MINT.slot).expect("ours");
        let error = cloud.delete(&tenant(), owned).await.expect_err("stopped");
        assert!(matches!(error, CallError::Unclear(_)), "{error:?}");
        // The first was, before anybody knew; the one after it not even once.
        assert_eq!(double.asked("DELETE", "/").len(), 1);
    }
}

#[tokio::test]
async fn an_answer_about_another_server_is_no_answer() {
    let (cloud, _double) = cloud(|_| Say::json(200, json!({"server": row()}))).await;
    let other = ServerId::from_u128(5);
    let error = cloud.get(&tenant(), other).await.expect_err("no answer");
    assert!(matches!(error, CallError::Unclear(_)), "{error:?}");
}

#[tokio::test]
async fn a_read_or_delete_is_sent_once_more_with_a_fresh_token_and_not_again() {
    for good in [Some("CANARY-token-2"), None] {
        let (cloud, double) = cloud(move |seen| match seen.header("x-auth-token") {
            token if token == good && seen.method == "GET" => {
                Say::json(200, json!({"server": row()}))
            }
            token if token == good => Say::Answer(204, Vec::new(), String::new()),
            _ => Say::json(401, "{}"),
        })
        .await;
        let id: ServerId = SERVER.parse().expect("an id");
        let read = cloud.get(&tenant(), id).await;
        assert_eq!(read.is_ok(), good.is_some());
        assert_eq!(double.asked("GET", "/v2.1/servers/").len(), 2);
        assert_eq!(double.asked("POST", "/v3").len(), 2);
        if good.is_none() {
            assert_eq!(read, Err(CallError::Credential));
            assert_eq!(cloud.get(&tenant(), id).await, Err(CallError::Credential));
            assert_eq!(
                double.asked("GET", "/v2.1/servers/").len(),
                2,
                "the account is left alone"
            );
        }
    }
}

#[tokio::test]
async fn a_lost_read_is_not_repeated() {
    for answer in [
        (|| Say::Hang) as fn() -> Say,
        || Say::Bytes(Vec::new()),
        || Say::json(500, "{}"),
    ] {
        let (mut cloud, double) = cloud(move |_| answer()).await;
        cloud.settings.timeouts = SHORT;
        let error = cloud.get(&tenant(), ServerId::from_u128(5)).await;
        assert!(matches!(error, Err(CallError::Unclear(_))), "{error:?}");
        assert_eq!(double.asked("GET", "/v2.1/servers/").len(), 1);
    }
}

#[tokio::test]
async fn a_throttle_reaches_the_guard() {
    let (cloud, _double) =
        cloud(|_| Say::Answer(429, vec![("retry-after", "60".to_owned())], String::new())).await;
    let error = cloud.get(&tenant(), ServerId::from_u128(5)).await;
    assert_eq!(error, Err(CallError::Throttled(Duration::from_secs(60))));
    let deadline = cloud.process.clock.mono() + Duration::from_secs(1);
    let refused = cloud
        .guard
        .admit(Call::Get, &tenant(), guard::Priority::Doubt, deadline)
        .await;
    assert!(
        matches!(refused, Err(guard::Refused::Paused(_))),
        "{refused:?}"
    );
}
