//! Sources that say that they have no data.
use reqwest::StatusCode;
use serde_json::{Value, json};
use wire::v2::circle::{Circling, Standing};

use super::inputs::{Sender, desired, group, make, sensible};
use super::rig::{Rig, TENANT};

/// What Grafana sends of the rule `cpu high`, under that name or the one that it has without data.
fn grafana(name: &str, status: &str, at: u64) -> Value {
    let labels = json!({"alertname": name, "rulename": "cpu high", "severity": "critical", "application": "shop"});
    let alert = json!({"status": status, "fingerprint": name, "labels": labels, "startsAt": at - 60, "endsAt": at});
    json!({"version": "1", "orgId": 3, "status": status, "alerts": [alert]})
}

async fn circling(rig: &Rig, group: &str) -> Circling {
    let shown = rig.client(&["read"]).group(TENANT, group).await.unwrap();
    shown.circling.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_source_that_is_away_makes_no_group_grow() {
    let rig = Rig::with_supervisor().await;
    let shop = group(&rig, "shop").await;
    let sender = Sender::new(&rig, &make(&rig, &sensible()).await);
    let send = async |name: &str, status: &str| {
        let (taken, answer) = sender.json(&grafana(name, status, rig.now())).await;
        let found = (taken, &answer["events"]);
        assert_eq!(found, (StatusCode::ACCEPTED, &json!(1)), "{answer}");
    };
    let away = ["DatasourceNoData", "DatasourceError"];
    for name in away {
        send(name, "firing").await;
    }
    assert_eq!(desired(&rig, &shop).await, 2);
    let known = circling(&rig, &shop).await.known;
    let known: Vec<_> = known.iter().map(|one| (&*one.name, one.standing)).collect();
    assert_eq!(known, [("cpu high", Standing::Unknown); 2]);
    // The rule's own alert is another one, and its end no recovery while there are no data.
    send("cpu high", "firing").await;
    assert_eq!(desired(&rig, &shop).await, 3);
    send("cpu high", "resolved").await;
    assert_eq!(circling(&rig, &shop).await.over_since, None);
    for name in away {
        send(name, "resolved").await;
    }
    assert!(circling(&rig, &shop).await.over_since.is_some());
}
