//! The state machine: requests arrive, things fall due, answers leave.

use std::collections::BTreeMap;

use crate::exchange::Waiting;
use crate::fate::Weather;
use crate::faults::Faults;
use crate::fleet::Fleet;
use crate::keystone::Identity;
use crate::life::Due;
use crate::log::{Counts, Log, LogEntry};
use crate::nova::list::Pages;
use crate::random::Dice;
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
    pub(crate) waiting: BTreeMap<u64, Waiting>,
    pub(crate) tickets: u64,
    /// Forgotten when the conduct of a region, or the base URL, changes.
    pub(crate) pages: Pages,
}

/// One region: its conduct and its key pairs.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) weather: Weather,
    /// Until when the requests that have arrived keep Nova busy, in microseconds.
    pub(crate) busy_us: u64,
    pub(crate) key_pairs: BTreeMap<(String, String), String>,
}

/// No server or region of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulated cloud has no {0}")]
pub struct Unknown(pub String);

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
            waiting: BTreeMap::new(),
            tickets: 0,
            pages: Pages::new(),
            settings,
        }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the catalog says that the services are: scheme, host and port.
    pub fn set_base_url(&mut self, url: &str) {
        self.pages.clear();
        url.trim_end_matches('/')
            .clone_into(&mut self.settings.base_url);
    }

    /// Sets the conduct of all regions. Planned faults count from here.
    pub fn set_faults(&mut self, faults: &Faults) {
        self.pages.clear();
        for region in &mut self.regions {
            region.weather = Weather::new(faults.clone());
        }
    }

    /// Sets the conduct of one region.
    ///
    /// # Errors
    /// [`Unknown`] region: nothing changed.
    pub fn set_faults_in(&mut self, region: &str, faults: Faults) -> Result<(), Unknown> {
        self.pages.clear();
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
}
