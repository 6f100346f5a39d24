//! Hooks at the edge: how they are made, what is shown of their secrets, and what answers count.
use std::collections::BTreeSet;
use std::time::Duration;

use domain::hook::{Answer, Format, Hook, Point, Waiting};
use domain::ids::{DeliveryId, GroupKey, HomeEpoch, ServerId, SlotId};
use domain::outbox::{About, Attempts, Delivery, How, Sending, Wait};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wire::hooks::secret::Owner;

use super::rig::{Rig, TENANT, spec};

/// The hook that is planted.
pub(super) const HOOK: &str = "configure";
/// The message for which a server waits.
pub(super) const WAITING: DeliveryId = DeliveryId(1);
/// The dead letter.
pub(super) const DEAD: DeliveryId = DeliveryId(2);

/// Plants a hook, a message that is waited for, and a dead letter; gives the token that answers the first.
pub(super) async fn plant(rig: &Rig, group: &str) -> String {
    rig.edit(group, |draft| {
        let terms = Waiting {
            deadline: Duration::from_secs(60),
            longest: Duration::from_secs(90),
            default: Answer::Abandon,
        };
        let mut config = draft.config().clone();
        let hook = Hook {
            points: BTreeSet::from([Point::BeforeActive]),
            format: Format::Webhook,
            url: "https://receiver.example/".to_owned(),
            wait: Some(terms),
            skippable: true,
            enabled: true,
            keys: Vec::new(),
        };
        config.hooks.insert(HOOK.parse().unwrap(), hook);
        draft.configure(config);
        let now = draft.now().wall;
        let waiting = Delivery {
            id: WAITING,
            hook: HOOK.parse().unwrap(),
            point: Point::BeforeActive,
            about: About::Server {
                slot: SlotId::from_u128(77),
                server: ServerId::from_u128(77),
                gone: None,
            },
            made: now,
            sending: Sending::Due(Attempts {
                begun: now,
                made: 0,
                since: now,
                pause: Duration::ZERO,
                trouble: None,
            }),
            wait: Some(Wait {
                since: now,
                length: terms.deadline,
                terms,
                ended: None,
            }),
        };
        let dead = Delivery {
            id: DEAD,
            sending: Sending::Dead {
                at: now,
                attempts: 12,
                why: "no answer within 15 s".to_owned(),
            },
            wait: waiting.wait.map(|wait| Wait {
                ended: Some((How::Deadline(Answer::Abandon), now)),
                ..wait
            }),
            ..waiting.clone()
        };
        draft.state.posted = DEAD;
        draft.post(waiting);
        draft.post(dead);
    })
    .await;
    rig.hooks.token(group.parse().unwrap(), WAITING)
}

/// A path with a planted hook in it.
pub(super) async fn fill(rig: &Rig, group: &str, (path, operation): (&str, &str)) -> String {
    let token = plant(rig, group).await;
    let delivery = if operation == "redeliver" {
        DEAD
    } else {
        WAITING
    };
    path.replace("{hook}", HOOK)
        .replace("{delivery}", &delivery.0.to_string())
        .replace("{token}", &token)
        .replace("{answer}", "continue")
        .replace("{colo}", "1")
}

async fn group(rig: &Rig) -> String {
    let spec = serde_json::from_value(spec()).unwrap();
    let client = rig.client(&["crud"]);
    client.create_group(TENANT, &spec).await.unwrap().id
}

