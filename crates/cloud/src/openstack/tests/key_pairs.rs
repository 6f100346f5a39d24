//! Key pairs: what is asked, and what each answer means.

use super::*;
use crate::port::{KeyPair, Made};

fn pair() -> KeyPair {
    KeyPair {
        name: "holt-home-1-2".to_owned(),
        public_key: "ssh-ed25519 AAAA holt-plane:west".to_owned(),
    }
}

#[tokio::test]
async fn key_pairs_are_listed_made_and_deleted_by_one_request_each() {
    let (cloud, double) = cloud(|seen| match seen.method.as_str() {
        "GET" => Say::json(
            200,
            json!({"keypairs": [{"keypair": {"name": "holt-home-1-2", "public_key": "ssh-ed25519 AAAA holt-plane:west", "fingerprint": "00"}}]}),
        ),
        "POST" => Say::json(201, json!({"keypair": {}})),
        _ => Say::json(204, ""),
    })
    .await;
    assert_eq!(cloud.key_pairs(&tenant()).await, Ok(vec![pair()]));
    let made = cloud.make_key_pair(&tenant(), &pair()).await;
    assert_eq!(made, Ok(Made::New));
    let dropped = cloud.drop_key_pair(&tenant(), "holt-home-1-2").await;
    assert_eq!(dropped, Ok(()));
    let posts = double.asked("POST", "/v2.1/os-keypairs");
    assert_eq!(posts.len(), 1);
    let body: Value = serde_json::from_str(&posts[0].body).expect("JSON");
    assert_eq!(body["keypair"]["name"], "holt-home-1-2");
    assert_eq!(body["keypair"]["public_key"], pair().public_key);
    let deletes = double.asked("DELETE", "/v2.1/os-keypairs/holt-home-1-2");
    assert_eq!(deletes.len(), 1);
}

#[tokio::test]
async fn a_name_that_is_taken_is_an_answer_and_what_is_unclear_is_said_to_be() {
    let words = |status: u16, message: &str| {
        Say::json(status, json!({"conflictingRequest": {"message": message}}))
    };
    let full = "Quota exceeded, too many key pairs.";
    for (say, expected) in [
        (words(409, "Key pair exists"), Ok(Made::Taken)),
        // Whoever says that, it is not Nova.
        (
            Say::json(409, "<html/>"),
            Err(CallError::Unclear("HTTP 409".to_owned())),
        ),
        (words(403, full), Err(CallError::Unclear(full.to_owned()))),
        (words(403, "Policy"), Err(CallError::Credential)),
        (
            words(500, "oops"),
            Err(CallError::Unclear("oops".to_owned())),
        ),
    ] {
        let mut say = Some(say);
        let (cloud, _) = cloud(move |_| say.take().unwrap_or(Say::Hang)).await;
        let made = cloud.make_key_pair(&tenant(), &pair()).await;
        assert_eq!(made, expected);
    }
}

#[tokio::test]
async fn a_list_that_may_not_be_whole_is_no_list() {
    for body in [
        json!({"keypairs": [], "keypairs_links": [{"rel": "next", "href": "x"}]}),
        json!({"keypairs": "none"}),
    ] {
        let (cloud, _) = cloud(move |_| Say::json(200, &body)).await;
        let listed = cloud.key_pairs(&tenant()).await;
        assert!(matches!(listed, Err(CallError::Unclear(_))), "{listed:?}");
    }
}

fn forbidden() -> Say {
    Say::json(403, json!({"forbidden": {"message": "Policy"}}))
}

#[tokio::test]
async fn key_pairs_are_read_while_their_account_is_suspect_and_its_tenant_was_told_to_wait() {
    let (cloud, double) = cloud(|seen| match seen.path.as_str() {
        "/v2.1/os-keypairs" => Say::json(200, json!({"keypairs": []})),
        _ => forbidden(),
    })
    .await;
    let wait = Duration::from_secs(60);
    let told = guard::Heard::Throttled(guard::Scope::Tenant, wait);
    let now = cloud.process.clock.mono();
    cloud.guard.heard(Call::Get, &tenant(), told, now);
    // It signs in, too.
    assert_eq!(cloud.key_pairs(&tenant()).await, Ok(Vec::new()));
    for _ in 0..2 {
        assert_eq!(cloud.list(&tenant()).await, Err(CallError::Credential));
        assert_eq!(cloud.key_pairs(&tenant()).await, Ok(Vec::new()));
    }
    let lists = double.asked("GET", "/v2.1/servers");
    assert_eq!(lists.len(), 1, "it is suspect all the while");
}

