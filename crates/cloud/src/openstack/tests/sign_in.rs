//! Sign-ins: how often, and what is made of Keystone's answers.

use super::*;

#[tokio::test]
async fn many_callers_share_one_sign_in() {
    let double = Double::start(|seen| match seen.method.as_str() {
        "POST" => Say::After(
            Duration::from_millis(100),
            Box::new(signed_in(seen, 1, 3600)),
        ),
        _ => root("2.93"),
    })
    .await;
    let cloud = Arc::new(client_with(settings(&double)));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let cloud = Arc::clone(&cloud);
            cloud
                .process
                .tasks
                .clone()
                .spawn("caller", async move { cloud.token(&tenant()).await })
        })
        .collect();
    for task in tasks {
        let token = task.join().await.expect("ended").expect("a token");
        assert_eq!(
            (token.serial, token.user.as_str(), token.project.as_str()),
            (1, "u1", "p1")
        );
    }
    assert_eq!(double.seen().len(), 2);
    cloud.token(&tenant()).await.expect("a token");
    assert_eq!(double.seen().len(), 2);
}

#[tokio::test]
async fn many_callers_share_one_failure() {
    let double =
        Double::start(|_| Say::After(Duration::from_millis(100), Box::new(Say::json(500, "{}"))))
            .await;
    let cloud = Arc::new(client_with(settings(&double)));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let cloud = Arc::clone(&cloud);
            cloud
                .process
                .tasks
                .clone()
                .spawn("caller", async move { cloud.token(&tenant()).await })
        })
        .collect();
    for task in tasks {
        let error = task.join().await.expect("ended").expect_err("no token");
        assert!(matches!(error, TokenError::Unavailable(_)), "{error:?}");
    }
    assert_eq!(double.seen().len(), 1);
    // Whoever comes later tries again.
    cloud.token(&tenant()).await.expect_err("no token");
    assert_eq!(double.seen().len(), 2);
}

#[tokio::test]
async fn who_gives_up_while_signing_in_does_not_hold_up_the_next() {
    let mut first = true;
    let double = Double::start(move |seen| match seen.method.as_str() {
        "POST" if std::mem::take(&mut first) => Say::Hang,
        "POST" => signed_in(seen, 2, 3600),
        _ => root("2.93"),
    })
    .await;
    let cloud = client_with(settings(&double));
    let given_up = cloud
        .process
        .clock
        .timeout(Duration::from_millis(50), cloud.token(&tenant()))
        .await;
    assert!(given_up.is_err());
    cloud.token(&tenant()).await.expect("a token");
}

#[tokio::test]
async fn a_token_near_its_end_is_replaced() {
    let mut nth = 0;
    let double = Double::start(move |seen| match seen.method.as_str() {
        "POST" => {
            nth += 1;
            signed_in(seen, nth, 1)
        }
        _ => root("2.93"),
    })
    .await;
    let cloud = client_with(settings(&double));
    let token = cloud.token(&tenant()).await.expect("a token");
    assert!(cloud.token_left(&token) <= Duration::from_secs(1));
    cloud.process.clock.sleep(Duration::from_millis(1010)).await;
    assert_eq!(cloud.token_left(&token), Duration::ZERO);
    let next = cloud.token(&tenant()).await.expect("a token");
    assert_ne!(next.serial, token.serial);
}

#[tokio::test]
async fn a_refused_account_is_not_tried_again_for_a_while() {
    for status in [400, 401, 403, 404] {
        let words =
            json!({"error": {"message": "The request you have made requires authentication."}});
        let double = Double::start(move |_| Say::json(status, &words)).await;
        let mut settings = settings(&double);
        settings.probe_after = Duration::from_secs(1);
        let cloud = client_with(settings);
        for _ in 0..3 {
            let error = cloud.token(&tenant()).await.expect_err("no token");
            let TokenError::Refused(words) = error else {
                panic!("another error: {error:?}");
            };
            assert!(words.contains("requires authentication"), "{words}");
        }
        assert_eq!(double.seen().len(), 1);
        cloud.process.clock.sleep(Duration::from_millis(1010)).await;
        cloud.token(&tenant()).await.expect_err("no token");
        assert_eq!(double.seen().len(), 2);
    }
}

