//! The other end of the ops port: hands out what a test puts there, and writes down what comes back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use chassis::Clock;
use domain::control::Switch;
use domain::ids::TenantId;
use tokio::sync::Notify;
use wire::ports::ops::{Heartbeat, Offer, Op, Ops, OpsError, Orders, Report};

#[derive(Debug, Default)]
pub(super) struct State {
    /// Replies to coming polls, each after a wait. Without one, a poll is held for as long as it offers.
    pub(super) replies: VecDeque<(Duration, Vec<Op>)>,
    pub(super) offers: Vec<Offer>,
    /// Batches as they came, refused ones too.
    pub(super) reported: Vec<Vec<Report>>,
    /// What coming reports are answered; without one they are acknowledged.
    pub(super) answers: VecDeque<OpsError>,
    pub(super) acknowledged: Vec<Report>,
    /// Nothing of this tenant's can be written, which is known after a second.
    pub(super) sick: Option<TenantId>,
    /// So many beats are refused first: a supervisor that does not know its switches yet.
    pub(super) unready: u32,
    /// Beats that came, refused ones too.
    pub(super) beats: u32,
    /// What the others are told.
    pub(super) switches: Vec<Switch>,
}

#[derive(Debug, Clone)]
pub(super) struct Desk {
    clock: Clock,
    state: Arc<Mutex<State>>,
    put: Arc<Notify>,
}

impl Desk {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
            put: Arc::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next poll gets these.
    pub(super) fn put(&self, ops: Vec<Op>) {
        self.put_after(Duration::ZERO, ops);
    }

    /// The next poll gets these, that long after it arrived.
    pub(super) fn put_after(&self, wait: Duration, ops: Vec<Op>) {
        self.state().replies.push_back((wait, ops));
        self.put.notify_one();
    }

    /// Waits until so many reports are acknowledged.
    pub(super) async fn reports(&self, count: usize) -> Vec<Report> {
        let wait = async {
            loop {
                let acknowledged = self.state().acknowledged.clone();
                if acknowledged.len() >= count {
                    return acknowledged;
                }
                self.clock.sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = self.clock.timeout(Duration::from_secs(600), wait).await;
        waited.unwrap_or_else(|_elapsed| panic!("reports so far: {:?}", self.state().acknowledged))
    }
}

#[async_trait]
impl Ops for Desk {
    async fn poll(&self, offer: Offer) -> Result<Vec<Op>, OpsError> {
        let wait = offer.wait;
        self.state().offers.push(offer);
        let there = async {
            loop {
                let reply = self.state().replies.pop_front();
                match reply {
                    Some(reply) => return reply,
                    None => self.put.notified().await,
                }
            }
        };
        let Ok((after, ops)) = self.clock.timeout(wait, there).await else {
            return Ok(Vec::new());
        };
        self.clock.sleep(after).await;
        Ok(ops)
    }

    async fn report(&self, reports: Vec<Report>) -> Result<Vec<usize>, OpsError> {
        let again: Vec<usize> = {
            let mut state = self.state();
            state.reported.push(reports.clone());
            if let Some(error) = state.answers.pop_front() {
                return Err(error);
            }
            let sick = |report: &Report| Some(report.key.tenant()) == state.sick.as_ref();
            let (again, taken): (Vec<_>, Vec<_>) =
                reports.into_iter().enumerate().partition(|(_, r)| sick(r));
            state.acknowledged.extend(taken.into_iter().map(|(_, r)| r));
            again.into_iter().map(|(place, _)| place).collect()
        };
        if !again.is_empty() {
            self.clock.sleep(Duration::from_secs(1)).await;
        }
        Ok(again)
    }

    async fn heartbeat(&self, _heartbeat: Heartbeat) -> Result<Orders, OpsError> {
        let mut state = self.state();
        state.beats += 1;
        if state.beats <= state.unready {
            return Err(OpsError::Unreachable);
        }
        Ok(Orders {
            colo: domain::ids::ColoId(1),
            switches: state.switches.clone(),
            share: Some(1_000),
            turn: Some(domain::turn::ProbeTurn::ALONE),
            answered: false,
            claim: None,
        })
    }
}
