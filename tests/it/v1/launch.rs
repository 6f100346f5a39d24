//! Launch configurations (rows B008, B050 to B074).
use cloudsim::{Call, Fault, Faults};
use serde_json::{Value, json};

use crate::access::rig::TENANT;

use super::rig::{IMAGE, Old, group, launch, set, without};

/// A launch configuration is taken on create and on PUT, and shown as `shown`.
async fn taken_both_ways(old: &Old, path: &str, launch: &Value, shown: &Value) {
    let made = old
        .post(
            "groups",
            &set(group(0, 5), "/launchConfiguration", launch.clone()),
        )
        .await
        .is(201)
        .json();
    assert_eq!(made["group"]["launchConfiguration"], *shown);
    old.put(&format!("{path}/launch"), launch).await.is(204);
    let now = old.get(&format!("{path}/launch")).await.is(200).json();
    assert_eq!(now, json!({"launchConfiguration": shown}));
}

async fn refused_both_ways(old: &Old, path: &str, launch: &Value, kind: &str) {
    old.post(
        "groups",
        &set(group(0, 5), "/launchConfiguration", launch.clone()),
    )
    .await
    .is_refused(400, kind);
    old.put(&format!("{path}/launch"), launch)
        .await
        .is_refused(400, kind);
}

/// A launch configuration with one member of the server set.
fn server(member: &str, value: Value) -> Value {
    set(launch(), &format!("/args/server/{member}"), value)
}

