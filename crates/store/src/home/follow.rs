//! For processes that keep no colo and serve requests: whether their control plane serves, by what it has published.

use std::time::Duration;

use chassis::Process;
use domain::home::{Act, Claim, Why};
use domain::ids::{ColoId, PlaneName};

use super::{Home, Shared, Status};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// A store that takes longer is asked again.
const WITHIN: Duration = Duration::from_millis(1_500);

/// Looks every second who serves the colo, until the process stops. Where the store cannot be read, what was known last holds.
pub fn follow(process: &Process, home: &Home, colo: ColoId, first: PlaneName) {
    let Some(shared) = home.shared().cloned() else {
        return;
    };
    let run = run(process.clone(), shared, (colo, first));
    drop(process.tasks.spawn("home", run));
}

async fn run(process: Process, shared: Shared, (colo, first): (ColoId, PlaneName)) {
    loop {
        let read = process.clock.timeout(WITHIN, shared.published(colo)).await;
        match read {
            Ok(Ok(published)) => {
                let claim = published.map_or_else(|| Claim::first(first.clone()), |row| row.claim);
                let serves = claim.is_of(shared.plane()).then_some(claim.epoch);
                shared.serve(serves);
                shared.note(Status {
                    act: Some(serves.map_or(Act::Stand(Why::Served), Act::Serve)),
                    holder: Some(claim),
                    ..Status::default()
                });
            }
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "who serves the colo cannot be read: the last known holds"
                );
            }
            Err(_elapsed) => tracing::debug!("who serves the colo cannot be read in time"),
        }
        tokio::select! {
            biased;
            () = process.stop.requested() => return,
            () = process.clock.sleep(EVERY) => {}
        }
    }
}
