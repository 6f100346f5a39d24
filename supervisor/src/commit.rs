//! Events, reports and lists that wait together meet the group: one draft, one conditional write, then answers and operations.

use std::sync::Arc;

use domain::circle;
use domain::decide::{decide, expire};
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Ask, Event};
use domain::evidence::{self, Watch};
use domain::group::{Cause, Change, Group};
use domain::ids::{EventId, Rev, ServerId, SlotId};
use domain::mutant::{Rule, off};
use domain::outbox;
use domain::plan;
use domain::schedule;
use domain::settle::settle;
use domain::verdict::Verdict;
use store::apply::{Refused, View, apply};
use wire::ports::submit::SubmitError;

use crate::counts::{COMMITTED, is_given_up};
use crate::handout::{Handout, Held};
use crate::owner::{Asked, BATCH_MAX, Batch, Owner, STORE_RETRY, acknowledge};
use crate::traces::{Traced, traced};
use crate::{mono, now};

/// Permits taken at most for one commit, so that a batch stays small in the store (32 slots).
const PERMITS_MAX: u32 = 24;

/// What one run of the decision left behind, besides the change.
#[derive(Default)]
struct Left {
    held: Vec<Held>,
    runs: u32,
    verdicts: Vec<Verdict>,
    reports: Vec<evidence::Report>,
    /// Whether slots moved, here or by another owner.
    slots: bool,
    more: bool,
    traced: Traced,
    wrote: bool,
    /// Servers that were given back because they show our proof no more.
    given_up: Vec<(SlotId, ServerId)>,
}

/// Why nothing was decided at all; there is no such reason so far.
#[derive(Debug)]
enum Never {}

