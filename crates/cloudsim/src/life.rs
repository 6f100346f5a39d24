//! The life of a server, and what others do to it.

use crate::exchange::Job;
use crate::fate::Build;
use crate::faults::{BuildError, Span};
use crate::fleet::Index;
use crate::random::purpose;
use crate::server::{DeletedBy, Deletion, Outside, Plant, Server, ServerFault, Status};
use crate::sim::{Sim, Unknown};

const SERVER: u64 = purpose("server id");
const CELL: u64 = purpose("cell");
const RECORD: u64 = purpose("record");
const JUDGE: u64 = purpose("judge");
const BOOT: u64 = purpose("boot");
const VANISH: u64 = purpose("vanish");
const DIES: u64 = purpose("dies");

/// Something that falls due.
#[derive(Debug)]
pub(crate) enum Due {
    /// A request executes late.
    Execute(Box<Job>),
    /// A server is written to its cell and counts from now on.
    Record(Index, Box<Build>),
    /// The quota is looked at again.
    Judge(Index, Box<Build>),
    /// The build ends.
    Boot(Index, Box<Build>),
    /// A deleted server is no longer shown.
    Vanish(Index, DeletedBy),
    /// Somebody else does something.
    Outside(Index, Outside),
}

impl Sim {
    pub(crate) fn happen(&mut self, due: Due) {
        match due {
            Due::Execute(job) => self.execute(&job),
            Due::Record(index, build) => self.record(index, build),
            Due::Judge(index, build) => self.judge(index, build),
            Due::Boot(index, build) => self.boot(index, &build),
            Due::Vanish(index, by) => {
                // Its owner may have brought it back meanwhile.
                if self.fleet.get(index).is_some_and(|s| s.deleted.is_some()) {
                    self.fleet.bury(index, self.now_ms, by);
                }
            }
            Due::Outside(index, outside) => self.outside_at(index, &outside),
        }
    }

    /// Does to a server what others than its service user do.
    ///
    /// # Errors
    /// [`Unknown`] server: nothing changed. What is gone stays gone.
    pub fn outside(&mut self, now_ms: u64, id: &str, outside: &Outside) -> Result<(), Unknown> {
        self.advance(now_ms);
        let index = self
            .fleet
            .find(id)
            .ok_or_else(|| Unknown(format!("server {id}")))?;
        self.outside_at(index, outside);
        Ok(())
    }

    /// Puts a server into the cloud without a request, ACTIVE at once; returns its id.
    ///
    /// # Errors
    /// [`Unknown`] region: nothing changed.
    pub fn plant(&mut self, now_ms: u64, plant: Plant) -> Result<String, Unknown> {
        self.advance(now_ms);
        let region = if plant.region.is_empty() {
            self.regions[0].name.clone()
        } else {
            plant.region
        };
        if !self.regions.iter().any(|r| r.name == region) {
            return Err(Unknown(format!("region {region}")));
        }
        let index = self.fleet.len();
        let network = self.settings.networks.first();
        let first = |list: Option<&String>| list.cloned().unwrap_or_default();
        let server = Server {
            id: self.server_id(),
            name: plant.name,
            region,
            project: plant.project,
            user: plant.user,
            cell: Some(0),
            status: Status::Build,
            task: None,
            fault: None,
            metadata: plant.metadata,
            tags: plant.tags,
            asked: None,
            flavor: first(self.settings.flavors.first().map(|f| &f.id)),
            image: first(self.settings.images.first().map(|i| &i.id)),
            zone: first(self.settings.zones.first()),
            key_name: None,
            description: None,
            network: network.map(|n| n.name.clone()),
            address: None,
            locked: false,
            protected: false,
            counted: false,
            created_ms: self.now_ms,
            updated_ms: self.now_ms,
            active_ms: None,
            deleted: None,
        };
        let id = server.id.clone();
        self.fleet.push(server);
        self.fleet.count(index);
        if !plant.stuck {
            self.boot(index, &Build::default());
        }
        Ok(id)
    }

    /// The id of the next server.
    pub(crate) fn server_id(&self) -> String {
        let number = u64::try_from(self.fleet.len()).unwrap_or(u64::MAX);
        self.dice.uuid(SERVER, number).to_string()
    }

    /// A create executed: the server is in BUILD, in nobody's cell yet.
    pub(crate) fn born(&mut self, server: Server, build: Build) {
        let region = self.region_of(&server);
        let record = self.regions[region].weather.faults().record;
        let index = self.fleet.push(server);
        self.later(index, RECORD, record, Due::Record(index, Box::new(build)));
    }

    /// A DELETE was accepted: 204 now, gone a little later.
    pub(crate) fn dying(&mut self, index: Index, by: DeletedBy) {
        let now_ms = self.now_ms;
        let soft_ms = self.settings.soft_delete_ms;
        let Some(server) = self.fleet.get_mut(index) else {
            return;
        };
        if server.deleted.is_some() {
            return;
        }
        server.deleted = Some(Deletion {
            at_ms: now_ms,
            gone_ms: None,
            by,
        });
        server.updated_ms = now_ms;
        if soft_ms > 0 {
            server.status = Status::SoftDeleted;
            self.plan(now_ms + soft_ms, Due::Vanish(index, by));
            return;
        }
        server.task = Some("deleting");
        let span = self.faults_of(index).vanish;
        self.later(index, VANISH, span, Due::Vanish(index, by));
    }

