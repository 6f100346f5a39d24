//! What one colo's cloud may be asked for: static budgets (safety 3.11). What the guard learns makes
//! them smaller for a while, never larger.

use std::num::NonZeroU32;
use std::time::Duration;

use chassis::config::{Rate, duration};
use serde::{Deserialize, Serialize};

use super::Call;

/// What is set aside for the floors of all workers together, in thousandths of the budget.
const FLOORS: u32 = 200;

/// The budgets of one colo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Creates.
    pub create: Lane,
    /// Deletes.
    pub delete: Lane,
    /// Reads of one server, and of the API's versions.
    pub get: Lane,
    /// Lists of a project's servers.
    pub list: Lane,
    /// Sign-ins at the identity service.
    pub auth: Lane,
    /// Permits are offered for no more creates than can begin within this: the time an operation has to begin (10 s from the start of its
    /// poll, design 4) less the longest poll (5 s).
    #[serde(with = "duration")]
    pub offer_window: Duration,
    /// A longer Retry-After is cut to this: nobody stops us for a day by one header.
    #[serde(with = "duration")]
    pub pause_max: Duration,
    /// How many workers this colo may have. A fifth of the budget is set aside for them: each may use its part of that (its floor) when nobody
    /// grants it a share.
    pub workers_max: NonZeroU32,
}

/// The budget of one class of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// How many may begin, over any length of time.
    pub rate: Rate,
    /// How many may begin at once after a quiet time.
    pub burst: NonZeroU32,
    /// How many may be under way at one time.
    pub at_once: NonZeroU32,
}

impl Lane {
    const fn per_second(rate: u32, burst: u32, at_once: u32) -> Self {
        Self {
            rate: Rate::PerSecond(at_least_one(rate)),
            burst: at_least_one(burst),
            at_once: at_least_one(at_once),
        }
    }
}

const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

impl Default for Settings {
    /// Safety 3.11: create 10/s, delete 10/s, get 50/s, list 2/s.
    fn default() -> Self {
        Self {
            create: Lane::per_second(10, 5, 40),
            delete: Lane::per_second(10, 5, 40),
            get: Lane::per_second(50, 10, 50),
            list: Lane::per_second(2, 2, 8),
            auth: Lane::per_second(5, 5, 8),
            offer_window: Duration::from_secs(5),
            pause_max: Duration::from_secs(600),
            workers_max: at_least_one(8),
        }
    }
}

impl Settings {
    /// The budget of a class.
    #[must_use]
    pub const fn lane(&self, call: Call) -> &Lane {
        match call {
            Call::Create => &self.create,
            Call::Delete => &self.delete,
            Call::Get => &self.get,
            Call::List => &self.list,
            Call::Auth => &self.auth,
        }
    }

    /// The part of the colo's budget, in thousandths, that each worker has without any grant (safety 3.11).
    #[must_use]
    pub fn floor(&self) -> u32 {
        FLOORS / self.workers_max.get()
    }
}
