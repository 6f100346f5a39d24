//! What the cloud saw: the request log and the counts that tests count from.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::faults::Call;

/// One request as the cloud saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEntry {
    /// Number, from 0, in order of arrival.
    pub seq: u64,
    /// When it arrived.
    pub at_ms: u64,
    /// Kind of call.
    pub call: Call,
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Region; empty for Keystone.
    pub region: String,
    /// Project of its token, if the token was ever good.
    pub project: Option<String>,
    /// Tags that a create asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The server it made or was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Status the caller was sent; `None` if it was sent nothing (yet).
    pub status: Option<u16>,
    /// Whether it took effect: the cloud itself came to a 2xx, whatever the caller saw.
    pub executed: bool,
    /// Whether the caller never gets an answer: the connection died, or hangs.
    pub connection_lost: bool,
}

/// Create calls that carried one tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CreateCount {
    /// Calls that arrived.
    pub arrived: u64,
    /// Servers that they made; more than `arrived` if something repeated a call inside.
    pub servers: u64,
}

/// Totals since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests.
    pub requests: u64,
    /// Requests per kind of call.
    pub by_call: BTreeMap<Call, u64>,
    /// Answers per status; lost ones under 0.
    pub by_status: BTreeMap<u16, u64>,
    /// Creates per tag.
    pub creates_by_tag: BTreeMap<String, CreateCount>,
    /// Creates without any tag.
    pub creates_untagged: CreateCount,
    /// Servers made by create calls.
    pub servers_created: u64,
    /// Servers deleted by DELETE calls.
    pub servers_deleted: u64,
}

impl Counts {
    /// The most create calls that carried one tag: must be at most 1.
    pub fn creates_per_tag_max(&self) -> u64 {
        self.creates_by_tag
            .values()
            .map(|count| count.arrived)
            .max()
            .unwrap_or_default()
    }
}

/// The bounded log and the unbounded counts.
#[derive(Debug)]
pub(crate) struct Log {
    entries: VecDeque<LogEntry>,
    first: u64,
    next: u64,
    entries_max: usize,
    pub(crate) counts: Counts,
}

impl Log {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            next: 0,
            entries_max,
            counts: Counts::default(),
        }
    }

    /// Number of the next request.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn arrived(&mut self, entry: LogEntry) {
        self.next += 1;
        self.counts.requests += 1;
        *self.counts.by_call.entry(entry.call).or_default() += 1;
        if entry.call == Call::Create {
            for tag in &entry.tags {
                self.count_create(tag, |count| count.arrived += 1);
            }
            if entry.tags.is_empty() {
                self.counts.creates_untagged.arrived += 1;
            }
        }
        self.entries.push_back(entry);
        while self.entries.len() > self.entries_max {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    /// A create executed and made that many servers with those tags.
    pub(crate) fn made(&mut self, tags: &[String], servers: u64) {
        self.counts.servers_created += servers;
        for tag in tags {
            self.count_create(tag, |count| count.servers += servers);
        }
        if tags.is_empty() {
            self.counts.creates_untagged.servers += servers;
        }
    }

    fn count_create(&mut self, tag: &str, change: impl FnOnce(&mut CreateCount)) {
        let counts = &mut self.counts.creates_by_tag;
        match counts.get_mut(tag) {
            Some(count) => change(count),
            // Without cloning the tag when it is there already.
            None => change(counts.entry(tag.to_owned()).or_default()),
        }
    }

    pub(crate) fn sent(&mut self, status: Option<u16>) {
        *self
            .counts
            .by_status
            .entry(status.unwrap_or_default())
            .or_default() += 1;
    }

    pub(crate) fn entry_mut(&mut self, seq: u64) -> Option<&mut LogEntry> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(at)
    }

    /// The kept entries from that number on.
    pub(crate) fn since(&self, seq: u64) -> impl Iterator<Item = &LogEntry> {
        let skip = usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries.iter().skip(skip)
    }

    /// Forgets entries and counts; numbers go on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.first = self.next;
        self.counts = Counts::default();
    }
}
