//! Lists, and whether they prove absence.

use domain::evidence::{Extent, Status};

use super::*;
use crate::proof::Proven;

/// The list that a cloud of that microversion gives of these rows.
async fn listed(
    highest: &'static str,
    list_max: u32,
    body: Value,
) -> (Result<List, CallError>, Double) {
    let (cloud, double) = cloud_at(highest, move |_| Say::json(200, body.clone())).await;
    let mut settings = cloud.settings.clone();
    settings.list_max = list_max;
    (client_with(settings).list(&tenant()).await, double)
}

async fn extent(highest: &'static str, list_max: u32, body: Value) -> Extent {
    listed(highest, list_max, body)
        .await
        .0
        .expect("a list")
        .extent
}

#[tokio::test]
async fn only_a_whole_unfiltered_list_of_a_new_enough_version_is_complete() {
    let two = json!({"servers": [row(), row()]});
    let next = json!({"servers": [row()], "servers_links": [{"rel": "next", "href": "http://elsewhere/?marker=1"}]});
    let odd = json!({"servers": [row(), {"id": "not-novas", "status": "ACTIVE"}]});
    assert_eq!(extent("2.93", 1000, two.clone()).await, Extent::Complete);
    assert_eq!(extent("2.69", 1000, two.clone()).await, Extent::Complete);
    assert_eq!(
        extent("2.93", 1000, json!({"servers": []})).await,
        Extent::Complete
    );
    assert_eq!(extent("2.68", 1000, two.clone()).await, Extent::Partial);
    assert_eq!(extent("2.93", 2, two).await, Extent::Partial);
    assert_eq!(extent("2.93", 1000, next).await, Extent::Partial);
    assert_eq!(extent("2.93", 1000, odd).await, Extent::Partial);
}

/// Such a list is read on another thread: it must come to the same.
#[tokio::test]
async fn a_long_list_is_complete_or_not_as_a_short_one_is() {
    let many: Vec<Value> = (0..900).map(|_| row()).collect();
    let body = json!({"servers": many});
    assert!(body.to_string().len() > 64 << 10);
    assert_eq!(extent("2.93", 1000, body.clone()).await, Extent::Complete);
    assert_eq!(extent("2.93", 900, body).await, Extent::Partial);
    let torn = json!({"servers": [many, 7]});
    let (list, _) = listed("2.93", 1000, torn).await;
    assert!(matches!(list, Err(CallError::Unclear(_))), "{list:?}");
}

#[tokio::test]
async fn a_list_is_one_request_without_a_query() {
    let next = json!({"servers": [], "servers_links": [{"rel": "next", "href": "/v2.1/servers/detail?marker=1"}]});
    let (_, double) = listed("2.104", 1000, next).await;
    let lists = double.asked("GET", "/v2.1/servers");
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0].path, "/v2.1/servers/detail");
    assert_eq!(
        lists[0].header("openstack-api-version"),
        Some("compute 2.96")
    );
}

