//! Words of alerts that come late.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chassis::{Clock, Process};
use reqwest::StatusCode;
use serde_json::{Value, json};
use store::memory::faults::{Call, Faults, Plan, What};
use wire::v2::circle::KnownAlert;

use super::inputs::{Sender, desired, group, make, sensible};
use super::rig::{Rig, TENANT, capabilities};

/// No input can be read while it is set.
#[derive(Debug, Default)]
struct NoInputs(AtomicBool);

impl Faults for NoInputs {
    fn plan(&self, call: Call<'_>) -> Plan {
        Plan::unavailable_if(call.what == What::Inputs && self.0.load(Ordering::SeqCst))
    }
}

/// An api with an owner, in a process whose wall clock a test may move.
async fn rig(faults: Arc<dyn Faults>) -> Rig {
    let system = Process::system();
    let clock = Clock::simulated(system.clock.unix_ms(), 0);
    let process = Process { clock, ..system };
    let v1 = holt_api::V1 {
        capabilities: capabilities(),
        ..holt_api::V1::default()
    };
    let seams = (faults, holt_api::KeystoneSettings::default());
    let settings = (holt_api::Limits::default(), v1);
    Rig::asking(process, seams, settings, |process, stores| {
        let settings = holt_supervisor::Settings::default();
        Arc::new(holt_supervisor::build(process, settings, stores.clone()))
    })
    .await
}

fn said(fingerprint: &str, state: &str, at: u64) -> Value {
    json!({"fingerprint": fingerprint, "state": state, "severity": "critical", "application": "shop", "at": at})
}

/// The alerts that are known to be open.
async fn known(rig: &Rig, group: &str) -> Vec<KnownAlert> {
    let shown = rig.client(&["read"]).group(TENANT, group).await.unwrap();
    shown
        .circling
        .map(|circling| circling.known)
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_beginning_that_was_refused_and_comes_after_its_end_opens_nothing() {
    let away = Arc::new(NoInputs::default());
    let rig = rig(Arc::clone(&away) as _).await;
    let shop = group(&rig, "shop").await;
    let sender = Sender::new(&rig, &make(&rig, &sensible()).await);
    let now = rig.now();
    let (begins, ends) = (
        said("queue", "open", now - 60),
        said("queue", "closed", now - 30),
    );
    away.0.store(true, Ordering::SeqCst);
    let (refused, _) = sender.json(&begins).await;
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    away.0.store(false, Ordering::SeqCst);
    assert_eq!(sender.json(&ends).await.0, StatusCode::ACCEPTED);
    let (taken, answer) = sender.json(&begins).await;
    assert_eq!(
        (taken, &answer["events"]),
        (StatusCode::ACCEPTED, &json!(1))
    );
    assert_eq!(known(&rig, &shop).await, []);
    assert_eq!(desired(&rig, &shop).await, 2);
    sender.json(&said("queue", "open", now)).await;
    assert_eq!(desired(&rig, &shop).await, 3, "it began anew");
}
