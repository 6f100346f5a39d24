//! A simulated OpenStack: Keystone, Nova and Glance as one pure state machine with faults, and an HTTP skin over it.
//!
//! One ground truth for the demo, tests, benches and the simulator: all of them ask the same [`Sim`] what really happened.
//!
//! # Use
//! ```
//! use cloudsim::{Outcome, Request, Settings, Sim};
//! let mut sim = Sim::new(Settings::default());
//! let now_ms = 1_700_000_000_000;
//! let ticket = sim.arrive(now_ms, Request::get("/compute/RegionOne/v2.1/limits"));
//! // `ticket.answer_at_ms` is known at once; `None` means that no answer ever comes.
//! let at_ms = ticket.answer_at_ms.unwrap();
//! // A skin or a simulated transport sleeps until then, and takes what is there:
//! let Outcome::Answer(response) = sim.take(ticket.id, at_ms) else { panic!() };
//! assert_eq!(response.status, 401);
//! ```
//! - [`Sim::arrive`], [`Sim::take`], [`Sim::abandon`]: one exchange. What was abandoned still executes, as in a real cloud.
//! - [`Sim::advance`], [`Sim::next_due_ms`]: things that are due without a request (boots, late executions). `arrive` and `take` advance too.
//! - [`Sim::set_faults`] ([`Faults`]: rates and planned faults), at any time.
//! - [`Sim::servers`], [`Sim::log`], [`Sim::counts`]: the ground truth. [`Sim::outside`], [`Sim::plant`]: what others do to servers.
//! - [`Sim::sign_in`] makes a token without a request; [`Settings::default`] has users, projects, a flavor, an image and a network by constant names.
//! - [`http::run`], [`http::serve`]: the skin, with an admin endpoint under `/admin`.
//!
//! # Addresses
//! `/identity/v3` (also `/v3`), `/compute/{region}/v2.1`, `/image/{region}/v2`; `/v2.1` and `/v2` without a prefix mean the first region.
//!
//! Time is `u64` milliseconds since 1970, passed in and never read. Randomness is one function of (seed, purpose, counter), so that
//! taking one fault away changes nothing else.
//!
//! Deliberately absent: anything of Holt's (groups, slots, proofs), async code outside [`http`], and the parts of OpenStack that an
//! autoscaler never calls (volumes, resizes, quotas by the project's own admin).

mod calendar;
mod exchange;
mod fate;
mod faults;
mod fleet;
mod glance;
pub mod http;
mod keystone;
mod life;
mod log;
mod nova;
mod random;
mod request;
mod route;
mod server;
mod settings;
mod sim;

pub use exchange::{Outcome, Ticket};
pub use faults::{BuildError, Call, Fault, Faults, Pick, Planned, Rate, Span};
pub use log::{Counts, CreateCount, LogEntry};
pub use request::{Request, Response};
pub use server::{Asked, DeletedBy, Deletion, Outside, Plant, Server, ServerFault, Status};
pub use settings::{Credential, Flavor, Image, Network, Project, Settings, User};
pub use sim::{Sim, Unknown};

#[cfg(test)]
mod tests;
