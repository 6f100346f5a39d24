//! The simulator: the shipping roles on one paused, seeded thread. One number gives the whole run.
//!
//! Supervisor, worker, OpenStack client and submit code are what ships; store, cloud and the network between the roles are simulated.
//! Shipping code that runs here has no line that exists for it: time, tasks and randomness come from `chassis::Process`, and that is all.

pub mod alerts;
pub mod blows;
pub mod chaos;
pub mod check;
pub mod client;
pub mod directed;
pub mod faults;
pub mod hooks;
pub mod judge;
pub mod minimise;
pub mod net;
pub mod restore;
pub mod run;
pub mod schedule;
pub mod scripts;
pub mod strike;
pub mod tenant;
pub mod transport;
pub mod visits;
pub mod weather;
pub mod wires;
pub mod world;
