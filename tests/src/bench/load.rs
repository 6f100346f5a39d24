//! Closed-loop load: some connections, each asking again as soon as it is answered.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chassis::spawn::TaskHandle;
use chassis::{Mono, Process};

use super::exchange::Connection;
use super::stats::quantile;

/// What is sent.
#[derive(Debug, Clone)]
pub enum Requests {
    /// The same again and again.
    Same(Arc<[u8]>),
    /// Each once.
    Each(Arc<[Vec<u8>]>),
}

impl Requests {
    fn get(&self, at: usize) -> Option<&[u8]> {
        match self {
            Self::Same(request) => Some(request),
            Self::Each(requests) => requests.get(at).map(Vec::as_slice),
        }
    }
}

/// How the load is made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whom to ask.
    pub to: SocketAddr,
    /// Connections at once.
    pub connections: usize,
    /// When to stop asking, if requests do not run out before.
    pub during: Duration,
    /// What to ask.
    pub requests: Requests,
    /// The only status that is right.
    pub status: u16,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Right answers.
    pub answers: u64,
    /// From the first request to the last answer.
    pub took: Duration,
    /// Of each answer, sorted, in microseconds.
    pub latencies_us: Vec<u64>,
}

impl Tally {
    /// Waits for clients that began at `start`; each gives the time of each of its answers, in microseconds.
    ///
    /// # Errors
    /// That of the first client that failed.
    pub async fn gather(
        process: &Process,
        start: Mono,
        clients: Vec<TaskHandle<anyhow::Result<Vec<u64>>>>,
    ) -> anyhow::Result<Self> {
        let mut tally = Self::default();
        for client in clients {
            let latencies = client.join().await.context("a client of the load")??;
            tally.latencies_us.extend(latencies);
        }
        tally.took = process.clock.mono().saturating_since(start);
        tally.answers = u64::try_from(tally.latencies_us.len())?;
        tally.latencies_us.sort_unstable();
        Ok(tally)
    }

    /// Answers in a second.
    pub fn per_second(&self) -> u128 {
        u128::from(self.answers) * 1_000_000 / self.took.as_micros().max(1)
    }

    /// A quantile of the latencies, in microseconds.
    pub fn latency_us(&self, percent: usize) -> u64 {
        quantile(&self.latencies_us, percent).unwrap_or_default()
    }
}

/// Runs the load to its end.
///
/// # Errors
/// On the first wrong answer or broken connection: a bench with errors measures nothing.
pub async fn run(process: &Process, plan: &Plan) -> anyhow::Result<Tally> {
    let start = process.clock.mono();
    let deadline = start + plan.during;
    let next = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..plan.connections)
        .map(|_| {
            let one = client(process.clone(), plan.clone(), deadline, Arc::clone(&next));
            process.tasks.spawn("load", one)
        })
        .collect();
    Tally::gather(process, start, clients).await
}

async fn client(
    process: Process,
    plan: Plan,
    deadline: Mono,
    next: Arc<AtomicUsize>,
) -> anyhow::Result<Vec<u64>> {
    let mut connection = Connection::open(plan.to).await?;
    let mut latencies = Vec::new();
    let mut now = process.clock.mono();
    while now < deadline {
        let Some(request) = plan.requests.get(next.fetch_add(1, Ordering::Relaxed)) else {
            break;
        };
        let answer = connection.ask(request).await?;
        if answer.status != plan.status {
            let body = String::from_utf8_lossy(answer.body);
            bail!(
                "answered {} instead of {}: {body}",
                answer.status,
                plan.status
            );
        }
        let after = process.clock.mono();
        latencies.push(u64::try_from(after.saturating_since(now).as_micros())?);
        now = after;
    }
    Ok(latencies)
}