#[tokio::test]
async fn rows_show_what_they_prove() {
    let dead = json!({"id": "00000000-0000-4000-8000-00000000000a", "status": "UNKNOWN", "tenant_id": "p1"});
    let mut foreign = row();
    foreign["metadata"] = json!({});
    foreign["user_id"] = json!("u2");
    let (list, _) = listed("2.93", 1000, json!({"servers": [row(), dead, foreign]})).await;
    let list = list.expect("a list");
    assert_eq!(list.extent, Extent::Complete);
    let valid = Proven::Valid {
        group: MINT.group,
        slot: MINT.slot,
    };
    let seen: Vec<_> = list
        .servers
        .into_iter()
        .map(|server| (server.proven, server.ours, server.status))
        .collect();
    let expected = [
        (valid, true, Status::Up),
        (Proven::Unreadable, false, Status::Unknown),
        (Proven::No, false, Status::Up),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_tagged_list_says_that_it_is_one() {
    let (cloud, double) = cloud(|_| Say::json(200, json!({"servers": []}))).await;
    let list = cloud
        .list_tagged(&tenant(), MINT.slot)
        .await
        .expect("a list");
    assert_eq!(list.extent, Extent::Tagged);
    let path = format!("/v2.1/servers/detail?tags=as:{}", MINT.slot);
    assert_eq!(double.asked("GET", "/v2.1/servers")[0].path, path);
}

/// A list by tag from a cloud that shows two rows at a time, one on that page; and what was asked for.
async fn tagged_with_last_page(last: usize) -> (List, Vec<String>) {
    let mut page = 0;
    let (cloud, double) = cloud(move |_| {
        page += 1;
        let rows = vec![row(); if page == last { 1 } else { 2 }];
        Say::json(200, json!({ "servers": rows }))
    })
    .await;
    let mut settings = cloud.settings.clone();
    settings.list_max = 2;
    let list = client_with(settings)
        .list_tagged(&tenant(), MINT.slot)
        .await
        .expect("a list");
    let asked = double.asked("GET", "/v2.1/servers");
    (list, asked.into_iter().map(|call| call.path).collect())
}

#[tokio::test]
async fn a_tagged_list_is_read_to_its_last_page() {
    let (list, paths) = tagged_with_last_page(2).await;
    assert_eq!((list.extent, list.servers.len()), (Extent::Tagged, 3));
    let first = format!("/v2.1/servers/detail?tags=as:{}", MINT.slot);
    let second = format!("{first}&marker={}", list.servers[1].id);
    assert_eq!(paths, [first, second]);
}

#[tokio::test]
async fn a_tagged_list_without_an_end_proves_nothing() {
    let (list, paths) = tagged_with_last_page(99).await;
    assert_eq!((list.extent, paths.len()), (Extent::Partial, 5));
}

#[tokio::test]
async fn hostile_lists_are_no_lists() {
    let many = format!(
        r#"{{"servers": [{}]}}"#,
        vec![r#"{"id":"x","status":"ACTIVE"}"#; 10_001].join(",")
    );
    let other = json!({"servers": [{"id": 5, "status": "ACTIVE"}]}).to_string();
    let texts = [
        many,
        other,
        "{}".to_owned(),
        "[]".to_owned(),
        String::new(),
        "<html/>".to_owned(),
        r#"{"servers": [{"id": "x"#.to_owned(),
    ];
    for text in texts {
        let start: String = text.chars().take(60).collect();
        let (cloud, _double) = cloud(move |_| Say::json(200, &text)).await;
        let error = cloud.list(&tenant()).await;
        assert!(
            matches!(error, Err(CallError::Unclear(_))),
            "{start}: {error:?}"
        );
    }
}

#[tokio::test]
async fn answers_that_are_no_list_prove_nothing() {
    for status in [204, 300, 302, 404, 500, 502] {
        let (cloud, _double) = cloud(move |_| Say::json(status, "{}")).await;
        let error = cloud.list(&tenant()).await;
        assert!(
            matches!(error, Err(CallError::Unclear(_))),
            "{status}: {error:?}"
        );
    }
}

#[tokio::test]
async fn an_account_that_may_not_read_is_left_alone() {
    let (cloud, double) =
        cloud(|_| Say::json(403, json!({"forbidden": {"message": "Policy"}}))).await;
    for _ in 0..2 {
        assert_eq!(cloud.list(&tenant()).await, Err(CallError::Credential));
    }
    assert_eq!(double.asked("GET", "/v2.1/servers").len(), 1);
}

#[tokio::test]
async fn a_403_of_something_on_the_way_does_not_stop_the_account() {
    let page = "<html><body>Request blocked.</body></html>";
    let (cloud, double) = cloud(move |_| Say::json(403, page)).await;
    for _ in 0..2 {
        assert_eq!(cloud.list(&tenant()).await, Err(CallError::Credential));
    }
    assert_eq!(double.asked("GET", "/v2.1/servers").len(), 2);
}
