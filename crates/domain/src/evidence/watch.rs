//! What an owner remembers of a group besides the ledger: memory only, and a successor that starts anew only waits longer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::group::{Group, Phase};
use crate::ids::{Incarnation, SlotId};
use crate::mutant::{self, Mutant};
use crate::slot::{self, CallToken, Slot};
use crate::time::{Mono, Timestamp};

use super::{Extent, Listing, Rules};

/// So many complete lists without a server prove it gone (safety 3.6).
pub(crate) const ABSENT_MAX: usize = 3;
/// No list takes longer than this from its start to its weighing; what ended before it needs no track.
const LIST_AGE_MAX: Duration = Duration::from_secs(15 * 60);
/// A server whose cell is down is not replaced sooner: cells come back (safety 2.2 `Partial`).
const CELL_GRACE: Duration = Duration::from_secs(30 * 60);
/// A project that shows no complete list for this long is taken for a large one.
const LARGE_AFTER: Duration = Duration::from_secs(15 * 60);

/// What an owner remembers of a group besides the ledger. Lost with the process; a successor starts anew, which only makes it wait.
#[derive(Debug, Clone)]
pub struct Watch {
    /// The rules.
    pub rules: Rules,
    /// When this owner began to watch the group.
    pub began: Mono,
    tracks: BTreeMap<SlotId, Track>,
    /// Start of the latest list of the whole project, whatever it proves; the next one is paced by it.
    pub(crate) last: Option<Mono>,
    /// Start of the latest complete one, and of the latest one by a tag.
    pub(crate) complete: Option<Mono>,
    tagged: Option<Mono>,
    /// A list is wanted at once: something was said that only a list can settle.
    pub(crate) wanted: Option<Mono>,
    /// Incarnations that are known to be dead and still have calls open here.
    dead: BTreeSet<Incarnation>,
    /// When a create was last refused with 401.
    pub(crate) token_failed: Option<Mono>,
    /// Whether this owner knew the group before it became a tombstone.
    knew: bool,
    /// When servers were last scaled in, as last read, and when this owner saw it move there; none: it found it so. Nothing was read yet at first.
    shrunk: Option<(Option<Timestamp>, Option<Mono>)>,
}

/// How a server was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A full row.
    Full,
    /// Its cell is down: it exists, and nothing else is known.
    Unknown,
    /// Its cell is up, and who looked cannot judge its proof: it counts as it did.
    Unproven,
}

/// What an owner remembers of one slot.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// When this owner first knew of the slot: not before the commit that made it, unless the owner found it at its start.
    pub(crate) noticed: Mono,
    /// When this owner read in the ledger that the token of the slot's call is revoked.
    pub(crate) revoked: Option<Mono>,
    /// When the slot came into doubt, or was found in doubt.
    pub(crate) doubt: Option<Mono>,
    /// When the server was bound, or found bound.
    pub(crate) bound: Option<Mono>,
    /// When the server was seen to be on its way out, or found so.
    left: Option<Mono>,
    /// When the slot ended, if it ended under this owner.
    pub(crate) ended: Option<Mono>,
    /// Start of the first complete list after quiesce that shows no candidate.
    pub(crate) clear: Option<Mono>,
    /// Starts of the first and of the latest tagged list of an unbroken row without a candidate.
    pub(crate) tagged: Option<(Mono, Mono)>,
    /// Start of the latest answer that shows the server, and how.
    pub(crate) seen: Option<(Mono, Look)>,
    /// Start of the first answer of an unbroken row of them that show the server as UNKNOWN.
    dark: Option<Mono>,
    /// Start of the latest complete list that shows the server in a full row.
    pub(crate) seen_complete: Option<Mono>,
    /// Starts of complete lists without the server, since it was last seen.
    pub(crate) absent: BTreeSet<Mono>,
    /// Hand-out of the first call that was answered with 404.
    pub(crate) not_found: Option<Mono>,
    /// Hand-out of the present call, while its report is awaited.
    pub(crate) asked: Option<Mono>,
    /// Hand-out of the first delete.
    pub(crate) asked_first: Option<Mono>,
    /// How many calls were handed out since the slot entered its state.
    pub(crate) asks: u32,
    /// No further call before this.
    pub(crate) again: Option<Mono>,
    /// Whether the slot is known to be in deletion: the calls counted above are deletes.
    deleting: bool,
    /// Whether this owner issued the slot, so that `noticed` is before its call. What was found in the ledger may have been called before.
    pub(crate) own: bool,
}

