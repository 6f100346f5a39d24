//! All servers of all regions, and the indexes over them.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::server::{DeletedBy, Deletion, Server, Status};

/// Place of a server in the fleet; it never changes.
pub(crate) type Index = usize;

/// The servers in order of creation.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    servers: Vec<Server>,
    by_id: BTreeMap<Uuid, Index>,
    /// Those that are shown, per region and project.
    shown: BTreeMap<(String, String), BTreeSet<Index>>,
    /// Those that were ever, per region and project: for `changes-since`.
    ever: BTreeMap<(String, String), Vec<Index>>,
    /// Those that use quota, per region and project.
    used: BTreeMap<(String, String), u64>,
    /// Grows whenever a server may have changed.
    version: u64,
}

impl Fleet {
    pub(crate) fn all(&self) -> &[Server] {
        &self.servers
    }

    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    pub(crate) fn get(&self, index: Index) -> Option<&Server> {
        self.servers.get(index)
    }

    /// The same number: no server has changed.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get_mut(&mut self, index: Index) -> Option<&mut Server> {
        self.version += 1;
        self.servers.get_mut(index)
    }

    pub(crate) fn find(&self, id: &str) -> Option<Index> {
        self.by_id.get(&parse(id)?).copied()
    }

    pub(crate) fn push(&mut self, server: Server) -> Index {
        self.version += 1;
        let index = self.servers.len();
        let key = place(&server);
        self.by_id.extend(parse(&server.id).map(|id| (id, index)));
        self.ever.entry(key.clone()).or_default().push(index);
        self.shown.entry(key).or_default().insert(index);
        self.servers.push(server);
        index
    }

    /// The servers shown in a project of a region, newest first.
    pub(crate) fn shown(&self, region: &str, project: &str) -> impl Iterator<Item = &Server> {
        self.shown
            .get(&(region.to_owned(), project.to_owned()))
            .into_iter()
            .flatten()
            .rev()
            .filter_map(|index| self.servers.get(*index))
    }

    /// The same with the deleted ones.
    pub(crate) fn ever(&self, region: &str, project: &str) -> impl Iterator<Item = &Server> {
        self.ever
            .get(&(region.to_owned(), project.to_owned()))
            .into_iter()
            .flatten()
            .rev()
            .filter_map(|index| self.servers.get(*index))
    }

    /// How many servers of the project use quota.
    pub(crate) fn used(&self, region: &str, project: &str) -> u64 {
        self.used
            .get(&(region.to_owned(), project.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// From now on the server uses quota.
    pub(crate) fn count(&mut self, index: Index) {
        self.version += 1;
        if let Some(server) = self.servers.get_mut(index)
            && !server.counted
        {
            server.counted = true;
            *self.used.entry(place(server)).or_default() += 1;
        }
    }

    /// Ends a server: it is no longer shown and uses nothing.
    pub(crate) fn bury(&mut self, index: Index, now_ms: u64, by: DeletedBy) {
        self.version += 1;
        let Some(server) = self.servers.get_mut(index) else {
            return;
        };
        let place = place(server);
        if std::mem::take(&mut server.counted)
            && let Some(used) = self.used.get_mut(&place)
        {
            *used = used.saturating_sub(1);
        }
        let deletion = server.deleted.get_or_insert(Deletion {
            at_ms: now_ms,
            gone_ms: None,
            by,
        });
        deletion.gone_ms = deletion.gone_ms.or(Some(now_ms));
        server.status = Status::Deleted;
        server.task = None;
        server.updated_ms = now_ms;
        if let Some(shown) = self.shown.get_mut(&place) {
            shown.remove(&index);
        }
    }
}

fn place(server: &Server) -> (String, String) {
    (server.region.clone(), server.project.clone())
}

/// Only the usual form of an id is one.
fn parse(id: &str) -> Option<Uuid> {
    let usual = id.len() == 36 && !id.contains(|c: char| c.is_ascii_uppercase());
    usual.then(|| Uuid::try_parse(id).ok()).flatten()
}
