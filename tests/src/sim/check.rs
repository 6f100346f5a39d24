//! The promises, checked after every step on the truth of the cloud and of the store (design 1).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::{EventId, GroupKey, SlotId};
use domain::slot::State;
use store::memory::Memory;

use super::transport::Sky;

/// What a run has shown so far.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// What was broken, in order; at most the first of each kind and subject.
    pub violations: Vec<String>,
    /// Most create calls that arrived for one slot.
    pub creates_per_slot_max: u64,
    /// Steps after which something had changed and everything was looked at.
    pub looks: u64,
    /// Slots that were ever in doubt.
    pub in_doubt: BTreeSet<SlotId>,
    /// Events that were acknowledged with a verdict.
    pub acknowledged: BTreeMap<EventId, GroupKey>,
}

/// Looks at the truth whenever it changed. Cheap to clone.
#[derive(Clone)]
pub struct Checker {
    store: Memory,
    sky: Sky,
    /// The service user; its servers are ours.
    user: String,
    state: Arc<Mutex<Progress>>,
}

#[derive(Default)]
struct Progress {
    findings: Findings,
    seen: (u64, u64),
    servers: usize,
    verdicts: BTreeMap<GroupKey, usize>,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checker")
    }
}

impl Checker {
    /// A checker of one run.
    #[must_use]
    pub fn new(store: Memory, sky: Sky, user: &str) -> Self {
        Self {
            store,
            sky,
            user: user.to_owned(),
            state: Arc::default(),
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn findings(&self) -> Findings {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .findings
            .clone()
    }

    /// An event was acknowledged to its sender.
    pub fn acknowledged(&self, event: EventId, key: GroupKey) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .findings
            .acknowledged
            .insert(event, key);
    }

    /// To be called after every step.
    pub fn look(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.store.commits(), self.sky.truth().counts().requests);
        if now == state.seen {
            return;
        }
        state.seen = now;
        state.findings.looks += 1;
        let mut found = Vec::new();
        let slots = self.look_at_groups(&mut state, &mut found);
        self.look_at_cloud(&mut state, &slots, &mut found);
        for line in found {
            if !state.findings.violations.contains(&line) {
                state.findings.violations.push(line);
            }
        }
    }

    /// I3 and I4 in the ledger. Gives every slot there is, with its group and whether it is on its way out.
    fn look_at_groups(
        &self,
        state: &mut Progress,
        found: &mut Vec<String>,
    ) -> BTreeMap<String, (GroupKey, bool)> {
        let mut slots = BTreeMap::new();
        for key in self.store.keys() {
            let Some(group) = self.store.group(&key) else {
                continue;
            };
            let over = group.state.over.map_or(0, |o| o.size.0);
            let limit = group.config.bounds.max().0.max(over);
            let counted = group.slots.census().counted.0;
            if counted > limit {
                found.push(format!(
                    "I3: group {} counts {counted} slots over its limit of {limit}",
                    key.id
                ));
            }
            for slot in group.slots.open().chain(group.slots.ended()) {
                let leaving = matches!(
                    slot.state,
                    State::Draining(_) | State::Deleting(..) | State::Surplus(_)
                );
                slots.insert(slot.id.to_string(), (key.clone(), leaving));
                if matches!(slot.state, State::InDoubt(..)) {
                    state.findings.in_doubt.insert(slot.id);
                }
            }
            self.look_at_verdicts(state, &key, found);
        }
        slots
    }

    /// I4: each event once, each verdict going on where the last one ended.
    fn look_at_verdicts(&self, state: &mut Progress, key: &GroupKey, found: &mut Vec<String>) {
        let verdicts = self.store.verdicts(key);
        let seen = state
            .verdicts
            .insert(key.clone(), verdicts.len())
            .unwrap_or(0);
        if seen == verdicts.len() {
            return;
        }
        let mut ids = BTreeSet::new();
        for verdict in &verdicts {
            if !ids.insert(verdict.event.clone()) {
                found.push(format!("I4: event {} has two verdicts", verdict.event));
            }
        }
        for pair in verdicts.windows(2) {
            if pair[0].after != pair[1].before {
                found.push(format!(
                    "I4: group {}: desired was {} after {} and {} before {}",
                    key.id, pair[0].after, pair[0].event, pair[1].before, pair[1].event
                ));
            }
        }
    }

    /// I1, I2 and I3 in the cloud.
    fn look_at_cloud(
        &self,
        state: &mut Progress,
        slots: &BTreeMap<String, (GroupKey, bool)>,
        found: &mut Vec<String>,
    ) {
        let truth = self.sky.truth();
        let most = truth.counts().creates_per_tag_max();
        state.findings.creates_per_slot_max = state.findings.creates_per_slot_max.max(most);
        if most > 1 {
            found.push("I3: a slot had more than one create call".to_owned());
        }
        let mut in_service: BTreeMap<&GroupKey, u32> = BTreeMap::new();
        for server in truth.servers() {
            if server.user != self.user {
                if server.deleted.is_some() {
                    found.push(format!("I2: foreign server {} was deleted", server.id));
                }
                continue;
            }
            let tags = server.asked.as_ref().map_or(&server.tags, |a| &a.tags);
            let slot = tags.iter().find_map(|t| t.strip_prefix("as:"));
            match slot.and_then(|s| slots.get(s)) {
                None => found.push(format!(
                    "I1: server {} has no slot in the ledger",
                    server.id
                )),
                Some((key, false)) if server.deleted.is_none() => {
                    *in_service.entry(key).or_default() += 1
                }
                Some(_) => {}
            }
        }
        state.servers = truth.servers().len();
        for (key, count) in in_service {
            let Some(group) = self.store.group(key) else {
                continue;
            };
            let limit = group
                .config
                .bounds
                .max()
                .0
                .max(group.state.over.map_or(0, |o| o.size.0));
            if count > limit {
                found.push(format!(
                    "I3: group {} has {count} servers, its limit is {limit}",
                    key.id
                ));
            }
        }
    }
}
