use actix_web::{App, http::StatusCode, test};

use super::*;
use crate::SimulatedProcess;

async fn get(process: &Process, path: &str) -> (StatusCode, String) {
    let app = test::init_service(App::new().service(routes(process))).await;
    let response = test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await;
    let status = response.status();
    let body = test::read_body(response).await;
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn a_process_is_ready_when_every_part_is() {
    let process = Process::simulated(SimulatedProcess::default());
    assert_eq!(get(&process, "/health/ready").await.0, StatusCode::OK);
    let (store, cloud) = (process.health.check("store"), process.health.check("cloud"));
    store.ready();
    let (status, body) = get(&process, "/health/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains(r#""cloud":{"state":"starting"}"#), "{body}");
    cloud.ready();
    assert_eq!(get(&process, "/health/ready").await.0, StatusCode::OK);
    store.failing("disk full");
    let (status, body) = get(&process, "/health/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        body.contains(r#""store":{"state":"failing","reason":"disk full"}"#),
        "{body}"
    );
}

#[tokio::test]
async fn a_stopping_process_is_alive_and_not_ready() {
    let process = Process::simulated(SimulatedProcess::default());
    process.stop.request();
    assert_eq!(
        get(&process, "/health/ready").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(get(&process, "/health/live").await.0, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_served_as_text() {
    let process = Process::simulated(SimulatedProcess::default());
    process.metrics.counter("events_total", "Events.").add(4);
    let (status, body) = get(&process, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("events_total 4\n"));
}