impl Track {
    const fn new(noticed: Mono) -> Self {
        Self {
            noticed,
            revoked: None,
            doubt: None,
            bound: None,
            left: None,
            ended: None,
            clear: None,
            tagged: None,
            seen: None,
            dark: None,
            seen_complete: None,
            absent: BTreeSet::new(),
            not_found: None,
            asked: None,
            asked_first: None,
            asks: 0,
            again: None,
            deleting: false,
            own: false,
        }
    }

    /// The server was seen in an answer begun then: what said otherwise before is void. False when newer things are known.
    pub(crate) fn see(&mut self, began: Mono, look: Look, extent: Extent) -> bool {
        if self.seen.is_some_and(|(seen, _)| seen > began) && !mutant::on(Mutant::StaleOverwrites) {
            return false;
        }
        self.seen = Some((began, look));
        self.dark = match look {
            Look::Unknown => self.dark.or(Some(began)),
            Look::Full | Look::Unproven => None,
        };
        self.absent.retain(|list| *list > began);
        if self.not_found.is_some_and(|asked| asked <= began) {
            self.not_found = None;
        }
        if look == Look::Full && extent == Extent::Complete {
            self.seen_complete = self.seen_complete.max(Some(began));
        }
        true
    }

    fn enter(&mut self, slot: &Slot, now: Mono) {
        if let slot::State::InDoubt(issue, _) | slot::State::Lapsed(issue, _) = &slot.state
            && issue.token == CallToken::Revoked
        {
            self.revoked.get_or_insert(now);
        }
        match &slot.state {
            slot::State::Issued(_) => {}
            slot::State::InDoubt(..) => {
                self.doubt.get_or_insert(now);
            }
            slot::State::Accepted(_)
            | slot::State::Configuring(_)
            | slot::State::Active(_)
            | slot::State::Surplus(_) => {
                self.bound.get_or_insert(now);
            }
            slot::State::Draining(_) => {
                self.bound.get_or_insert(now);
                self.left.get_or_insert(now);
            }
            slot::State::Deleting(..) => {
                self.bound.get_or_insert(now);
                self.left.get_or_insert(now);
                if !self.deleting {
                    // What was asked before (voids) says nothing about deletes.
                    (self.deleting, self.asked, self.asks, self.again) = (true, None, 0, None);
                }
            }
            slot::State::Failed(_) | slot::State::Lapsed(..) | slot::State::Gone(..) => {
                self.ended.get_or_insert(now);
            }
        }
    }
}

impl Watch {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new(rules: Rules, began: Mono) -> Self {
        Self {
            rules,
            began,
            tracks: BTreeMap::new(),
            last: None,
            complete: None,
            tagged: None,
            wanted: None,
            dead: BTreeSet::new(),
            token_failed: None,
            knew: false,
            shrunk: None,
        }
    }

    /// Takes note of the ledger as committed. To be called after the group was loaded and after each commit, before anything is handed
    /// out: deadlines of a slot count from here. `weigh` and `settle` call it too.
    pub fn sync(&mut self, group: &Group, now: Mono) {
        let slots = &group.slots;
        self.knew |= group.state.phase != Phase::Tombstone;
        let shrunk = group.state.shrunk;
        self.shrunk = match self.shrunk {
            Some((known, _)) if known == shrunk => self.shrunk,
            Some(_) => Some((shrunk, Some(now))),
            None => Some((shrunk, None)),
        };
        // A slot that the ledger does not have yet is in a draft; if that is not committed, its track goes by its age.
        let is_young = |since: Mono| now.since(since) < LIST_AGE_MAX;
        self.tracks.retain(|id, track| match slots.get(*id) {
            Some(slot) => is_tracked(slot) || track.ended.is_none_or(is_young),
            None => is_young(track.noticed),
        });
        let counted = slots.ended().filter(|slot| is_tracked(slot));
        for slot in slots.open().chain(counted) {
            self.tracks
                .entry(slot.id)
                .or_insert_with(|| Track::new(now))
                .enter(slot, now);
        }
        for (id, track) in &mut self.tracks {
            if let Some(slot) = slots.get(*id).filter(|slot| !slot.state.is_open()) {
                track.enter(slot, now);
            }
        }
        if !self.dead.is_empty() {
            let open: BTreeSet<Incarnation> = slots.open().filter_map(incarnation).collect();
            self.dead.retain(|dead| open.contains(dead));
        }
    }