#[tokio::test]
async fn key_pairs_are_read_by_a_new_token_while_their_account_is_suspect_for_a_read() {
    let mut nth = 0;
    let double = Double::start(
        move |seen| match (seen.method.as_str(), seen.path.as_str()) {
            ("POST", "/v3/auth/tokens") => {
                nth += 1;
                signed_in(seen, nth, 1)
            }
            ("GET", "/v2.1/") => root("2.93"),
            ("GET", "/v2.1/os-keypairs") => Say::json(200, json!({"keypairs": []})),
            _ => forbidden(),
        },
    )
    .await;
    let cloud = client_with(settings(&double));
    assert_eq!(cloud.list(&tenant()).await, Err(CallError::Credential));
    // Its token runs out.
    cloud.process.clock.sleep(Duration::from_millis(1010)).await;
    assert_eq!(cloud.key_pairs(&tenant()).await, Ok(Vec::new()));
    assert_eq!(double.asked("POST", "/v3/auth/tokens").len(), 2);
    assert_eq!(cloud.list(&tenant()).await, Err(CallError::Credential));
    let lists = double.asked("GET", "/v2.1/servers");
    assert_eq!(lists.len(), 1, "that it could sign in does not clear it");
}

#[tokio::test]
async fn an_account_that_may_not_read_key_pairs_is_not_suspect_for_that() {
    let (cloud, _double) = cloud(|seen| match seen.path.as_str() {
        "/v2.1/os-keypairs" => forbidden(),
        _ => Say::json(200, json!({"servers": []})),
    })
    .await;
    let listed = cloud.key_pairs(&tenant()).await;
    assert_eq!(listed, Err(CallError::Credential));
    assert!(cloud.list(&tenant()).await.is_ok());
}

#[tokio::test]
async fn an_account_that_cannot_sign_in_is_not_tried_again_for_its_key_pairs() {
    let words = json!({"error": {"message": "The request you have made requires authentication."}});
    let double = Double::start(move |_| Say::json(401, &words)).await;
    let cloud = client_with(settings(&double));
    for _ in 0..2 {
        let listed = cloud.key_pairs(&tenant()).await;
        assert_eq!(listed, Err(CallError::Credential));
    }
    assert_eq!(double.seen().len(), 1);
}

/// What Keystone and Nova say alike: to come back later.
fn later(status: u16, seconds: &str) -> Say {
    let after = vec![("retry-after", seconds.to_owned())];
    Say::Answer(status, after, String::new())
}

#[tokio::test]
async fn what_keystone_asks_of_the_fence_is_waited_out() {
    for status in [429, 503] {
        let double = Double::start(move |_| later(status, "2")).await;
        let mut settings = settings(&double);
        // With more time than it is asked to wait it would wait, and not be refused.
        settings.timeouts.auth = Duration::from_millis(500);
        let cloud = client_with(settings);
        for _ in 0..3 {
            let listed = cloud.key_pairs(&tenant()).await;
            assert!(matches!(listed, Err(CallError::Throttled(_))), "{listed:?}");
        }
        assert_eq!(double.seen().len(), 1, "{status}");
        // The guard adds up to a tenth and 100 ms, so that not all come back at once.
        cloud.process.clock.sleep(Duration::from_millis(2400)).await;
        let listed = cloud.key_pairs(&tenant()).await;
        assert!(matches!(listed, Err(CallError::Throttled(_))), "{listed:?}");
        assert_eq!(double.seen().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn what_nova_asks_of_a_read_of_key_pairs_holds_up_the_next() {
    let (cloud, _double) = cloud(|_| later(429, "60")).await;
    let (by, wait) = (tenant(), Duration::from_secs(60));
    let listed = cloud.key_pairs(&by).await;
    assert_eq!(listed, Err(CallError::Throttled(wait)));
    let deadline = cloud.process.clock.mono() + Duration::from_secs(5);
    let whose = guard::Whose::everybody(&by);
    let next = cloud
        .guard
        .admit(Call::Get, whose, guard::Priority::Doubt, deadline);
    let refused = next.await.expect_err("too early");
    assert!(matches!(refused, guard::Refused::Paused(_)), "{refused:?}");
}
