//! `docs/alerts.md`, done as it is written.
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::inputs::{Sender, call, desired, make, sensible};
use super::rig::{Rig, TENANT};

/// The block of `docs/alerts.md` with that name.
fn block(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/alerts.md");
    let text = std::fs::read_to_string(path).unwrap();
    let start = format!("```json {name}\n");
    let block = text
        .split(&start)
        .nth(1)
        .unwrap_or_else(|| panic!("no block {name}"));
    serde_json::from_str(block.split("```").next().unwrap()).unwrap()
}

/// What a new user does with only that document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walk_of_the_document_does_what_it_says() {
    let rig = Rig::with_supervisor().await;
    let wanted = serde_json::from_value(block("group")).unwrap();
    let shop = rig
        .client(&["crud"])
        .create_group(TENANT, &wanted)
        .await
        .unwrap()
        .id;
    let input = make(&rig, &block("input")).await;
    let path = format!("/{}/test", input["id"].as_str().unwrap());
    let (_, trial) = call(&rig, Method::POST, &path, Some(&block("body"))).await;
    let tried = &trial["alerts"][0]["groups"][0]["verdict"];
    assert_eq!(
        (&tried["before"], &tried["after"]),
        (&json!(2), &json!(7)),
        "{trial}"
    );
    let sender = Sender::new(&rig, &input);
    let proof = [(
        "Authorization",
        format!("Bearer {}", input["secret"].as_str().unwrap()),
    )];
    let (status, _) = sender
        .send(&proof, block("body").to_string().into_bytes())
        .await;
    assert_eq!(
        (status, desired(&rig, &shop).await),
        (StatusCode::ACCEPTED, 7)
    );
    let shown = rig.client(&["read"]).group(TENANT, &shop).await.unwrap();
    assert!(shown.circling.unwrap().next_look.is_some());
    // The other inputs of the document read what stands beside them.
    for (input, body, events) in [
        (block("mapped"), block("mapped-body"), 1),
        (sensible(), block("script"), 1),
    ] {
        let (status, received) = Sender::new(&rig, &make(&rig, &input).await)
            .json(&body)
            .await;
        assert_eq!(
            (status, &received["events"]),
            (StatusCode::ACCEPTED, &json!(events)),
            "{received}"
        );
    }
    let samples = Sender::new(&rig, &make(&rig, &block("metrics")).await);
    let (status, received) = samples.json(&json!({"host": "shop-1", "value": 7})).await;
    assert_eq!(
        (status, &received["events"]),
        (StatusCode::ACCEPTED, &json!(1)),
        "{received}"
    );
}