    /// Ends a server in ERROR.
    fn fail(&mut self, index: Index, code: u16, message: String) {
        let now_ms = self.now_ms;
        if let Some(server) = self.fleet.get_mut(index) {
            server.status = Status::Error;
            server.task = None;
            server.updated_ms = now_ms;
            server.fault = Some(ServerFault {
                code,
                message,
                at_ms: now_ms,
            });
        }
    }

    fn record(&mut self, index: Index, build: Box<Build>) {
        if !self.builds(index) {
            return;
        }
        let cells = u64::from(self.settings.cells.max(1));
        let number = u64::try_from(index).unwrap_or(u64::MAX);
        let first = self.dice.draw(CELL, number) % cells;
        let dead = &self.faults_of(index).dead_cells;
        let cell = (0..cells)
            .filter_map(|step| u32::try_from((first + step) % cells).ok())
            .find(|cell| !dead.contains(cell));
        // With every cell dead it waits in the queue for ever: BUILD, and shown.
        let Some(cell) = cell else { return };
        if let Some(server) = self.fleet.get_mut(index) {
            server.cell = Some(cell);
            server.task = Some("spawning");
        }
        self.fleet.count(index);
        let span = self.faults_of(index).judge;
        self.later(index, JUDGE, span, Due::Judge(index, build));
    }

    fn judge(&mut self, index: Index, build: Box<Build>) {
        if !self.builds(index) {
            return;
        }
        let faults = self.faults_of(index);
        let (quota, boot) = (faults.quota_instances, build.boot.unwrap_or(faults.boot));
        let Some(server) = self.fleet.get(index) else {
            return;
        };
        let used = self.fleet.used(&server.region, &server.project);
        let broken = server.zone == "broken";
        if let Some(quota) = quota
            && used > quota
        {
            let text = over_quota(used - 1, quota);
            return self.fail(index, BuildError::Quota.text().0, text);
        }
        if broken || build.error == Some(BuildError::NoValidHost) {
            let (code, text) = BuildError::NoValidHost.text();
            return self.fail(index, code, text.to_owned());
        }
        if !build.stuck {
            self.later(index, BOOT, boot, Due::Boot(index, build));
        }
    }

    fn boot(&mut self, index: Index, build: &Build) {
        if !self.builds(index) {
            return;
        }
        if let Some(reason) = build.error {
            let (code, text) = reason.text();
            return self.fail(index, code, text.to_owned());
        }
        let now_ms = self.now_ms;
        if let Some(server) = self.fleet.get_mut(index) {
            server.status = Status::Active;
            server.task = None;
            server.updated_ms = now_ms;
            server.active_ms = Some(now_ms);
            if server.network.is_some() {
                server.address = Some(address(index));
            }
        }
        if let Some((after, outside)) = &build.dies {
            let due = Due::Outside(index, outside.clone());
            self.later(index, DIES, *after, due);
        }
    }

    fn outside_at(&mut self, index: Index, outside: &Outside) {
        let now_ms = self.now_ms;
        let Some(server) = self.fleet.get_mut(index) else {
            return;
        };
        if server.deleted.is_some_and(|end| end.gone_ms.is_some()) {
            return;
        }
        server.updated_ms = now_ms;
        match outside {
            Outside::Error { reason } => {
                let (code, text) = reason.text();
                self.fail(index, code, text.to_owned());
            }
            Outside::Delete => self.dying(index, DeletedBy::Outside),
            Outside::Vanish => self.fleet.bury(index, now_ms, DeletedBy::Outside),
            Outside::Stop => server.status = Status::Shutoff,
            Outside::Start => {
                server.status = Status::Active;
                server.fault = None;
            }
            Outside::Pause => server.status = Status::Paused,
            Outside::Lock => server.locked = true,
            Outside::Unlock => server.locked = false,
            Outside::Protect => server.protected = true,
            Outside::Unprotect => server.protected = false,
            Outside::Metadata { items } => {
                server.keep_asked_metadata();
                server.metadata.clone_from(items);
            }
            Outside::Tags { tags } => server.tags.clone_from(tags),
            Outside::Rename { name } => server.name.clone_from(name),
        }
    }

    /// Whether the build goes on.
    fn builds(&self, index: Index) -> bool {
        self.fleet
            .get(index)
            .is_some_and(|s| s.status == Status::Build && s.deleted.is_none())
    }

    fn region_of(&self, server: &Server) -> usize {
        let found = self.regions.iter().position(|r| r.name == server.region);
        found.unwrap_or_default()
    }

    /// The conduct of the region in which a server is.
    fn faults_of(&self, index: Index) -> &crate::Faults {
        let region = self.fleet.get(index).map(|s| self.region_of(s));
        self.regions[region.unwrap_or_default()].weather.faults()
    }

    fn later(&mut self, index: Index, purpose: u64, span: Span, due: Due) {
        let number = u64::try_from(index).unwrap_or(u64::MAX);
        let after_ms = self.dice.within(span, purpose, number);
        self.plan(self.now_ms + after_ms, due);
    }
}

impl Server {
    /// Before metadata changes: what the create asked for is kept.
    pub(crate) fn keep_asked_metadata(&mut self) {
        if let Some(asked) = &mut self.asked
            && asked.metadata.is_none()
        {
            asked.metadata = Some(self.metadata.clone());
        }
    }
}

/// Nova's text, also of the 403.
pub(crate) fn over_quota(used: u64, quota: u64) -> String {
    format!(
        "Quota exceeded for instances: Requested 1, but already used {used} of {quota} instances"
    )
}

/// An address of its own for each server.
fn address(index: Index) -> String {
    format!(
        "10.{}.{}.{}",
        64 + index / 62_500 % 190,
        index / 250 % 250,
        index % 250 + 2
    )
}
