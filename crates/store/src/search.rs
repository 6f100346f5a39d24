//! Looking for changes over all groups of a tenant, or of all tenants: who did what, when (design 5).
//!
//! Never on the decision path: what is found may lag behind commits by the time of one request. Every store can search by walking the groups
//! ([`walk`]); one with an index answers the same from it.

use std::fmt::{self, Debug};
use std::str::FromStr;

use async_trait::async_trait;
use domain::group::Cause;
use domain::ids::{GroupId, GroupKey, Rev, ServerId, TenantId};
use domain::time::Timestamp;
use domain::verdict::Outcome;

use crate::Error;
use crate::group::{CommitRecord, Groups, Level};
use crate::record::Told;

/// Records that one walk looks at, at most; then it gives what it has and says where to go on.
const LOOKED_AT_MAX: usize = 20_000;
/// Groups that one walk goes over, at most: more need an index.
const GROUPS_MAX: usize = 10_000;
/// Records of one group that are read at once.
const PAGE: u32 = 50;
/// Keys of groups in one read.
const KEYS: u32 = 1_000;

/// What is looked for; what is not given does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// Of this group.
    pub group: Option<GroupId>,
    /// For this reason.
    pub cause: Option<Cause>,
    /// By this actor: the subject of its token, a webhook's id, a policy's.
    pub actor: Option<String>,
    /// In this request.
    pub request: Option<String>,
    /// That moved the slot of this server.
    pub server: Option<ServerId>,
    /// With a verdict of this outcome.
    pub outcome: Option<Outcome>,
    /// With this in the text of what was before and after.
    pub text: Option<String>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Earlier than this moment.
    pub to: Option<Timestamp>,
    /// After this place in the order of the list: `next` of the page before.
    pub after: Option<Place>,
}

/// A place in the list, which goes from the newest to the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When.
    pub at: Timestamp,
    /// Of changes of one moment, by group.
    pub group: GroupId,
    /// And by revision.
    pub rev: Rev,
}

/// The text is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a list")]
pub struct BadPlace;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at.unix_ms(), self.group, self.rev)
    }
}

impl FromStr for Place {
    type Err = BadPlace;

    fn from_str(text: &str) -> Result<Self, BadPlace> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(BadPlace);
        let (at, group, rev) = (part()?, part()?, part()?);
        let number = |text: &str| text.parse().map_err(|_error| BadPlace);
        Ok(Self {
            at: Timestamp::from_unix_ms(number(at)?),
            group: group.parse().map_err(|_error| BadPlace)?,
            rev: Rev(number(rev)?),
        })
    }
}

/// A change that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Of which group.
    pub key: GroupKey,
    /// The change.
    pub record: CommitRecord,
}

impl Found {
    /// Where it stands in the list.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place {
            at: self.record.at,
            group: self.key.id,
            rev: self.record.rev,
        }
    }
}

/// One page of what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// From the newest to the oldest. May be fewer than asked for, even none, while there is a next page.
    pub items: Vec<Found>,
    /// Where the next page begins; none after the last.
    pub next: Option<Place>,
}

/// Searches.
#[async_trait]
pub trait Search: Debug + Send + Sync {
    /// At most `limit` changes that fit. Relaxed.
    async fn find(&self, wanted: &Wanted, limit: u32) -> Result<Page, Error>;
}

impl Wanted {
    /// Whether a change is one of those that are looked for.
    #[must_use]
    pub fn fits(&self, key: &GroupKey, record: &CommitRecord) -> bool {
        let place = Place {
            at: record.at,
            group: key.id,
            rev: record.rev,
        };
        let is = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|w| w == text);
        let told = || Told::read(&record.detail);
        self.tenant.as_ref().is_none_or(|t| *t == key.tenant)
            && self.group.is_none_or(|group| group == key.id)
            && self.cause.is_none_or(|cause| cause == record.cause)
            && is(&self.actor, &record.actor.name)
            && is(&self.request, &record.actor.request_id)
            && self
                .text
                .as_ref()
                .is_none_or(|t| record.detail.contains(t.as_str()))
            && self.server.is_none_or(|server| told().moved(server))
            && self.outcome.is_none_or(|outcome| told().decided(outcome))
            && self.from.is_none_or(|from| record.at >= from)
            && self.to.is_none_or(|to| record.at < to)
            && self.after.is_none_or(|after| place < after)
    }
}

