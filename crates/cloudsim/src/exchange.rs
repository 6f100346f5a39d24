//! One exchange: a request arrives, executes once it is its turn, and its answer leaves when it is due.

use crate::fate::{Answer, Arriving, Execute, Fate};
use crate::faults::Call;
use crate::life::Due;
use crate::log::LogEntry;
use crate::nova;
use crate::request::{Request, Response, Target};
use crate::route::{self, Service};
use crate::sim::Sim;

/// What a caller holds while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// For [`Sim::take`].
    pub id: u64,
    /// When the answer (or the end of the connection) comes; `None` if never.
    pub answer_at_ms: Option<u64>,
}

/// What there is for a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer.
    Answer(Response),
    /// The connection died without an answer.
    Reset,
    /// Nothing yet: come again at that time, or wait for ever if there is none (it hangs, or was taken before).
    NotYet(Option<u64>),
}

/// An answer that is waited for.
#[derive(Debug)]
pub(crate) struct Waiting {
    at_ms: u64,
    outcome: Option<Outcome>,
}

/// What the path of a request tells.
#[derive(Debug, Clone, Copy)]
struct Seen {
    seq: u64,
    call: Call,
    service: Service,
    region: usize,
}

/// A request between arrival and execution.
#[derive(Debug)]
pub(crate) struct Job {
    ticket: u64,
    pub(crate) seq: u64,
    pub(crate) request: Request,
    pub(crate) create: Option<nova::create::Body>,
    pub(crate) fate: Fate,
}

impl Sim {
    /// A request arrives. Time never runs backwards: an earlier `now_ms` means the latest seen.
    pub fn arrive(&mut self, now_ms: u64, request: Request) -> Ticket {
        self.advance(now_ms);
        let now_ms = self.now_ms;
        let target = Target::parse(&request.path_and_query);
        let place = route::place(&target, &self.settings.regions);
        let call = route::call(&request.method, place);
        let create = (call == Call::Create).then(|| nova::create::Body::parse(&request.body));
        let tags = create.as_ref().map(nova::create::Body::tags);
        let tags = tags.unwrap_or_default();
        let seq = self.log.next();
        let seen = Seen {
            seq,
            call,
            service: place.service,
            region: place.region,
        };
        let fate = self.regions[seen.region].weather.decide(
            self.dice,
            &Arriving {
                seq,
                call,
                tags: &tags,
                request: &request,
            },
        );
        self.write_down(seen, tags, &request);
        let execute_at_ms = self.execution_time(seen, &fate);
        let answer_at_ms = match fate.answer {
            Answer::Never => None,
            Answer::True | Answer::Garbled | Answer::Replaced(_) | Answer::Lost => Some(
                fate.answer_after_ms
                    + if fate.answer_waits {
                        execute_at_ms
                    } else {
                        now_ms
                    },
            ),
        };
        let ticket = Ticket {
            id: self.tickets,
            answer_at_ms,
        };
        self.tickets += 1;
        if let Some(at_ms) = answer_at_ms {
            let outcome = None;
            self.waiting.insert(ticket.id, Waiting { at_ms, outcome });
        }
        let job = Job {
            ticket: ticket.id,
            seq,
            request,
            create,
            fate,
        };
        self.start(job, execute_at_ms);
        ticket
    }

    /// What there is for a ticket at `now_ms`. An answer can be taken once.
    pub fn take(&mut self, ticket: u64, now_ms: u64) -> Outcome {
        self.advance(now_ms);
        let Some(waiting) = self.waiting.get_mut(&ticket) else {
            return Outcome::NotYet(None);
        };
        match waiting.outcome.take() {
            Some(outcome) if waiting.at_ms <= self.now_ms => {
                self.waiting.remove(&ticket);
                outcome
            }
            outcome => {
                waiting.outcome = outcome;
                // Later than now in any case, so that nobody spins.
                Outcome::NotYet(Some(waiting.at_ms.max(self.now_ms + 1)))
            }
        }
    }

    /// The caller went away. What it asked for still happens.
    pub fn abandon(&mut self, ticket: u64) {
        self.waiting.remove(&ticket);
    }

