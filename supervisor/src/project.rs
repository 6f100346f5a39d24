//! What is known of a tenant's project, shared by all its groups, and which part of a list is whose business.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::evidence::{Around, Listing, Proof, Row};
use domain::ids::{GroupId, ServerId};

/// What is known of a tenant's project. Cheap to clone; every clone is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Project {
    around: Arc<Mutex<Around>>,
    told: Arc<Mutex<BTreeSet<ServerId>>>,
}

impl Project {
    /// Held only while something is looked up or noted, never over an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Around> {
        self.around.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether people were not told of this server yet; they are from now on. Every list shows it again, and to every group.
    pub(crate) fn is_news(&self, server: ServerId) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(server)
    }
}

/// A list, parted by whom its rows concern: weighing costs a group its own servers, not the tenant's.
#[derive(Debug)]
pub(crate) struct Parted {
    of_group: BTreeMap<GroupId, Vec<Row>>,
    of_all: Vec<Row>,
    shown: Arc<BTreeSet<ServerId>>,
    whole: Listing,
}

impl Parted {
    /// Parts a list. A row is of a group whose proof it shows or whose slot it is bound to. Rows that prove nothing concern every group: a dead
    /// cell hides anybody's server, and one of our user without a proof is to be reported.
    pub(crate) fn new(mut listing: Listing, around: &Around) -> Self {
        let shown = listing.rows.iter().map(|row| row.server).collect();
        let (mut of_group, mut of_all) = (BTreeMap::<GroupId, Vec<Row>>::new(), Vec::new());
        for row in std::mem::take(&mut listing.rows) {
            let role = around.role(row.server);
            let shown = match row.proof {
                Proof::Valid { group, .. } => Some(group),
                Proof::None | Proof::Unreadable => None,
            };
            if let Some(other) = shown.filter(|group| role.is_some_and(|r| r != *group)) {
                of_group.entry(other).or_default().push(row.clone());
            }
            match role.or(shown) {
                Some(group) => of_group.entry(group).or_default().push(row),
                None => of_all.push(row),
            }
        }
        Self {
            of_group,
            of_all,
            shown: Arc::new(shown),
            whole: listing,
        }
    }

    /// The groups that rows are of.
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupId> {
        self.of_group.keys().copied()
    }

    /// The list as far as it concerns one group; what it proves is the same.
    pub(crate) fn of(&self, group: GroupId) -> Listing {
        let own = self.of_group.get(&group).into_iter().flatten();
        let rows = own.chain(&self.of_all).cloned().collect();
        Listing {
            rows,
            shown: Arc::clone(&self.shown),
            ..self.whole.clone()
        }
    }
}