    /// Begins to track a slot that is made in this very weighing, so that what the list shows of it is remembered.
    pub(crate) fn follow(&mut self, slot: &Slot, now: Mono) {
        self.tracks
            .entry(slot.id)
            .or_insert_with(|| Track::new(now))
            .enter(slot, now);
    }

    /// This owner issued the slot and hands it out now, not before: what it knew until then is older than the call.
    pub fn issued(&mut self, slot: SlotId) {
        if let Some(track) = self.tracks.get_mut(&slot) {
            track.own = true;
        }
    }

    /// An incarnation is known to be dead: what it has not reported is asked of its successor at once.
    pub fn died(&mut self, incarnation: Incarnation) {
        self.dead.insert(incarnation);
    }

    /// A call for this slot (delete, read or void) was handed out to a worker.
    pub fn handed_out(&mut self, slot: SlotId, now: Mono) {
        if let Some(track) = self.tracks.get_mut(&slot) {
            track.asked = Some(now);
            if track.deleting {
                track.asked_first.get_or_insert(now);
            }
            track.asks = track.asks.saturating_add(1);
        }
    }

    /// A call for this slot was due, and could not be queued, or waits in the queue already: it is due again as if it had been handed out, and
    /// counts as no try.
    pub fn put_off(&mut self, slot: SlotId, now: Mono) {
        if let Some(track) = self.tracks.get_mut(&slot) {
            track.asked = Some(now);
        }
    }

    /// The call for this slot was not begun: nothing of it counts, and it may be handed out again from then on.
    pub fn not_done(&mut self, slot: SlotId, again: Mono) {
        if let Some(track) = self.tracks.get_mut(&slot).filter(|t| t.asked.is_some()) {
            track.asked = None;
            track.asks = track.asks.saturating_sub(1);
            if track.asks == 0 {
                track.asked_first = None;
            }
            track.again = Some(again);
        }
    }

    /// Whether a delete of this slot was tried so often that a person must look (safety 2.2 `DeleteAcked`).
    #[must_use]
    pub fn is_stuck_deleting(&self, slot: &Slot) -> bool {
        matches!(slot.state, slot::State::Deleting(..))
            && self
                .tracks
                .get(&slot.id)
                .is_some_and(|track| track.asks > super::due::DELETES_MAX)
    }