async fn ask(rig: &Rig, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let mut request = rig.request(method, path);
    if let Some(body) = body {
        request = request
            .bearer_auth(rig.token(&["read", "crud", "trigger"]))
            .header("Content-Type", "application/json")
            .body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_shown_once_kept_sealed_and_rotated_with_an_overlap() {
    let rig = Rig::start().await;
    let group = group(&rig).await;
    let path = format!("/v2/{TENANT}/groups/{group}/hooks/one");
    let hook = json!({"points": ["server.active"], "url": "https://receiver.example/x"});
    let (status, made) = ask(&rig, Method::PUT, &path, Some(hook.clone())).await;
    assert_eq!(status, 200, "{made}");
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    let (_, again) = ask(&rig, Method::PUT, &path, Some(hook)).await;
    assert_eq!(again["secret"], Value::Null, "the key stays");
    let key = GroupKey {
        tenant: TENANT.parse().unwrap(),
        id: group.parse().unwrap(),
        epoch: HomeEpoch(0),
    };
    let stored = rig.store.group(&key).unwrap();
    let id = "one".parse().unwrap();
    let sealed = &stored.config.hooks[&id].keys[0].sealed;
    assert!(!format!("{stored:?}").contains(&secret));
    let owner = Owner {
        group: &key,
        hook: &id,
    };
    assert_eq!(rig.hooks.open(owner, sealed).unwrap().expose(), secret);
    let turn = json!({"signature": "ed25519", "overlap_s": 3600});
    let (_, turned) = ask(&rig, Method::POST, &format!("{path}/rotate"), Some(turn)).await;
    let kinds = |made: &Value| -> Vec<String> {
        let keys = made["hook"]["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(kinds(&turned), ["ed25519", "hmac"]);
    assert_eq!(turned["secret"], turned["hook"]["keys"][0]["public_key"]);
    assert!(turned["hook"]["keys"][1]["until"].is_string());
    let again = json!({"overlap_s": 3600});
    let (_, turned) = ask(&rig, Method::POST, &format!("{path}/rotate"), Some(again)).await;
    assert_eq!(kinds(&turned), ["hmac", "ed25519"], "never more than two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_of_a_probe_is_sent_to_no_address_that_it_was_not_given_for() {
    let rig = Rig::start().await;
    let group = group(&rig).await;
    let path = format!("/v2/{TENANT}/groups/{group}/hooks/one");
    let put = async |url: &str, secret: Option<&str>| {
        let mut hook = json!({"points": ["alert.over"], "format": "probe", "url": url});
        if let Some(secret) = secret {
            hook["secret"] = secret.into();
        }
        ask(&rig, Method::PUT, &path, Some(hook)).await
    };
    let (status, made) = put("https://a.example/", Some("token-1")).await;
    assert_eq!(status, 200, "{made}");
    let (status, same) = put("https://a.example/", None).await;
    assert_eq!(status, 200, "{same}");
    let (status, elsewhere) = put("https://b.example/", None).await;
    assert_eq!(status, 422, "{elsewhere}");
    assert_eq!(elsewhere["field"], "secret", "{elsewhere}");
    let (_, shown) = ask(&rig, Method::GET, &path, Some(json!({}))).await;
    assert_eq!(shown["url"], "https://a.example/", "nothing was changed");
    let (status, moved) = put("https://b.example/", Some("token-2")).await;
    assert_eq!(status, 200, "{moved}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_counts_once_and_every_other_one_says_why_not() {
    let rig = Rig::start().await;
    let group = group(&rig).await;
    let token = plant(&rig, &group).await;
    let at = |token: &str, word: &str| format!("/v2/hooks/{token}/{word}");
    let say = async |token: &str, word: &str| ask(&rig, Method::POST, &at(token, word), None).await;
    let (status, beat) = say(&token, "heartbeat").await;
    assert_eq!(status, 200, "{beat}");
    assert!(beat["deadline"].is_string());
    let (status, _) = say(&token, "continue").await;
    assert_eq!(status, 200);
    let (status, twice) = say(&token, "abandon").await;
    assert_eq!(status, 409);
    assert_eq!(twice["code"], "not-waiting");
    let detail = twice["detail"].as_str().unwrap();
    assert!(detail.contains("`continue` before"), "{detail}");
    let id = group.parse().unwrap();
    let (_, late) = say(&rig.hooks.token(id, DEAD), "continue").await;
    let detail = late["detail"].as_str().unwrap();
    assert!(
        detail.contains("deadline passed, and `abandon`"),
        "{detail}"
    );
    for (token, word) in [
        (rig.hooks.token(id, DeliveryId(9)), "continue"),
        ("forged".to_owned(), "continue"),
        (token.clone(), "dance"),
    ] {
        let (status, _) = say(&token, word).await;
        assert_eq!(status, 404, "{token} {word}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_with_their_reason_and_sent_again() {
    let rig = Rig::start().await;
    let group = group(&rig).await;
    plant(&rig, &group).await;
    let client = rig.client(&["read", "trigger"]);
    let page = client.deliveries(TENANT, &group, None, None).await.unwrap();
    let shown: Vec<_> = page
        .items
        .iter()
        .map(|d| (d.delivery, d.attempts))
        .collect();
    assert_eq!(shown, [(2, 12), (1, 0)]);
    assert_eq!(
        page.items[0].trouble.as_deref(),
        Some("no answer within 15 s")
    );
    let due = client.redeliver(TENANT, &group, 2).await.unwrap();
    assert_eq!((due.delivery, due.attempts), (2, 0));
    let open = client.redeliver(TENANT, &group, 1).await.unwrap_err();
    assert!(open.to_string().contains("not-waiting"), "{open}");
    client.skip(TENANT, &group, 1).await.unwrap();
    let twice = client.skip(TENANT, &group, 1).await.unwrap_err();
    assert!(twice.to_string().contains("skipped"), "{twice}");
    let page = client
        .deliveries(TENANT, &group, Some("2".into()), Some(1))
        .await;
    assert_eq!(page.unwrap().items[0].delivery, 1);
}
