//! What becomes of servers, in a simulated cloud (rows B044 to B048, B095, B158 to B194).
use cloudsim::{BuildError, Fault, Faults, Outside, Server, Span, Status};
use serde_json::json;

use super::rig::{IMAGE, Old, change, configuration, group, launch, set, without};

/// The servers that live, oldest first.
fn living(old: &Old) -> Vec<Server> {
    let cloud = old.cloud.as_ref().unwrap();
    let mut servers: Vec<Server> = cloud.sim().living().cloned().collect();
    servers.sort_by_key(|server| server.created_ms);
    servers
}

async fn until_living(old: &Old, what: &str, wanted: impl Fn(&[Server]) -> bool) -> Vec<Server> {
    for _ in 0..400 {
        let servers = living(old);
        if wanted(&servers) {
            return servers;
        }
        old.rig
            .process
            .clock
            .sleep(std::time::Duration::from_millis(50))
            .await;
    }
    panic!(
        "never {what}: {:?}",
        living(old)
            .iter()
            .map(|s| (&s.name, s.status))
            .collect::<Vec<_>>()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b024_b044_b158_b159_b188_servers_come_and_go_with_desired() {
    let old = Old::live(&Faults::instant()).await;
    let (path, up) = old.group_with((1, 5), &change(2)).await;
    let state = old.settled(&path, 1).await;
    assert_eq!(state["pendingCapacity"], 0);
    let id = state["active"][0]["id"].as_str().unwrap();
    let link = &state["active"][0]["links"][0];
    assert_eq!(
        (&link["rel"], link["href"].as_str().unwrap()),
        (
            &json!("self"),
            format!("http://nova/v2.1/acme/servers/{id}").as_str()
        )
    );
    old.act(&format!("{up}/execute")).await.is(202);
    old.settled(&path, 3).await;
    let down = old.policy(&path, &change(-1)).await;
    old.act(&format!("{down}/execute")).await.is(202);
    old.settled(&path, 2).await;
    old.put(&format!("{path}/config"), &configuration(3, 5))
        .await
        .is(204);
    old.settled(&path, 3).await;
    let group = path.strip_prefix("groups/").unwrap();
    for server in living(&old) {
        let (start, end) = server.name.split_at(server.name.len() - 8);
        assert!(
            start == "web-as" && end.bytes().all(|b| b.is_ascii_hexdigit()),
            "{}",
            server.name
        );
        for key in ["rax:auto_scaling_group_id", "rax:autoscale:group:id"] {
            assert_eq!(server.metadata[key], group);
        }
    }
    let bare = set(
        super::rig::group(1, 1),
        "/launchConfiguration",
        without(launch(), "/args/server/name"),
    );
    old.group(&bare).await;
    until_living(&old, "one without a configured name", |servers| {
        servers.iter().any(|s| s.name.starts_with("as"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b045_b046_b190_the_oldest_leave_first() {
    let old = Old::live(&Faults::instant()).await;
    let path = old.group(&group(1, 5)).await;
    old.settled(&path, 1).await;
    let oldest = living(&old)[0].id.clone();
    let newer = set(launch(), "/args/server/name", json!("newer"));
    old.put(&format!("{path}/launch"), &newer).await.is(204);
    old.put(&format!("{path}/config"), &configuration(2, 5))
        .await
        .is(204);
    old.settled(&path, 2).await;
    old.put(&format!("{path}/config"), &configuration(0, 5))
        .await
        .is(204);
    assert_eq!(old.desired(&path).await, 2, "a lower min takes nobody away");
    old.put(&format!("{path}/config"), &configuration(0, 1))
        .await
        .is(204);
    old.settled(&path, 1).await;
    let left = until_living(&old, "one left", |servers| servers.len() == 1).await;
    assert!(
        left[0].id != oldest && left[0].name.starts_with("newer-as"),
        "{left:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b189_b192_a_new_launch_configuration_is_for_new_servers() {
    let old = Old::live(&Faults::instant()).await;
    let (path, up) = old.group_with((1, 5), &change(1)).await;
    old.settled(&path, 1).await;
    let newer = json!({"type": "launch_server", "args": {"server": {"flavorRef": "2", "imageRef": IMAGE, "name": "newer"}}});
    old.put(&format!("{path}/launch"), &newer).await.is(204);
    assert_eq!(living(&old).len(), 1);
    old.act(&format!("{up}/execute")).await.is(202);
    old.settled(&path, 2).await;
    old.put(&format!("{path}/config"), &configuration(3, 5))
        .await
        .is(204);
    old.settled(&path, 3).await;
    let names: Vec<String> = living(&old)
        .iter()
        .map(|s| s.name.split('-').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["web", "newer", "newer"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b095_b191_b195_building_servers_count_and_leave_first() {
    let slow = Faults {
        boot: Span::exactly(600_000),
        ..Faults::instant()
    };
    let old = Old::live(&Faults::instant()).await;
    let (path, up) = old.group_with((1, 5), &change(1)).await;
    old.settled(&path, 1).await;
    old.cloud.as_ref().unwrap().sim().set_faults(&slow);
    old.act(&format!("{up}/execute")).await.is(202);
    let both = until_living(&old, "one that builds", |servers| servers.len() == 2).await;
    old.delete(&up).await.is(204);
    let state = old.state(&path).await;
    assert!(
        state["pendingCapacity"] == 1 && state["activeCapacity"] == 1,
        "{state}"
    );
    let newer = set(launch(), "/args/server/name", json!("newer"));
    old.put(&format!("{path}/launch"), &newer).await.is(204);
    old.act(&format!("{path}/converge")).await.is(204);
    assert_eq!(living(&old).len(), 2, "what builds counts");
    // Who leaves was seen in a list: the first look at a new server is after 5 s.
    let look = std::time::Duration::from_secs(8);
    old.rig.process.clock.sleep(look).await;
    old.put(&format!("{path}/config"), &configuration(1, 1))
        .await
        .is(204);
    let left = until_living(&old, "the building one gone", |servers| servers.len() == 1).await;
    assert_eq!(left[0].id, both[0].id);
    assert_eq!(
        old.cloud
            .as_ref()
            .unwrap()
            .sim()
            .counts()
            .creates_per_tag_max(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b174_b193_what_others_delete_is_replaced_and_a_refused_event_looks_again() {
    let old = Old::live(&Faults::instant()).await;
    let (path, up) = old.group_with((2, 2), &change(1)).await;
    old.settled(&path, 2).await;
    let lost = living(&old)[0].id.clone();
    {
        let cloud = old.cloud.as_ref().unwrap();
        let now = cloud.now_ms();
        cloud.sim().outside(now, &lost, &Outside::Delete).unwrap();
    }
    old.act(&format!("{up}/execute"))
        .await
        .is_refused(403, "CannotExecutePolicyError");
    old.act(&format!("{path}/converge")).await.is(204);
    let servers = until_living(&old, "two without the lost one", |servers| {
        servers.len() == 2
            && servers
                .iter()
                .all(|s| s.id != lost && s.status == Status::Active)
    })
    .await;
    assert_eq!(servers.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b179_b181_a_group_that_is_deleted_takes_its_servers_along() {
    let old = Old::live(&Faults::instant()).await;
    let forced = old.group(&group(2, 5)).await;
    old.settled(&forced, 2).await;
    old.delete(&format!("{forced}?force=true")).await.is(204);
    until_living(&old, "none", <[Server]>::is_empty).await;
    let emptied = old.group(&group(1, 5)).await;
    old.put(&format!("{emptied}/config"), &configuration(0, 0))
        .await
        .is(204);
    old.delete(&emptied).await.is(204);
    old.rig
        .process
        .clock
        .sleep(std::time::Duration::from_secs(1))
        .await;
    until_living(&old, "none again", <[Server]>::is_empty).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b182_b183_b187_a_named_server_goes_or_is_let_go() {
    let old = Old::live(&Faults::instant()).await;
    let path = old.group(&group(2, 5)).await;
    let state = old.settled(&path, 2).await;
    let id = |n: usize| state["active"][n]["id"].as_str().unwrap().to_owned();
    let (replaced, kept) = (id(0), id(1));
    old.delete(&format!("{path}/servers/{replaced}"))
        .await
        .is(202);
    until_living(&old, "a substitute", |servers| {
        servers.len() == 2 && servers.iter().all(|s| s.id != replaced)
    })
    .await;
    old.settled(&path, 2).await;
    old.delete(&format!("{path}/servers/{kept}?purge=false"))
        .await
        .is(202);
    let servers = until_living(&old, "another substitute", |servers| servers.len() == 3).await;
    assert!(servers.iter().any(|s| s.id == kept), "it lives on");
    let state = old.settled(&path, 2).await;
    assert!(!state.to_string().contains(&kept), "and is ours no more");
    old.delete(&format!("{path}?force=true")).await.is(204);
    let left = until_living(&old, "only the one that was let go", |servers| {
        servers.len() == 1
    })
    .await;
    assert_eq!(left[0].id, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b194_a_server_in_error_is_replaced_and_its_group_can_be_deleted() {
    let reason = BuildError::BuildFailed;
    let weather = Faults::instant().with_nth_create(1, Fault::EndInError { reason });
    let old = Old::live(&weather).await;
    let path = old.group(&group(1, 5)).await;
    let servers = until_living(&old, "a good one in its place", |servers| {
        servers.len() == 1 && servers[0].status == Status::Active
    })
    .await;
    assert_eq!(
        old.settled(&path, 1).await["active"][0]["id"],
        servers[0].id.as_str()
    );
    old.delete(&format!("{path}?force=true")).await.is(204);
    until_living(&old, "none", <[Server]>::is_empty).await;
}
