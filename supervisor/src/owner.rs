//! One group's owner: a task that gathers what waits, lets `domain` decide, commits once, hands out, and waits again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::event::Event;
use domain::evidence::{Extent, Listing, Row, Watch};
use domain::group::{Adoption, Group, Phase};
use domain::ids::{DeliveryId, EventId, GroupKey, LaunchHash, OpId, RequestHash, Rev, SlotId};
use domain::outbox::Sent;
use domain::settle::Outcome;
use domain::time::Mono;
use domain::trace::Trace;
use domain::verdict::Verdict;
use store::group::Level;
use tokio::sync::{mpsc, oneshot};
use wire::ports::submit::SubmitError;

use crate::counts::Share;
use crate::launches::Cache;
use crate::owners::{Note, Owners, Seams};
use crate::project::Project;
use crate::remembered::Remembered;
use crate::{mono, now};

/// Notes taken into one commit (the batch bound of the store: 64 verdicts).
pub(crate) const BATCH_MAX: usize = 64;
/// A store that gave no answer is asked again after this.
pub(crate) const STORE_RETRY: Duration = Duration::from_secs(2);

/// Who waits for the verdict of an event.
pub(crate) type Answer = oneshot::Sender<Result<Verdict, SubmitError>>;

/// Which event was asked about, and what it said.
pub(crate) struct Asked {
    pub(crate) id: EventId,
    pub(crate) request: RequestHash,
}

/// What waits for the next commit.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
    pub(crate) answers: Vec<(Asked, Answer)>,
    pub(crate) outcomes: Vec<(SlotId, Outcome)>,
    pub(crate) acks: Vec<oneshot::Sender<()>>,
    pub(crate) sent: Vec<(DeliveryId, u32, Sent)>,
    pub(crate) listings: Vec<(Arc<Listing>, Project)>,
    /// The group changed in the store: what is cached is stale.
    pub(crate) changed: bool,
}

/// The owner of one group.
pub(crate) struct Owner {
    pub(crate) key: GroupKey,
    pub(crate) seams: Arc<Seams>,
    pub(crate) launches: Cache,
    /// The body of the launch configuration that the group names now.
    pub(crate) launch: Option<(LaunchHash, Arc<[u8]>)>,
    /// As committed, if it is known.
    pub(crate) group: Option<Group>,
    pub(crate) watch: Watch,
    /// What the group adds to the metrics.
    pub(crate) share: Share,
    pub(crate) batch: Batch,
    /// For which slot and when operations were asked for: what they show counts as begun then.
    pub(crate) asked: BTreeMap<OpId, (SlotId, Mono)>,
    /// The same of lists by tag: a slot may have another operation out besides.
    pub(crate) looks: BTreeMap<OpId, (SlotId, Mono)>,
    /// When slots were last asked for by their tags.
    pub(crate) tagged: BTreeMap<SlotId, Mono>,
    /// Messages that are with a hooks lane, or wait for one, and since when.
    pub(crate) posted: BTreeMap<DeliveryId, Mono>,
    pub(crate) verdicts: Remembered,
    /// The trace of the event that changed desired last, until the group has what it asked for.
    pub(crate) trace: Option<Trace>,
    /// Nothing is due before this.
    pub(crate) next: Mono,
    /// Something more can be done at once.
    pub(crate) again: bool,
    missing: bool,
    /// Something was committed while the group was another supervisor's.
    is_foreign: bool,
}

/// Starts the task of one group.
pub(crate) fn start(owners: Owners, key: GroupKey, notes: mpsc::Receiver<Note>) {
    let seams = Arc::clone(owners.seams());
    let began = mono(&seams.process);
    // Thousands of them wait at any time: what only a pass needs is not kept in the task.
    let owner = Box::new(Owner {
        watch: Watch::new(seams.settings.rules, began),
        launches: owners.launches(),
        share: seams.counts.enter(),
        key,
        seams: Arc::clone(&seams),
        group: None,
        launch: None,
        batch: Batch::default(),
        asked: BTreeMap::new(),
        looks: BTreeMap::new(),
        tagged: BTreeMap::new(),
        posted: BTreeMap::new(),
        verdicts: Remembered::default(),
        trace: None,
        next: began,
        again: true,
        missing: false,
        is_foreign: false,
    });
    drop(seams.process.tasks.spawn("owner", owner.run(owners, notes)));
}

