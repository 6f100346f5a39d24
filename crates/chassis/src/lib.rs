//! What every process here stands on: time, tasks, randomness, stopping, configuration, telemetry and HTTP plumbing.
//!
//! Shells take a [`Process`] and ask it, never the operating system. That is what lets the shipping code run inside a simulator:
//! a current-thread tokio runtime with paused time, where several processes live side by side, each with its own clock skew,
//! its own seeded randomness and its own tasks, which can be crashed or frozen at any await.
//!
//! Deliberately absent: product words (groups, clouds, tenants), and dependencies on other packages of this workspace.
//! Nothing here is a process-wide static, so that two processes can share one runtime.

pub mod config;
pub mod entropy;
pub mod http;
pub mod metrics;
pub mod net;
pub mod ops;
mod process;
pub mod secrets;
pub mod shutdown;
pub mod spawn;
pub mod telemetry;
pub mod time;
pub mod tls;
pub mod trace;

pub use entropy::Entropy;
pub use metrics::Metrics;
pub use ops::Health;
pub use process::{Process, SimulatedProcess};
pub use secrets::Secret;
pub use shutdown::Stop;
pub use spawn::Tasks;
pub use time::{Clock, Mono};
pub use trace::Tracer;
