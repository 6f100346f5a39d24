//! What an answer of the cloud, or its absence, means for whoever asked (every row of safety 2.2). The cloud's client has sorted the
//! answers; here they get the words of the ports.

use std::time::Duration;

use cloud::error::{CallError, CreateError, TokenError};
use cloud::guard::Refused;
use cloud::port::Deleted;
use domain::ids::ServerId;
use domain::settle::Outcome;
use wire::ports::ops::{Done, Wait};

use crate::execute::Victim;

/// No answer, or none that can be read: the cloud may be busy.
const UNCLEAR_WAIT: Duration = Duration::from_secs(10);
/// The account is refused: one probe in ten minutes (safety 2.2, credential).
const REFUSED_WAIT: Duration = Duration::from_secs(600);
/// The budget had no room.
const BUDGET_WAIT: Duration = Duration::from_secs(1);
/// Many lists wait for the budget, which may be two a second.
const LISTS_WAIT: Duration = Duration::from_secs(3);
/// A kill switch or the fence stops it. Who hands out work need not know: the switch may stand in the break-glass file of the worker's host alone.
const STOPPED_WAIT: Duration = Duration::from_secs(5);
/// The begun-log cannot be written.
const LOG_WAIT: Duration = Duration::from_secs(10);
/// Bound of [`Wait::why`].
const WHY_BYTES_MAX: usize = 512;

/// How far a delete had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The server was being looked at: no delete was sent.
    Look,
    /// The delete may have been sent.
    Sent,
}

/// Of a create.
pub(crate) fn created(answer: Result<ServerId, CreateError>) -> Outcome {
    match answer {
        Ok(server) => Outcome::Created(server),
        Err(CreateError::Not(why)) => Outcome::NotCreated(why),
        Err(CreateError::Throttled(wait)) => Outcome::Throttled(wait),
        Err(CreateError::Unknown(why)) => Outcome::Unknown(why),
    }
}

/// Of a delete that was answered.
pub(crate) const fn deleted(server: ServerId, answer: Deleted) -> Outcome {
    match answer {
        Deleted::Accepted => Outcome::DeleteAccepted(server),
        Deleted::NotFound => Outcome::NotFound(server),
        Deleted::Locked => Outcome::Locked(server),
    }
}

/// Of a delete that was not answered. What nobody can be sure of is sent again later, paced by the owner; what surely was not sent waits for
/// its cause to end.
pub(crate) fn not_deleted(victim: Victim, error: &CallError, stage: Stage) -> Done {
    match (error, stage) {
        (CallError::Unclear(_), Stage::Look | Stage::Sent)
        | (CallError::Credential, Stage::Sent) => Done::Slot {
            slot: victim.slot,
            outcome: Outcome::DeleteUnclear(victim.server),
        },
        (CallError::Token(_) | CallError::Throttled(_), Stage::Look | Stage::Sent)
        | (CallError::Credential, Stage::Look) => Done::Nothing(no_answer(error)),
    }
}

/// Of a look that showed nothing.
pub(crate) fn no_answer(error: &CallError) -> Wait {
    let after = match error {
        CallError::Token(_) | CallError::Unclear(_) => UNCLEAR_WAIT,
        CallError::Credential => REFUSED_WAIT,
        CallError::Throttled(wait) => *wait,
    };
    wait(after, error)
}

/// Of a sign-in.
pub(crate) fn no_token(error: &TokenError) -> Wait {
    let after = match error {
        TokenError::Refused(_) | TokenError::Unconfigured | TokenError::NoEndpoint(_) => {
            REFUSED_WAIT
        }
        TokenError::Unavailable(_) => UNCLEAR_WAIT,
        TokenError::Throttled(wait) => *wait,
    };
    wait(after, error)
}

/// Of a call that the guard did not let through.
pub(crate) fn refused(refused: &Refused) -> Wait {
    let after = match refused {
        Refused::Late => BUDGET_WAIT,
        Refused::Paused(wait) | Refused::Open(wait) => *wait,
        Refused::Stopped { .. } | Refused::Fenced => STOPPED_WAIT,
    };
    wait(after, refused)
}

/// Of an operation that the poll had not offered to take.
pub(crate) fn not_offered() -> Wait {
    wait(BUDGET_WAIT, &"more operations came than were offered")
}

/// Of a list, when as many as may wait for their budget do.
pub(crate) fn many_lists() -> Wait {
    wait(LISTS_WAIT, &"many lists wait already")
}

/// Of an operation that waited too long.
pub(crate) fn late() -> Wait {
    wait(BUDGET_WAIT, &"its time to begin was over")
}

/// Of an operation that came while the worker stops.
pub(crate) fn stopping() -> Wait {
    wait(BUDGET_WAIT, &"the worker stops")
}

/// Of a void that could not be written down.
pub(crate) fn no_log() -> Wait {
    wait(LOG_WAIT, &"the begun-log cannot be written")
}

fn wait(after: Duration, why: &dyn std::fmt::Display) -> Wait {
    let mut why = why.to_string();
    why.truncate(why.floor_char_boundary(WHY_BYTES_MAX));
    Wait { after, why }
}
