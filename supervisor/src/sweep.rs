//! Looks at the servers of tenants: one list serves all groups of a tenant (figure G9). Here is also the pass over all groups, every quarter of
//! an hour, that finds work which nobody pointed at, nor marked ([`crate::hints`]).
//!
//! A list counts as begun when it was *asked for* here, before the operation was handed out: on this process's own clock, never later than
//! the truth, however long the report took (I8, I9).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::Process;
use domain::evidence::{Extent, Listing, Row};
use domain::group::Group;
use domain::ids::{GroupId, GroupKey, HomeEpoch, OpId, TenantId};
use domain::member::Shard;
use domain::time::Mono;
use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesUnordered};
use store::Stores;
use store::group::{Level, Place, Stretch};
use tokio::sync::Notify;
use wire::ports::ops::{Call, Priority, Subject};

use crate::handout::Handout;
use crate::owner::STORE_RETRY;
use crate::owners::{Note, Owners, Seams};
use crate::project::{Parted, Project};
use crate::{Settings, hints, mono, now, timers};

/// From a change of shards to the full pass that counts what is owned now: who has just taken over from somebody has better to do first.
const RECOUNT_AFTER: Duration = Duration::from_secs(60);
/// For how long a walk over gained shards asks for one stretch: what is gained next waits for it, and the full pass comes by again.
const GAINED_MAX: Duration = Duration::from_secs(30);
/// A list that nobody reported after this was lost with its worker: it is asked for again. Longer than a list may take (75 s, safety 2.1).
const LOST_AFTER: Duration = Duration::from_secs(90);
/// Two lists of one tenant are at least this far apart, whoever asks.
const APART: Duration = Duration::from_secs(2);
/// Tenants whose groups are read at one time, before their lists.
const READING_MAX: usize = 4;
/// A tenant whose groups could not be read has to wait for so long: others are to have its place meanwhile.
const UNREAD_FOR: Duration = Duration::from_secs(10);
/// Groups of one of them that are read at once. What was read holds for a minute only ([`domain::evidence::Around::knows_roles`]): one after the
/// other, a thousand groups took longer in a store that was slow, and no list ever proved anything.
const READS_AT_ONCE: usize = 32;
/// Groups that are told of a list at once: what each makes of it is some 50 us.
const AT_ONCE: usize = 8;
/// Groups read in one page of a pass.
const PAGE: u32 = 256;

/// What is known of tenants, and when to look again. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sweep {
    process: Process,
    handout: Handout,
    tenants: Arc<Mutex<BTreeMap<TenantId, Tenant>>>,
    changed: Arc<Notify>,
    recount: Arc<Notify>,
}

/// A list as a worker reported it.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// The operation that asked for it.
    pub(crate) op: OpId,
    pub(crate) extent: Extent,
    pub(crate) rows: Vec<Row>,
}

#[derive(Default)]
struct Tenant {
    due: Option<Mono>,
    asked: Option<(OpId, Mono)>,
    last: Option<Mono>,
    /// Its groups could not be read: not before then.
    put_off: Option<Mono>,
    /// Groups for which absence from the next list says something.
    waiting: BTreeMap<GroupId, HomeEpoch>,
    project: Project,
    /// Whether `project` names the roles of every group.
    roles: Roles,
}

/// Whose roles in a tenant's project are known.
enum Roles {
    /// Those of these groups, which their owners have read since then.
    Of(Mono, BTreeSet<GroupId>),
    /// All.
    All,
}

impl Default for Roles {
    fn default() -> Self {
        Self::Of(Mono::default(), BTreeSet::new())
    }
}

impl fmt::Debug for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep")
            .field("tenants", &self.lock().len())
            .finish()
    }
}

/// Starts the look at tenants, the hint pass and the full pass.
pub(crate) fn start(sweep: &Sweep, owners: &Owners, settings: &Settings) {
    let tasks = &sweep.process.tasks;
    drop(tasks.spawn("sweep", sweep.clone().run(owners.seams().stores.clone())));
    drop(tasks.spawn("hints", hints::pass(owners.clone(), settings.hint_pass)));
    drop(tasks.spawn("timers", timers::run(owners.clone(), settings.hint_pass)));
    drop(tasks.spawn("full-pass", full_pass(owners.clone(), settings.full_pass)));
}