impl Owner {
    async fn run(mut self: Box<Self>, owners: Owners, mut notes: mpsc::Receiver<Note>) {
        let mut idle_since = mono(&self.seams.process);
        loop {
            match self.gather(&mut notes, owners.idle()).await {
                Gathered::Stop => return,
                Gathered::Some => idle_since = mono(&self.seams.process),
                Gathered::Nothing => {}
            }
            let is_mine = self.seams.shards.is_mine(&self.key);
            if Box::pin(self.load()).await {
                let before = self.rev();
                Box::pin(self.commit()).await;
                self.show();
                self.is_foreign |= !is_mine && self.rev() != before;
                if is_mine {
                    self.duties();
                }
            }
            let idle = mono(&self.seams.process).since(idle_since) >= owners.idle();
            if (self.missing || !is_mine || (idle && self.is_at_rest()))
                && !self.again
                && owners.retire(&self.key, &mut notes)
            {
                if !is_mine {
                    self.hand_over().await;
                }
                return;
            }
        }
    }

    /// What the group is now, for operators.
    fn show(&mut self) {
        if let Some(group) = &self.group {
            let now = now(&self.seams.process).wall;
            self.share.set(group, &self.watch, now);
        }
    }

    fn rev(&self) -> Option<Rev> {
        self.group.as_ref().map(|group| group.rev)
    }

