//! Offers to one supervisor: what the guard and the seats allow right now, and the tokens that are there. Every operation of the reply
//! becomes a task of its own, so that one slow tenant holds nobody up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloud::guard::Reservation;
use domain::mutant::{Rule, off};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::ports::ops::{Call, Offer, Op, OpsError};

use crate::Shared;
use crate::execute::{Hands, Leave, Terms};

/// How long an offer of less than half its share may be held while operations are under way: they will soon make room for a better one.
const WAIT_BUSY: Duration = Duration::from_millis(250);
/// How long an offer without any creates may be held: the cloud asked to wait, or other polls offer all that the budget allows.
const WAIT_WITHOUT_CREATES: Duration = Duration::from_secs(1);
/// The next poll waits this long for a sign-in that the last reply asked for, so that it can offer its token.
const SIGN_IN_WAIT: Duration = Duration::from_secs(2);
/// Look again after this whether reports were acknowledged.
const REPORTS_WAIT: Duration = Duration::from_millis(100);
/// How long a poll may still be answered after the process was asked to stop.
const STOP_GRACE: Duration = Duration::from_millis(200);
/// The pause after the first failed poll, doubled with each further one.
const FAILED_WAIT: Duration = Duration::from_millis(100);
/// No pause is longer.
const FAILED_WAIT_MAX: Duration = Duration::from_secs(5);

/// Polls one supervisor until the process is to stop.
pub(crate) async fn run(hands: Hands) {
    let shared = Arc::clone(&hands.shared);
    let mut failures: u32 = 0;
    shared.beats.first(&shared).await;
    while !shared.process.stop.is_requested() {
        if shared.reporter.waiting() >= shared.settings.reports_max {
            pause(&hands, REPORTS_WAIT).await;
            continue;
        }
        match once(&hands).await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures = failures.saturating_add(1);
                if failures == 1 {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, supervisor = hands.supervisor, "poll failed");
                }
                let wait = FAILED_WAIT.saturating_mul(1 << failures.min(10));
                let wait = wait.min(FAILED_WAIT_MAX);
                let jitter = shared.process.entropy.up_to(wait / 2);
                pause(&hands, wait / 2 + jitter).await;
            }
        }
    }
}

/// One poll, and the start of everything that came of it.
async fn once(hands: &Hands) -> Result<(), OpsError> {
    let shared = &hands.shared;
    let live = live(shared);
    let polls = live.saturating_mul(shared.settings.polls).max(1);
    let creates_share = shared.settings.creates_max.div_ceil(polls);
    let others_share = shared.settings.others_max.div_ceil(polls);
    let mut permits = shared.guard.reserve(creates_max(shared));
    let free = permits.left();
    let part = shared
        .deal
        .part(hands.supervisor, live, creates_share, free);
    permits.keep(part.count);
    let mut seats = seats(&shared.others, others_share);
    let (offered, tokens) = shared.tokens.offer(shared.settings.token_left_min);
    let next_sign_in = shared.tokens.next_sign_in();
    // Before anything is sent: the supervisor counts on it (rule H2).
    let start = shared.process.clock.mono();
    let (creates, others) = (permits.left(), seats.as_ref().map_or(0, seat_count));
    let is_small = creates < creates_share / 2 || others < others_share / 2;
    let wait = wait(shared, creates, is_small);
    let offer = Offer {
        worker: shared.settings.name.clone(),
        incarnation: shared.incarnation,
        creates,
        others,
        tokens,
        wait: if part.is_short {
            wait.min(WAIT_WITHOUT_CREATES)
        } else {
            wait
        },
    };
    let ops = tokio::select! {
        biased;
        ops = shared.supervisors[hands.supervisor].poll(offer) => ops?,
        // What a lost reply names was not begun, and the begun-log of this life says so.
        () = stopped(hands) => return Ok(()),
    };
    let start = if off(Rule::BeginDeadline) {
        shared.process.clock.mono()
    } else {
        start
    };
    let terms = Arc::new(Terms {
        deadline: start + shared.settings.begin,
        tokens: offered,
        _gate: shared.process.stop.enter(),
    });
    let mut signs_in = false;
    for op in ops {
        signs_in |= matches!(op.call, Call::SignIn);
        let leave = leave(&op, &mut permits, seats.as_mut());
        hands.start(op, Arc::clone(&terms), leave);
    }
    drop((permits, part, seats, terms));
    if signs_in {
        let signed_in = shared.process.clock.timeout(SIGN_IN_WAIT, next_sign_in);
        // Too late: the next poll goes out as things are.
        signed_in.await.ok();
    }
    Ok(())
}

/// How many creates may be offered. One that cannot be marked is not sent: with a full disk this worker would only draw them away from others.
fn creates_max(shared: &Shared) -> u32 {
    if shared.begun.can_write() {
        shared.settings.creates_max
    } else {
        0
    }
}

/// How many supervisors share what can be offered. One that is away takes no part: what it would have been offered is for the others.
fn live(shared: &Shared) -> u32 {
    let heard = shared.beats.heard(shared.process.clock.mono());
    u32::try_from(heard.max(1)).unwrap_or(u32::MAX)
}

/// How long the supervisor may hold an offer. What is offered cannot grow while it is held, so a small one is soon made anew.
fn wait(shared: &Shared, creates: u32, is_small: bool) -> Duration {
    let bound = if is_small && shared.under_way.load(Ordering::Relaxed) > 0 {
        WAIT_BUSY
    } else if creates == 0 {
        WAIT_WITHOUT_CREATES
    } else {
        shared.settings.wait
    };
    bound.min(shared.settings.wait)
}

/// Ends a little after the process was asked to stop: a reply that is on its way is still taken.
async fn stopped(hands: &Hands) {
    let process = &hands.shared.process;
    process.stop.requested().await;
    process.clock.sleep(STOP_GRACE).await;
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
        | Call::SignIn
        | Call::LookUp(_) => seats
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
