use chassis::SimulatedProcess;
use domain::ids::ColoId;

use super::*;

fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

/// A sweep that has asked for the list of its one tenant, and the operation.
fn asked(process: &Process) -> (Sweep, OpId) {
    let sweep = Sweep::new(process.clone(), Handout::new(process.clone()));
    let key = GroupKey {
        tenant: tenant(),
        id: GroupId::new(ColoId(1), 7),
        epoch: HomeEpoch(0),
    };
    sweep.want(&key, mono(process));
    sweep.ask(&tenant());
    let op = waits_for(&sweep).unwrap();
    (sweep, op)
}

fn waits_for(sweep: &Sweep) -> Option<OpId> {
    let tenants = sweep.lock();
    let asked = tenants.get(&tenant()).and_then(|entry| entry.asked);
    asked.map(|(op, _)| op)
}

#[tokio::test(start_paused = true)]
async fn a_list_that_nobody_reports_is_asked_for_again() {
    let process = Process::simulated(SimulatedProcess::default());
    let (sweep, _lost) = asked(&process);
    process.clock.sleep(LOST_AFTER / 2).await;
    assert!(sweep.due().0.is_empty());
    process.clock.sleep(LOST_AFTER / 2).await;
    assert_eq!(sweep.due().0, [tenant()]);
    assert_eq!(sweep.due().0, [tenant()], "until it is");
}

#[tokio::test(start_paused = true)]
async fn only_its_own_operation_that_came_to_nothing_ends_a_list() {
    let process = Process::simulated(SimulatedProcess::default());
    let (sweep, op) = asked(&process);
    let wait = Duration::from_secs(10);
    sweep.undone(&tenant(), OpId::from_u128(5), wait);
    assert_eq!(waits_for(&sweep), Some(op), "that was a look-up");
    sweep.undone(&tenant(), op, wait);
    assert_eq!(waits_for(&sweep), None);
    assert!(sweep.due().0.is_empty());
    process.clock.sleep(wait).await;
    assert_eq!(sweep.due().0, [tenant()]);
}