    /// The group is another supervisor's by now: what nobody fetched is taken back, and the new owner hears of what was committed here.
    async fn hand_over(&self) {
        for id in self.posted.keys() {
            self.seams.desk.withdraw(&self.key, *id);
        }
        let wall = now(&self.seams.process).wall;
        if self.is_foreign
            && let Err(error) = self.seams.stores.hints.mark(&self.key, wall).await
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "hint not written");
        }
    }

    /// Waits until there is something to do, and takes all that waits.
    async fn gather(&mut self, notes: &mut mpsc::Receiver<Note>, idle: Duration) -> Gathered {
        if !std::mem::take(&mut self.again) && notes.is_empty() {
            let process = &self.seams.process;
            let wait = self.next.since(mono(process)).min(idle);
            tokio::select! {
                biased;
                () = process.stop.requested() => return Gathered::Stop,
                note = notes.recv() => match note {
                    Some(note) => self.take(note),
                    None => return Gathered::Stop,
                },
                () = process.clock.sleep(wait) => return Gathered::Nothing,
            }
        }
        while self.batch.events.len() < BATCH_MAX
            && self.batch.outcomes.len() < BATCH_MAX
            && self.batch.sent.len() < BATCH_MAX
        {
            let Ok(note) = notes.try_recv() else { break };
            self.take(note);
        }
        Gathered::Some
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Event(event, answer) => {
                let asked = Asked {
                    id: event.id.clone(),
                    request: event.request,
                };
                self.batch.events.push(*event);
                self.batch.answers.push((asked, answer));
            }
            Note::Outcome(slot, outcome, ack) => {
                self.batch.outcomes.push((slot, outcome));
                self.batch.acks.push(ack);
            }
            Note::Sent(id, made, sent, ack) => {
                self.posted.remove(&id);
                self.batch.sent.push((id, made, sent));
                self.batch.acks.push(ack);
            }
            Note::Listing(listing, elsewhere) => self.batch.listings.push((listing, elsewhere)),
            Note::Tagged(op, extent, rows) => {
                if let Some((slot, began)) = self.looks.remove(&op) {
                    self.looked(Listing {
                        began,
                        // A list by tag is never one of the whole project, whatever a worker says.
                        extent: match extent {
                            Extent::Partial | Extent::TaggedInPart => Extent::TaggedInPart,
                            Extent::Tagged | Extent::Complete => Extent::Tagged,
                        },
                        about: Some(slot),
                        rows,
                        shown: Arc::default(),
                    });
                }
            }
            Note::Read(op, row) => self.read(op, row),
            Note::NotDone(op, rest) => {
                if let Some((slot, _)) = self.looks.remove(&op) {
                    self.tagged.remove(&slot);
                } else if let Some((slot, _)) = self.asked.remove(&op) {
                    let again = mono(&self.seams.process).plus(rest);
                    self.watch.not_done(slot, again);
                }
            }
            Note::Changed => self.batch.changed = true,
            Note::Offer => {}
        }
    }

    /// A list about one slot goes into the next commit.
    fn looked(&mut self, listing: Listing) {
        let project = self.seams.sweep.project(&self.key.tenant);
        project.lock().note(&listing, mono(&self.seams.process));
        self.batch.listings.push((Arc::new(listing), project));
    }

    /// One server was read, or is not there.
    fn read(&mut self, op: OpId, row: Option<Box<Row>>) {
        let Some((slot, began)) = self.asked.remove(&op) else {
            return;
        };
        let bound = self.group.as_ref().and_then(|group| group.slots.get(slot));
        match (row, bound.and_then(|slot| slot.state.server())) {
            (Some(row), _) => self.looked(Listing {
                began,
                extent: Extent::Partial,
                about: Some(slot),
                rows: vec![*row],
                shown: Arc::default(),
            }),
            (None, Some(server)) => {
                let outcome = (slot, Outcome::NotFound(server));
                self.batch.outcomes.push(outcome);
            }
            // Bound to nothing any more, or not at hand: it is read again.
            (None, None) => {}
        }
    }

    /// Has the group and its launch configuration at hand. False: there is none, or the store does not say; everybody who waits is told.
    async fn load(&mut self) -> bool {
        if !self.load_group().await {
            return false;
        }
        let Some(hash) = self.group.as_ref().map(|g| g.config.launch) else {
            return false;
        };
        if self.launch.as_ref().is_some_and(|(h, _)| *h == hash) {
            return true;
        }
        match self
            .launches
            .get(&*self.seams.stores.launches, &self.key.tenant, hash)
            .await
        {
            // Without a body nothing can be launched, but everything else goes on; `issue` asks for no permit then.
            Ok(body) => self.launch = body.map(|b| (hash, b)),
            Err(error) => {
                self.unreadable(&error);
                return false;
            }
        }
        true
    }

    async fn load_group(&mut self) -> bool {
        if self.group.is_some() && !std::mem::take(&mut self.batch.changed) {
            return true;
        }
        match self
            .seams
            .stores
            .groups
            .read(&self.key, Level::Serial)
            .await
        {
            Ok(Some(group)) => {
                self.watch.sync(&group, mono(&self.seams.process));
                self.seams.sweep.bind(&group);
                self.group = Some(group);
                self.missing = false;
                true
            }
            Ok(None) => {
                self.group = None;
                self.missing = true;
                // Reports about a group that never was are of no interest: acknowledged, so that they are not repeated for ever.
                let batch = std::mem::take(&mut self.batch);
                acknowledge(batch.acks);
                batch
                    .answers
                    .into_iter()
                    .for_each(|(_, a)| drop(a.send(Err(SubmitError::NoGroup))));
                false
            }
            Err(error) => {
                self.unreadable(&error);
                false
            }
        }
    }

    fn unreadable(&mut self, error: &store::Error) {
        tracing::warn!(group.id = %self.key.id, error = error as &dyn std::error::Error, "the group cannot be read");
        self.group = None;
        self.next = mono(&self.seams.process).plus(STORE_RETRY);
        self.fail(&SubmitError::Unavailable);
    }

    /// Tells everybody who waits that there is no answer. Reports stay unacknowledged, so that they come again.
    pub(crate) fn fail(&mut self, why: &SubmitError) {
        let batch = std::mem::take(&mut self.batch);
        batch
            .answers
            .into_iter()
            .for_each(|(_, a)| drop(a.send(Err(why.clone()))));
    }

    /// Nothing is open, wanted or waiting: the task can go.
    fn is_at_rest(&self) -> bool {
        let nothing_waits = |g: &Group| g.inbox.is_empty() && g.outbox.is_empty();
        self.has_what_it_asked_for() && self.group.as_ref().is_some_and(nothing_waits)
    }

    /// No slot is open, and none is wanted.
    pub(crate) fn has_what_it_asked_for(&self) -> bool {
        self.group.as_ref().is_some_and(|g| {
            let census = g.slots.census();
            let wants = matches!(g.state.phase, Phase::Running) && g.state.desired > census.wanted;
            census.open.0 == 0 && !wants && g.state.adoption == Adoption::Done
        })
    }
}

/// Tells workers that their reports are durable, or of no interest. A worker that is gone by now reports again, which is harmless.
pub(crate) fn acknowledge(acks: Vec<oneshot::Sender<()>>) {
    for ack in acks {
        ack.send(()).unwrap_or_default();
    }
}

enum Gathered {
    Some,
    Nothing,
    Stop,
}
