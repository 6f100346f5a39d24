//! For processes that keep no colo and serve requests: whether their control plane serves, by what planes have written.

use std::time::Duration;

use chassis::Process;
use domain::home::{Act, Automatic, Known, Plane, decide};
use domain::ids::{ColoId, PlaneName};

use super::{Home, Shared, Status};
use crate::Error;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// A store that takes longer is asked again.
const WITHIN: Duration = Duration::from_millis(1_500);

/// Looks every second who serves the colo, until `process` stops. Where the store cannot be read, what was known last holds.
pub fn follow(process: &Process, home: &Home, colo: ColoId, first: PlaneName) {
    let Some(shared) = home.shared().cloned() else {
        return;
    };
    let plane = Plane {
        own: shared.plane().clone(),
        first,
        automatic: Automatic::Off,
    };
    let run = run(process.clone(), shared, (colo, plane));
    drop(process.tasks.spawn("home", run));
}

async fn run(process: Process, shared: Shared, (colo, plane): (ColoId, Plane)) {
    loop {
        let looked = process.clock.timeout(WITHIN, look(&shared, colo, &plane));
        match looked.await {
            Ok(Ok(())) => {}
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

/// One look. Once another plane has written that it has won, this one serves no more: what is acknowledged while the other copies, it would not see.
pub(super) async fn look(shared: &Shared, colo: ColoId, plane: &Plane) -> Result<(), Error> {
    let published = shared.published(colo).await?;
    let known = Known {
        published: published.map(|row| row.claim),
        read: shared.opening(colo).await?,
        ..Known::default()
    };
    let act = decide(plane, &known);
    shared.serve(match act {
        Act::Serve(epoch) => Some(epoch),
        Act::Open(_) | Act::Claim(_) | Act::Stand(_) => None,
    });
    shared.note(Status {
        act: Some(act),
        holder: Some(known.holder(plane)),
        ..Status::default()
    });
    Ok(())
}
