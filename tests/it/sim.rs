//! The simulator itself: a few schedules in the ordinary test run, its repeatability, and proof that its checks can fail.

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::{Process, SimulatedProcess};
use cloudsim::{Plant, Settings, Sim};
use holt_tests::sim::check::Checker;
use holt_tests::sim::directed::Case;
use holt_tests::sim::run::run;
use holt_tests::sim::schedule::{Regime, Schedule};
use holt_tests::sim::strike::{Blow, Strike};
use holt_tests::sim::transport::Sky;
use holt_tests::sim::visits;
use store::memory::Memory;

#[test]
fn a_handful_of_schedules_keeps_every_promise() -> anyhow::Result<()> {
    for seed in 1..=3 {
        let report = run(Schedule::of(seed))?;
        assert_eq!(report.violations, Vec::<String>::new(), "seed {seed}");
        assert!(report.creates_per_slot_max <= 1, "seed {seed}");
        assert!(report.commits > 20, "seed {seed} did hardly anything");
    }
    Ok(())
}

#[test]
fn a_late_server_in_a_dead_cell_is_no_violation_when_the_token_of_its_lapsed_call_is_revoked()
-> anyhow::Result<()> {
    let report = run(Schedule::of(1_796_090_470_552_216))?;
    assert_eq!(report.violations, Vec::<String>::new());
    Ok(())
}

#[test]
fn one_number_gives_one_trace_and_another_number_another() -> anyhow::Result<()> {
    let trace = |seed| run(Schedule::of(seed)).map(|r| r.trace);
    assert_eq!(trace(7)?, trace(7)?);
    // Several polls of a worker wait for one sign-in: their order has to be the same as well.
    assert_eq!(trace(12)?, trace(12)?);
    assert_ne!(trace(7)?, trace(8)?);
    Ok(())
}

fn look_at(plant: Plant, then: impl Fn(&mut Sim, &str)) -> anyhow::Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        let process = Process::simulated(SimulatedProcess::default());
        let store = Memory::new(process.clock.clone());
        let sky = Sky::new(Sim::new(Settings::default()), process.clock);
        let checker = Checker::new(store, sky.clone(), "autoscaler", Regime::Below);
        let id = sky.truth().plant(0, plant)?;
        then(&mut sky.truth(), &id);
        // The checker looks when the cloud was asked something.
        let _ticket = sky
            .truth()
            .arrive(1, cloudsim::Request::get("/identity/v3"));
        checker.look();
        Ok(checker.findings().violations)
    })
}

#[test]
fn a_server_of_ours_without_a_slot_is_a_violation() -> anyhow::Result<()> {
    let plant = Plant {
        project: "tenant-a".into(),
        user: "autoscaler".into(),
        tags: vec!["as:nobody".into()],
        ..Plant::default()
    };
    let found = look_at(plant, |_, _| {})?;
    assert!(found.iter().any(|v| v.starts_with("I1")), "{found:?}");
    Ok(())
}

#[test]
fn a_foreign_server_that_is_deleted_is_a_violation() -> anyhow::Result<()> {
    let plant = Plant {
        project: "tenant-a".into(),
        user: "tenant-a-user".into(),
        ..Plant::default()
    };
    let kept = look_at(plant.clone(), |_, _| {})?;
    assert_eq!(kept, Vec::<String>::new());
    let by_its_owner = look_at(plant.clone(), |sim, id| {
        assert_eq!(sim.outside(1, id, &cloudsim::Outside::Delete), Ok(()));
    })?;
    assert_eq!(by_its_owner, Vec::<String>::new());
    let found = look_at(plant, |sim, id| {
        let token = sim.sign_in(1, "autoscaler", "tenant-a").unwrap();
        let path = format!("/compute/RegionOne/v2.1/servers/{id}");
        let mut delete = cloudsim::Request::new("DELETE", &path);
        delete.headers.push(("x-auth-token".into(), token));
        let _ticket = sim.arrive(1, delete);
        sim.advance(60_000);
    })?;
    assert!(found.iter().any(|v| v.starts_with("I2")), "{found:?}");
    Ok(())
}

#[test]
fn a_store_that_goes_back_to_a_backup_costs_no_server_and_no_group() -> anyhow::Result<()> {
    let mut schedule = Schedule::of(11);
    (schedule.large, schedule.regime) = (false, Regime::Below);
    schedule.strikes = vec![Strike {
        id: 0,
        at: Duration::from_secs(600),
        blow: Blow::Restore(Duration::from_secs(300)),
    }];
    let report = run(schedule)?;
    assert_eq!(report.violations, Vec::<String>::new());
    let taken_in = "rule: taken in, its slot was not in the ledger";
    assert!(report.tally.contains_key(taken_in), "nothing was lost");
    Ok(())
}

#[test]
fn while_something_else_answers_404_for_the_cloud_no_server_is_gone_and_no_group_is_held_for_it()
-> anyhow::Result<()> {
    for large in [false, true] {
        let mut schedule = Schedule::of(11);
        (schedule.large, schedule.regime) = (large, Regime::Below);
        schedule.strikes = vec![Strike {
            id: 0,
            at: Duration::from_secs(1200),
            blow: Blow::Astray(Duration::from_secs(480)),
        }];
        let report = run(schedule)?;
        assert_eq!(report.violations, Vec::<String>::new(), "large: {large}");
        let gone = "rule: gone, deleted by somebody else";
        assert_eq!(report.tally.get(gone), None, "large: {large}");
    }
    Ok(())
}

#[test]
fn the_eight_interleavings_come_about_and_break_nothing() -> anyhow::Result<()> {
    let mut visited = BTreeSet::new();
    for case in Case::SCRIPTS {
        let report = run(Schedule::directed(case, 1))?;
        assert_eq!(report.violations, Vec::<String>::new(), "{case:?}");
        let came = "directed: the interleaving came about";
        assert_eq!(report.tally.get(came), Some(&1), "{case:?} did not happen");
        visited.extend(report.tally.into_keys());
    }
    let never: Vec<_> = visits::SCRIPTED
        .iter()
        .filter(|what| !visited.iter().any(|key: &String| key == **what))
        .collect();
    assert!(never.is_empty(), "never visited: {never:?}");
    Ok(())
}
