//! A fleet on a cluster that is up: events of real processes beside raw conditional batches of the same shape, in the same run.
//!
//! Both sides speak to the same nodes through the same driver, in keyspaces of their own that are dropped at the end, and take turns. What is raw
//! stands for the least that a durable decision on this cluster can cost.
mod colo;
mod figures;
mod raw;

use std::time::Duration;

use anyhow::Context as _;
use chassis::Process;

pub use self::colo::{Colo, Keyspace, Place, Role};
pub use self::figures::run;

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// One repetition of a load, on each side.
    pub during: Duration,
    /// Repetitions.
    pub repetitions: usize,
    /// Supervisors that share the groups.
    pub supervisors: usize,
}

/// Runs what is to be run on a cluster in a keyspace with Holt's tables, and drops the keyspace afterwards, however it ended.
pub async fn within<T>(
    process: &Process,
    place: &Place,
    act: impl AsyncFnOnce(&Keyspace) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let keyspace = Keyspace::make(process, place).await?;
    let done = act(&keyspace).await;
    let dropped = keyspace.drop().await.context("drop the keyspace");
    let done = done?;
    dropped?;
    Ok(done)
}
