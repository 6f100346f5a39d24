//! The wire to the simulated cloud: takes the place of HTTP connections under the shipping OpenStack client.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chassis::{Clock, Entropy, Mono, Process};
use cloud::transport::{Method, Request, Response, Transport, TransportError};
use cloudsim::{Outcome, Sim, Ticket};

use super::check::Checker;
use super::wires::{SKY, Wires};

/// Calls that may begin while a 503 with Retry-After is on: those that were on their way to the connection already.
const ON_THEIR_WAY_MAX: u32 = 8;

/// The one cloud of a run, and the clock it lives by.
#[derive(Debug, Clone)]
pub struct Sky {
    sim: Arc<Mutex<Sim>>,
    /// How often somebody took hold of the cloud who may change it.
    touched: Arc<AtomicU64>,
    clock: Clock,
}

impl Sky {
    /// A cloud that lives by that clock.
    #[must_use]
    pub fn new(sim: Sim, clock: Clock) -> Self {
        Self {
            sim: Arc::new(Mutex::new(sim)),
            touched: Arc::default(),
            clock,
        }
    }
    /// The ground truth, to look at and to change.
    pub fn truth(&self) -> MutexGuard<'_, Sim> {
        self.touched.fetch_add(1, Ordering::Relaxed);
        self.peek()
    }
    /// The ground truth for whoever changes nothing of it.
    pub(super) fn peek(&self) -> MutexGuard<'_, Sim> {
        self.sim.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// How often somebody may have changed it.
    pub(super) fn touched(&self) -> u64 {
        self.touched.load(Ordering::Relaxed)
    }
    /// The cloud's time.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.clock.mono().as_millis()
    }
}

/// What the connections of all workers share.
#[derive(Debug, Clone)]
pub struct Ether {
    /// The cloud.
    pub sky: Sky,
    /// Who is cut off from it.
    pub wires: Wires,
    /// Is told of broken promises.
    pub checker: Checker,
    /// Longest time that a create takes to connect.
    pub connect: Duration,
}

/// One worker process's connections.
#[derive(Debug)]
pub struct Wire {
    ether: Ether,
    process: Process,
    name: String,
    dice: Entropy,
    asked_to_wait: Mutex<Asked>,
}

/// The cloud asked everybody to wait.
#[derive(Debug, Default)]
struct Asked {
    until: Mono,
    calls: u32,
}

impl Wire {
    /// Connections of that process.
    #[must_use]
    pub fn new(ether: Ether, process: Process, name: &str, dice: Entropy) -> Self {
        Self {
            ether,
            process,
            name: name.to_owned(),
            dice,
            asked_to_wait: Mutex::default(),
        }
    }

    async fn answer(&self, ticket: Ticket) -> Result<Response, TransportError> {
        let sky = &self.ether.sky;
        let mut at = ticket.answer_at_ms;
        loop {
            let Some(at_ms) = at else {
                // Never answered: the caller's own deadline ends it.
                self.process.clock.sleep(Duration::from_secs(86_400)).await;
                continue;
            };
            let wait = at_ms.saturating_sub(sky.now_ms());
            self.process.clock.sleep(Duration::from_millis(wait)).await;
            let now_ms = sky.now_ms();
            let outcome = sky.truth().take(ticket.id, now_ms);
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

    /// I5: a 503 with Retry-After stops all calls of this worker; the identity service is another one.
    fn heed(&self, path: &str) {
        let mut asked = self
            .asked_to_wait
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if path.contains("/compute/") && self.process.clock.mono() < asked.until {
            asked.calls += 1;
            if asked.calls > ON_THEIR_WAY_MAX {
                self.ether.checker.broken(format!(
                    "I5: {} goes on calling although the cloud asked to wait",
                    self.name
                ));
            }
        }
    }

    fn hear(&self, path: &str, response: &Response) {
        let after = response
            .headers
            .iter()
            .find(|(name, _)| name == "retry-after")
            .and_then(|(_, value)| value.parse::<u64>().ok());
        if let (503, Some(seconds), true) = (response.status, after, path.contains("/compute/")) {
            let mut asked = self
                .asked_to_wait
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let now = self.process.clock.mono();
            if now >= asked.until {
                asked.calls = 0;
            }
            asked.until = asked.until.max(now + Duration::from_secs(seconds));
        }
    }
}

#[async_trait]
impl Transport for Wire {
    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let clock = &self.process.clock;
        let (method, connect) = match request.method {
            Method::Get => ("GET", Duration::ZERO),
            Method::Post => ("POST", self.ether.connect),
            Method::Delete => ("DELETE", Duration::ZERO),
        };
        let path = request
            .url
            .splitn(4, '/')
            .nth(3)
            .map_or_else(|| "/".to_owned(), |p| format!("/{p}"));
        self.heed(&path);
        // Time to connect: an await at which a process can die before anything was sent.
        let connect = connect + Duration::from_millis(self.dice.below(3));
        clock.sleep(connect).await;
        let wires = &self.ether.wires;
        if wires.troubled() && wires.loses(&self.name, SKY) {
            self.ether.checker.tally("fault: request to the cloud lost");
            clock.sleep(request.timeout).await;
            return Err(TransportError::Timeout);
        }
        let mut arriving = cloudsim::Request::new(method, &path);
        arriving.headers = request
            .headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), v.clone()))
            .collect();
        arriving.body = request.body.to_vec();
        let sky = &self.ether.sky;
        let now_ms = sky.now_ms();
        let ticket = sky.truth().arrive(now_ms, arriving);
        let answered = clock.timeout(request.timeout, self.answer(ticket)).await;
        if wires.troubled() && wires.loses(SKY, &self.name) {
            self.ether.checker.tally("fault: answer of the cloud lost");
            sky.truth().abandon(ticket.id);
            return Err(TransportError::Timeout);
        }
        match answered {
            Ok(answer) => answer.inspect(|response| self.hear(&path, response)),
            Err(_elapsed) => {
                sky.truth().abandon(ticket.id);
                Err(TransportError::Timeout)
            }
        }
    }
}