#[tokio::test]
async fn every_other_answer_means_try_later() {
    type Says = fn() -> Say;
    let bodies: [(Says, &str); 8] = [
        (|| Say::json(500, "{}"), "no usable answer"),
        (|| Say::json(404, "<html/>"), "no usable answer"),
        (|| Say::json(400, ""), "no usable answer"),
        (|| Say::Hang, "no usable answer"),
        (|| Say::json(201, "{}"), "no usable answer"),
        (
            || {
                Say::Answer(
                    201,
                    vec![("x-subject-token", "t".to_owned())],
                    "{".to_owned(),
                )
            },
            "no usable answer",
        ),
        (
            || Say::Answer(429, vec![("retry-after", "5".to_owned())], String::new()),
            "asks to wait",
        ),
        (
            || Say::Answer(503, vec![("retry-after", "5".to_owned())], String::new()),
            "asks to wait",
        ),
    ];
    for (say, words) in bodies {
        let double = Double::start(move |_| say()).await;
        let mut cloud = client_with(settings(&double));
        cloud.settings.timeouts = SHORT;
        let error = cloud.token(&tenant()).await.expect_err("no token");
        assert!(error.to_string().contains(words), "{error:?}");
        assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
    }
}

#[tokio::test]
async fn a_tenant_without_an_account_has_no_cloud() {
    let double = Double::start(|_| Say::json(500, "{}")).await;
    let stranger = "tenant-x".parse().expect("a tenant");
    let error = client_with(settings(&double)).token(&stranger).await;
    assert!(matches!(error, Err(TokenError::Unconfigured)), "{error:?}");
    assert!(double.seen().is_empty());
}

#[tokio::test]
async fn each_kind_of_account_signs_in_its_own_way() {
    let by_name = Project::Name {
        name: "a".to_owned(),
        domain: "Default".to_owned(),
    };
    let password = |project| Account::Password {
        user: "autoscaler".to_owned(),
        user_domain: "services".to_owned(),
        password: secret("pw"),
        project,
    };
    let user = json!({"name": "autoscaler", "domain": {"name": "services"}, "password": "pw"});
    let with_password = |scope: Value| {
        json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}}, "scope": {"project": scope}}})
    };
    let credential = Account::ApplicationCredential {
        id: "ac".to_owned(),
        secret: secret("s"),
    };
    for (account, expected) in [
        (
            password(Project::Id {
                id: "p1".to_owned(),
            }),
            with_password(json!({"id": "p1"})),
        ),
        (
            password(by_name),
            with_password(json!({"name": "a", "domain": {"name": "Default"}})),
        ),
        (
            credential,
            json!({"auth": {"identity": {"methods": ["application_credential"], "application_credential": {"id": "ac", "secret": "s"}}}}),
        ),
    ] {
        let double = Double::start(|seen| match seen.method.as_str() {
            "POST" => signed_in(seen, 1, 3600),
            _ => root("2.93"),
        })
        .await;
        let mut settings = settings(&double);
        settings.accounts = BTreeMap::from([(tenant(), account)]);
        let cloud = client_with(settings);
        let token = cloud.token(&tenant()).await.expect("a token");
        let body: Value = serde_json::from_str(&double.seen()[0].body).expect("JSON");
        assert_eq!(body, expected);
        for shown in [format!("{cloud:?}"), format!("{token:?}")] {
            assert!(!shown.contains("CANARY"), "{shown}");
        }
    }
}

#[tokio::test]
async fn versions_are_asked_for_once_per_address() {
    let double = Double::start(|seen| match seen.method.as_str() {
        "POST" => signed_in(seen, 1, 1),
        _ => root("2.93"),
    })
    .await;
    let cloud = client_with(settings(&double));
    for _ in 0..2 {
        cloud.token(&tenant()).await.expect("a token");
        cloud.process.clock.sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(double.asked("POST", "/v3").len(), 2);
    assert_eq!(double.asked("GET", "/v2.1/").len(), 1);
}
