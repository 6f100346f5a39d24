//! The hooks lane: sends what hooks are to be told to whatever addresses customers give, and reports what came of it.
//!
//! ```text
//! supervisor ──fetch──► lane ─► open the sealed keys ─► render ─► sign ─► resolve, refuse, connect ─► receiver
//!      ▲                                                                                                │
//!      └───────────────────────────────── tried: taken, failed, refused ◄───────────────────────────────┘
//! ```
//! It is the one role that calls addresses which customers choose, so it has nothing that is worth reaching: no cloud credentials, no store, no
//! way to decide anything. It resolves a name once and connects to what it resolved, refuses addresses that are not public, follows no
//! redirects, reads next to nothing of an answer (of a probe's, whether one list is empty), and gives each tenant few places, so that a slow receiver slows only its own tenant.
//!
//! Deliberately absent: retries (the outbox plans them), state that would be missed after a crash: what is not reported is handed out again.
#![warn(missing_docs)]

pub mod address;
pub mod config;
mod counts;
mod lane;
mod probe;
pub mod render;
pub mod send;
pub mod serve;
pub mod sign;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use chassis::http::Trust;
use wire::hooks::secret::HookKeys;
use wire::ports::hooks::Hooks;

use crate::address::{Names, Rules};
use crate::counts::Counts;
use crate::send::Sender;

/// How a lane works. The defaults suit production.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For one attempt, from the look-up of the name to the end of the answer. 15 s.
    pub deadline: Duration,
    /// Messages on their way at once.
    pub messages: NonZeroU32,
    /// Of which one tenant has at most so many.
    pub of_one: NonZeroU32,
    /// Where receivers answer: the root of the api as they reach it.
    pub answers: String,
    /// Which addresses may be called.
    pub rules: Rules,
    /// How names are looked up.
    pub names: Names,
    /// Which receivers to believe.
    pub trust: Trust,
    /// What opens sealed keys, and makes the addresses by which receivers answer.
    pub keys: HookKeys,
}

impl Settings {
    /// The defaults with these keys.
    #[must_use]
    pub fn new(keys: HookKeys, answers: &str) -> Self {
        const MANY: NonZeroU32 = NonZeroU32::new(1_024).expect("not zero");
        const FEW: NonZeroU32 = NonZeroU32::new(16).expect("not zero");
        Self {
            deadline: Duration::from_secs(15),
            messages: MANY,
            of_one: FEW,
            answers: answers.trim_end_matches('/').to_owned(),
            rules: Rules::default(),
            names: Names::System,
            trust: Trust::Machine,
            keys,
        }
    }
}

/// Builds a lane and starts to work for these supervisors. The same for all-in-one, separate process and tests.
///
/// # Errors
/// The HTTP client cannot be built: stop the start.
pub fn build(
    process: &Process,
    settings: Settings,
    supervisors: Vec<Arc<dyn Hooks>>,
) -> Result<(), chassis::http::Error> {
    let counts = Counts::new(&process.metrics);
    let sender = Sender::new(process, &settings)?;
    lane::start(process, &settings, &sender, &counts, supervisors);
    Ok(())
}