    pub(crate) fn is_dead(&self, incarnation: Incarnation) -> bool {
        self.dead.contains(&incarnation)
    }
    pub(crate) fn track(&self, slot: SlotId) -> Option<&Track> {
        self.tracks.get(&slot)
    }
    pub(crate) fn track_mut(&mut self, slot: SlotId) -> Option<&mut Track> {
        self.tracks.get_mut(&slot)
    }
    /// When this owner saw a scale-in of that time; none: it found it in the ledger, or has not read it yet.
    pub(crate) fn shrunk(&self, at: Timestamp) -> Option<Mono> {
        let (known, noticed) = self.shrunk?;
        noticed.filter(|_| known == Some(at))
    }
    /// When a server was seen to be on its way out.
    pub(crate) fn left(&self, slot: SlotId) -> Option<Mono> {
        self.tracks.get(&slot).and_then(|track| track.left)
    }
    /// When a slot that is ended now can be taken to have ended: a list begun before says nothing about it.
    pub(crate) fn ended(&self, slot: SlotId) -> Mono {
        self.tracks
            .get(&slot)
            .and_then(|track| track.ended)
            .unwrap_or(self.began)
    }
    /// From when on whatever was begun before this owner began must have ended: begun, called and executed.
    #[must_use]
    pub fn settled(&self) -> Mono {
        let Rules {
            begin,
            call,
            quiesce,
            ..
        } = self.rules;
        self.began.plus(begin + call + quiesce)
    }
    /// Whether the project is too large for complete lists (design 4, rule 5): it was looked at by tags, and showed none for long. A
    /// brownout, which shows none either, is not taken for it.
    pub(crate) fn is_large(&self) -> bool {
        self.tagged
            .is_some_and(|tagged| tagged.since(self.incomplete_since()) >= LARGE_AFTER)
    }
    /// Since when the project has shown no complete list to this owner.
    pub(crate) fn incomplete_since(&self) -> Mono {
        self.complete
            .map_or(self.began, |complete| complete.max(self.began))
    }
    /// Whether the server of a slot was seen in a full row, newly enough to be a victim of scale-in (design 8).
    pub(crate) fn is_fresh(&self, slot: SlotId, now: Mono) -> bool {
        let Some(track) = self.tracks.get(&slot) else {
            return false;
        };
        let full = track
            .seen
            .filter(|(_, look)| *look == Look::Full)
            .map(|(began, _)| began);
        let shown = if self.falls_short() {
            full
        } else {
            full.and(track.seen_complete)
        };
        track.absent.is_empty()
            && shown.is_some_and(|began| now.since(began) <= self.rules.victim_seen)
    }
    /// Whether a tombstone has to be looked at, although no slot of it says so: its ledger may have come back from a backup just before this
    /// owner began, and then servers that no slot knows of are there, or still on their way (safety 3.5). A complete list from after that settles it.
    #[must_use]
    pub fn looks_after(&self, group: &Group, now: Mono) -> bool {
        let settled = self.settled();
        group.state.phase == Phase::Tombstone
            && self.knew
            && self.complete.is_none_or(|complete| complete < settled)
            && now.since(self.began) < LARGE_AFTER
    }
    /// Whether the latest look at a slot's server told no more than that it exists.
    pub(crate) fn is_unknown(&self, slot: SlotId) -> bool {
        self.tracks
            .get(&slot)
            .and_then(|track| track.seen)
            .is_some_and(|(_, look)| look != Look::Full)
    }
    /// Whether the cell of a slot's server has been down for so long that the server is replaced, within max (safety 2.2 `Partial`).
    pub(crate) fn is_dark(&self, slot: SlotId, now: Mono) -> bool {
        let dark = self.tracks.get(&slot).and_then(|track| track.dark);
        dark.is_some_and(|dark| {
            now.since(dark) >= CELL_GRACE || mutant::on(Mutant::CellGraceMissing)
        })
    }
    /// Asks for a list as soon as possible: something was said that only a list can settle, or somebody asked to look again.
    pub fn want_list(&mut self, now: Mono) {
        self.wanted = Some(self.wanted.map_or(now, |wanted| wanted.min(now)));
    }
    pub(crate) fn listed(&mut self, listing: &Listing) {
        let began = Some(listing.began);
        match listing.extent {
            Extent::Complete => {
                self.complete = self.complete.max(began);
                self.last = self.last.max(began);
                self.wanted = self.wanted.filter(|wanted| *wanted > listing.began);
            }
            Extent::Partial => match listing.about {
                None => self.last = self.last.max(began),
                // One server was read: the call is over.
                Some(slot) => self.read(slot),
            },
            Extent::Tagged => self.tagged = self.tagged.max(began),
            Extent::TaggedInPart => {}
        }
    }
    fn read(&mut self, slot: SlotId) {
        if let Some(track) = self.tracks.get_mut(&slot) {
            (track.asked, track.again) = (None, None);
        }
    }
    /// The uuid of a track's slot was answered with 404 by the call that is out. True when that proves it gone: twice, apart
    /// (safety 3.6). An answer without a call that is out is the same report again and counts for nothing.
    pub(crate) fn not_found(&mut self, slot: SlotId) -> bool {
        let apart = self.rules.apart;
        let Some(track) = self.tracks.get_mut(&slot) else {
            return false;
        };
        let Some(asked) = track.asked.take() else {
            return false;
        };
        if track.seen.is_some_and(|(seen, _)| seen >= asked) {
            return false;
        }
        match track.not_found {
            Some(first) if asked.since(first) >= apart => true,
            Some(_) => false,
            None => {
                track.not_found = Some(asked);
                false
            }
        }
    }
}

fn is_tracked(slot: &Slot) -> bool {
    slot.state.is_open() || matches!(slot.state, slot::State::Lapsed(_, slot::Hold::Counted))
}

fn incarnation(slot: &Slot) -> Option<Incarnation> {
    match &slot.state {
        slot::State::Issued(issue) | slot::State::InDoubt(issue, _) => Some(issue.incarnation),
        slot::State::Accepted(_)
        | slot::State::Configuring(_)
        | slot::State::Active(_)
        | slot::State::Draining(_)
        | slot::State::Deleting(..)
        | slot::State::Surplus(_)
        | slot::State::Failed(_)
        | slot::State::Lapsed(..)
        | slot::State::Gone(..) => None,
    }
}
