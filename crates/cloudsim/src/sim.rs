//! The state machine: requests arrive, things fall due, answers leave.

use std::collections::{BTreeMap, HashMap};

use crate::fate::{Answer, Arriving, Execute, Fate, Weather};
use crate::faults::{Call, Faults};
use crate::fleet::Fleet;
use crate::keystone::Identity;
use crate::life::Due;
use crate::log::{Counts, Log, LogEntry};
use crate::nova;
use crate::random::Dice;
use crate::request::{Request, Response, Target};
use crate::route::{self, Service};
use crate::server::Server;
use crate::settings::Settings;

/// A simulated OpenStack.
#[derive(Debug)]
pub struct Sim {
    pub(crate) settings: Settings,
    pub(crate) dice: Dice,
    pub(crate) now_ms: u64,
    pub(crate) regions: Vec<Region>,
    pub(crate) identity: Identity,
    pub(crate) fleet: Fleet,
    pub(crate) log: Log,
    /// What is due, by time and then in the order in which it was planned.
    pub(crate) agenda: BTreeMap<(u64, u64), Due>,
    planned: u64,
    waiting: HashMap<u64, Waiting>,
    tickets: u64,
}

/// One region: its conduct and its key pairs.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) weather: Weather,
    /// Until when the requests that have arrived keep Nova busy, in microseconds.
    busy_us: u64,
    pub(crate) key_pairs: BTreeMap<(String, String), String>,
}

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

/// No server or region of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulated cloud has no {0}")]
pub struct Unknown(pub String);

#[derive(Debug)]
struct Waiting {
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
    /// A new cloud, healthy, without servers. An empty list of regions means one of the name `RegionOne`.
    pub fn new(mut settings: Settings) -> Self {
        if settings.regions.is_empty() {
            settings.regions.push("RegionOne".to_owned());
        }
        let regions = settings.regions.iter().map(|name| Region {
            name: name.clone(),
            weather: Weather::new(Faults::default()),
            busy_us: 0,
            key_pairs: BTreeMap::new(),
        });
        Self {
            dice: Dice::new(settings.seed),
            now_ms: 0,
            regions: regions.collect(),
            identity: Identity::default(),
            fleet: Fleet::default(),
            log: Log::new(settings.log_entries_max),
            agenda: BTreeMap::new(),
            planned: 0,
            waiting: HashMap::new(),
            tickets: 0,
            settings,
        }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the catalog says that the services are: scheme, host and port.
    pub fn set_base_url(&mut self, url: &str) {
        url.trim_end_matches('/')
            .clone_into(&mut self.settings.base_url);
    }

    /// Sets the conduct of all regions. Planned faults count from here.
    pub fn set_faults(&mut self, faults: &Faults) {
        for region in &mut self.regions {
            region.weather = Weather::new(faults.clone());
        }
    }

    /// Sets the conduct of one region.
    ///
    /// # Errors
    /// [`Unknown`] region: nothing changed.
    pub fn set_faults_in(&mut self, region: &str, faults: Faults) -> Result<(), Unknown> {
        let region = self
            .regions
            .iter_mut()
            .find(|r| r.name == region)
            .ok_or_else(|| Unknown(format!("region {region}")))?;
        region.weather = Weather::new(faults);
        Ok(())
    }

    /// The conduct of the first region.
    pub fn faults(&self) -> &Faults {
        // `new` makes at least one region.
        self.regions[0].weather.faults()
    }

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

    /// Does everything that is due by then.
    pub fn advance(&mut self, now_ms: u64) {
        while let Some(entry) = self.agenda.first_entry() {
            let at_ms = entry.key().0;
            if at_ms > now_ms {
                break;
            }
            let due = entry.remove();
            self.now_ms = self.now_ms.max(at_ms);
            self.happen(due);
        }
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// When the next thing is due, if any: for a simulator that jumps in time.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.agenda.keys().next().map(|(at_ms, _)| *at_ms)
    }

    /// The latest time it has seen.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// All servers that are or ever were, in order of creation.
    pub fn servers(&self) -> &[Server] {
        self.fleet.all()
    }

    /// The servers that are: not yet gone, whatever their status.
    pub fn living(&self) -> impl Iterator<Item = &Server> {
        let gone = |s: &Server| s.deleted.is_some_and(|end| end.gone_ms.is_some());
        self.fleet.all().iter().filter(move |s| !gone(s))
    }

    /// One server by its id.
    pub fn server(&self, id: &str) -> Option<&Server> {
        self.fleet.get(self.fleet.find(id)?)
    }

    /// The kept log entries from that number on (0 for all).
    pub fn log(&self, since: u64) -> impl Iterator<Item = &LogEntry> {
        self.log.since(since)
    }

    /// Totals since the start or the last reset, also of what is no longer in the log.
    pub fn counts(&self) -> &Counts {
        &self.log.counts
    }

    /// Forgets log and counts; servers, tokens and faults stay.
    pub fn clear_log(&mut self) {
        self.log.clear();
    }

    /// Starts again with the same settings: no servers, no tokens, no faults, an empty log. Tickets given out before stay valid, unanswered.
    pub fn reset(&mut self) {
        let mut new = Self::new(self.settings.clone());
        new.tickets = self.tickets;
        new.now_ms = self.now_ms;
        *self = new;
    }

    /// Plans something.
    pub(crate) fn plan(&mut self, at_ms: u64, due: Due) {
        self.agenda.insert((at_ms, self.planned), due);
        self.planned += 1;
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
