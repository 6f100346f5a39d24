//! The cloud: which calls arrive, which servers there are, and how each one ended.

use std::collections::{BTreeMap, BTreeSet};

use cloudsim::{Call, DeletedBy, LogEntry, Server, Sim};
use domain::ids::GroupKey;
use domain::slot::State;

use super::super::schedule::Regime;
use super::Findings;
use super::ledger::{Ledger, is_leaving};

/// A proof that was read within this may be acted upon (safety 3.7).
const PROOF_AGE_MAX_MS: u64 = 60_000;

/// The cloud as it was looked at last.
#[derive(Default)]
pub(super) struct Cloud {
    /// The next entry of the log.
    next: u64,
    /// Servers whose end was looked at.
    ended: BTreeSet<usize>,
    /// The first server that may still be living.
    first: usize,
    /// When a read of a server last arrived while it proved a slot: server, slot.
    proved: BTreeMap<(String, String), u64>,
    /// Servers of which the request that made them is noted.
    noted: usize,
    /// How many servers each request made.
    made: BTreeMap<u64, u32>,
}

impl Cloud {
    /// The requests that arrived since the last look.
    pub(super) fn look_at_calls(
        &mut self,
        truth: &Sim,
        ledger: &Ledger,
        findings: &mut Findings,
        regime: Regime,
    ) {
        for entry in truth.log(self.next) {
            self.next = entry.seq + 1;
            look_at_call(entry, (truth, ledger), regime, findings);
            let read = (entry.call == Call::Read).then(|| entry.path.rsplit('/').next());
            if let Some(server) = read.flatten().and_then(|id| truth.server(id))
                && let Some(slot) = proven(truth, server)
            {
                let shown = (server.id.clone(), slot.to_owned());
                self.proved.insert(shown, entry.at_ms);
            }
        }
    }

    /// Every server that may still be living; the ledger, or the servers, changed.
    pub(super) fn look_at_servers(
        &mut self,
        truth: &Sim,
        ledger: &Ledger,
        findings: &mut Findings,
        user: &str,
    ) {
        self.count_made(truth);
        let mut in_service: BTreeMap<&GroupKey, BTreeSet<u64>> = BTreeMap::new();
        for (place, server) in truth.servers().iter().enumerate().skip(self.first) {
            if server.deleted.is_some() {
                if self.ended.insert(place) {
                    self.look_at_end(truth, ledger, findings, (server, user));
                }
                if place == self.first {
                    self.first += 1;
                }
                continue;
            }
            if server.user != user {
                look_at_foreign(server, ledger, findings);
                continue;
            }
            let Some(asked) = &server.asked else {
                findings.broken(format!("I1: server {} was made by no call", server.id));
                continue;
            };
            let slot = asked.tags.iter().find_map(|t| t.strip_prefix("as:"));
            let Some((key, state)) = slot.and_then(|s| ledger.slot(s)) else {
                findings.broken(format!(
                    "I1: server {} has no slot in the ledger",
                    server.id
                ));
                continue;
            };
            if server.project != key.tenant.as_str() {
                findings.broken(format!(
                    "I7: server {} is in another tenant's project",
                    server.id
                ));
            }
            // What shows our proof no longer is the tenant's own (I2 beats I1).
            let ours = !is_altered(server);
            let leaves = is_leaving(state) || ledger.roles(&server.id).any(|(_, s)| is_leaving(s));
            let back = ledger
                .roles(&server.id)
                .any(|(_, s)| domain::slot::is_handed_back(s));
            // The ways past max: something between us and the cloud executed one create twice (I3), or the tenant took our proof off a server
            // in doubt and put it back when the doubt was over (H7). Such a server is looked for, and leaves.
            let twin = self.made.get(&asked.request).is_some_and(|n| *n > 1);
            let unbound = ledger.roles(&server.id).next().is_none();
            let excused = unbound && (twin || asked.metadata.is_some());
            let lost = slot.is_some_and(|slot| ledger.is_lost(slot));
            if ours && !leaves && !back && !excused && !lost {
                in_service.entry(key).or_default().insert(asked.request);
            }
        }
        for (key, calls) in in_service {
            let (count, allowed) = (calls.len(), ledger.allowed(key));
            if u32::try_from(count).is_ok_and(|count| count > allowed) {
                findings.broken(format!(
                    "I3: group {} has {count} servers, its limit is {allowed}",
                    key.id
                ));
            }
        }
    }

    /// How many servers each call made.
    fn count_made(&mut self, truth: &Sim) {
        for server in truth.servers().iter().skip(self.noted) {
            self.noted += 1;
            if let Some(asked) = &server.asked {
                *self.made.entry(asked.request).or_default() += 1;
            }
        }
    }

