//! Schedule policies (rows B097 to B127): what is taken, and when it runs.
use std::time::Duration;

use domain::calendar::{DAY_MS, civil};
use serde_json::{Value, json};

use super::rig::{Old, change, configuration, group, set};

fn scheduled(args: Value) -> Value {
    json!({"name": "s", "cooldown": 0, "type": "schedule", "change": 1, "args": args})
}

fn at(moment: &str) -> Value {
    scheduled(json!({"at": moment}))
}

fn cron(text: &str) -> Value {
    scheduled(json!({"cron": text}))
}

/// The moment `ms` from now, as a client writes it.
fn in_ms(old: &Old, ms: u64) -> String {
    let now = old.rig.process.clock.unix_ms() + ms;
    let (year, month, day) = civil(now / DAY_MS);
    let (hour, minute) = (now % DAY_MS / 3_600_000, now / 60_000 % 60);
    format!(
        "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{:03}Z",
        now / 1_000 % 60,
        now % 1_000
    )
}

async fn taken(old: &Old, path: &str, policy: &Value) {
    let made = old
        .post(&format!("{path}/policies"), &json!([policy]))
        .await;
    assert_eq!(made.status, 201, "{policy}: {made:?}");
    assert_eq!(
        made.json()["policies"][0]["args"],
        policy["args"],
        "as written"
    );
}

