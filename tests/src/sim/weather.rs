//! The cloud's bad days: spells that come and go on top of a run's standing faults.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cloudsim::{BuildError, Call, Fault, Faults, Planned};

use super::faults::{fail, fair_cloud, foul_cloud, rate};
use super::schedule::CloudFaults;
use super::strike::Blow;
use super::transport::Sky;

/// What the cloud does wrong right now.
#[derive(Debug)]
pub struct Weather {
    sky: Sky,
    standing: CloudFaults,
    page_rows_max: Option<usize>,
    planned: Vec<Planned>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calm: bool,
    spells: Vec<(usize, Blow, u32)>,
}

impl Weather {
    /// The standing faults of a run, and those planned for single requests.
    #[must_use]
    pub fn new(
        sky: Sky,
        standing: CloudFaults,
        page_rows_max: Option<usize>,
        planned: Vec<Planned>,
    ) -> Self {
        let weather = Self {
            sky,
            standing,
            page_rows_max,
            planned,
            state: Mutex::default(),
        };
        weather.apply(&weather.lock());
        weather
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A spell begins; `cell` is the one that dies, if one does.
    pub fn begin(&self, id: usize, blow: Blow, cell: u32) {
        let mut state = self.lock();
        state.spells.push((id, blow, cell));
        self.apply(&state);
    }

    /// A spell ends.
    pub fn end(&self, id: usize) {
        let mut state = self.lock();
        state.spells.retain(|(spell, _, _)| *spell != id);
        self.apply(&state);
    }

    /// Everything ends.
    pub fn calm(&self) {
        let mut state = self.lock();
        state.calm = true;
        state.spells.clear();
        self.apply(&state);
    }

    fn apply(&self, state: &State) {
        let mut conduct = if state.calm {
            fair_cloud()
        } else {
            foul_cloud(&self.standing)
        };
        if let Some(rows) = self.page_rows_max {
            conduct.page_rows_max = rows;
        }
        if state.spells.is_empty() && !state.calm {
            conduct.planned.clone_from(&self.planned);
        }
        for (_, blow, cell) in &state.spells {
            conduct = darken(conduct, blow, *cell);
        }
        self.sky.truth().set_faults(&conduct);
    }
}

fn darken(mut conduct: Faults, blow: &Blow, cell: u32) -> Faults {
    match *blow {
        Blow::DeadCell(_) => {
            conduct.dead_cells.push(cell);
            conduct
        }
        Blow::Brownout(per_mille, _) => conduct
            .with_rate(rate(per_mille / 3), None, fail(500, false, None))
            .with_rate(rate(per_mille / 3), None, fail(502, true, None))
            .with_rate(rate(per_mille / 3), None, fail(503, false, Some(5))),
        Blow::Astray(_) => conduct.with_rate(1000, None, fail(404, false, None)),
        Blow::Throttle(per_mille, _) => {
            conduct.with_rate(rate(per_mille), None, fail(429, false, Some(11)))
        }
        Blow::Hang(per_mille, _) => conduct
            .with_rate(rate(per_mille / 2), None, Fault::Hang { executed: true })
            .with_rate(rate(per_mille / 2), None, Fault::Hang { executed: false }),
        Blow::Quota(most, _) => {
            conduct.quota_instances = Some(most);
            conduct
        }
        Blow::NoCapacity(_) => {
            let reason = BuildError::NoValidHost;
            conduct.with_rate(1000, Some(Call::Create), Fault::EndInError { reason })
        }
        Blow::Crash(..)
        | Blow::Pause(..)
        | Blow::Jump(..)
        | Blow::Drift(..)
        | Blow::Reboot(..)
        | Blow::Cut(..)
        | Blow::CutCloud(..)
        | Blow::Swizzle(_)
        | Blow::StoreOutage(_)
        | Blow::Restore(_)
        | Blow::Revoke
        | Blow::Expire
        | Blow::Plant
        | Blow::Copy
        | Blow::CloneAndDelete
        | Blow::Strip(_)
        | Blow::Borrow(_)
        | Blow::Rename
        | Blow::Lock(_)
        | Blow::Protect(_)
        | Blow::Stop(_)
        | Blow::Delete
        | Blow::Fail
        | Blow::PauseGroup(_)
        | Blow::Bounds(..)
        | Blow::DeleteGroup
        | Blow::Switch(..) => conduct,
    }
}
