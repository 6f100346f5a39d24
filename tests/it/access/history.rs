//! Who changed a group, and what: the history that support reads.

use serde_json::json;
use wire::v2::history::{Cause, Record};

use super::rig::{Rig, TENANT, spec};

const RIGHTS: [&str; 3] = ["read", "crud", "trigger"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_in_the_history_with_who_and_what_before_and_after() {
    let rig = Rig::with_supervisor().await;
    let client = rig.client(&RIGHTS);
    let spec = serde_json::from_value(spec()).unwrap();
    let group = client.create_group(TENANT, &spec).await.unwrap().id;
    client.pause(TENANT, &group).await.unwrap();
    client.resume(TENANT, &group).await.unwrap();
    let event = serde_json::from_value(json!({"change": 1, "force": true})).unwrap();
    client
        .send(TENANT, &group, Some("one-more"), &event)
        .await
        .unwrap();

    let (mut pages, mut from) = (Vec::<Vec<Record>>::new(), None);
    loop {
        let page = client.history(TENANT, &group, from, Some(3)).await.unwrap();
        pages.push(page.items);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert!(pages.len() > 1 && pages[0].len() == 3, "{pages:?}");
    let records: Vec<Record> = pages.into_iter().flatten().collect();
    for pair in records.windows(2) {
        assert_eq!(pair[0].rev, pair[1].rev + 1);
        assert_eq!(pair[0].previous, pair[1].hash, "the chain is whole");
    }
    let (first, last) = (records.last().unwrap(), &records[0]);
    assert_eq!((first.rev, first.cause), (1, Cause::Create));
    assert!(first.previous.bytes().all(|zero| zero == b'0'));
    let pauses = records.iter().filter(|r| r.cause == Cause::Pause);
    assert_eq!(pauses.count(), 2);
    let events = records.iter().find(|r| r.cause == Cause::Events).unwrap();
    assert_eq!(events.change["events"], json!([["one-more", "applied"]]));
    assert_eq!(events.change["desired"], json!([2, 3]));
    assert!(!events.actor.name.is_empty() && !events.actor.request_id.is_empty());
    assert!(last.rev >= 4);
}
