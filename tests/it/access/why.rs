//! Why a group has the size it has: verdicts and the ledger, with a real supervisor behind the api.
use std::time::Duration;

use domain::ids::{Fence, GroupKey, HomeEpoch, Incarnation, LaunchHash, Nonce, SlotId};
use domain::slot::{DoubtWhy, FailWhy, Flags, Issue, Move, Slot, State};
use domain::time::Timestamp;
use serde_json::json;
use wire::client::{Answer, Client, SlotsOf, VerdictsOf};
use wire::v2::event::EventRequest;
use wire::v2::ledger::{self, Why};
use wire::v2::time::Moment;
use wire::v2::verdict::{Force, Gate, Outcome, Verdict, Word};

use super::rig::{Rig, TENANT, spec};

const RIGHTS: [&str; 4] = ["read", "crud", "trigger", "exceed-limits"];

fn event(json: serde_json::Value) -> EventRequest {
    serde_json::from_value(json).unwrap()
}

async fn decided(client: &Client, group: &str, key: &str, json: serde_json::Value) -> Verdict {
    let answer = client.send(TENANT, group, Some(key), &event(json)).await;
    let Ok(Answer::Decided(verdict)) = answer else {
        panic!("{answer:?}")
    };
    *verdict
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_gets_a_verdict_that_says_what_each_gate_said() {
    let rig = Rig::with_supervisor().await;
    let client = rig.client(&RIGHTS);
    let spec = serde_json::from_value(spec()).unwrap();
    let group = client.create_group(TENANT, &spec).await.unwrap().id;
    let up = decided(&client, &group, "a", json!({"policy": "up"})).await;
    assert_eq!((up.outcome, up.before, up.after), (Outcome::Applied, 2, 4));
    assert_eq!(
        (up.actor.name.as_str(), up.asked.policy.as_deref()),
        ("ada", Some("up"))
    );
    assert_eq!(
        decided(&client, &group, "a", json!({"policy": "up"})).await,
        up
    );

    let soon = decided(&client, &group, "b", json!({"policy": "half-more"})).await;
    assert_eq!((soon.outcome, soon.after), (Outcome::Cooldown, 4));
    let last = soon.gates.last().unwrap();
    assert_eq!((last.gate, last.word), (Gate::GroupCooldown, Word::Wait));
    assert!(last.wait_ms.is_some_and(|ms| ms <= 60_000));

    let forced = decided(&client, &group, "c", json!({"change": 50, "force": true})).await;
    assert_eq!(
        (forced.outcome, forced.after, forced.force),
        (Outcome::Clamped, 12, Force::Gates)
    );
    let until = Moment(Timestamp::from_unix_ms(
        rig.process.clock.unix_ms() + 60_000,
    ));
    let beyond = json!({"desired": 14, "force": true, "override": {"size": 14, "until": until}});
    let beyond = decided(&client, &group, "d", beyond).await;
    assert_eq!((beyond.outcome, beyond.after), (Outcome::Applied, 14));
    let shown = client.group(TENANT, &group).await.unwrap();
    assert_eq!(
        (shown.desired, shown.grant.map(|grant| grant.size)),
        (14, Some(14))
    );

    client.pause(TENANT, &group).await.unwrap();
    let paused = decided(&client, &group, "e", json!({"change": 1})).await;
    assert_eq!(paused.outcome, Outcome::Paused);
    let all = client
        .verdicts(TENANT, &group, &VerdictsOf::default())
        .await
        .unwrap();
    let ids: Vec<_> = all
        .items
        .iter()
        .map(|verdict| verdict.event.as_str())
        .collect();
    assert_eq!(ids, ["e", "d", "c", "b", "a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_come_in_pages_and_as_of_a_moment() {
    let rig = Rig::with_supervisor().await;
    let client = rig.client(&RIGHTS);
    let spec = serde_json::from_value(spec()).unwrap();
    let group = client.create_group(TENANT, &spec).await.unwrap().id;
    let mut moments = Vec::new();
    for n in 0..5 {
        let verdict = decided(
            &client,
            &group,
            &format!("e{n}"),
            json!({"change": 1, "force": true}),
        )
        .await;
        moments.push(verdict.at);
        rig.process.clock.sleep(Duration::from_millis(3)).await;
    }
    let mut of = VerdictsOf {
        limit: Some(2),
        ..VerdictsOf::default()
    };
    let mut pages = Vec::new();
    loop {
        let page = client.verdicts(TENANT, &group, &of).await.unwrap();
        pages.push(
            page.items
                .iter()
                .map(|verdict| verdict.event.clone())
                .collect::<Vec<_>>(),
        );
        match page.next {
            Some(next) => of.before = Some(next),
            None => break,
        }
    }
    assert_eq!(pages, [vec!["e4", "e3"], vec!["e2", "e1"], vec!["e0"]]);
    let at = VerdictsOf {
        at: Some(moments[2]),
        ..VerdictsOf::default()
    };
    let then = client.verdicts(TENANT, &group, &at).await.unwrap();
    assert_eq!(then.items[0].event, "e2");
}

/// Five slots: active, in doubt, failed, issued, lapsed.
async fn slots(rig: &Rig, key: &GroupKey) {
    let issue = Issue {
        worker: "w1".parse().unwrap(),
        incarnation: Incarnation::from_u128(1),
        token: domain::slot::CallToken::Lives(Duration::from_secs(3600)),
    };
    let server = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let at = Timestamp::from_unix_ms(rig.process.clock.unix_ms());
    let moves = [
        vec![Move::Bind(server), Move::Activate],
        vec![Move::Doubt(DoubtWhy::Timeout)],
        vec![Move::Fail(FailWhy::Refused("no such image".to_owned()))],
        vec![],
        vec![Move::Doubt(DoubtWhy::Timeout), Move::Lapse],
    ];
    let slots: Vec<Slot> = (1_u128..)
        .zip(moves)
        .map(|(n, moves)| Slot {
            id: SlotId::from_u128(n),
            proof: SlotId::from_u128(n),
            nonce: Nonce::from_u128(n),
            launch: LaunchHash([0; 32]),
            state: moves
                .into_iter()
                .fold(State::Issued(issue.clone()), |state, step| {
                    state.step(step).unwrap()
                }),
            flags: Flags {
                held: n == 1,
                ..Flags::default()
            },
            issued: at,
            since: at,
        })
        .collect();
    let put = |view: store::apply::View<'_>| {
        let now = domain::time::Now {
            wall: at,
            mono: domain::time::Mono::from_ms(0),
        };
        let mut draft = domain::draft::Draft::new(view.group, now);
        slots.iter().for_each(|slot| draft.put(slot.clone()));
        let actor = domain::event::Actor {
            kind: domain::event::ActorKind::System,
            name: "test".to_owned(),
            request_id: String::new(),
            from: None,
        };
        Ok::<_, ()>(Some(draft.finish(domain::group::Cause::Converge, actor)))
    };
    let stores = rig.store.handle("test");
    store::apply::apply(&rig.process, &*stores.groups, key, Fence(0), None, put)
        .await
        .unwrap();
}

/// A group whose ledger has what [`slots`] puts there.
async fn group_with_slots(rig: &Rig, client: &Client) -> String {
    let spec = serde_json::from_value(spec()).unwrap();
    let group = client.create_group(TENANT, &spec).await.unwrap().id;
    let key = GroupKey {
        tenant: TENANT.parse().unwrap(),
        id: group.parse().unwrap(),
        epoch: HomeEpoch(0),
    };
    slots(rig, &key).await;
    group
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_shows_every_slot_with_its_story() {
    let rig = Rig::start().await;
    let client = rig.client(&RIGHTS);
    let group = group_with_slots(&rig, &client).await;
    let all = client
        .ledger(TENANT, &group, &SlotsOf::default())
        .await
        .unwrap()
        .items;
    let stories: Vec<_> = all
        .iter()
        .map(|s| (s.state, s.open, s.worker.as_deref(), s.why))
        .collect();
    let expected = [
        (ledger::State::Active, true, None, None),
        (ledger::State::InDoubt, true, Some("w1"), Some(Why::Timeout)),
        (ledger::State::Failed, false, None, Some(Why::Refused)),
        (ledger::State::Issued, true, Some("w1"), None),
        (ledger::State::Lapsed, false, Some("w1"), Some(Why::Counted)),
    ];
    assert_eq!(stories, expected);
    assert_eq!(
        all[0].server.as_deref(),
        Some("11111111-2222-4333-8444-555555555555")
    );
    assert_eq!(all[0].flags, [ledger::Flag::Held]);
    assert_eq!(all[2].detail.as_deref(), Some("no such image"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_filtered_and_comes_in_pages() {
    let rig = Rig::start().await;
    let client = rig.client(&RIGHTS);
    let group = group_with_slots(&rig, &client).await;
    let all = client
        .ledger(TENANT, &group, &SlotsOf::default())
        .await
        .unwrap()
        .items;
    let ids = |page: wire::v2::Page<ledger::Slot>| {
        page.items
            .into_iter()
            .map(|slot| slot.slot)
            .collect::<Vec<_>>()
    };
    let states = SlotsOf {
        states: vec!["active".to_owned(), "failed".to_owned()],
        ..SlotsOf::default()
    };
    assert_eq!(
        ids(client.ledger(TENANT, &group, &states).await.unwrap()),
        [all[0].slot.as_str(), &all[2].slot]
    );
    let ended = SlotsOf {
        open: Some(false),
        ..SlotsOf::default()
    };
    assert_eq!(
        ids(client.ledger(TENANT, &group, &ended).await.unwrap()),
        [all[2].slot.as_str(), &all[4].slot]
    );
    let first = SlotsOf {
        limit: Some(3),
        ..SlotsOf::default()
    };
    let first = client.ledger(TENANT, &group, &first).await.unwrap();
    let rest = SlotsOf {
        after: first.next.clone(),
        ..SlotsOf::default()
    };
    assert_eq!(
        ids(client.ledger(TENANT, &group, &rest).await.unwrap()),
        [all[3].slot.as_str(), &all[4].slot]
    );
    let shown = client.group(TENANT, &group).await.unwrap();
    assert_eq!((shown.active, shown.pending, shown.lapsed), (1, 2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_api_refuses_in_words_and_then_ends() {
    let rig = Rig::start().await;
    let client = rig.client(&RIGHTS);
    assert!(client.ready().await.unwrap().0);
    rig.process.stop.request();
    let refused = client.groups(TENANT, None, None).await.unwrap_err();
    assert!(refused.to_string().contains("unavailable"), "{refused}");
    assert!(!client.ready().await.unwrap().0);
    rig.api.stop().await;
    // Threads that hold kept connections end by themselves, a moment later.
    for _ in 0..400 {
        if client.ready().await.is_err() {
            return;
        }
        rig.process.clock.sleep(Duration::from_millis(5)).await;
    }
    panic!("still answers");
}