impl Owner {
    /// One pass: decide what waits, commit it, answer, hand out.
    pub(crate) async fn commit(&mut self) {
        let seams = Arc::clone(&self.seams);
        let process = &seams.process;
        let fence = seams.settings.fence;
        let cached = self.group.take();
        let known = cached.as_ref().map(|group| group.rev);
        let mut left = Left::default();
        let began = process.clock.mono();
        let (batch, watch, handout) = (&self.batch, &mut self.watch, &seams.handout);
        // Whatever is stopped is not even planned: the deficit stays, and is planned when the switch is taken back.
        let may_launch =
            self.seams.shards.is_mine(&self.key) && !self.seams.control.effect(&self.key).no_create;
        let launch = self.launch.as_ref().map(|(hash, _)| *hash);
        let result = apply(
            process,
            &*seams.stores.groups,
            &self.key,
            fence,
            cached,
            |view: View<'_>| {
                left.runs += 1;
                let mut draft = Draft::new(view.group, now(process));
                let mut events = waiting(view.group, batch, view.decided);
                let mut spare = || SlotId::from_u128(process.entropy.u128());
                left.reports = gather(&mut draft, watch, batch, &mut spare);
                // Interleaving H8 of safety 6.1: a doubled event in the inbox must not block every later batch.
                view.decided
                    .iter()
                    .filter(|id| view.group.inbox.contains_key(*id) && !off(Rule::TakeDecided))
                    .for_each(|id| draft.take(id.clone()));
                by_clock(&mut draft, &mut events, view.decided);
                decide(&mut draft, &events);
                left.traced = traced(&events);
                // After a conflict the group may name another launch configuration than the one at hand: a slot says what its server is built from.
                let can_launch = may_launch && launch == Some(view.group.config.launch);
                issue(&mut draft, watch, can_launch.then_some(handout), &mut left);
                left.verdicts = draft.verdicts().to_vec();
                left.slots = draft.slots_changed() > 0;
                left.more = draft.room() == 0;
                left.wrote = !draft.is_empty();
                let change = left.wrote.then(|| finish(draft, &events));
                left.given_up = given_up(change.as_ref());
                Ok::<_, Never>(change)
            },
        )
        .await;
        let outcome = result.as_ref().map_or_else(Refused::word, |_| COMMITTED);
        let took = process.clock.mono().saturating_since(began);
        // Most passes find nothing to write.
        if left.wrote || result.is_err() {
            self.seams.counts.commit(outcome, took);
        }
        match result {
            Ok(group) => {
                self.show_commit(began, &left.traced, Ok(&left.verdicts));
                left.slots |= is_foreign(known, left.wrote, group.rev);
                self.committed(group, left).await;
            }
            Err(refused) => {
                self.show_commit(began, &left.traced, Err(refused.word()));
                self.refused(&refused);
            }
        }
    }

    async fn committed(&mut self, group: Group, left: Left) {
        if left.slots {
            self.watch.sync(&group, mono(&self.seams.process));
            self.seams.sweep.bind(&group);
        }
        self.seams.counts.decided(&left.verdicts);
        self.gave_up(&left.given_up);
        self.group = Some(group);
        let batch = std::mem::take(&mut self.batch);
        self.hand_out(left.held);
        if batch.events.iter().any(|e| e.ask == Ask::Converge) {
            self.watch.want_list(mono(&self.seams.process));
        }
        if left.verdicts.iter().any(asks_up) {
            self.seams.control.asked_up(&self.key);
        }
        // After several runs the change of an earlier one may be what counts: then the store is asked.
        if left.runs == 1 {
            left.verdicts
                .into_iter()
                .for_each(|verdict| self.verdicts.note(verdict));
        }
        self.look_into(&left.reports);
        self.ask_by_tag(&batch.listings, &left.reports);
        acknowledge(batch.acks);
        for (asked, answer) in batch.answers {
            let verdict = self.verdict_of(&asked).await;
            drop(answer.send(verdict));
        }
        let launch = self.launch.as_ref().map(|(hash, _)| *hash);
        self.again |= self.group.as_ref().is_some_and(|g| {
            // Another launch configuration came with the reread: nothing was issued, and the next pass loads it.
            !g.inbox.is_empty() || launch.is_some_and(|hash| hash != g.config.launch)
        });
        if left.more {
            // The batch was full: what did not fit is seen again in the same lists.
            self.batch.listings = batch.listings;
            self.again = true;
        }
    }

    /// For people: what no slot is answerable for any more runs on, and is billed.
    fn gave_up(&self, servers: &[(SlotId, ServerId)]) {
        for (slot, server) in servers {
            self.seams.counts.disowned();
            tracing::warn!(tenant = %self.key.tenant, group.id = %self.key.id, %slot, %server, "a server that was to be deleted carries our proof no more: given back, and left alone");
        }
    }

    fn refused(&mut self, refused: &Refused<Never>) {
        // Whatever was cached is gone; the next pass reads again.
        let why = match refused {
            Refused::Missing => {
                self.again = true;
                SubmitError::NoGroup
            }
            Refused::Store(_) => SubmitError::Unavailable,
            // Perhaps it is durable: the caller may ask again under the same id, here or through the inbox.
            Refused::Unknown | Refused::Contended => SubmitError::Unreachable,
            Refused::Decision(never) => match *never {},
        };
        self.seams.counts.refused();
        tracing::warn!(group.id = %self.key.id, error = ?refused, "nothing was committed");
        self.next = mono(&self.seams.process).plus(STORE_RETRY);
        self.fail(&why);
    }

    /// The verdict of an event of this batch: just made, remembered, or read.
    async fn verdict_of(&self, asked: &Asked) -> Result<Verdict, SubmitError> {
        let known = match self.verdicts.get(&asked.id) {
            Some(verdict) => Some(verdict.clone()),
            None => {
                let read = self.seams.stores.groups.verdict(&self.key, &asked.id).await;
                read.map_err(|_error| SubmitError::Unavailable)?
            }
        };
        match known {
            Some(v) if v.request == asked.request => Ok(v),
            Some(_) => Err(SubmitError::IdReused),
            None => Err(SubmitError::Unreachable),
        }
    }
}

/// Events to decide: those that came in and those of the inbox, without the ones that have verdicts.
fn waiting(group: &Group, batch: &Batch, decided: &[EventId]) -> Vec<Event> {
    let room = BATCH_MAX.saturating_sub(batch.events.len());
    // In order of arrival, whatever their ids are: the end of an alert must not be heard before its beginning.
    let mut inbox: Vec<&Event> = group.inbox.values().collect();
    inbox.sort_by_key(|event| event.received);
    inbox
        .into_iter()
        .take(room)
        .chain(&batch.events)
        .filter(|e| !decided.contains(&e.id))
        .cloned()
        .collect()
}