async fn refused(old: &Old, path: &str, bad: &Value) {
    let answer = old.post(&format!("{path}/policies"), &json!([bad])).await;
    assert_eq!(answer.status, 400, "{bad}: {answer:?}");
    answer.is_refused(400, "ValidationError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b097_b098_b099_b100_a_schedule_has_a_moment_or_a_cron_and_a_change() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let moment = "2090-12-05T03:12:09Z";
    taken(&old, &path, &at(moment)).await;
    taken(&old, &path, &cron("0 0 * * *")).await;
    for args in [
        json!({}),
        json!({"at": moment, "cron": "* * * * *"}),
        json!({"at": moment, "extra": 1}),
        json!({"other": 1}),
        Value::Null,
        json!([]),
        json!({"check": {}, "alarm_criteria": {}}),
    ] {
        refused(&old, &path, &scheduled(args)).await;
    }
    refused(
        &old,
        &path,
        &json!({"name": "s", "cooldown": 0, "type": "schedule", "change": 1}),
    )
    .await;
    refused(
        &old,
        &path,
        &json!({"name": "s", "cooldown": 0, "type": "schedule", "args": {"at": moment}}),
    )
    .await;
    for args in [json!({"at": moment}), json!({})] {
        refused(&old, &path, &set(change(1), "/args", args)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b101_b105_cron_texts_that_were_taken_are_taken() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    for text in [
        "* * * * *",
        "0-59 0-23 1-31 1-12 0-6",
        "00 9,16 * * *",
        "00 02-11 * * *",
        "00 09-18 * * 1-5",
        "*/5 * * * *",
        "0 0 * * mon",
        "0 0 1 JAN *",
        "  0   0 * * *  ",
        "0 0 0 0 0",
        "* * 0 * *",
        "* * * 0 *",
        "* * * * 7",
        "* * 0-0 * *",
        "0 0 L * *",
    ] {
        taken(&old, &path, &cron(text)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b102_b103_b104_cron_texts_that_name_nothing_are_refused() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let mut texts: Vec<String> = [
        "* * * *",
        "* * * * * * * *",
        "*",
        "* * * * * *",
        "12345",
        "a b c d e",
        "- - - - -",
        "",
        "   ",
        "2030-01-01",
        "@yearly",
        "@daily",
        "@hourly",
        "@reboot",
        "@weekly",
        "@monthly",
        "60 * * * *",
        "-090 * * * *",
        "* 24 * * *",
        "* * * 13 *",
        "* * * * 8",
        "* * 32 * *",
        "5/15 * * * *",
        "*/0 * * * *",
        "* * * * sun-mon",
        "? * * * *",
        "0 0 30 2 *",
        "0 0 31 2 *",
    ]
    .map(str::to_owned)
    .into();
    for field in 0..5 {
        for bad in ["2-", "-2", "6-1", "$", "-1--2", "1,,2"] {
            let mut fields = ["*"; 5];
            fields[field] = bad;
            texts.push(fields.join(" "));
        }
    }
    for text in texts {
        refused(&old, &path, &cron(&text)).await;
    }
    refused(&old, &path, &scheduled(json!({"cron": 5}))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b106_b107_b108_b109_b110_a_moment_is_in_utc_and_in_the_future() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    for good in [
        "2090-12-05T03:12:09Z",
        "2090-12-05T03:12Z",
        "2090-12-05 03:12:09Z",
        "2090-12-05T03:12:09.5Z",
        "20901205T031209Z",
    ] {
        taken(&old, &path, &at(good)).await;
    }
    for bad in [
        "05-12-2090T03:12:09Z",
        "2090/12/05T03:12:09Z",
        "2090-12-05T03:12:09",
        "2090-12-05 03:12:09",
        "2090-12-05",
        "1922670720",
        "03:12:09",
        "",
        "   ",
        "* * * * *",
        "junk",
        "2090-13-05T03:12:09Z",
        "0000-12-05T03:12:09Z",
        "2090-12-33T03:12:09Z",
        "2090-12-05T27:12:09Z",
        "2090-12-05T03:70:09Z",
        "2090-12-05T03:12:80Z",
        "2001-12-05T03:12:09Z",
        "2090-12-05T03:12:09+00:00",
        "2090-12-05T03:12:09-05:00",
    ] {
        refused(&old, &path, &at(bad)).await;
    }
    refused(&old, &path, &scheduled(json!({"at": 1_922_670_720}))).await;
    let past = old
        .post(
            &format!("{path}/policies"),
            &json!([at("2001-12-05T03:12:09Z")]),
        )
        .await
        .json();
    assert!(
        past["error"]["message"]
            .as_str()
            .unwrap()
            .contains("must be in the future")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b111_b112_b113_a_schedule_policy_is_a_policy() {
    let old = Old::start().await;
    let (path, policy) = old.group_with((0, 5), &cron("0 0 1 1 *")).await;
    let (_, url) = old.webhook(&policy).await;
    old.act(&format!("{policy}/execute")).await.is(202);
    old.use_capability(&url).await.is(202);
    assert_eq!(old.desired(&path).await, 2);
    assert_eq!(
        old.get(&format!("{path}/policies")).await.json()["policies"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    old.put(&policy, &cron("0 0 2 1 *")).await.is(204);
    assert_eq!(
        old.get(&policy).await.json()["policy"]["args"]["cron"],
        "0 0 2 1 *"
    );
    old.delete(&policy).await.is(204);
    old.get(&policy).await.is_refused(404, "NoSuchPolicyError");
    old.act(&format!("{policy}/execute"))
        .await
        .is_refused(404, "NoSuchPolicyError");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b114_b119_b120_b125_what_is_due_runs_once_and_what_was_taken_back_does_not() {
    let old = Old::start().await;
    let path = old.group(&group(0, 50)).await;
    let soon = || in_ms(&old, 1_500);
    old.policy(&path, &at(&soon())).await;
    let deleted = old
        .policy(&path, &set(at(&soon()), "/change", json!(10)))
        .await;
    let updated = old
        .policy(&path, &set(at(&soon()), "/change", json!(20)))
        .await;
    let postponed = old
        .policy(&path, &set(at(&soon()), "/change", json!(20)))
        .await;
    old.delete(&deleted).await.is(204);
    old.put(&updated, &set(at(&soon()), "/change", json!(2)))
        .await
        .is(204);
    old.put(
        &postponed,
        &set(at("2090-01-01T00:00:00Z"), "/change", json!(20)),
    )
    .await
    .is(204);
    let (gone, _) = old.group_with((0, 5), &at(&soon())).await;
    old.delete(&gone).await.is(204);
    old.until(&path, "3 servers wanted", |state| {
        state["desiredCapacity"] == 3
    })
    .await;
    old.rig.process.clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(old.desired(&path).await, 3, "once");
    let key = old
        .rig
        .store
        .keys()
        .into_iter()
        .find(|key| path.ends_with(&key.id.to_string()))
        .unwrap();
    let verdicts = old.rig.store.verdicts(&key);
    assert_eq!(verdicts.len(), 2);
    for verdict in verdicts {
        assert_eq!(verdict.actor.kind, domain::event::ActorKind::Schedule);
        assert!(
            verdict.event.as_str().starts_with("schedule-"),
            "{verdict:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b116_b117_b118_b121_b126_a_scheduled_run_meets_cooldowns_and_bounds() {
    let old = Old::start().await;
    let (cold, policy) = old
        .group_with(
            (0, 50),
            &set(at(&in_ms(&old, 1_200)), "/cooldown", json!(60)),
        )
        .await;
    let (full, _) = old.group_with((1, 1), &at(&in_ms(&old, 1_200))).await;
    let (bounded, _) = old
        .group_with((0, 50), &set(at(&in_ms(&old, 1_200)), "/change", json!(20)))
        .await;
    old.put(&format!("{bounded}/config"), &configuration(0, 4))
        .await
        .is(204);
    old.until(&cold, "one server wanted", |state| {
        state["desiredCapacity"] == 1
    })
    .await;
    old.act(&format!("{policy}/execute"))
        .await
        .is_refused(403, "CannotExecutePolicyError");
    old.until(&bounded, "max", |state| state["desiredCapacity"] == 4)
        .await;
    // What is refused has its verdict, and the schedule goes on.
    let key = old
        .rig
        .store
        .keys()
        .into_iter()
        .find(|key| full.ends_with(&key.id.to_string()))
        .unwrap();
    for _ in 0..100 {
        if !old.rig.store.verdicts(&key).is_empty() {
            break;
        }
        old.rig.process.clock.sleep(Duration::from_millis(50)).await;
    }
    let verdicts = old.rig.store.verdicts(&key);
    assert_eq!(verdicts[0].outcome, domain::verdict::Outcome::Unchanged);
    assert_eq!(old.state(&full).await["status"], "ACTIVE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b122_b124_many_at_once_all_run() {
    let old = Old::start().await;
    let moment = in_ms(&old, 2_500);
    let mut groups = Vec::new();
    for _ in 0..3 {
        let policies: Vec<Value> = (0..80).map(|_| at(&moment)).chain([change(1)]).collect();
        groups.push(
            old.group(&set(
                group(0, 500),
                "/scalingPolicies",
                Value::Array(policies),
            ))
            .await,
        );
    }
    for path in &groups {
        old.until(path, "80 servers wanted", |state| {
            state["desiredCapacity"] == 80
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b115_b123_missed_runs_are_made_up_for_once() {
    let old = Old::start().await;
    let (path, _) = old.group_with((0, 50), &cron("* * * * *")).await;
    // As if nobody had looked for two hours: the timer lies in the past.
    let two_hours = 2 * 3_600_000;
    let id = path.strip_prefix("groups/").unwrap();
    old.rig
        .edit(id, |draft| {
            let long_ago =
                domain::time::Timestamp::from_unix_ms(draft.now().wall.unix_ms() - two_hours);
            draft
                .state
                .timers
                .values_mut()
                .for_each(|at| *at = long_ago);
        })
        .await;
    old.until(&path, "one late run", |state| state["desiredCapacity"] == 1)
        .await;
    let key = &old.rig.store.keys()[0];
    let next = old
        .rig
        .store
        .group(key)
        .unwrap()
        .state
        .timers
        .values()
        .next()
        .copied()
        .unwrap();
    let now = old.rig.process.clock.unix_ms();
    assert!(
        next.unix_ms() > now && next.unix_ms() - now <= 60_000,
        "the next minute"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b127_late_schedules_show_in_health() {
    // Nobody is there to run them.
    let rig = crate::access::rig::Rig::start().await;
    let health = async || {
        let answer = rig
            .request(reqwest::Method::GET, "/health")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let body = set(group(0, 5), "/scalingPolicies", json!([cron("* * * * *")]));
    let request = rig
        .request(reqwest::Method::POST, "/v1.0/acme/groups")
        .bearer_auth(rig.token(&["crud"]));
    let made = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(made.status(), 201);
    assert_eq!(health().await["healthy"], true);
    let id = rig.store.keys()[0].id.to_string();
    rig.edit(&id, |draft| {
        let now = draft.now().wall.unix_ms();
        let late = domain::time::Timestamp::from_unix_ms(now - 61_000);
        draft.state.timers.values_mut().for_each(|at| *at = late);
    })
    .await;
    let ill = health().await;
    assert_eq!(
        (&ill["healthy"], &ill["scheduler"]["healthy"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(ill["scheduler"]["details"]["late"], 1, "{ill}");
    assert_eq!(ill["store"]["healthy"], true);
}
