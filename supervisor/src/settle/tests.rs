use std::sync::Arc;

use chassis::{Process, SimulatedProcess};
use domain::ids::{ColoId, GroupId, HomeEpoch, Incarnation, SlotId};
use domain::settle::Outcome;
use domain::slot::FailWhy;
use store::memory::Memory;

use super::*;
use crate::Settings;
use crate::hooks::tests::Unreadable;

fn group(tenant: &str) -> GroupKey {
    GroupKey {
        id: GroupId::new(ColoId(1), 7),
        tenant: tenant.parse().unwrap(),
        epoch: HomeEpoch(0),
    }
}

fn report(tenant: &str) -> Report {
    Report {
        op: OpId::from_u128(1),
        key: Subject::Group(group(tenant)),
        worker: "w".parse().unwrap(),
        incarnation: Incarnation::from_u128(1),
        result: Done::Slot {
            slot: SlotId::from_u128(1),
            outcome: Outcome::NotCreated(FailWhy::NotSent),
        },
        trace: None,
    }
}

/// A supervisor whose store hangs when it is asked for one tenant's group.
fn supervisor(process: &Process, sick: &str) -> Supervisor {
    let faults = Arc::new(Unreadable(group(sick)));
    let unclear_for = Duration::from_millis(1);
    let stores = Memory::with_faults(process.clock.clone(), faults, unclear_for).handle("a");
    let settings = Settings {
        events_waiting_max: 2,
        ..Settings::default()
    };
    crate::build(process, settings, stores)
}

#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_read_and_one_that_is_full_hold_back_no_report_of_others() {
    let process = Process::simulated(SimulatedProcess::default());
    let supervisor = supervisor(&process, "sick");
    let began = process.clock.mono();
    // Three at once are more than may wait for a group.
    let reports = ["stormy", "stormy", "stormy", "sick", "calm"].map(report);
    let again = supervisor.settle(reports.to_vec()).await;
    assert_eq!(again, Ok(vec![2, 3]), "of groups that never were, known");
    let took = process.clock.mono().saturating_since(began);
    assert!(took < Duration::from_secs(2), "{took:?}");
    process.tasks.abort_all();
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_stops_sends_on_what_it_cannot_write_any_more() {
    let process = Process::simulated(SimulatedProcess::default());
    let supervisor = supervisor(&process, "sick");
    let settle = supervisor.settle(vec![report("sick")]);
    let stop = async { process.stop.request() };
    let (again, ()) = tokio::join!(settle, stop);
    assert_eq!(again, Err(OpsError::Draining));
    process.tasks.abort_all();
}