/// Events that nobody sent, added to those that somebody did: of schedules, and of alerts whose turn it is.
fn by_clock(draft: &mut Draft<'_>, events: &mut Vec<Event>, decided: &[EventId]) {
    if events.is_empty() {
        schedule::correct(draft);
    }
    let is_open = |event: &Event| !decided.contains(&event.id);
    let room = BATCH_MAX.saturating_sub(events.len());
    events.extend(schedule::fire(draft, room).into_iter().filter(is_open));
    if events.len() < BATCH_MAX {
        events.extend(circle::fire(draft).into_iter().filter(is_open));
    }
}

/// What workers reported and lists show meets the draft, in order of arrival.
fn gather(
    draft: &mut Draft<'_>,
    watch: &mut Watch,
    batch: &Batch,
    spare: &mut dyn FnMut() -> SlotId,
) -> Vec<evidence::Report> {
    expire(draft);
    for (slot, outcome) in &batch.outcomes {
        settle(draft, watch, *slot, outcome);
    }
    for (id, made, sent) in &batch.sent {
        outbox::settle(draft, *id, *made, sent);
    }
    let lists = batch.listings.iter();
    lists
        .map(|(listing, project)| evidence::weigh(draft, watch, listing, &project.lock(), spare))
        .collect()
}

/// Reserves permits for what is missing, and plans with them. Without a handout nothing is launched, also with permits that an earlier run reserved.
fn issue(draft: &mut Draft<'_>, watch: &mut Watch, handout: Option<&Handout>, left: &mut Left) {
    let Some(handout) = handout else {
        plan::plan(draft, watch, &[]);
        return;
    };
    let wanted = plan::deficit(draft, watch).min(PERMITS_MAX);
    let have = u32::try_from(left.held.len()).unwrap_or(u32::MAX);
    if wanted > have {
        left.held
            .extend(handout.reserve(&draft.group().key, wanted - have));
    }
    let permits: Vec<_> = left.held.iter().map(|h| h.permit.clone()).collect();
    plan::plan(draft, watch, &permits);
}

fn given_up(change: Option<&Change>) -> Vec<(SlotId, ServerId)> {
    let slots = change.into_iter().flat_map(|change| &change.slots);
    let given_up = slots.filter(|slot| is_given_up(slot));
    given_up
        .filter_map(|slot| Some((slot.id, slot.state.server()?)))
        .collect()
}

/// Whether the group holds what another owner committed since this one knew it: what that one bound is news here too. Else a server whose tenant
/// puts another group's proof onto it would be taken for that group's (simulator, 1004897).
fn is_foreign(known: Option<Rev>, wrote: bool, now: Rev) -> bool {
    let expected = known.map(|rev| if wrote { rev.next() } else { rev });
    expected != Some(now)
}

/// Whether somebody but a schedule got more servers granted: what the surge guard counts.
fn asks_up(verdict: &Verdict) -> bool {
    verdict.after > verdict.before && verdict.actor.kind != ActorKind::Schedule
}

fn finish(draft: Draft<'_>, events: &[Event]) -> Change {
    let system = Actor {
        kind: ActorKind::System,
        name: "supervisor".into(),
        request_id: String::new(),
        from: None,
    };
    match events {
        [] => draft.finish(Cause::Converge, system),
        [one] => draft.finish(Cause::Events, one.actor.clone()),
        // Each verdict names its own actor.
        [_, ..] => draft.finish(Cause::Events, system),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_owner_committed_shows_by_the_revision_whether_we_wrote_or_not() {
        let known = Some(Rev(7));
        assert!(!is_foreign(known, false, Rev(7)), "nothing happened");
        assert!(!is_foreign(known, true, Rev(8)), "only our commit");
        assert!(
            is_foreign(known, false, Rev(8)),
            "theirs, read after a conflict"
        );
        assert!(is_foreign(known, true, Rev(9)), "theirs, then ours");
        assert!(is_foreign(None, true, Rev(1)), "nothing was known");
    }
}
