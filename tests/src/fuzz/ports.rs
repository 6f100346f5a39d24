//! What comes in at the ports between the roles, from whoever has their shared key: the shipping routes over a supervisor with an empty store.

use std::sync::Arc;

use actix_web::{App, test};
use chassis::{Process, Secret};
use store::memory::Memory;
use wire::ports::hooks::Hooks;
use wire::ports::ops::Ops;
use wire::ports::submit::Submit;
use wire::ports::{http_hooks, http_ops, http_submit};

use super::with_runtime;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Every path that takes a body.
const PATHS: [&str; 7] = [
    "/internal/ops/poll",
    "/internal/ops/report",
    "/internal/ops/heartbeat",
    "/internal/submit/event",
    "/internal/submit/poke",
    "/internal/hooks/fetch",
    "/internal/hooks/tried",
];

/// The first byte chooses the path, the rest is the body.
pub fn ports(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let path = PATHS[usize::from(*first) % PATHS.len()];
    with_runtime(async |process| post(process, path, body).await);
}

async fn post(process: Process, path: &str, body: &[u8]) {
    let Ok(key) = Secret::parse(KEY.to_owned()) else {
        unreachable!("a good key");
    };
    let stores = Memory::new(process.clock.clone()).handle("fuzz");
    let settings = holt_supervisor::Settings::default();
    let supervisor = Arc::new(holt_supervisor::build(&process, settings, stores));
    let ops: Arc<dyn Ops> = Arc::clone(&supervisor) as _;
    let submit: Arc<dyn Submit> = Arc::clone(&supervisor) as _;
    let hooks: Arc<dyn Hooks> = supervisor;
    let app = App::new()
        .service(http_ops::routes(ops, key.clone()))
        .service(http_submit::routes(submit, key.clone()))
        .service(http_hooks::routes(hooks, key));
    let app = test::init_service(app).await;
    let request = test::TestRequest::post()
        .uri(path)
        .insert_header(("authorization", format!("Bearer {KEY}")))
        .set_payload(body.to_vec())
        .to_request();
    let status = match test::try_call_service(&app, request).await {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    assert_ne!(status.as_u16(), 500, "{path}");
    process.tasks.abort_all();
}
