//! An api that was asked to stop and goes on serving for a while: until it ends, it believes and records as any other.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chassis::Process;
use serde_json::Value;
use store::memory::faults::{Call, Faults, Plan, What};
use store::note::Shelf;

use super::keys::ed25519;
use super::revocations::{another_api_ends_ann, listed, of, reaches};
use super::rig::{Rig, Unreachable};

/// Longer than anything takes here.
const LINGER: Duration = Duration::from_secs(60);
/// For tasks that end with the process, and must not, to end.
const ENDING: Duration = Duration::from_millis(100);

/// Notes can be neither read nor written while it is set.
#[derive(Debug, Default)]
struct NoNotes(AtomicBool);

impl Faults for NoNotes {
    fn plan(&self, call: Call<'_>) -> Plan {
        Plan::unavailable_if(call.what == What::Notes && self.0.load(Ordering::Relaxed))
    }
}

/// An api that was asked to stop a moment ago, and the claims of a token that it believes.
async fn lingering(faults: Arc<NoNotes>) -> (Rig, Value) {
    let settings = holt_api::Settings {
        linger: LINGER,
        tokens: holt_api::Tokens {
            jwks_reload: Duration::from_millis(100),
            ..holt_api::Tokens::default()
        },
        ..holt_api::Settings::default()
    };
    let process = Process::system();
    let rig = Rig::told(process, faults, settings, |_, _| Arc::new(Unreachable)).await;
    let token = of(&rig, "ann", rig.now() - 60);
    assert_eq!(listed(&rig, &token).await.0, 200);
    rig.process.stop.request();
    rig.process.clock.sleep(ENDING).await;
    assert_eq!(listed(&rig, &token).await.0, 200, "it lingers");
    (rig, token)
}

/// Asks for what takes a right that the token does not have.
async fn is_refused(rig: &Rig) {
    let refused = rig.ask(&["read"], ("GET", "/v2/history"), &[], None).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_lingers_hears_which_tokens_others_end() {
    let (rig, token) = lingering(Arc::default()).await;
    another_api_ends_ann(&rig).await;
    reaches(&rig, &token, 401).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_lingers_believes_no_key_that_was_taken_out() {
    let (rig, token) = lingering(Arc::default()).await;
    rig.replace_key(&ed25519("ed-2"));
    reaches(&rig, &token, 401).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_by_an_api_that_lingers_stands_in_the_audit_and_its_tasks_end() {
    let (rig, _token) = lingering(Arc::default()).await;
    is_refused(&rig).await;
    rig.api.stop().await;
    let notes = rig.store.handle("auditor").notes;
    let kept = async {
        while notes
            .newest(Shelf::Staff, None, 10)
            .await
            .unwrap()
            .is_empty()
        {
            rig.process.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    let kept = rig.process.clock.timeout(Duration::from_secs(5), kept);
    kept.await
        .expect("the last ones are written when nothing is served any more");
    let (process, within) = (&rig.process, Duration::from_secs(5));
    let cut_off = process.tasks.drain(&process.clock, within).await;
    assert_eq!(cut_off, 0, "far sooner than the linger");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_no_store_took_until_the_end_is_counted_as_lost() {
    let faults = Arc::new(NoNotes::default());
    let (rig, _token) = lingering(Arc::clone(&faults)).await;
    faults.0.store(true, Ordering::Relaxed);
    is_refused(&rig).await;
    is_refused(&rig).await;
    rig.api.stop().await;
    let lost = async {
        let wanted = "api_denied_unrecorded_total 2";
        while !rig.process.metrics.text().contains(wanted) {
            rig.process.clock.sleep(Duration::from_millis(20)).await;
        }
    };
    let lost = rig.process.clock.timeout(Duration::from_secs(5), lost);
    lost.await.expect("both are lost");
}