/// One group on a walk: its records from the newest downwards, read page by page.
struct Trail {
    key: GroupKey,
    read: std::vec::IntoIter<CommitRecord>,
    next: Option<CommitRecord>,
    rest: Option<Rev>,
}

impl Trail {
    async fn step(&mut self, groups: &dyn Groups) -> Result<(), Error> {
        if let Some(record) = self.read.next() {
            self.next = Some(record);
            return Ok(());
        }
        self.next = None;
        let Some(from) = self.rest.filter(|from| from.0 > 0) else {
            return Ok(());
        };
        let page = groups
            .records(&self.key, Some(from), PAGE, Level::Relaxed)
            .await?;
        let last = page.last().map_or(0, |record| record.rev.0);
        self.rest = Some(Rev(last.saturating_sub(1)));
        self.read = page.into_iter();
        self.next = self.read.next();
        Ok(())
    }

    fn place(&self) -> Option<Place> {
        self.next.as_ref().map(|record| Place {
            at: record.at,
            group: self.key.id,
            rev: record.rev,
        })
    }
}

/// Searches by walking all groups that may hold what is wanted, each from its newest record downwards.
///
/// # Errors
/// As for every read; more groups than a walk can go over are `Unavailable`.
pub async fn walk(groups: &dyn Groups, wanted: &Wanted, limit: u32) -> Result<Page, Error> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut trails = trails(groups, wanted).await?;
    let mut page = Page::default();
    let mut looked_at = 0;
    while looked_at < LOOKED_AT_MAX {
        let newest = trails.iter_mut().filter(|t| t.next.is_some());
        let Some(trail) = newest.max_by_key(|trail| trail.place()) else {
            page.next = None;
            return Ok(page);
        };
        let place = trail.place();
        if wanted
            .from
            .is_some_and(|from| place.is_some_and(|p| p.at < from))
        {
            page.next = None;
            return Ok(page);
        }
        if let Some(record) = trail.next.take().filter(|r| wanted.fits(&trail.key, r)) {
            if page.items.len() == limit {
                return Ok(page);
            }
            let key = trail.key.clone();
            page.items.push(Found { key, record });
        }
        // What earlier pages went over does not count: this one must get further than they did.
        if wanted
            .after
            .is_none_or(|after| place.is_some_and(|place| place < after))
        {
            looked_at += 1;
            page.next = place;
        }
        trail.step(groups).await?;
    }
    Ok(page)
}

async fn trails(groups: &dyn Groups, wanted: &Wanted) -> Result<Vec<Trail>, Error> {
    let mut trails = Vec::new();
    let mut after = None;
    loop {
        let page = match &wanted.tenant {
            Some(tenant) => groups.of_tenant(tenant, after, KEYS).await?,
            None => groups.all(after, KEYS).await?,
        };
        let of_group = |key: &GroupKey| wanted.group.is_none_or(|group| group == key.id);
        for key in page.items.into_iter().filter(of_group) {
            let mut trail = Trail {
                key,
                read: Vec::new().into_iter(),
                next: None,
                rest: Some(Rev(u64::MAX >> 1)),
            };
            trail.step(groups).await?;
            trails.push(trail);
        }
        if trails.len() > GROUPS_MAX {
            return Err(Error::Unavailable(Box::new(TooMany)));
        }
        after = page.next;
        if after.is_none() {
            return Ok(trails);
        }
    }
}

/// The store has no index, and there is too much to walk over.
#[derive(Debug, thiserror::Error)]
#[error("too many groups to search without an index: name a tenant or a group")]
struct TooMany;
