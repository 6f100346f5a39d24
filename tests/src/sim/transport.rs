//! The wire to the simulated cloud: takes the place of HTTP connections under the shipping OpenStack client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chassis::{Clock, Entropy, Process};
use cloud::transport::{Method, Request, Response, Transport, TransportError};
use cloudsim::{Outcome, Sim, Ticket};

/// The one cloud of a run, and the clock it lives by.
#[derive(Debug, Clone)]
pub struct Sky {
    sim: Arc<Mutex<Sim>>,
    clock: Clock,
}

impl Sky {
    /// A cloud that lives by that clock.
    #[must_use]
    pub fn new(sim: Sim, clock: Clock) -> Self {
        Self {
            sim: Arc::new(Mutex::new(sim)),
            clock,
        }
    }
    /// The ground truth.
    pub fn truth(&self) -> MutexGuard<'_, Sim> {
        self.sim.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// The cloud's time.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.clock.mono().as_millis()
    }
}

/// One worker process's connections.
#[derive(Debug)]
pub struct Wire {
    sky: Sky,
    process: Process,
    dice: Entropy,
}

impl Wire {
    /// Connections of that process.
    #[must_use]
    pub const fn new(sky: Sky, process: Process, dice: Entropy) -> Self {
        Self { sky, process, dice }
    }

    async fn answer(&self, ticket: Ticket) -> Result<Response, TransportError> {
        let mut at = ticket.answer_at_ms;
        loop {
            let Some(at_ms) = at else {
                // Never answered: the caller's own deadline ends it.
                self.process.clock.sleep(Duration::from_secs(86_400)).await;
                continue;
            };
            let wait = at_ms.saturating_sub(self.sky.now_ms());
            self.process.clock.sleep(Duration::from_millis(wait)).await;
            let now_ms = self.sky.now_ms();
            let outcome = self.sky.truth().take(ticket.id, now_ms);
            match outcome {
                Outcome::Answer(r) => {
                    let headers = r
                        .headers
                        .into_iter()
                        .map(|(n, v)| (n.to_ascii_lowercase(), v))
                        .collect();
                    return Ok(Response {
                        status: r.status,
                        headers,
                        body: r.body.into(),
                    });
                }
                Outcome::Reset => return Err(TransportError::Reset("the connection broke".into())),
                Outcome::NotYet(later) => at = later,
            }
        }
    }
}

#[async_trait]
impl Transport for Wire {
    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        // Time to connect: an await at which a process can die before anything was sent.
        self.process
            .clock
            .sleep(Duration::from_millis(self.dice.below(3)))
            .await;
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        };
        let path = request
            .url
            .splitn(4, '/')
            .nth(3)
            .map_or_else(|| "/".to_owned(), |p| format!("/{p}"));
        let mut arriving = cloudsim::Request::new(method, &path);
        arriving.headers = request
            .headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.clone()))
            .collect();
        arriving.body = request.body.to_vec();
        let now_ms = self.sky.now_ms();
        let ticket = self.sky.truth().arrive(now_ms, arriving);
        match self
            .process
            .clock
            .timeout(request.timeout, self.answer(ticket))
            .await
        {
            Ok(answer) => answer,
            Err(_elapsed) => {
                self.sky.truth().abandon(ticket.id);
                Err(TransportError::Timeout)
            }
        }
    }
}
