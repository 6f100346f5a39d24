//! Benches: figures of the running service, each as a ratio to a floor that is measured in the same run on the same machine.
//!
//! What is measured is `holt serve` as a child process; the floors are a bare HTTP handler (this executable again, `floor-http`), one
//! `fdatasync` and one loopback exchange; the cloud is cloudsim in a process of its own (this executable again, `cloud`).
//! docs/performance.md explains every figure. Deliberately absent: gates in milliseconds (a shared machine has none to give), floating
//! point, and statistics that hide the worst run: median, least and most are always printed together.

pub mod api;
pub mod beside;
pub mod bulk;
pub mod child;
pub mod cloud;
pub mod cpu;
pub mod disk;
pub mod exchange;
pub mod figures;
pub mod fleet;
pub mod floor;
pub mod guard;
pub mod hooks;
pub mod inputs;
pub mod ledger;
pub mod load;
pub mod scale;
pub mod search;
pub mod seed;
pub mod service;
pub mod stats;
pub mod tap;

/// Connections of the closed loops (performance.md, G1).
const CONNECTIONS: usize = 64;
/// The body of every event: one server more.
const EVENT: &str = r#"{"change":1}"#;
