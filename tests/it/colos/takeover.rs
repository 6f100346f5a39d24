//! A control plane that died or lives is taken over from, and has its colo handed back (safety 3.10, ADR 0020).
use std::time::Duration;

use cloudsim::Plant;
use domain::home::Automatic;
use serde_json::json;

use super::planes::{Plane, Rig};

/// A server of somebody else in the same project.
fn foreign(rig: &Rig) -> String {
    let plant = json!({"region": "", "project": "tenant-a", "user": "somebody", "name": "theirs", "metadata": {}, "tags": [], "stuck": false});
    let plant: Plant = serde_json::from_value(plant).unwrap();
    let now = rig.sky.0.now_ms();
    rig.sky.0.sim().plant(now, plant).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_colo_whose_control_plane_died_is_taken_over_by_hand_and_handed_back() {
    let rig = Rig::start(Automatic::Off).await;
    let theirs = foreign(&rig);
    let (east, west) = (rig.plane(0).await, rig.plane(1).await);
    rig.does(&east, "serves").await;
    let group = rig.group(2).await;
    rig.active(&group, 2).await;
    let once = rig.event(&group, 1, "once").await;
    assert_eq!(once.status, 200, "{}", once.body);
    rig.active(&group, 3).await;

    east.die().await;
    let away = rig.afar(("GET", &group), None).await;
    let told = (away.status, away.body["code"].as_str().unwrap_or_default());
    assert_eq!(told, (503, "colo-unreachable"), "the other only stands by");
    rig.pause(1_000).await;
    assert_eq!(rig.shown(&west).await["doing"], "stands-by");

    rig.take_over(&west).await;
    rig.does(&west, "serves").await;
    served_by_west(&rig, &west).await;
    let again = rig.event(&group, 1, "once").await;
    // The copy counts its revisions anew, and a verdict says which one of them holds it.
    let [again, once] = [again, once].map(|answer| {
        let mut verdict = answer.body;
        verdict["rev"].take();
        verdict
    });
    assert_eq!(again, once, "one event, one verdict");
    let more = rig.event(&group, 2, "more").await;
    let told = (more.status, &more.body["after"]);
    assert_eq!(told, (200, &json!(5)), "{}", more.body);
    rig.count(3);
    rig.active(&group, 5).await;
    rig.count(5);
    handed_back(&rig, west, &group).await;
    let lives = |sim: &cloudsim::Sim| sim.living().any(|server| server.id == theirs);
    assert!(lives(&rig.sky.0.sim()));
    rig.end().await;
}

async fn served_by_west(rig: &Rig, west: &Plane) {
    let served = rig.shown(west).await;
    let which = (&served["epoch"], &served["holder"]);
    assert_eq!(which, (&json!(1), &json!("west")));
    let since = &served["since"];
    let wanted = (&since["who"], &since["why"]);
    assert_eq!(wanted, (&json!("ada"), &json!("it burns")));
    let looks = rig.ask(&west.base, ("GET", "/v2/audit"), None).await;
    let asked = looks.body["items"][0]["asked"].as_str().unwrap_or_default();
    assert!(asked.starts_with("/v2/colos/1/takeover"), "{}", looks.body);
}

/// Its own control plane comes back, finds that the colo is another's, and takes it over in turn.
async fn handed_back(rig: &Rig, west: Plane, group: &str) {
    let east = rig.plane(0).await;
    rig.does(&east, "stands-by").await;
    let through = rig.ask(&east.base, ("GET", group), None).await;
    let told = (through.status, &through.body["active"]);
    assert_eq!(told, (200, &json!(5)), "{}", through.body);

    rig.take_over(&east).await;
    rig.does(&east, "serves").await;
    rig.does(&west, "stands-by").await;
    assert_eq!(rig.shown(&east).await["epoch"], 2);
    let fewer = rig.event(group, -1, "fewer").await;
    let told = (fewer.status, &fewer.body["after"]);
    assert_eq!(told, (200, &json!(4)), "{}", fewer.body);
    rig.active(group, 4).await;
    let all = "one server to go, and the foreign one to stay";
    rig.until(all, || async { rig.sky.0.sim().living().count() == 5 })
        .await;
    rig.count(4);
    east.die().await;
    west.die().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_control_plane_is_taken_over_from_and_what_was_not_replicated_is_taken_in() {
    let rig = Rig::start(Automatic::After(Duration::from_secs(3))).await;
    let (east, west) = (rig.plane(0).await, rig.plane(1).await);
    rig.does(&east, "serves").await;
    let group = rig.group(2).await;
    rig.active(&group, 2).await;
    // What the other data centre has seen by now.
    let replicated = rig.memory.backup();
    let events = format!("{group}/events");
    let more = rig
        .afar(("POST", &events), Some(json!({"change": 1})))
        .await;
    assert_eq!(more.status, 200, "{}", more.body);
    rig.active(&group, 3).await;
    assert_eq!(
        rig.shown(&west).await["doing"],
        "stands-by",
        "the other one beats"
    );

    east.die().await;
    rig.memory.restore(replicated);
    rig.does(&west, "serves").await;
    rig.active(&group, 3).await;
    let shown = rig.afar(("GET", &group), None).await;
    assert_eq!(
        shown.body["status"], "paused",
        "somebody looks first: {}",
        shown.body
    );
    assert_eq!(shown.body["hold"]["why"], "restored");
    rig.count(3);
    west.die().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_lives_and_was_taken_over_from_stops_and_sends_callers_on() {
    let rig = Rig::start(Automatic::Off).await;
    let (east, west) = (rig.plane(0).await, rig.plane(1).await);
    rig.does(&east, "serves").await;
    let group = rig.group(1).await;
    rig.active(&group, 1).await;
    rig.take_over(&west).await;
    rig.does(&east, "stands-by").await;
    rig.does(&west, "serves").await;
    let events = format!("{group}/events");
    for (n, plane) in [&east, &west, &east].into_iter().enumerate() {
        let sent = rig
            .ask(&plane.base, ("POST", &events), Some(json!({"change": 1})))
            .await;
        let after = json!(n + 2);
        assert_eq!(
            (sent.status, &sent.body["after"]),
            (200, &after),
            "{}",
            sent.body
        );
    }
    rig.active(&group, 4).await;
    rig.count(4);
    let wrong = rig.ask(&east.base, ("GET", "/v2/colos/2"), None).await;
    assert_eq!(wrong.status, 421, "{}", wrong.body);
    east.die().await;
    west.die().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_pairs_that_are_long_superseded_are_deleted_with_the_next_claim() {
    let rig = Rig::start(Automatic::Off).await;
    for epoch in 1..=12 {
        rig.claim(epoch, "east").await;
    }
    let (east, west) = (rig.plane(0).await, rig.plane(1).await);
    rig.does(&east, "serves").await;
    assert_eq!(rig.shown(&east).await["epoch"], 12, "what it won before");
    rig.take_over(&west).await;
    rig.does(&west, "serves").await;
    let kept: Vec<u64> = (3..=13).collect();
    assert_eq!(rig.epochs().await, kept);
    east.die().await;
    west.die().await;
    rig.end().await;
}