impl Sweep {
    pub(crate) fn new(process: Process, handout: Handout) -> Self {
        Self {
            process,
            handout,
            tenants: Arc::default(),
            changed: Arc::default(),
            recount: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TenantId, Tenant>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A group wants its tenant's servers listed by then. If it is awake then, it gets the next list, whether that shows a server of it or not.
    pub(crate) fn want(&self, key: &GroupKey, at: Mono) {
        let mut tenants = self.lock();
        let entry = tenants.entry(key.tenant.clone()).or_default();
        entry.waiting.insert(key.id, key.epoch);
        if entry.due.is_none_or(|due| at < due) {
            entry.due = Some(at);
            self.changed.notify_one();
        }
    }

    /// Nobody may ask for a list of this tenant: if none was made within `period`, one is at some time within the next. Spread out, so that a start
    /// makes no herd of lists.
    fn glance(&self, tenant: &TenantId, period: Duration) {
        let now = mono(&self.process);
        let mut tenants = self.lock();
        let entry = tenants.entry(tenant.clone()).or_default();
        let is_known = entry.last.is_some_and(|last| now.since(last) < period);
        if entry.due.is_none() && entry.asked.is_none() && !is_known {
            entry.due = Some(now.plus(self.process.entropy.up_to(period)));
            drop(tenants);
            self.changed.notify_one();
        }
    }

    /// Notes what a group's slots are bound to, so that no server gets a second role in another group (rule H5 of safety 6.1).
    pub(crate) fn bind(&self, group: &Group) {
        let mut tenants = self.lock();
        let tenant = tenants.entry(group.key.tenant.clone()).or_default();
        tenant.project.lock().bind(group);
        if let Roles::Of(_, groups) = &mut tenant.roles {
            groups.insert(group.key.id);
        }
    }

    /// What is known of a tenant's project.
    pub(crate) fn project(&self, tenant: &TenantId) -> Project {
        let mut tenants = self.lock();
        let entry = tenants.entry(tenant.clone()).or_default();
        entry.project.clone()
    }

    /// What is known of a tenant's roles is too old for what a list showed: all its groups are read again, then its servers are listed.
    pub(crate) fn know_again(&self, tenant: &TenantId) {
        let now = mono(&self.process);
        let mut tenants = self.lock();
        let entry = tenants.entry(tenant.clone()).or_default();
        entry.roles = Roles::Of(now, BTreeSet::new());
        entry.due = Some(entry.due.map_or(now, |due| due.min(now)));
        drop(tenants);
        self.changed.notify_one();
    }

    /// The groups are others than were counted: the next full pass is [`RECOUNT_AFTER`].
    pub(crate) fn count_again(&self) {
        self.recount.notify_one();
    }

    /// Everything that is known of tenants is forgotten: somebody else has changed their groups meanwhile.
    pub(crate) fn forget(&self) {
        self.lock().clear();
        self.changed.notify_one();
    }

    /// An operation came to nothing. If it was the list that is asked for, it is asked for again, not before this time.
    pub(crate) fn undone(&self, tenant: &TenantId, op: OpId, after: Duration) {
        let at = mono(&self.process).plus(after.max(APART));
        if let Some(entry) = self.lock().get_mut(tenant)
            && entry.asked.is_some_and(|(asked, _)| asked == op)
        {
            entry.asked = None;
            entry.due = Some(at);
        }
        self.changed.notify_one();
    }

    /// A worker died: lists that are under way may have died with it, and are asked for again.
    pub(crate) fn ask_again(&self) {
        let now = mono(&self.process);
        for entry in self.lock().values_mut().filter(|t| t.asked.is_some()) {
            entry.asked = None;
            entry.due = Some(now);
        }
        self.changed.notify_one();
    }

    /// A list came: the groups that wait for one weigh it, and those whose servers or proofs it shows are woken for it; a few at a time, so that
    /// events come in between where one thread runs everything.
    pub(crate) async fn listed(&self, owners: &Owners, tenant: &TenantId, list: Arrived) {
        let Some((began, project, mut waiting)) = self.answered(tenant, list.op) else {
            return;
        };
        let listing = Listing {
            began,
            extent: list.extent,
            about: None,
            rows: list.rows,
            shown: Arc::default(),
        };
        let parted = {
            let mut around = project.lock();
            around.note(&listing, mono(&self.process));
            Parted::new(listing, &around)
        };
        let key = |id, epoch| GroupKey {
            id,
            tenant: tenant.clone(),
            epoch,
        };
        let note = |id| Note::Listing(Arc::new(parted.of(id)), project.clone());
        // A group that nobody has awake is at home where all of them are.
        let home = owners.seams().shards.epoch();
        let mut told = 0;
        for id in parted.groups() {
            waiting.remove(&id);
            if let Some(epoch) = home {
                owners.hint(&key(id, epoch), note(id));
            }
            yield_after_some(&mut told).await;
        }
        for (id, epoch) in waiting {
            owners.tell_awake(&key(id, epoch), note(id));
            yield_after_some(&mut told).await;
        }
        self.changed.notify_one();
    }

    /// The list that was asked for is here: when it began, what is known of the project, and who waits for it. None: nobody asked for this one, or it
    /// was given up, and a report of it says nothing about when it began.
    fn answered(
        &self,
        tenant: &TenantId,
        op: OpId,
    ) -> Option<(Mono, Project, BTreeMap<GroupId, HomeEpoch>)> {
        let mut tenants = self.lock();
        let entry = tenants.get_mut(tenant)?;
        let (_, began) = entry.asked.filter(|(asked, _)| *asked == op)?;
        entry.asked = None;
        entry.last = Some(began);
        let waiting = std::mem::take(&mut entry.waiting);
        Some((began, entry.project.clone(), waiting))
    }

    async fn run(self, stores: Stores) {
        let (mut reading, mut busy) = (FuturesUnordered::new(), BTreeSet::new());
        loop {
            let (due, next) = self.due();
            for tenant in due {
                if busy.len() < READING_MAX && busy.insert(tenant.clone()) {
                    reading.push(self.know_and_ask(&stores, tenant));
                }
            }
            let wait = next.since(mono(&self.process));
            tokio::select! {
                biased;
                () = self.process.stop.requested() => return,
                Some(tenant) = reading.next() => drop(busy.remove(&tenant)),
                () = self.changed.notified() => {}
                () = self.process.clock.sleep(wait) => {}
            }
        }
    }

    /// Asks for a tenant's list, once its groups are known. Some tenants at a time: one with thousands of groups takes as many reads, and holds up no other.
    async fn know_and_ask(&self, stores: &Stores, tenant: TenantId) -> TenantId {
        if self.know(stores, &tenant).await {
            self.ask(&tenant);
        } else if let Some(entry) = self.lock().get_mut(&tenant) {
            entry.put_off = Some(mono(&self.process).plus(UNREAD_FOR));
        }
        tenant
    }

    /// The tenants whose lists are due, and when the next one will be.
    fn due(&self) -> (Vec<TenantId>, Mono) {
        let now = mono(&self.process);
        let mut next = now.plus(Duration::from_secs(60));
        let mut due = Vec::new();
        for (tenant, entry) in self.lock().iter_mut() {
            if let Some((_, at)) = entry.asked {
                if now.since(at) < LOST_AFTER {
                    next = next.min(at.plus(LOST_AFTER));
                    continue;
                }
                entry.asked = None;
                // Whoever waits for it waits still.
                entry.due = entry.due.or(Some(now));
            }
            let Some(at) = entry.due else { continue };
            let at = entry.last.map_or(at, |last| at.max(last.plus(APART)));
            let at = entry.put_off.map_or(at, |until| at.max(until));
            if at <= now {
                due.push(tenant.clone());
            } else {
                next = next.min(at);
            }
        }
        (due, next)
    }

    /// Reads every group of a tenant that no owner has read before its first list is weighed, and again when somebody has to be sure: a server
    /// may have a role in a group that nobody woke yet, or that another owner bound it to. Deleted ones too: they take in what shows up late.
    async fn know(&self, stores: &Stores, tenant: &TenantId) -> bool {
        let is_known = |id: GroupId| match self.lock().get(tenant).map(|t| &t.roles) {
            Some(Roles::All) => true,
            Some(Roles::Of(_, groups)) => groups.contains(&id),
            None => false,
        };
        let since = match self.lock().get(tenant).map(|t| &t.roles) {
            Some(Roles::Of(since, _)) => *since,
            Some(Roles::All) | None => return true,
        };
        let mut after = None;
        loop {
            let Ok(page) = stores.groups.of_tenant(tenant, after, PAGE).await else {
                return false;
            };
            let mut unread = page.items;
            unread.retain(|key| !is_known(key.id));
            let mut reads = stream::iter(unread)
                .map(|key| async move { stores.groups.read(&key, Level::Serial).await })
                .buffer_unordered(READS_AT_ONCE);
            while let Some(read) = reads.next().await {
                match read {
                    Ok(group) => group.iter().for_each(|g| self.bind(g)),
                    Err(_) => return false,
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        // Somebody may have asked for more than this pass read.
        if let Some(entry) = self.lock().get_mut(tenant)
            && matches!(entry.roles, Roles::Of(now, _) if now == since)
        {
            entry.roles = Roles::All;
            entry.project.lock().read_all(since);
        }
        true
    }

    fn ask(&self, tenant: &TenantId) {
        let now = mono(&self.process);
        // Held until the operation is noted: on another thread its report may come before this goes on, and would be one that nobody asked for.
        let mut tenants = self.lock();
        let op = self.handout.queue(
            Subject::Tenant(tenant.clone()),
            (Call::List, None),
            Priority::Doubt,
            None,
        );
        if let Some(entry) = tenants.get_mut(tenant) {
            entry.due = op.is_none().then(|| now.plus(APART));
            entry.asked = op.map(|op| (op, now));
        }
    }
}

/// Looks at every group now and then: the safety net under hints (design 5).
async fn full_pass(owners: Owners, period: Duration) {
    let process = &owners.seams().process;
    loop {
        walk(&owners, None).await;
        tokio::select! {
            biased;
            () = process.stop.requested() => return,
            () = owners.seams().sweep.recount.notified() => {
                if !pause(process, RECOUNT_AFTER.min(period)).await {
                    return;
                }
            }
            () = process.clock.sleep(period) => {}
        }
    }
}

/// Sees to it that the tenants of this supervisor's groups, or of those of them that are in these shards, are listed, and wakes the groups;
/// all but those that surely rest, or an idle colo would be read into memory with each pass.
pub(crate) async fn walk(owners: &Owners, only: Option<&BTreeSet<Shard>>) {
    let seams = owners.seams();
    let own = seams.shards.own();
    let (mut after, mut count) = (None, 0);
    loop {
        let Some(stretch) = next_stretch(seams, only, after).await else {
            // A part of the groups is no count of them.
            return;
        };
        // Tombstones are listed for ever, and ask for nothing.
        count += stretch.met.iter().filter(|met| !met.gone).count();
        for met in stretch.met {
            seams
                .sweep
                .glance(&met.key.tenant, seams.settings.tenant_pass);
            if !met.rests {
                owners.hint(&met.key, Note::Changed);
            }
        }
        after = stretch.next;
        if after.is_none() {
            break;
        }
    }
    // What is not wanted or changed hands meanwhile was not counted, and who owned nothing has counted nothing.
    let owns = own.as_ref().is_none_or(|(_, shards)| !shards.is_empty());
    if only.is_none() && owns && seams.shards.own() == own {
        seams.control.groups(count);
    }
}

/// The next stretch of a walk. A store that does not answer is asked for the same one again: some request of a walk over a million groups fails,
/// and those behind it would have no owner until the next pass, if that gets further.
/// None: its groups are not this supervisor's any more, the process is to stop, or no answer is to be hoped for.
async fn next_stretch(
    seams: &Seams,
    only: Option<&BTreeSet<Shard>>,
    after: Option<Place>,
) -> Option<Stretch> {
    let began = mono(&seams.process);
    loop {
        // Those of another control plane are all woken when this one serves.
        if !seams.shards.has_some(only) || !seams.stores.home.is_serving() {
            return None;
        }
        let wanted = |key: &GroupKey| {
            seams.shards.is_mine(key) && only.is_none_or(|only| only.contains(&Shard::of(key)))
        };
        let wall = now(&seams.process).wall;
        match seams.stores.groups.walk(after, PAGE, wall, &wanted).await {
            Ok(stretch) => return Some(stretch),
            Err(error) => {
                // What cannot be understood never will be; and while the replicas of this stretch are away, those of others are not to wait for ever.
                let most = only.map_or(seams.settings.full_pass, |_gained| GAINED_MAX);
                let ends = matches!(error, store::Error::Corrupt(_))
                    || mono(&seams.process).since(began) >= most;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, ends, "a walk over the groups gets no further");
                if ends {
                    return None;
                }
            }
        }
        if !pause(&seams.process, STORE_RETRY).await {
            return None;
        }
    }
}

/// After every few groups that were told: whatever else is ready goes first.
async fn yield_after_some(told: &mut usize) {
    *told += 1;
    if told.is_multiple_of(AT_ONCE) {
        tokio::task::yield_now().await;
    }
}

/// Waits for the next pass. False: the process is to stop.
pub(crate) async fn pause(process: &Process, period: Duration) -> bool {
    tokio::select! {
        biased;
        () = process.stop.requested() => false,
        () = process.clock.sleep(period) => true,
    }
}

#[cfg(test)]
mod tests;
