//! The skin over real sockets.

use std::net::TcpListener;
use std::time::Duration;

use chassis::http::{Connections, Settings as ClientSettings, Trust};
use chassis::{Clock, Process};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{Faults, Settings, Sim};

struct Cloud {
    base: String,
    shared: Shared,
    process: Process,
    client: reqwest::Client,
    token: String,
}

impl Cloud {
    async fn start(faults: Faults) -> Self {
        let process = Process::system();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut sim = Sim::new(Settings::default());
        sim.set_faults(&faults);
        let clock = Clock::system();
        let token = sim
            .sign_in(clock.unix_ms(), "autoscaler", "tenant-a")
            .unwrap();
        let shared = Shared::new(sim, clock);
        let (served, host) = (shared.clone(), process.clone());
        drop(process.tasks.spawn("cloud", async move {
            serve(&host, listener, served).await.unwrap();
        }));
        let client = chassis::http::client(&ClientSettings {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(5),
            connections: Connections::Fresh,
            trust: Trust::Only(Vec::new()),
            user_agent: "cloudsim-tests",
        })
        .unwrap();
        Self {
            base,
            shared,
            process,
            client,
            token,
        }
    }

    async fn create(&self, tag: &str) -> Result<reqwest::Response, reqwest::Error> {
        let body = json!({"server": {"name": "web", "imageRef": "11111111-1111-4111-8111-111111111111",
            "flavorRef": "1", "networks": "auto", "tags": [tag]}});
        let url = format!("{}/compute/RegionOne/v2.1/servers", self.base);
        let request = self.client.post(url).body(body.to_string());
        request
            .header("x-auth-token", &self.token)
            .header("openstack-api-version", "compute 2.90")
            .send()
            .await
    }

    async fn admin(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let method = method.parse().unwrap();
        let request = self
            .client
            .request(method, format!("{}/admin{path}", self.base));
        let response = request
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let body = chassis::http::body(response, 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_is_answered_over_a_socket() {
    let cloud = Cloud::start(Faults::instant()).await;
    let response = cloud.create("as:a").await.unwrap();
    assert_eq!(response.status().as_u16(), 202);
    assert!(response.headers().contains_key("x-openstack-request-id"));
    assert_eq!(response.headers()["openstack-api-version"], "compute 2.90");
    assert_eq!(cloud.shared.sim().servers().len(), 1);
    let base = cloud.shared.sim().settings().base_url.clone();
    assert_eq!(base, cloud.base);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_a_closed_connection_without_a_byte() {
    let cloud = Cloud::start(Faults::instant().with_nth_create(1, crate::Fault::LoseAnswer)).await;
    let address = cloud.base.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let body = r#"{"server": {"name": "web", "imageRef": "11111111-1111-4111-8111-111111111111", "flavorRef": "1", "networks": "auto"}}"#;
    let head = format!(
        "POST /compute/RegionOne/v2.1/servers HTTP/1.1\r\nhost: x\r\nx-auth-token: {}\r\nopenstack-api-version: compute 2.90\r\ncontent-length: {}\r\n\r\n",
        cloud.token,
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    let read = socket.read_to_end(&mut got).await;
    assert!(got.is_empty(), "{read:?} {}", String::from_utf8_lossy(&got));
    assert_eq!(cloud.shared.sim().servers().len(), 1);
    // The client sees an error, never a response.
    cloud
        .shared
        .sim()
        .set_faults(&Faults::instant().with_nth_create(1, crate::Fault::LoseRequest));
    let error = cloud.create("as:b").await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_leaves_when_it_is_due() {
    let late = crate::Fault::Late {
        by: crate::Span::exactly(300),
    };
    let cloud = Cloud::start(Faults::instant().with_nth_create(1, late)).await;
    let before = cloud.shared.now_ms();
    assert_eq!(cloud.create("as:a").await.unwrap().status().as_u16(), 202);
    assert!(cloud.shared.now_ms() - before >= 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_is_not_answered_and_does_not_hold_up_the_others() {
    let hang = crate::Fault::Hang { executed: true };
    let cloud = Cloud::start(Faults::instant().with_nth_create(1, hang)).await;
    let clock = Clock::system();
    let hung = clock
        .timeout(Duration::from_millis(300), cloud.create("as:a"))
        .await;
    assert!(hung.is_err());
    assert_eq!(cloud.create("as:b").await.unwrap().status().as_u16(), 202);
    assert_eq!(cloud.shared.sim().servers().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_endpoint_sets_faults_and_tells_the_truth() {
    let cloud = Cloud::start(Faults::instant()).await;
    let none = Value::Null;
    let fault = json!({"latency": {"min_ms": 0, "max_ms": 0}, "planned":
        [{"pick": {"call": "create", "nth": 1}, "fault": {"kind": "fail", "status": 429, "executed": false, "retry_after_s": 3}}]});
    let (status, set) = cloud.admin("PUT", "/faults", &fault).await;
    assert_eq!(status, 200, "{set}");
    assert_eq!(cloud.admin("GET", "/faults", &none).await.1, set);
    let throttled = cloud.create("as:a").await.unwrap();
    assert_eq!(throttled.status().as_u16(), 429);
    assert_eq!(throttled.headers()["retry-after"], "3");
    assert_eq!(cloud.create("as:b").await.unwrap().status().as_u16(), 202);
    let (_, counts) = cloud.admin("GET", "/counts", &none).await;
    assert_eq!(counts["creates_per_tag_max"], 1);
    assert_eq!(counts["servers_living"], 1);
    assert_eq!(counts["by_call"]["create"], 2);
    let (_, log) = cloud.admin("GET", "/log?since=1", &none).await;
    assert_eq!(log["entries"][0]["tags"], json!(["as:b"]));
    let (_, servers) = cloud.admin("GET", "/servers?living=true", &none).await;
    let id = servers["servers"][0]["id"].as_str().unwrap();
    let kill = json!({"kind": "vanish"});
    assert_eq!(
        cloud
            .admin("POST", &format!("/servers/{id}"), &kill)
            .await
            .0,
        204
    );
    assert_eq!(cloud.admin("POST", "/servers/none", &kill).await.0, 404);
    let plant = json!({"project": "tenant-a", "user": "tenant-a-user", "name": "theirs"});
    assert_eq!(cloud.admin("POST", "/foreign", &plant).await.0, 201);
    let who = json!({"user": "autoscaler", "project": "tenant-a"});
    assert!(cloud.admin("POST", "/sign-in", &who).await.1["token"].is_string());
    assert_eq!(cloud.admin("POST", "/tokens/expire", &none).await.0, 204);
    assert_eq!(cloud.create("as:c").await.unwrap().status().as_u16(), 401);
    assert_eq!(cloud.admin("POST", "/reset", &none).await.0, 204);
    assert_eq!(
        cloud.admin("GET", "/servers", &none).await.1,
        json!({"servers": []})
    );
    let bad = json!({"latencies": 3});
    assert_eq!(cloud.admin("PUT", "/faults", &bad).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_stops_when_its_process_is_asked_to() {
    let process = Process::system();
    let (tell, told) = tokio::sync::oneshot::channel();
    let host = process.clone();
    let task = process.tasks.spawn("cloud", async move {
        let any = "127.0.0.1:0".parse().unwrap();
        run(&host, any, Settings::default(), |address| {
            tell.send(address).unwrap();
        })
        .await
    });
    let address = told.await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_ok());
    process.stop.request();
    let ended = Clock::system()
        .timeout(Duration::from_secs(5), task.join())
        .await;
    assert!(ended.unwrap().unwrap().is_ok());
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.process.stop.request();
    }
}
