//! What the faults decide about one request when it arrives.

use crate::faults::{BuildError, Call, Fault, Faults, Pick, Span};
use crate::random::{Dice, purpose};
use crate::request::{Request, Response};
use crate::server::Outside;

const LATENCY: u64 = purpose("latency");
const LENGTH: u64 = purpose("fault length");

/// The plan for one request.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    pub(crate) execute: Execute,
    /// From arrival to execution, before any queue.
    pub(crate) execute_after_ms: u64,
    /// From execution (or arrival, see `answer_waits`) to the answer.
    pub(crate) answer_after_ms: u64,
    /// Whether the answer follows the execution; else it follows the arrival.
    pub(crate) answer_waits: bool,
    pub(crate) answer: Answer,
    pub(crate) build: Build,
}

/// How often the request takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Execute {
    No,
    Once,
    Twice,
    /// Answered as if once.
    Ignored,
}

/// What the caller gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What the execution came to.
    True,
    /// Half of that.
    Garbled,
    /// An error in its place.
    Replaced(Response),
    /// The connection dies.
    Lost,
    /// Nothing, for ever.
    Never,
}

/// How the server that a create makes will fare.
#[derive(Debug, Clone, Default)]
pub(crate) struct Build {
    pub(crate) error: Option<BuildError>,
    pub(crate) stuck: bool,
    pub(crate) boot: Option<Span>,
    pub(crate) dies: Option<(Span, Outside)>,
}

/// The faults of one region with what they have counted so far.
#[derive(Debug)]
pub(crate) struct Weather {
    faults: Faults,
    /// Purposes of the random faults, from their content: adding or taking away one does not move the others' draws.
    purposes: Vec<u64>,
    /// How many requests each planned fault has matched.
    matched: Vec<u64>,
}

/// What is known of a request on arrival.
#[derive(Debug)]
pub(crate) struct Arriving<'a> {
    pub(crate) seq: u64,
    pub(crate) call: Call,
    pub(crate) tags: &'a [String],
    pub(crate) request: &'a Request,
}

impl Weather {
    pub(crate) fn new(faults: Faults) -> Self {
        let purposes = faults
            .rates
            .iter()
            .map(|rate| {
                let content = serde_json::to_string(&(rate.call, &rate.fault));
                purpose(&content.unwrap_or_default())
            })
            .collect();
        Self {
            purposes,
            matched: vec![0; faults.planned.len()],
            faults,
        }
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Decides. Called exactly once per request, in order of arrival.
    pub(crate) fn decide(&mut self, dice: Dice, arriving: &Arriving<'_>) -> Fate {
        let latency = dice.within(self.faults.latency, LATENCY, arriving.seq);
        // Executed somewhere within the latency, so that lists and creates overlap in every order.
        let before = dice.draw(LATENCY ^ 1, arriving.seq) % latency.saturating_add(1);
        let mut fate = Fate {
            execute: Execute::Once,
            execute_after_ms: before,
            answer_after_ms: latency - before,
            answer_waits: true,
            answer: Answer::True,
            build: Build::default(),
        };
        let (mut exchange, mut build) = (None, None);
        for fault in self.hits(dice, arriving) {
            let place = if fault.is_about_the_build() {
                &mut build
            } else {
                &mut exchange
            };
            if place.is_none() {
                *place = Some(fault);
            }
        }
        for fault in [exchange, build].into_iter().flatten() {
            apply(&mut fate, fault, |span| {
                dice.within(span, LENGTH, arriving.seq)
            });
        }
        fate
    }

    /// The faults that hit, planned ones first.
    fn hits(&mut self, dice: Dice, arriving: &Arriving<'_>) -> Vec<Fault> {
        let mut hits = Vec::new();
        for (planned, matched) in self.faults.planned.iter().zip(&mut self.matched) {
            if matches(&planned.pick, arriving) {
                *matched += 1;
                let from = planned.pick.nth;
                if (from..from.saturating_add(planned.pick.times)).contains(matched) {
                    hits.push(planned.fault.clone());
                }
            }
        }
        for (rate, purpose) in self.faults.rates.iter().zip(&self.purposes) {
            if rate.call.is_none_or(|call| call == arriving.call)
                && dice.hits(rate.per_mille, *purpose, arriving.seq)
            {
                hits.push(rate.fault.clone());
            }
        }
        hits
    }
}

fn matches(pick: &Pick, arriving: &Arriving<'_>) -> bool {
    let contains = |needle: &String| {
        let request = arriving.request;
        request.path_and_query.contains(needle.as_str())
            || request
                .body
                .windows(needle.len().max(1))
                .any(|window| window == needle.as_bytes())
    };
    pick.call == arriving.call
        && pick
            .tag
            .as_ref()
            .is_none_or(|tag| arriving.tags.contains(tag))
        && pick.contains.as_ref().is_none_or(contains)
}

fn apply(fate: &mut Fate, fault: Fault, draw: impl Fn(Span) -> u64) {
    match fault {
        Fault::LoseAnswer => fate.answer = Answer::Lost,
        Fault::LoseRequest => {
            fate.answer = Answer::Lost;
            fate.execute = Execute::No;
        }
        Fault::LoseThenExecute { by } => {
            fate.answer = Answer::Lost;
            fate.answer_waits = false;
            fate.execute_after_ms = draw(by);
        }
        Fault::Late { by } => fate.execute_after_ms += draw(by),
        Fault::AnswerLate { by } => fate.answer_after_ms += draw(by),
        Fault::Fail {
            status,
            executed,
            retry_after_s,
        } => {
            fate.answer = Answer::Replaced(failure(status, retry_after_s));
            if !executed {
                fate.execute = Execute::No;
            }
        }
        Fault::Hang { executed } => {
            fate.answer = Answer::Never;
            if !executed {
                fate.execute = Execute::No;
            }
        }
        Fault::Garble => fate.answer = Answer::Garbled,
        Fault::Twice => fate.execute = Execute::Twice,
        Fault::Ignore => fate.execute = Execute::Ignored,
        Fault::EndInError { reason } => fate.build.error = Some(reason),
        Fault::StuckInBuild => fate.build.stuck = true,
        Fault::Boot { after } => fate.build.boot = Some(after),
        Fault::Dies { after, outside } => fate.build.dies = Some((after, outside)),
    }
}

/// An error that is answered without anybody having looked at the request. Nova says "not found" and "bad method" only after that, so something in
/// front of it says them here.
fn failure(status: u16, retry_after_s: Option<u32>) -> Response {
    let from_proxy = match status {
        404 | 405 | 502 | 504 => true,
        503 => retry_after_s.is_none(),
        _ => false,
    };
    let mut response = if from_proxy {
        let mut html = Response::empty(status).with("content-type", "text/html");
        html.body = format!(
            "<html><body><h1>{status}</h1>No server can handle this request.</body></html>\n"
        )
        .into_bytes();
        html
    } else {
        let text = match status {
            413 | 429 => "This request was rate-limited.",
            503 => "The service is currently unable to handle the request.",
            500 => "Unexpected API Error. Please report it with the log of the API.",
            _ => "The request was refused by a planned fault.",
        };
        crate::nova::error::body(status, text, retry_after_s)
    };
    if let Some(seconds) = retry_after_s {
        response = response.with("retry-after", seconds.to_string());
    }
    response
}
