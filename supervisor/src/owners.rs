//! Which groups have a task right now, and how to reach it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::Process;
use domain::event::Event;
use domain::evidence::{Extent, Listing, Row};
use domain::ids::{DeliveryId, GroupKey, OpId, SlotId};
use domain::outbox::Sent;
use domain::settle::Outcome;
use domain::verdict::Verdict;
use store::Stores;
use tokio::sync::{mpsc, oneshot};
use wire::ports::submit::SubmitError;

use crate::control::Control;
use crate::counts::Counts;
use crate::handout::Handout;
use crate::hints::SecondLooks;
use crate::hooks::Desk;
use crate::project::Project;
use crate::shards::Shards;
use crate::sweep::Sweep;
use crate::{Settings, mono, owner};

/// See [`Settings::awake_max`].
const IDLE_CROWDED: Duration = Duration::from_secs(30);

/// The seams that an owner works with.
#[derive(Debug, Clone)]
pub(crate) struct Seams {
    pub(crate) process: Process,
    pub(crate) stores: Stores,
    pub(crate) handout: Handout,
    pub(crate) desk: Desk,
    pub(crate) control: Control,
    pub(crate) counts: Arc<Counts>,
    pub(crate) sweep: Sweep,
    pub(crate) second_looks: SecondLooks,
    pub(crate) shards: Shards,
    pub(crate) settings: Settings,
}

/// Something that a group's owner should know.
#[derive(Debug)]
pub(crate) enum Note {
    /// An event, and who waits for its verdict. Each owner has a queue with room for dozens of notes, so a note is to be small.
    Event(Box<Event>, oneshot::Sender<Result<Verdict, SubmitError>>),
    /// What came of an operation; answered once it is durable.
    Outcome(SlotId, Outcome, oneshot::Sender<()>),
    /// What came of an attempt to send a message, and how many were made before it; answered once it is durable.
    Sent(DeliveryId, u32, Sent, oneshot::Sender<()>),
    /// A list of the tenant's servers as far as it concerns this group, and what is known of the project around this group.
    Listing(Arc<Listing>, Project),
    /// A list by tag that the owner asked for.
    Tagged(OpId, Extent, Vec<Row>),
    /// One server was read; no row: it is not there.
    Read(OpId, Option<Box<Row>>),
    /// What the owner asked for was not begun; it may be asked for again after this.
    NotDone(OpId, Duration),
    /// The group changed in the store.
    Changed,
    /// A worker offers permits.
    Offer,
}

/// Waits until what was told is durable, so long at most, and gives the places of what is not: no group holds back the answers of others.
pub(crate) async fn not_durable(
    process: &Process,
    within: Duration,
    told: Vec<(usize, oneshot::Receiver<()>)>,
) -> Vec<usize> {
    let until = mono(process).plus(within);
    let mut places = Vec::new();
    for (place, wait) in told {
        let left = until.since(mono(process));
        // Dropped by an owner that has no room, no store or no time left.
        let done = process.clock.timeout(left, wait).await;
        if !matches!(done, Ok(Ok(()))) {
            places.push(place);
        }
    }
    places
}

/// Too much waits for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// All owners of one supervisor. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Owners {
    seams: Arc<Seams>,
    tasks: Arc<Mutex<BTreeMap<GroupKey, mpsc::Sender<Note>>>>,
    launches: crate::launches::Cache,
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owners")
            .field("awake", &self.awake())
            .finish()
    }
}

impl Owners {
    pub(crate) fn new(seams: Seams) -> Self {
        Self {
            seams: Arc::new(seams),
            tasks: Arc::default(),
            launches: crate::launches::Cache::default(),
        }
    }

    pub(crate) const fn seams(&self) -> &Arc<Seams> {
        &self.seams
    }

    pub(crate) fn launches(&self) -> crate::launches::Cache {
        self.launches.clone()
    }

    /// After how long a group with nothing to do is forgotten, as crowded as it is now.
    pub(crate) fn idle(&self) -> Duration {
        let settings = &self.seams.settings;
        if self.awake() > settings.awake_max {
            settings.idle.min(IDLE_CROWDED)
        } else {
            settings.idle
        }
    }

    /// How many groups have a task.
    pub(crate) fn awake(&self) -> usize {
        self.tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Gives a note to a group's owner, waking one if none is awake.
    ///
    /// # Errors
    /// Too much waits for the group already; the note is dropped, and with it whoever waits for its answer.
    pub(crate) fn tell(&self, key: &GroupKey, note: Note) -> Result<(), Full> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let note = match tasks.get(key) {
            Some(sender) => match sender.try_send(note) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(_note)) => return Err(Full),
                Err(mpsc::error::TrySendError::Closed(note)) => note,
            },
            None => note,
        };
        let (sender, notes) = mpsc::channel(self.seams.settings.events_waiting_max);
        let sent = sender.try_send(note).map_err(|_note| Full);
        tasks.insert(key.clone(), sender);
        owner::start(self.clone(), key.clone(), notes);
        sent
    }

    /// Gives a note that can be missed: an owner for which too much waits already looks at everything soon anyway.
    pub(crate) fn hint(&self, key: &GroupKey, note: Note) {
        if self.tell(key, note).is_err() {
            tracing::debug!(group.id = %key.id, "too much waits for the group to be told more");
        }
    }

    /// Gives a note only to an owner that is awake.
    pub(crate) fn tell_awake(&self, key: &GroupKey, note: Note) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = tasks.get(key) {
            // A full queue means that the owner has plenty to look at anyway.
            drop(sender.try_send(note));
        }
    }

    /// Gives a note to every owner that is awake.
    pub(crate) fn tell_all(&self, note: impl Fn() -> Note) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks
            .values()
            .for_each(|sender| drop(sender.try_send(note())));
    }

    /// Lets an owner go if nothing waits for it. False: something does.
    pub(crate) fn retire(&self, key: &GroupKey, notes: &mut mpsc::Receiver<Note>) -> bool {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = notes.is_empty();
        if idle {
            notes.close();
            tasks.remove(key);
        }
        idle
    }
}
