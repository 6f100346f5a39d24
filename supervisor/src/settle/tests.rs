use chassis::{Process, SimulatedProcess};
use domain::ids::{ColoId, GroupId, HomeEpoch, Incarnation, SlotId};
use domain::settle::Outcome;
use domain::slot::FailWhy;
use store::memory::Memory;

use super::*;
use crate::Settings;

#[tokio::test(start_paused = true)]
async fn a_group_for_which_too_much_waits_holds_back_no_report_of_others() {
    let process = Process::simulated(SimulatedProcess::default());
    let stores = Memory::new(process.clock.clone()).handle("supervisor");
    let settings = Settings {
        events_waiting_max: 2,
        ..Settings::default()
    };
    let supervisor = crate::build(&process, settings, stores);
    let report = |tenant: &str| Report {
        op: OpId::from_u128(1),
        key: Subject::Group(GroupKey {
            id: GroupId::new(ColoId(1), 7),
            tenant: tenant.parse().unwrap(),
            epoch: HomeEpoch(0),
        }),
        worker: "w".parse().unwrap(),
        incarnation: Incarnation::from_u128(1),
        result: Done::Slot {
            slot: SlotId::from_u128(1),
            outcome: Outcome::NotCreated(FailWhy::NotSent),
        },
        trace: None,
    };
    // Three of them are more than may wait for that group.
    let reports = ["stormy", "stormy", "stormy", "calm"].map(report);
    let done = supervisor.settle(reports.to_vec());
    // Looked at once all were told, before any owner runs.
    let awake = async { supervisor.owners.awake() };
    let (done, awake) = tokio::join!(done, awake);
    assert_eq!(done, Err(OpsError::Unreachable), "one was not taken");
    assert_eq!(awake, 2, "and the owner of the calm one was told");
    process.tasks.abort_all();
}
