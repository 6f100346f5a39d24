//! The simulator: the shipping supervisor, worker, OpenStack client and submit code on one paused, seeded thread, with a simulated store, a
//! simulated cloud under the client, and a simulated network between the roles. One number gives the whole run.
//!
//! Shipping code that runs here has no line that exists for it: time, tasks and randomness come from `chassis::Process`, and that is all.

pub mod chaos;
pub mod check;
pub mod client;
pub mod faults;
pub mod net;
pub mod run;
pub mod schedule;
pub mod transport;
pub mod world;
