//! Tokens of a Keystone: the running api beside a simulated one, which counts what it is asked.
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use cloudsim::Sim;
use cloudsim::http::Shared;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use store::memory::faults::None as NoFaults;

use super::rig::{Rig, Unreachable, capabilities, spec};

/// A Keystone, and an api that asks it.
struct Asking {
    rig: Rig,
    cloud: Shared,
}

fn settings(url: &str, believed: &str) -> holt_api::KeystoneSettings {
    serde_json::from_value(json!({
        "url": url,
        "believed": believed,
        "roles": {"member": ["read", "crud", "trigger"], "admin": ["read"]},
    }))
    .unwrap()
}

impl Asking {
    async fn start() -> Self {
        Self::believing("1s").await
    }

    /// With answers that are believed for so long.
    async fn believing(believed: &str) -> Self {
        let process = Process::system();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let mut sim = Sim::new(cloudsim::Settings::default());
        sim.set_base_url(&address);
        let cloud = Shared::new(sim, process.clock.clone());
        let (there, shared) = (process.clone(), cloud.clone());
        drop(process.tasks.spawn("keystone", async move {
            cloudsim::http::serve(&there, listener, shared).await
        }));
        Self {
            rig: rig(process, &format!("{address}/identity/v3"), believed).await,
            cloud,
        }
    }

    fn token(&self, user: &str, project: &str) -> String {
        let now = self.cloud.now_ms();
        self.cloud.sim().sign_in(now, user, project).unwrap()
    }

    async fn get(&self, header: &str, token: &str, path: &str) -> (u16, Value) {
        let token = if header == "Authorization" {
            format!("Bearer {token}")
        } else {
            token.to_owned()
        };
        let request = self.rig.request(Method::GET, path).header(header, token);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// How often Keystone was asked about a token.
    fn asked(&self) -> usize {
        let sim = self.cloud.sim();
        let asked = sim.log(0).filter(|line| line.path.contains("auth/tokens"));
        asked.count()
    }
}

async fn rig(process: Process, keystone: &str, believed: &str) -> Rig {
    let v1 = holt_api::V1 {
        capabilities: capabilities(),
        ..holt_api::V1::default()
    };
    let limits = holt_api::Limits::default();
    let seams = (Arc::new(NoFaults) as _, settings(keystone, believed));
    Rig::asking(process, seams, (limits, v1), |_, _| Arc::new(Unreachable)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_keystone_is_good_on_both_surfaces_and_in_both_headers() {
    let asking = Asking::start().await;
    let token = asking.token("tenant-a-user", "tenant-a");
    for path in ["/v2/tenant-a/groups", "/v1.0/tenant-a/groups"] {
        for header in ["X-Auth-Token", "Authorization"] {
            let (status, body) = asking.get(header, &token, path).await;
            assert_eq!(status, 200, "{header} {path}: {body}");
        }
    }
    let made = asking
        .rig
        .request(Method::POST, "/v2/tenant-a/groups")
        .header("X-Auth-Token", &token)
        .header("Content-Type", "application/json")
        .body(spec().to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(made.status().as_u16(), 201);
    // A signed token is as good as before.
    let signed = asking
        .rig
        .ed
        .sign(&asking.rig.claims("tenant-a", &["read"]));
    assert_eq!(
        asking
            .get("X-Auth-Token", &signed, "/v2/tenant-a/groups")
            .await
            .0,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_opens_its_own_tenant_and_a_role_what_it_is_configured_for() {
    let asking = Asking::start().await;
    let token = asking.token("tenant-a-user", "tenant-a");
    let (status, body) = asking
        .get("X-Auth-Token", &token, "/v2/tenant-b/groups")
        .await;
    assert_eq!((status, &body["code"]), (404, &json!("not-found")));
    // The administrator of the cloud has the role admin on projects: here it reads, and is no operator.
    let admin = asking.token("admin", "tenant-a");
    assert_eq!(
        asking
            .get("X-Auth-Token", &admin, "/v2/tenant-a/groups")
            .await
            .0,
        200
    );
    let (status, body) = asking.get("X-Auth-Token", &admin, "/v2/switches").await;
    assert_eq!((status, &body["rule"]), (403, &json!("operate")));
    let (status, body) = asking
        .get("X-Auth-Token", &admin, "/v2/tenant-a/history")
        .await;
    assert_eq!((status, &body["rule"]), (403, &json!("audit")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_ends_within_the_time_for_which_it_is_believed() {
    let asking = Asking::start().await;
    let token = asking.token("tenant-a-user", "tenant-a");
    let look = async || {
        asking
            .get("X-Auth-Token", &token, "/v2/tenant-a/groups")
            .await
            .0
    };
    assert_eq!(look().await, 200);
    let now = asking.cloud.now_ms();
    asking.cloud.sim().revoke_tokens(now, "tenant-a-user");
    let clock = &asking.rig.process.clock;
    let until = clock.mono() + Duration::from_secs(5);
    while look().await == 200 {
        assert!(clock.mono() < until, "it is believed for ever");
        clock.sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(look().await, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_made_up_token_is_refused_and_asked_about_once() {
    let asking = Asking::start().await;
    for _ in 0..20 {
        let (status, body) = asking
            .get("X-Auth-Token", "gAAAAA-made-up", "/v2/tenant-a/groups")
            .await;
        assert_eq!((status, &body["code"]), (401, &json!("token-invalid")));
    }
    assert_eq!(asking.asked(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_at_once_with_one_token_are_one_question() {
    let asking = Asking::believing("30s").await;
    let token = asking.token("tenant-a-user", "tenant-a");
    let many = (0..60).map(|_| asking.get("X-Auth-Token", &token, "/v2/tenant-a/groups"));
    for (status, body) in join_all(many).await {
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(asking.asked(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tokens_at_once_wait_for_their_turn_and_none_is_turned_away() {
    let asking = Asking::start().await;
    let tokens: Vec<String> = (0..60).map(|n| format!("gAAAAA-made-up-{n}")).collect();
    let many = tokens
        .iter()
        .map(|token| asking.get("X-Auth-Token", token, "/v2/tenant-a/groups"));
    for (status, body) in join_all(many).await {
        assert_eq!(status, 401, "{body}");
    }
    assert_eq!(asking.asked(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_believed_while_keystone_is_away() {
    // Nobody listens there any more.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let rig = rig(Process::system(), &format!("http://{address}/v3"), "1s").await;
    let request = rig.request(Method::GET, "/v2/tenant-a/groups");
    let answer = request
        .header("X-Auth-Token", "gAAAAA")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let signed = rig.ed.sign(&rig.claims("acme", &["read"]));
    let request = rig.request(Method::GET, "/v2/acme/groups");
    let answer = request.header("X-Auth-Token", signed).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "signed tokens need nobody");
}
