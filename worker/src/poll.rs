//! Offers to one supervisor: what the guard and the seats allow right now, and the tokens that are there. Every operation of the reply
//! becomes a task of its own, so that one slow tenant holds nobody up.

use std::sync::Arc;
use std::time::Duration;

use chassis::shutdown::Gate;
use cloud::guard::Reservation;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::ports::ops::{Call, Offer, Op, OpsError};

use crate::execute::{Hands, Leave, Terms};

/// How long an offer without a permit for creates may be held: permits may be free again soon.
const WAIT_WITHOUT_PERMITS: Duration = Duration::from_millis(250);
/// The next poll waits this long for a sign-in that the last reply asked for, so that it can offer its token.
const SIGN_IN_WAIT: Duration = Duration::from_secs(2);
/// Look again after this whether reports were acknowledged.
const REPORTS_WAIT: Duration = Duration::from_millis(100);
/// The pause after the first failed poll, doubled with each further one.
const FAILED_WAIT: Duration = Duration::from_millis(100);
/// No pause is longer.
const FAILED_WAIT_MAX: Duration = Duration::from_secs(5);

/// Polls one supervisor until the process is to stop.
pub(crate) async fn run(hands: Hands) {
    let stop = hands.shared.process.stop.clone();
    let mut failures: u32 = 0;
    while let Some(gate) = stop.enter() {
        if hands.shared.reporter.waiting() >= hands.shared.settings.reports_max {
            drop(gate);
            pause(&hands, REPORTS_WAIT).await;
            continue;
        }
        match once(&hands, gate).await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures = failures.saturating_add(1);
                if failures == 1 {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        supervisor = hands.supervisor,
                        "poll failed"
                    );
                }
                let wait = FAILED_WAIT
                    .saturating_mul(1 << failures.min(10))
                    .min(FAILED_WAIT_MAX);
                let jitter = hands.shared.process.entropy.up_to(wait / 2);
                pause(&hands, wait / 2 + jitter).await;
            }
        }
    }
}

/// One poll. The gate is held until everything that came of it is done and reported.
async fn once(hands: &Hands, gate: Gate) -> Result<(), OpsError> {
    let shared = &hands.shared;
    let polls = u32::try_from(shared.supervisors.len())
        .unwrap_or(u32::MAX)
        .saturating_mul(shared.settings.polls)
        .max(1);
    let mut permits = shared
        .guard
        .reserve(shared.settings.creates_max.div_ceil(polls));
    let mut seats = seats(&shared.others, shared.settings.others_max.div_ceil(polls));
    let (offered, tokens) = shared.tokens.offer(shared.settings.token_left_min);
    let mut changes = shared.tokens.changes();
    let creates = permits.left();
    let wait = if creates == 0 {
        shared.settings.wait.min(WAIT_WITHOUT_PERMITS)
    } else {
        shared.settings.wait
    };
    // Before anything is sent: the supervisor counts on it (rule H2).
    let start = shared.process.clock.mono();
    let offer = Offer {
        worker: shared.settings.name.clone(),
        incarnation: shared.incarnation,
        creates,
        others: seats.as_ref().map_or(0, seat_count),
        tokens,
        wait,
    };
    let ops = shared.supervisors[hands.supervisor].poll(offer).await?;
    let terms = Arc::new(Terms {
        deadline: start + shared.settings.begin,
        tokens: offered,
        _gate: gate,
    });
    let mut signs_in = false;
    for op in ops {
        signs_in |= matches!(op.call, Call::SignIn);
        let leave = leave(&op, &mut permits, seats.as_mut());
        hands.start(op, Arc::clone(&terms), leave);
    }
    drop((permits, seats, terms));
    if signs_in {
        let signed_in = shared
            .process
            .clock
            .timeout(SIGN_IN_WAIT, changes.changed());
        // Too late, or the worker is gone: the next poll goes out as things are.
        drop(signed_in.await);
    }
    Ok(())
}

/// What an operation may use of what the poll offered. One that was not offered gets nothing, and is not begun.
fn leave(op: &Op, permits: &mut Reservation, seats: Option<&mut OwnedSemaphorePermit>) -> Leave {
    match &op.call {
        Call::Create(_) => permits.take().map_or(Leave::None, Leave::Permit),
        Call::Void { .. } => Leave::Free,
        Call::Delete { .. }
        | Call::Read { .. }
        | Call::List
        | Call::ListTagged { .. }
        | Call::SignIn => seats
            .and_then(|seats| seats.split(1))
            .map_or(Leave::None, Leave::Seat),
    }
}

fn seats(all: &Arc<Semaphore>, most: u32) -> Option<OwnedSemaphorePermit> {
    let free = u32::try_from(all.available_permits())
        .unwrap_or(u32::MAX)
        .min(most);
    // Another poll may have taken some meanwhile: then this one offers none, and the next one what is left.
    (free > 0)
        .then(|| Arc::clone(all).try_acquire_many_owned(free).ok())
        .flatten()
}

fn seat_count(seats: &OwnedSemaphorePermit) -> u32 {
    u32::try_from(seats.num_permits()).unwrap_or(u32::MAX)
}

async fn pause(hands: &Hands, wait: Duration) {
    let process = &hands.shared.process;
    tokio::select! {
        biased;
        () = process.stop.requested() => {}
        () = process.clock.sleep(wait) => {}
    }
}