    /// I2: how a server ended.
    fn look_at_end(
        &self,
        truth: &Sim,
        ledger: &Ledger,
        findings: &mut Findings,
        (server, user): (&Server, &str),
    ) {
        let Some(DeletedBy::Api(call)) = server.deleted.map(|end| end.by) else {
            return;
        };
        let foreign = server.user != user || server.asked.is_none();
        if foreign {
            findings.broken(format!("I2: foreign server {} was deleted", server.id));
            return;
        }
        if ledger.is_sent_away(&server.id) {
            return;
        }
        let mut roles = ledger.roles(&server.id).peekable();
        if roles.peek().is_none() {
            findings.broken(format!(
                "I2: server {} was deleted and is bound to no slot",
                server.id
            ));
        }
        for (key, state) in roles {
            let going = matches!(
                state,
                State::Deleting(..) | State::Gone(..) | State::Surplus(_)
            );
            if !going {
                findings.broken(format!(
                    "I2: server {} was deleted, group {} has it {}",
                    server.id,
                    key.id,
                    state.word()
                ));
            }
        }
        // What allowed the delete is a read at most 60 s before it that showed the proof of a slot which the server is bound to.
        let sent = truth.log(call).next().map_or(0, |entry| entry.at_ms);
        let proved = ledger.proofs(&server.id).any(|slot| {
            let shown = (server.id.clone(), slot.to_string());
            let at = self.proved.get(&shown);
            at.is_some_and(|at| at + PROOF_AGE_MAX_MS >= sent)
        });
        if !proved {
            findings.broken(format!(
                "I2: server {} was deleted without a fresh look that proved it ours",
                server.id
            ));
        }
    }
}

/// I2: what is not ours has no role.
fn look_at_foreign(server: &Server, ledger: &Ledger, findings: &mut Findings) {
    if ledger.roles(&server.id).any(|(_, state)| state.is_open()) {
        findings.broken(format!(
            "I2: server {} is not ours, and is bound",
            server.id
        ));
    }
}

/// The slot that a server proves: its metadata is what one of our creates in its project asked for. Tenants can exchange proofs between our
/// servers, and a delete then names the slot whose proof is shown; they can make none.
fn proven<'a>(truth: &Sim, server: &'a Server) -> Option<&'a str> {
    let made_with = |other: &Server| {
        let asked = other.asked.as_ref()?;
        let metadata = asked.metadata.as_ref().unwrap_or(&other.metadata);
        Some(other.project == server.project && *metadata == server.metadata)
    };
    let is_ours = !is_altered(server) || truth.servers().iter().any(|o| made_with(o) == Some(true));
    server
        .metadata
        .get("as.s")
        .filter(|_| is_ours)
        .map(String::as_str)
}

/// Whether the server shows other metadata than it was made with.
fn is_altered(server: &Server) -> bool {
    let asked = server.asked.as_ref().and_then(|a| a.metadata.as_ref());
    asked.is_some_and(|metadata| *metadata != server.metadata)
}

/// I1 and I3: a create arrives for a slot of the ledger that waits for it; nothing of a tenant's is altered.
fn look_at_call(
    entry: &LogEntry,
    (truth, ledger): (&Sim, &Ledger),
    regime: Regime,
    findings: &mut Findings,
) {
    match entry.call {
        Call::Create => {
            let count = |tag: &String| truth.counts().creates_by_tag.get(tag);
            let arrived = entry.tags.iter().filter_map(count).map(|n| n.arrived).max();
            let most = findings.creates_per_slot_max.max(arrived.unwrap_or(0));
            findings.creates_per_slot_max = most;
            if most > 1 {
                findings.broken("I3: a slot had more than one create call".to_owned());
            }
            let slot = entry.tags.iter().find_map(|t| t.strip_prefix("as:"));
            let Some((_, state)) = slot.and_then(|s| ledger.slot(s)) else {
                findings
                    .broken("I1: a create arrives for a slot that is not in the ledger".to_owned());
                return;
            };
            match state {
                State::Failed(_) => findings.broken(format!(
                    "I3: a create arrives for slot {}, which was proved not created",
                    slot.unwrap_or_default()
                )),
                State::Lapsed(..) => match regime {
                    Regime::Below => findings.broken(format!(
                        "I3: a create arrives for slot {}, which has lapsed",
                        slot.unwrap_or_default()
                    )),
                    Regime::Above => findings.tally("rule: a create arrives after its slot lapsed"),
                },
                State::Issued(_)
                | State::InDoubt(..)
                | State::Accepted(_)
                | State::Configuring(_)
                | State::Active(_)
                | State::Draining(_)
                | State::Deleting(..)
                | State::Surplus(_)
                | State::Gone(..) => {}
            }
        }
        Call::Edit => findings.broken(format!("I2: {} {} was sent", entry.method, entry.path)),
        Call::Token | Call::List | Call::Read | Call::Delete | Call::KeyPair | Call::LookUp => {}
    }
}
