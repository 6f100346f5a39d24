//! The cloud's own truth, which no property may confuse with what the ledger believes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::evidence::{DeleteCall, Extent, Listing, Proof, Row, Status};
use domain::ids::{GroupId, ServerId, SlotId};
use domain::settle::Outcome;
use domain::slot::{DoubtWhy, FailWhy};
use domain::time::Mono;

/// One server as it really is.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// The slot that its metadata proves; none when it was stripped.
    pub(crate) proof: Option<SlotId>,
    /// Whether our service user made it.
    pub(crate) ours: bool,
    /// What the cloud says of it.
    pub(crate) status: Status,
    /// Its cell is down.
    pub(crate) dark: bool,
    /// Somebody edited its metadata.
    pub(crate) tampered: bool,
}

/// One create call under way, or lost.
#[derive(Debug, Clone)]
pub(crate) struct Create {
    pub(crate) slot: SlotId,
    pub(crate) sent: u64,
    pub(crate) begun: bool,
    pub(crate) executed: Option<ServerId>,
    /// The worker that made it will never report.
    pub(crate) is_lost: bool,
}

/// A create executes within this or never; shorter than quiesce, longer than a call's time-out.
const LATE_MS: u64 = 150_000;

#[derive(Debug, Default)]
pub(crate) struct Cloud {
    pub(crate) servers: BTreeMap<ServerId, Server>,
    pub(crate) calls: Vec<Create>,
    made: u128,
}

impl Cloud {
    pub(crate) fn server(&self, n: usize) -> Option<ServerId> {
        pick(self.servers.keys().copied(), n)
    }
    pub(crate) fn edit(&mut self, n: usize, edit: impl FnOnce(&mut Server)) {
        let id = self.server(n);
        if let Some(server) = id.and_then(|id| self.servers.get_mut(&id)) {
            edit(server);
        }
    }
    /// A new server. Ids are not made in order, so that the lowest is not always the first.
    pub(crate) fn make(&mut self, proof: Option<SlotId>, ours: bool) -> ServerId {
        self.made += 1;
        let id = ServerId::from_u128((self.made * 7919) % 10_007 + 1);
        let server = Server {
            proof,
            ours,
            status: Status::Building,
            dark: false,
            tampered: false,
        };
        self.servers.insert(id, server);
        id
    }
    pub(crate) fn send(&mut self, slot: SlotId, now: u64) {
        self.calls.push(Create {
            slot,
            sent: now,
            begun: false,
            executed: None,
            is_lost: false,
        });
    }
    /// Executes the create call with that number, if it still can.
    pub(crate) fn execute(&mut self, n: usize, now: u64) -> Option<ServerId> {
        let index = n % self.calls.len().max(1);
        let call = self.calls.get(index)?;
        if call.executed.is_some() {
            return call.executed;
        }
        if now.saturating_sub(call.sent) > LATE_MS {
            return None;
        }
        let slot = call.slot;
        let id = self.make(Some(slot), true);
        let call = &mut self.calls[index];
        (call.executed, call.begun) = (Some(id), true);
        Some(id)
    }
    /// What the worker of a create call reports; none when it reports nothing any more.
    pub(crate) fn answer(&mut self, n: usize, how: u8, now: u64) -> Option<(SlotId, Outcome)> {
        let index = n % self.calls.len().max(1);
        let (slot, executed, is_lost) = self
            .calls
            .get(index)
            .map(|c| (c.slot, c.executed, c.is_lost))?;
        if is_lost {
            // Its worker may live, and gets rid of the token. What the cloud has of the call by then may still be executed.
            let revokes = how % 8 == 7;
            return revokes.then_some((slot, Outcome::TokenRevoked));
        }
        let outcome = match (how % 8, executed) {
            (0..=2, _) => match self.execute(index, now) {
                Some(server) => Outcome::Created(server),
                None => Outcome::NotCreated(FailWhy::NotSent),
            },
            (3, None) => Outcome::NotCreated(FailWhy::Quota("cores".into())),
            (4, None) => Outcome::Throttled(Duration::from_secs(20)),
            (3 | 4, Some(server)) => Outcome::Created(server),
            (5, _) => {
                // The worker dies; the call may have begun.
                self.calls[index].is_lost = true;
                self.calls[index].begun |= n.is_multiple_of(2);
                return None;
            }
            (6, _) => {
                self.calls[index].is_lost = true;
                self.calls[index].begun = true;
                return Some((slot, Outcome::Unknown(DoubtWhy::Timeout)));
            }
            // Something between us and the cloud executes one create twice, and the answer may get lost.
            (_, _) => {
                let first = self.execute(index, now);
                let twin = self.make(Some(slot), true);
                if n.is_multiple_of(3) {
                    (self.calls[index].is_lost, self.calls[index].begun) = (true, true);
                    return Some((slot, Outcome::Unknown(DoubtWhy::Reset)));
                }
                Outcome::Created(first.filter(|_| n.is_multiple_of(2)).unwrap_or(twin))
            }
        };
        self.calls.remove(index);
        Some((slot, outcome))
    }
    /// What the successor of a worker says of a call.
    pub(crate) fn void(&mut self, slot: SlotId) -> Outcome {
        let lost = self.calls.iter().position(|call| call.slot == slot);
        match lost {
            Some(index) if !self.calls[index].begun => {
                self.calls.remove(index);
                Outcome::Voided
            }
            Some(_) | None => Outcome::Begun,
        }
    }
    /// Reads the server and deletes it if it is what the call says, as a worker does.
    pub(crate) fn delete(&mut self, call: &DeleteCall) -> Outcome {
        let id = call.server;
        match self.servers.get(&id) {
            None => Outcome::NotFound(id),
            Some(server) if server.dark => Outcome::DeleteUnclear(id),
            Some(server) if !server.ours || server.proof != Some(call.proof) => {
                Outcome::NotOurs(id)
            }
            Some(_) => {
                self.servers.remove(&id);
                Outcome::DeleteAccepted(id)
            }
        }
    }
    /// What a list shows. A partial one leaves out dead cells and every server whose bit of `mask` is not set.
    pub(crate) fn list(&self, group: GroupId, mask: Option<u64>, now: u64) -> Listing {
        let shown = |(n, (_, server)): &(usize, (&ServerId, &Server))| match mask {
            None => true,
            Some(mask) => !server.dark && mask >> (n % 64) & 1 == 1,
        };
        let rows = self
            .servers
            .iter()
            .enumerate()
            .filter(shown)
            .map(|(_, (id, server))| {
                if server.dark {
                    return Row {
                        server: *id,
                        proof: Proof::Unreadable,
                        ours: false,
                        status: Status::Unknown,
                    };
                }
                Row {
                    server: *id,
                    proof: server
                        .proof
                        .map_or(Proof::None, |slot| Proof::Valid { group, slot }),
                    ours: server.ours,
                    status: server.status.clone(),
                }
            });
        Listing {
            began: Mono::from_ms(now),
            extent: if mask.is_none() {
                Extent::Complete
            } else {
                Extent::Partial
            },
            about: None,
            rows: rows.collect(),
            shown: Arc::default(),
        }
    }
}

/// The `n`th of some, counted round.
pub(crate) fn pick<T>(all: impl Iterator<Item = T> + Clone, n: usize) -> Option<T> {
    let len = all.clone().count();
    let mut all = all;
    all.nth(n.checked_rem(len)?)
}
