//! A token that is to end before its time.

use super::*;
use crate::port::Revoked;

/// A client that has had two tokens, and the first of them; `ends` answers what is asked of Keystone from then on.
async fn renewed(ends: impl FnMut(&Seen) -> Say + Send + 'static) -> (OpenStack, Double, Token) {
    let (cloud, double) = cloud(ends).await;
    let first = cloud.token(&tenant()).await.expect("a token");
    cloud.renew(&first).await.expect("another one");
    (cloud, double, first)
}

#[tokio::test]
async fn a_token_is_revoked_by_its_successor() {
    let (cloud, double, first) = renewed(|_| Say::Answer(204, Vec::new(), String::new())).await;
    assert_eq!(cloud.token(&tenant()).await.expect("a token").serial, 2);
    cloud.renew(&first).await.expect("it has a successor");
    assert_eq!(double.asked("POST", "/v3/auth/tokens").len(), 2);
    assert_eq!(cloud.revoke(&first).await.expect("an answer"), Revoked::Now);
    let asked = double.asked("DELETE", "/v3/auth/tokens");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("x-subject-token"), Some("CANARY-token-1"));
    assert_eq!(asked[0].header("x-auth-token"), Some("CANARY-token-2"));
}

#[tokio::test]
async fn only_keystone_says_that_there_is_no_such_token() {
    let words =
        r#"{"error": {"code": 404, "title": "Not Found", "message": "Could not find token: x."}}"#;
    for (status, body, expected) in [
        (404, words, Ok(Revoked::NotFound)),
        (404, "<html>404</html>", Err("unclear")),
        (500, "", Err("unclear")),
        (200, "{}", Err("unclear")),
        (401, words, Err("credential")),
        (403, words, Err("credential")),
        (429, "", Err("throttled")),
    ] {
        let (cloud, _double, first) = renewed(move |_| {
            let wait = vec![("Retry-After", "5".to_owned())];
            Say::Answer(
                status,
                if status == 429 { wait } else { Vec::new() },
                body.to_owned(),
            )
        })
        .await;
        let got = cloud.revoke(&first).await.map_err(|error| match error {
            CallError::Unclear(_) => "unclear",
            CallError::Credential => "credential",
            CallError::Throttled(_) => "throttled",
            CallError::Token(_) => "token",
        });
        assert_eq!(got, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn without_a_successor_a_token_stays() {
    let mut signed = 0;
    let double = Double::start(move |seen| match seen.method.as_str() {
        "POST" => {
            signed += 1;
            if signed == 1 {
                signed_in(seen, 1, 36_000)
            } else {
                Say::json(500, "{}")
            }
        }
        _ => root("2.93"),
    })
    .await;
    let cloud = client_with(settings(&double));
    let first = cloud.token(&tenant()).await.expect("a token");
    cloud.renew(&first).await.expect_err("Keystone is away");
    assert_eq!(
        cloud.token(&tenant()).await.expect("the same").serial,
        first.serial
    );
    let error = cloud
        .revoke(&first)
        .await
        .expect_err("nothing to revoke it by");
    assert!(matches!(error, CallError::Token(_)), "{error:?}");
    assert!(double.asked("DELETE", "/").is_empty());
}
