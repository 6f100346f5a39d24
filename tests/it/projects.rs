//! A tenant's account in another project or region, by a slip or on purpose: its lists are complete and empty, and prove nothing (ADR 0023).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use cloud::error::CallError;
use cloud::guard::Guard;
use cloud::openstack::{Account, OpenStack, Project};
use cloud::port::Cloud as _;
use cloudsim::Call;
use domain::capacity::Size;
use domain::event::{Ask, Event};
use domain::ids::TenantId;
use wire::ports::submit::Submit as _;

use super::roles;

fn acme() -> TenantId {
    "acme".parse().expect("a tenant")
}

/// In which project and region the account of `acme` is.
#[derive(Clone, Copy, Debug)]
struct Spot {
    project: &'static str,
    region: &'static str,
}

const HOME: Spot = Spot {
    project: "tenant-a",
    region: "RegionOne",
};

/// The cloud's client of the worker of that folder. Its account of `acme` is there, and is said to have moved there from somewhere else.
fn client(
    process: &Process,
    (folder, sky): (&Path, &str),
    (spot, moved_from): (Spot, Option<&str>),
) -> (OpenStack, Guard) {
    let (cloud, guard) = roles::openstack_with(process, sky, |settings| {
        let account = settings.accounts.get_mut(&acme());
        let Some(Account::Password { project: of, .. }) = account else {
            unreachable!("it has a password");
        };
        *of = Project::Id {
            id: spot.project.to_owned(),
        };
        let moved = moved_from.map(|last| (acme(), last.to_owned()));
        settings.moved_from.extend(moved);
        spot.region.clone_into(&mut settings.region);
    });
    let worker = roles::worker_settings(folder);
    let projects = worker.place.projects(&worker.name);
    (cloud.remembering(projects), guard)
}

/// A worker with that client, in a process of its own.
fn worker(place: (&Path, &str), supervisor: &str, spot: Spot) -> Process {
    let process = Process::system();
    let (cloud, guard) = client(&process, place, (spot, None));
    let settings = roles::worker_settings(place.0);
    let supervisors = roles::ops(supervisor);
    holt_worker::build(&process, settings, Arc::new(cloud), guard, supervisors).expect("a worker");
    process
}

async fn end(worker: Process) {
    worker.tasks.abort_all();
    let left = worker.tasks.drain(&worker.clock, Duration::from_secs(10));
    assert_eq!(left.await, 0);
}

#[test]
fn an_account_that_points_to_another_project_proves_no_server_gone() {
    let there = Spot {
        project: "tenant-b",
        ..HOME
    };
    chassis::spawn::run(play(there, "tenant-a")).expect("a runtime");
}

#[test]
fn a_worker_that_is_told_another_region_of_the_same_keystone_proves_no_server_gone() {
    let there = Spot {
        region: "RegionTwo",
        ..HOME
    };
    chassis::spawn::run(play(there, "tenant-a@RegionOne")).expect("a runtime");
}

/// A worker whose account is astray gives up nothing, until `moved_from` confirms that it is meant to be there.
async fn play(there: Spot, moved_from: &str) {
    let process = Process::system();
    let folder = tempfile::tempdir().expect("a folder");
    let (_store, stores) = roles::stores(&process);
    let (shared, sky) = roles::cloud_of(
        &process,
        cloudsim::Settings {
            regions: vec!["RegionOne".to_owned(), "RegionTwo".to_owned()],
            ..cloudsim::Settings::default()
        },
    );
    let place = (folder.path(), sky.as_str());
    let calls = |call| shared.sim().counts().by_call.get(&call).copied();
    let key = roles::make_group_for(&process, &stores, "acme", Size(3)).await;
    let supervisor = roles::supervisor(&process, stores.clone());
    let first = worker(place, &supervisor, HOME);
    assert!(roles::reaches(&process, &stores, &key, 3).await);
    end(first).await;

    let (tokens, lists) = (calls(Call::Token), calls(Call::List));
    let astray = worker(place, &supervisor, there);
    let converge = Event {
        ask: Ask::Converge,
        ..roles::one_more(&process)
    };
    let submit = roles::submit(&supervisor);
    submit.submit(&key, converge).await.expect("a verdict");
    for _ in 0..200 {
        if calls(Call::Token) > tokens {
            break;
        }
        process.clock.sleep(Duration::from_millis(100)).await;
    }
    assert!(calls(Call::Token) > tokens, "a list was asked for");
    process.clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(calls(Call::List), lists, "and was refused");
    assert!(roles::reaches(&process, &stores, &key, 3).await);
    assert_eq!(shared.sim().counts().servers_created, 3);
    end(astray).await;

    for (account, servers) in [
        ((there, None), Err(CallError::Credential)),
        // Mended; then moved on purpose.
        ((HOME, None), Ok(3)),
        ((there, Some(moved_from)), Ok(0)),
    ] {
        let (cloud, _) = client(&process, place, account);
        let list = cloud.list(&acme()).await;
        assert_eq!(list.map(|list| list.servers.len()), servers, "{account:?}");
    }
    process.stop.request();
}