    fn write_down(&mut self, seen: Seen, tags: Vec<String>, request: &Request) {
        let region = match seen.service {
            Service::Compute | Service::Image => self.regions[seen.region].name.clone(),
            Service::Identity | Service::Nowhere => String::new(),
        };
        let project = request
            .header("x-auth-token")
            .and_then(|token| self.identity.project_of(token, &self.settings));
        self.log.arrived(LogEntry {
            seq: seen.seq,
            at_ms: self.now_ms,
            call: seen.call,
            method: request.method.clone(),
            path: request.path_and_query.clone(),
            region,
            project: project.map(ToOwned::to_owned),
            tags,
            server: None,
            status: None,
            executed: false,
            connection_lost: false,
        });
    }

    /// When a request executes: after its own delay, and after all that arrived before it if the capacity is limited.
    fn execution_time(&mut self, seen: Seen, fate: &Fate) -> u64 {
        let now_ms = self.now_ms;
        let region = &mut self.regions[seen.region];
        let faults = region.weather.faults();
        let mut start_ms = now_ms;
        if let (Service::Compute, Some(per_s)) = (seen.service, faults.capacity_per_s)
            && fate.execute != Execute::No
        {
            let cost_us = 1_000_000 / u64::from(per_s.max(1));
            region.busy_us = region.busy_us.max(now_ms.saturating_mul(1_000)) + cost_us;
            start_ms = region.busy_us.div_ceil(1_000);
        }
        if seen.call == Call::List && !faults.dead_cells.is_empty() {
            start_ms += faults.dead_cell_delay_ms;
        }
        start_ms + fate.execute_after_ms
    }

    /// Executes a request now or plans it.
    fn start(&mut self, job: Job, execute_at_ms: u64) {
        match &job.fate.answer {
            Answer::Never => self.lose(&job),
            Answer::Lost => {
                self.lose(&job);
                self.answer(job.ticket, Outcome::Reset);
            }
            Answer::Replaced(response) => {
                self.tell_status(&job, response.status);
                self.answer(job.ticket, Outcome::Answer(response.clone()));
            }
            Answer::True | Answer::Garbled => {}
        }
        if job.fate.execute == Execute::No {
            return;
        }
        if execute_at_ms > self.now_ms {
            self.plan(execute_at_ms, Due::Execute(Box::new(job)));
        } else {
            self.execute(&job);
            // What takes no time has happened before the answer leaves.
            self.advance(self.now_ms);
        }
    }

    /// Executes a request.
    pub(crate) fn execute(&mut self, job: &Job) {
        let mut response = match job.fate.execute {
            Execute::No => return,
            Execute::Once => self.handle(job),
            Execute::Twice => {
                self.handle(job);
                self.handle(job)
            }
            Execute::Ignored => Response::empty(204),
        };
        if let Some(entry) = self.log.entry_mut(job.seq) {
            entry.executed =
                (200..300).contains(&response.status) && job.fate.execute != Execute::Ignored;
        }
        if job.fate.answer == Answer::Garbled {
            response.body.truncate(response.body.len() / 2);
        }
        match job.fate.answer {
            Answer::True | Answer::Garbled => {
                self.tell_status(job, response.status);
                self.answer(job.ticket, Outcome::Answer(response));
            }
            Answer::Replaced(_) | Answer::Lost | Answer::Never => {}
        }
    }

    fn handle(&mut self, job: &Job) -> Response {
        let target = Target::parse(&job.request.path_and_query);
        let place = route::place(&target, &self.settings.regions);
        match place.service {
            Service::Identity => self.identity_call(job, place.rest),
            Service::Compute => self.compute_call(job, place, &target),
            Service::Image => self.image_call(job, place.rest),
            Service::Nowhere => Response::empty(404),
        }
    }

    fn answer(&mut self, ticket: u64, outcome: Outcome) {
        if let Some(waiting) = self.waiting.get_mut(&ticket) {
            waiting.outcome = Some(outcome);
        }
    }

    fn lose(&mut self, job: &Job) {
        self.log.sent(None);
        if let Some(entry) = self.log.entry_mut(job.seq) {
            entry.connection_lost = true;
        }
    }

    fn tell_status(&mut self, job: &Job, status: u16) {
        self.log.sent(Some(status));
        if let Some(entry) = self.log.entry_mut(job.seq) {
            entry.status = Some(status);
        }
    }
}