fn balanced(balancers: Value) -> Value {
    set(launch(), "/args/loadBalancers", balancers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b008_b053_a_server_may_boot_from_a_volume_without_an_image() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let volume = server(
        "block_device_mapping",
        json!([{"volume_id": "v", "device_name": "vda"}]),
    );
    for launch in [
        set(volume.clone(), "/args/server/imageRef", json!("")),
        set(volume.clone(), "/args/server/imageRef", Value::Null),
        without(volume.clone(), "/args/server/imageRef"),
        without(
            server("block_device_mapping_v2", json!([])),
            "/args/server/imageRef",
        ),
    ] {
        taken_both_ways(&old, &path, &launch, &launch).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b050_b051_b052_what_is_put_is_shown_and_replaces_everything() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    assert_eq!(
        old.get(&format!("{path}/launch")).await.json()["launchConfiguration"],
        launch()
    );
    let rich = json!({"type": "launch_server", "args": {
        "server": {
            "flavorRef": "2", "imageRef": IMAGE, "name": "rich", "OS-DCF:diskConfig": "AUTO", "OS-DCF:diskConfg": "misspelt", "config_drive": "true",
            "metadata": {"a b-c_d:e.f": "v"}, "networks": [{"uuid": "x"}], "personality": [{"path": "/a", "contents": "aGVsbG8=", "more": 1}],
            "key_name": "k", "number": 1.50, "user_data": "aGk=",
        },
    }});
    let written = rich.to_string().replace("1.5", "1.50");
    let answer = old
        .ask(
            reqwest::Method::PUT,
            &format!("{path}/launch"),
            Some(written),
        )
        .await
        .is(204);
    assert_eq!(answer.header("content-type"), "application/json");
    let shown = old.get(&format!("{path}/launch")).await.is(200);
    assert_eq!(shown.json()["launchConfiguration"], rich);
    assert!(
        shown.text.contains("1.50"),
        "numbers stay as they were written"
    );
    taken_both_ways(&old, &path, &launch(), &launch()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b054_b055_b058_references_are_texts_without_blanks() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    for image in [
        json!(""),
        Value::Null,
        json!(" "),
        json!("a b"),
        json!({}),
        json!(true),
    ] {
        refused_both_ways(&old, &path, &server("imageRef", image), "ValidationError").await;
    }
    refused_both_ways(
        &old,
        &path,
        &without(launch(), "/args/server/imageRef"),
        "ValidationError",
    )
    .await;
    for flavor in [
        json!(""),
        json!("  "),
        json!("a b"),
        Value::Null,
        json!([]),
        json!(1.5),
    ] {
        refused_both_ways(&old, &path, &server("flavorRef", flavor), "ValidationError").await;
    }
    refused_both_ways(
        &old,
        &path,
        &without(launch(), "/args/server/flavorRef"),
        "ValidationError",
    )
    .await;
    // A client sends numbers: they become texts.
    taken_both_ways(
        &old,
        &path,
        &server("flavorRef", json!(2)),
        &server("flavorRef", json!("2")),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b059_b060_the_form_is_type_and_args_and_nothing_else() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    for bad in [
        without(launch(), "/type"),
        set(launch(), "/type", json!("launch_rocket")),
        set(launch(), "/type", Value::Null),
        without(launch(), "/args"),
        set(launch(), "/args", json!({})),
        set(launch(), "/args/extra", json!(1)),
        set(launch(), "/extra", json!(1)),
        set(launch(), "/args/server", json!("x")),
    ] {
        refused_both_ways(&old, &path, &bad, "ValidationError").await;
    }
    for several in ["min_count", "max_count", "return_reservation_id"] {
        refused_both_ways(&old, &path, &server(several, json!(2)), "ValidationError").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b061_b062_metadata_of_servers_is_texts_and_null_is_none() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let long = "k".repeat(256);
    for bad in [
        json!([]),
        json!("x"),
        json!({long.clone(): "v"}),
        json!({"k": long}),
        json!({"k#": "v"}),
        json!({"k": 1}),
        json!({"": "v"}),
    ] {
        refused_both_ways(&old, &path, &server("metadata", bad), "ValidationError").await;
    }
    taken_both_ways(&old, &path, &server("metadata", Value::Null), &launch()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b061_a_key_that_is_refused_because_it_is_ours_is_said_so() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let ours = server("metadata", json!({"role": "web", "as.role": "web"}));
    refused_both_ways(&old, &path, &ours, "ValidationError").await;
    let refused = old.put(&format!("{path}/launch"), &ours).await.json();
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("server.metadata.as.role") && message.contains("Holt's own"),
        "{message}"
    );
    let free = server("metadata", json!({"as": "web", "has.role": "web"}));
    taken_both_ways(&old, &path, &free, &free).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b063_b066_files_that_nova_would_refuse_are_named() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let file = |contents: &str| json!({"path": "/etc/a", "contents": contents});
    // 1001 bytes.
    let large = format!("{}AAA=", "A".repeat(4 * 333));
    for files in [
        json!([file("not base64!")]),
        json!([file("")]),
        json!([file(&large)]),
        Value::Array(vec![file("aGk="); 6]),
    ] {
        refused_both_ways(
            &old,
            &path,
            &server("personality", files),
            "InvalidLaunchConfiguration",
        )
        .await;
    }
    let both = server("personality", json!([file("not base64!"), file(&large)]));
    let refused = old.put(&format!("{path}/launch"), &both).await.json();
    assert_eq!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .lines()
            .count(),
        3,
        "{refused}"
    );
    let most = server("personality", json!([file(&"A".repeat(4 * 333))]));
    taken_both_ways(&old, &path, &most, &most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b064_b065_files_have_a_path_and_contents() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    for bad in [
        Value::Null,
        json!({}),
        json!(["x"]),
        json!([{"path": "/a"}]),
        json!([{"contents": "aGk="}]),
        json!([{"path": 1, "contents": "aGk="}]),
        json!([{"path": "/a", "contents": 1}]),
        json!([{"path": "", "contents": "aGk="}]),
        json!([{"path": "x".repeat(256), "contents": "aGk="}]),
    ] {
        refused_both_ways(&old, &path, &server("personality", bad), "ValidationError").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b067_b068_b069_balanced_servers_need_the_service_network() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let cloud = balanced(json!([{"loadBalancerId": 1, "port": 80}]));
    for networks in [json!([]), json!([{"uuid": "x"}]), json!("auto")] {
        refused_both_ways(
            &old,
            &path,
            &set(cloud.clone(), "/args/server/networks", networks),
            "ValidationError",
        )
        .await;
    }
    let reached = set(
        cloud.clone(),
        "/args/server/networks",
        json!([{"uuid": "11111111-1111-1111-1111-111111111111"}]),
    );
    let null = set(cloud.clone(), "/args/server/networks", Value::Null);
    let connected = balanced(json!([{"loadBalancerId": "r", "type": "RackConnectV3"}]));
    for good in [cloud, reached, null, connected] {
        taken_both_ways(&old, &path, &good, &good).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b070_b071_load_balancers_have_one_of_two_forms() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let one = json!({"loadBalancerId": 1, "port": 80});
    for bad in [
        json!([{"loadBalancerId": 1, "port": 80, "type": "Other"}]),
        json!([{"port": 80}]),
        json!([{"loadBalancerId": 1}]),
        json!([{"loadBalancerId": " ", "port": 80}]),
        json!([{"loadBalancerId": 1, "port": 80, "extra": 1}]),
        json!([{"loadBalancerId": 1, "port": "http"}]),
        json!([{"loadBalancerId": "r", "type": "RackConnectV3", "port": 80}]),
        json!([one.clone(), one.clone()]),
        (0..6)
            .map(|n| json!({"loadBalancerId": n, "port": 80}))
            .collect(),
        json!("x"),
        json!({"a": 1}),
    ] {
        refused_both_ways(&old, &path, &balanced(bad), "ValidationError").await;
    }
    let typed =
        balanced(json!([{"loadBalancerId": "7", "port": -5, "type": "CloudLoadBalancer"}, one]));
    taken_both_ways(&old, &path, &typed, &typed).await;
    // What clients send for none, and a port in a text.
    for none in [json!({}), Value::Null] {
        taken_both_ways(&old, &path, &balanced(none), &balanced(json!([]))).await;
    }
    let text = balanced(json!([{"loadBalancerId": 1, "port": "80"}]));
    taken_both_ways(
        &old,
        &path,
        &text,
        &balanced(json!([{"loadBalancerId": 1, "port": 80}])),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b072_a_draining_time_is_half_a_minute_to_an_hour() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let draining = |seconds| set(launch(), "/args/draining_timeout", seconds);
    for bad in [
        json!("30"),
        json!(29),
        json!(3601),
        Value::Null,
        json!(29.9),
    ] {
        refused_both_ways(&old, &path, &draining(bad), "ValidationError").await;
    }
    for good in [json!(30), json!(3600), json!(45.5)] {
        let good = draining(good);
        taken_both_ways(&old, &path, &good, &good).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b073_b074_stacks_are_refused_and_a_good_one_with_the_reason() {
    let old = Old::start().await;
    let path = old.group(&group(0, 5)).await;
    let stack = |stack: Value| json!({"type": "launch_stack", "args": {"stack": stack}});
    let message = async |launch: &Value| {
        let refused = old.put(&format!("{path}/launch"), launch).await;
        refused.is_refused(400, "ValidationError");
        refused.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for bad in [
        stack(json!({})),
        stack(json!({"template": "a", "template_url": "b"})),
        stack(json!({"template": "a", "stack_name": "n"})),
        json!({"type": "launch_stack", "args": {}}),
    ] {
        assert!(!message(&bad).await.contains("not offered"));
    }
    assert!(
        message(&stack(json!({"template": "a"})))
            .await
            .contains("not offered")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b056_what_the_cloud_does_not_know_is_refused_and_a_cloud_that_is_away_refuses_nothing() {
    let old = Old::live(&Faults::instant()).await;
    let path = old.group(&group(0, 5)).await;
    let stranger = "99999999-9999-4999-8999-999999999999";
    let image = format!("Invalid imageRef \"{stranger}\" in launchConfiguration");
    let flavor = "Invalid flavorRef \"huge\" in launchConfiguration";
    let unknown_image = server("imageRef", json!(stranger));
    let both = set(
        unknown_image.clone(),
        "/args/server/flavorRef",
        json!("huge"),
    );
    for (bad, problems) in [
        (unknown_image, image.clone()),
        (server("flavorRef", json!("huge")), flavor.to_owned()),
        (both.clone(), format!("{image}\n{flavor}")),
    ] {
        let kind = "InvalidLaunchConfiguration";
        refused_both_ways(&old, &path, &bad, kind).await;
        let answer = old.put(&format!("{path}/launch"), &bad).await.json();
        let text = format!("Following problems with launch configuration:\n{problems}");
        assert_eq!(answer["error"]["message"], json!(text));
    }
    // Known ones are marked as nothing.
    let id = path.strip_prefix("groups/").unwrap();
    let config = async || {
        let path = format!("/v2/{TENANT}/groups/{id}/config");
        let answer = old.rig.ask(&["read", "crud"], ("GET", &path), &[], None);
        answer.await.body["launch"].clone()
    };
    assert_eq!(config().await.get("unvalidated"), None);
    // Nobody can say: it is stored, and marked.
    let away = Fault::Fail {
        status: 503,
        executed: false,
        retry_after_s: None,
    };
    let away = Faults::instant().with_rate(1_000, Some(Call::LookUp), away);
    old.cloud.as_ref().unwrap().sim().set_faults(&away);
    old.put(&format!("{path}/launch"), &both).await.is(204);
    let shown = old.get(&format!("{path}/launch")).await.is(200).json();
    assert_eq!(shown["launchConfiguration"], both);
    assert_eq!(config().await["unvalidated"], json!(true));
}
