//! Writes that are sent again: once done under a key, they are answered as before and done no more.
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::hook::Key;
use serde_json::{Value, json};
use store::memory::faults::{Call, Faults, Plan, What};
use store::note::Shelf;
use wire::hooks::secret::Owner;

use super::rig::{Rig, TENANT, spec};
use super::trouble::Blind;

pub(super) const ALL: [&str; 3] = ["read", "crud", "trigger"];

fn groups() -> String {
    format!("/v2/{TENANT}/groups")
}

/// Sends a write twice under one key: the second answer is the first one, and nothing was committed for it.
async fn is_done_once(
    rig: &Rig,
    rights: &[&str],
    (method, path): (&str, &str),
    body: Option<Value>,
) -> Value {
    let key = [("Idempotency-Key", "one-key-for-all")];
    let first = rig.ask(rights, (method, path), &key, body.clone()).await;
    assert!(
        first.status < 300,
        "{method} {path}: {} {}",
        first.status,
        first.body
    );
    assert!(first.headers.get("idempotency-replayed").is_none());
    let commits = rig.store.commits();
    let second = rig.ask(rights, (method, path), &key, body).await;
    assert_eq!(
        rig.store.commits(),
        commits,
        "{method} {path} was done twice"
    );
    assert_eq!(
        (second.status, &second.body),
        (first.status, &first.body),
        "{method} {path}"
    );
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(second.header("etag"), first.header("etag"));
    assert_eq!(second.header("idempotency-replayed"), "true");
    first.body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_is_done_once_under_its_key() {
    let rig = Rig::start().await;
    let mut twice: Vec<(&str, String, Option<Value>)> = Vec::new();
    let made = rig.ask(&ALL, ("POST", &groups()), &[], Some(spec())).await;
    let group = format!("{}/{}", groups(), made.body["id"].as_str().unwrap());
    let hooks = format!("{group}/policies/up/webhooks");
    let hook = rig
        .ask(&ALL, ("POST", &hooks), &[], Some(json!({"name": "x"})))
        .await;
    let hook = hook.header("location");
    twice.push(("POST", groups(), Some(spec())));
    twice.push((
        "POST",
        format!("{group}/policies"),
        Some(json!({"id": "a", "change": 1})),
    ));
    twice.push((
        "PUT",
        format!("{group}/policies/a"),
        Some(json!({"id": "a", "change": 2})),
    ));
    twice.push((
        "PATCH",
        format!("{group}/policies/a"),
        Some(json!({"change": 3})),
    ));
    twice.push(("POST", hooks, Some(json!({"name": "y"}))));
    twice.push(("PUT", hook.clone(), Some(json!({"name": "z"}))));
    twice.push(("PATCH", hook.clone(), Some(json!({"name": "w"}))));
    twice.push(("POST", format!("{hook}/rotate"), None));
    twice.push(("DELETE", hook, None));
    twice.push(("DELETE", format!("{group}/policies/a"), None));
    twice.push(("PATCH", format!("{group}/config"), Some(json!({"max": 9}))));
    twice.push(("PUT", format!("{group}/config"), Some(spec())));
    twice.push(("POST", format!("{group}/pause"), None));
    twice.push(("POST", format!("{group}/resume"), None));
    twice.push(("DELETE", format!("{group}?force=true"), None));
    for (method, path, body) in twice {
        is_done_once(&rig, &ALL, (method, &path), body).await;
    }
    let kept = rig.store.notes();
    assert!(
        kept.iter()
            .all(|(shelf, note)| *shelf == Shelf::Answers && !note.body.contains("execute/1/")),
        "a capability URL was stored"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_told_again_under_the_key_and_are_in_no_note() {
    let rig = Rig::start().await;
    let made = rig.ask(&ALL, ("POST", &groups()), &[], Some(spec())).await;
    let hook = format!("{}/{}/hooks/h", groups(), made.body["id"].as_str().unwrap());
    let spec = json!({"points": ["server.active"], "url": "https://receiver.example/"});
    let put = is_done_once(&rig, &ALL, ("PUT", &hook), Some(spec)).await;
    let turn = format!("{hook}/rotate");
    let turned = is_done_once(&rig, &ALL, ("POST", &turn), Some(json!({}))).await;
    is_done_once(&rig, &ALL, ("DELETE", &hook), None).await;

    let inputs = format!("/v2/{TENANT}/inputs");
    let spec = json!({"name": "a", "format": "alertmanager", "verify": {"by": "bearer"}, "routes": [{"to": ["shop"]}]});
    let input = is_done_once(&rig, &ALL, ("POST", &inputs), Some(spec.clone())).await;
    let one = format!("{inputs}/{}", input["id"].as_str().unwrap());
    let replaced = is_done_once(&rig, &ALL, ("PUT", &one), Some(spec)).await;
    assert_eq!(
        (&replaced["url"], &replaced["secret"]),
        (&Value::Null, &Value::Null)
    );
    let turn = format!("{one}/rotate");
    let again = is_done_once(&rig, &ALL, ("POST", &turn), Some(json!({}))).await;
    is_done_once(&rig, &ALL, ("DELETE", &one), None).await;

    let told = [
        &put["secret"],
        &turned["secret"],
        &input["url"],
        &input["secret"],
        &again["url"],
        &again["secret"],
    ];
    let told: BTreeSet<&str> = told
        .into_iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    assert_eq!(told.len(), 6, "each is another one");
    for (_, note) in rig.store.notes() {
        assert!(told.iter().all(|text| !note.body.contains(text)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_is_thrown_once_under_its_key() {
    let rig = Rig::start().await;
    let switch = format!("/v2/switches/tenant:{TENANT}");
    let spec = json!({"mode": "no-create", "why": "a test"});
    is_done_once(&rig, &["operate"], ("PUT", &switch), Some(spec)).await;
    is_done_once(&rig, &["operate"], ("DELETE", &switch), None).await;
    let thrown = rig
        .ask(&["operate"], ("GET", "/v2/switches/history"), &[], None)
        .await;
    assert_eq!(thrown.body["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_for_one_request_of_one_tenant_at_one_path() {
    let rig = Rig::start().await;
    let key = [("Idempotency-Key", "k")];
    let first = rig.ask(&ALL, ("POST", &groups()), &key, Some(spec())).await;
    let mut other = spec();
    other["name"] = json!("other");
    let reused = rig.ask(&ALL, ("POST", &groups()), &key, Some(other)).await;
    assert_eq!(
        (reused.status, &reused.body["code"]),
        (422, &json!("idempotency-key-reused"))
    );
    // Another path.
    let group = format!("{}/{}", groups(), first.body["id"].as_str().unwrap());
    let policy = json!({"id": "a", "change": 1});
    assert_eq!(
        rig.ask(
            &ALL,
            ("POST", &format!("{group}/policies")),
            &key,
            Some(policy)
        )
        .await
        .status,
        201
    );
    // Another tenant learns nothing of the first one's answer.
    let token = rig.ed.sign(&rig.claims("umbrella", &ALL));
    let answer = rig
        .request(reqwest::Method::POST, "/v2/umbrella/groups")
        .bearer_auth(token)
        .header("Idempotency-Key", "k")
        .header("Content-Type", "application/json")
        .body(spec().to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    let made: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_ne!(made["id"], first.body["id"]);
    // Without the right, the key helps nothing.
    assert_eq!(
        rig.ask(&["read"], ("POST", &groups()), &key, Some(spec()))
            .await
            .status,
        403
    );
    for bad in ["", "a b", &"x".repeat(129)] {
        let refused = rig
            .ask(
                &ALL,
                ("POST", &groups()),
                &[("Idempotency-Key", bad)],
                Some(spec()),
            )
            .await;
        assert_eq!(
            (refused.status, &refused.body["field"]),
            (400, &json!("Idempotency-Key")),
            "{bad:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_may_be_tried_again_under_the_same_key() {
    let rig = Rig::start().await;
    let key = [("Idempotency-Key", "k")];
    let made = rig.ask(&ALL, ("POST", &groups()), &[], Some(spec())).await;
    let group = format!("{}/{}", groups(), made.body["id"].as_str().unwrap());
    let delete = async || rig.ask(&ALL, ("DELETE", &group), &key, None).await.status;
    assert_eq!(delete().await, 409, "it wants servers");
    let empty = json!({"min": 0});
    rig.ask(
        &ALL,
        ("PATCH", &format!("{group}/config")),
        &[],
        Some(empty),
    )
    .await;
    let event = json!({"desired": 0});
    rig.ask(&ALL, ("POST", &format!("{group}/events")), &[], Some(event))
        .await;
    // The owner is away: the wish lies in the inbox, and the group still wants servers.
    assert_eq!(delete().await, 409);
    assert_eq!(rig.store.notes(), [], "nothing is kept of what was refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_under_one_key_make_one_group() {
    let rig = Arc::new(Rig::start().await);
    let mut asked = Vec::new();
    for _ in 0..20 {
        let rig = Arc::clone(&rig);
        asked.push(async move {
            let key = [("Idempotency-Key", "k")];
            rig.ask(&ALL, ("POST", &groups()), &key, Some(spec())).await
        });
    }
    let answers = futures_util::future::join_all(asked).await;
    let mut ids = BTreeSet::new();
    for answer in answers {
        match answer.status {
            201 => drop(ids.insert(answer.body["id"].as_str().unwrap().to_owned())),
            409 => assert_eq!(answer.body["code"], json!("idempotency-key-in-use")),
            other => panic!("{other} {}", answer.body),
        }
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(rig.store.keys().len(), 1);
}

/// Loses the note of an answer: as if the process had died between the write and its note.
#[derive(Debug, Default)]
pub(super) struct Forgetful {
    calls: AtomicUsize,
    fails: AtomicUsize,
}

impl Forgetful {
    /// The `n`th call about notes from now on fails; 0: none does. The first note of a write says that it runs, the last what became of it; in
    /// between, a write that is repeated reads the note that is there and takes it over.
    pub(super) fn fail_at(&self, n: usize) {
        self.calls.store(0, Ordering::SeqCst);
        self.fails.store(n, Ordering::SeqCst);
    }
}

impl Faults for Forgetful {
    fn plan(&self, call: Call<'_>) -> Plan {
        let is_it = call.what == What::Notes
            && self.calls.fetch_add(1, Ordering::SeqCst) + 1 == self.fails.load(Ordering::SeqCst);
        Plan::unavailable_if(is_it)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_was_never_noted_is_held_back_while_it_may_run() {
    let faults = Arc::new(Forgetful::default());
    let rig = Rig::with_trouble(Arc::clone(&faults) as _, holt_api::Limits::default()).await;
    faults.fail_at(2);
    let key = [("Idempotency-Key", "k")];
    let first = rig.ask(&ALL, ("POST", &groups()), &key, Some(spec())).await;
    assert_eq!(first.status, 201, "the write was done");
    faults.fail_at(0);
    let second = rig.ask(&ALL, ("POST", &groups()), &key, Some(spec())).await;
    assert_eq!(
        (second.status, &second.body["code"]),
        (409, &json!("idempotency-key-in-use"))
    );
    assert!(!second.header("retry-after").is_empty());
    assert_eq!(rig.store.keys().len(), 1);
    // A minute later, the same write is done again: it makes the same group, not another one.
    a_minute_passes(&rig).await;
    let third = rig.ask(&ALL, ("POST", &groups()), &key, Some(spec())).await;
    assert_eq!((third.status, &third.body["id"]), (201, &first.body["id"]));
    assert_eq!(rig.store.keys().len(), 1);
}

/// Makes the only note a minute older: whoever wrote it is dead by now.
pub(super) async fn a_minute_passes(rig: &Rig) {
    let notes = rig.store.handle("tests").notes;
    let (_, mut note) = rig.store.notes().remove(0);
    let before = note.body.clone();
    note.at = domain::time::Timestamp::from_unix_ms(note.at.unix_ms() - 61_000);
    let kept = notes.keep(Shelf::Answers, &note, Some(&before)).await;
    assert!(kept.unwrap());
}

/// Sends a write three times under one key; the process dies after it was done, and again after it was repeated, each time before its answer is noted.
async fn with_two_deaths(
    (rig, faults): (&Rig, &Forgetful),
    asked: (&str, &str),
    body: Value,
) -> [Value; 3] {
    let key = [("Idempotency-Key", "k")];
    let ask = async || {
        let answer = rig.ask(&ALL, asked, &key, Some(body.clone())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let mut answers = Vec::new();
    for last in [2, 4] {
        faults.fail_at(last);
        answers.push(ask().await);
        faults.fail_at(0);
        a_minute_passes(rig).await;
    }
    let [first, second] = answers.try_into().unwrap();
    [first, second, ask().await]
}

/// A rig that dies when it is told to, and the path of a hook that is not there yet.
pub(super) async fn mortal() -> (Rig, Arc<Forgetful>, String) {
    let faults = Arc::new(Forgetful::default());
    let rig = Rig::with_trouble(Arc::clone(&faults) as _, holt_api::Limits::default()).await;
    let made = rig.ask(&ALL, ("POST", &groups()), &[], Some(spec())).await;
    let hook = format!("{}/{}/hooks/h", groups(), made.body["id"].as_str().unwrap());
    (rig, faults, hook)
}

fn receiver() -> Value {
    json!({"points": ["server.active"], "url": "https://receiver.example/"})
}

/// What the hook's messages are signed with, as receivers know it.
fn secrets(rig: &Rig) -> Vec<String> {
    let key = rig.store.keys().remove(0);
    let group = rig.store.group(&key).unwrap();
    let (id, hook) = group.config.hooks.first_key_value().unwrap();
    let owner = Owner {
        group: &key,
        hook: id,
    };
    let open = |key: &Key| rig.hooks.open(owner, &key.sealed).unwrap();
    let opened = hook.keys.iter().map(open);
    opened.map(|secret| secret.expose().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_put_of_a_hook_whose_first_try_died_keeps_telling_the_same_secret() {
    let (rig, faults, hook) = mortal().await;
    let told = with_two_deaths((&rig, &faults), ("PUT", &hook), receiver()).await;
    let [first, again, at_last] = told.map(|answer| answer["secret"].clone());
    assert!(first.as_str().unwrap().starts_with("whsec_"));
    assert_eq!((&again, &at_last), (&first, &first));
    assert_eq!(secrets(&rig), [first.as_str().unwrap()]);
    // What another write made before is not told, whatever dies.
    forget(&rig).await;
    let told = with_two_deaths((&rig, &faults), ("PUT", &hook), receiver()).await;
    for answer in told {
        assert_eq!(answer["secret"], Value::Null, "the key is an older one");
    }
    assert_eq!(secrets(&rig), [first.as_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_whose_first_try_died_is_done_once_and_keeps_the_secret_before_it() {
    let (rig, faults, hook) = mortal().await;
    let turn = format!("{hook}/rotate");
    let put = rig.ask(&ALL, ("PUT", &hook), &[], Some(receiver())).await;
    let before = put.body["secret"].as_str().unwrap();
    let told = with_two_deaths((&rig, &faults), ("POST", &turn), json!({})).await;
    let [first, again, at_last] = told.map(|answer| answer["secret"].clone());
    assert_eq!((&again, &at_last), (&first, &first));
    let first = first.as_str().unwrap();
    assert_eq!(secrets(&rig), [first, before], "both sign");
    // The key of a write that is long over names a new one.
    forget(&rig).await;
    let shape = json!({"signature": "ed25519"});
    let told = with_two_deaths((&rig, &faults), ("POST", &turn), shape).await;
    let [public, again, at_last] = told.map(|answer| answer["secret"].clone());
    assert!(public.as_str().unwrap().starts_with("whpk_"));
    assert_eq!((&again, &at_last), (&public, &public));
    let signs = secrets(&rig);
    assert!(signs[0].starts_with("whsk_") && signs[1] == first && signs.len() == 2);
    forget(&rig).await;
    let told = with_two_deaths((&rig, &faults), ("POST", &turn), json!({})).await;
    assert_eq!(secrets(&rig)[0], told[0]["secret"].as_str().unwrap());
    assert_ne!(
        told[0]["secret"],
        json!(first),
        "the same request, another write"
    );
}

/// A day passes: the only note is gone.
pub(super) async fn forget(rig: &Rig) {
    let notes = rig.store.handle("tests").notes;
    let (_, note) = rig.store.notes().remove(0);
    let forgotten = notes.forget(Shelf::Answers, &note.id, &note.body).await;
    forgotten.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_was_made_but_could_not_be_shown_is_what_its_key_names_from_then_on() {
    let blind = Arc::new(Blind::default());
    let rig = Rig::with_trouble(Arc::clone(&blind) as _, holt_api::Limits::default()).await;
    let key = [("Idempotency-Key", "k")];
    let make = async || rig.ask(&ALL, ("POST", &groups()), &key, Some(spec())).await;
    let first = make().await;
    assert_eq!(
        (first.status, &first.body["code"]),
        (503, &json!("outcome-unknown"))
    );
    assert_eq!(rig.store.keys().len(), 1, "it was made");
    blind.over.store(true, Ordering::SeqCst);
    let second = make().await;
    assert_eq!(
        (second.status, &second.body["code"]),
        (409, &json!("idempotency-key-in-use")),
        "the key stays bound to the write"
    );
    // As if a try in between had been refused: nothing is noted any more.
    forget(&rig).await;
    let third = make().await;
    assert_eq!(third.status, 201, "{}", third.body);
    let made = rig.store.keys();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(third.body["id"], json!(made[0].id.to_string()));
}
