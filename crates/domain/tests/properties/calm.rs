//! The end of a history: faults stop, time passes, and what is left is looked at.

use std::collections::BTreeSet;

use domain::capacity::{Bounds, Size};
use domain::decide::expire;
use domain::draft::Draft;
use domain::event::{Ask, Force};
use domain::evidence::Status;
use domain::group::Phase;
use domain::ids::ServerId;
use domain::plan::plan;
use domain::policy::Adjust;

use crate::cloud::Server;
use crate::steps::Step;
use crate::world::{World, at};

impl World {
    /// Faults end, everybody answers, and time passes: after this the group must be at rest.
    pub(crate) fn calm(&mut self) -> Result<(), String> {
        self.cloud.servers.values_mut().for_each(|server| {
            server.dark = false;
            if matches!(server.status, Status::Error(..) | Status::Held) {
                server.status = Status::Up;
            }
        });
        if self.group.state.phase == Phase::Paused {
            self.step(&Step::Phase(Phase::Running))?;
        }
        self.event(Ask::Converge, Force::No)?;
        let mut rest = 0;
        for _ in 0..400 {
            let rev = self.group.clone();
            self.now += 31_000;
            while self.cloud.calls.iter().any(|call| !call.is_lost) {
                let n = self
                    .cloud
                    .calls
                    .iter()
                    .position(|call| !call.is_lost)
                    .unwrap_or(0);
                self.step(&Step::Answer(n, 0))?;
            }
            for server in self.cloud.servers.values_mut() {
                if server.status == Status::Building {
                    server.status = Status::Up;
                }
            }
            self.step(&Step::List(None))?;
            self.step(&Step::Plan(9))?;
            self.step(&Step::Void(0))?;
            self.step(&Step::Deletes(0))?;
            let is_same = self.group.slots == rev.slots && self.group.state == rev.state;
            rest = if is_same { rest + 1 } else { 0 };
            // Longer than any wait in between but holds and releases, which the end does not depend on.
            if rest > 70 {
                break;
            }
        }
        Ok(())
    }

    /// Grows the group to one size, and then forces it to another.
    pub(crate) fn grow(&mut self, have: u32, want: u32) -> Result<(), String> {
        self.configure(|group| {
            group.config.bounds = Bounds::new(Size(0), Size(100)).expect("bounds")
        })?;
        for size in [have, want] {
            self.event(Ask::Adjust(Adjust::Desired(Size(size))), Force::Gates)?;
            for _ in 0..12 {
                self.now += 31_000;
                self.plan(40)?;
                while !self.cloud.calls.is_empty() {
                    self.step(&Step::Answer(0, 0))?;
                }
                self.cloud
                    .servers
                    .values_mut()
                    .for_each(|server| server.status = Status::Up);
                self.step(&Step::List(None))?;
                self.step(&Step::Deletes(0))?;
            }
        }
        Ok(())
    }

    /// Whether planning now would do anything.
    pub(crate) fn is_at_rest(&self) -> bool {
        let mut draft = Draft::new(&self.group, at(self.now));
        expire(&mut draft);
        plan(&mut draft, &self.watch, &[]);
        draft.is_empty()
    }

    /// Servers that we caused and that nobody edited, without an open slot.
    pub(crate) fn orphans(&self) -> Vec<ServerId> {
        let bound: BTreeSet<ServerId> = self
            .group
            .slots
            .open()
            .filter_map(|slot| slot.state.server())
            .collect();
        let lost = |(id, server): (&ServerId, &Server)| {
            (server.ours && !server.tampered && !bound.contains(id)).then_some(*id)
        };
        self.cloud.servers.iter().filter_map(lost).collect()
    }
}
