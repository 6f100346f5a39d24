//! The ground truth: log, counts, servers.

use serde_json::Value;

use super::harness::{START_MS, World, server};
use crate::{Call, DeletedBy, Faults, Outcome, Settings, Span};

#[test]
fn the_log_tells_each_request_as_the_cloud_saw_it() {
    let mut world = World::instant();
    let id = world.create("as:a");
    world.call("DELETE", &format!("/servers/{id}"), &Value::Null);
    world.get("/flavors/99");
    let log: Vec<_> = world.sim.log(0).cloned().collect();
    assert_eq!(log.len(), 3);
    assert_eq!((log[0].call, log[0].status), (Call::Create, Some(202)));
    assert_eq!(log[0].tags, ["as:a"]);
    assert_eq!(log[0].project.as_deref(), Some("tenant-a"));
    assert_eq!(log[0].server.as_deref(), Some(id.as_str()));
    assert_eq!((log[1].call, log[1].executed), (Call::Delete, true));
    assert_eq!((log[2].call, log[2].executed), (Call::LookUp, false));
    assert_eq!(world.sim.log(2).count(), 1);
}

#[test]
fn a_server_knows_the_requests_that_made_and_ended_it() {
    let mut world = World::instant();
    let id = world.create("as:a");
    world.wait(1_000);
    world.call("DELETE", &format!("/servers/{id}"), &Value::Null);
    world.wait(0);
    let server = world.sim.server(&id).unwrap();
    assert_eq!(server.asked.as_ref().unwrap().request, 0);
    assert_eq!(server.created_ms, START_MS);
    let end = server.deleted.unwrap();
    assert_eq!((end.at_ms, end.by), (START_MS + 1_000, DeletedBy::Api(1)));
    assert_eq!(world.sim.living().count(), 0);
    assert_eq!(world.sim.servers().len(), 1);
}

#[test]
fn a_bounded_log_forgets_but_keeps_counting() {
    let settings = Settings {
        log_entries_max: 3,
        ..Settings::default()
    };
    let mut world = World::with(settings, Faults::instant());
    for n in 0..10 {
        world.create(&format!("as:{n}"));
    }
    let kept: Vec<_> = world.sim.log(0).map(|entry| entry.seq).collect();
    assert_eq!(kept, [7, 8, 9]);
    assert_eq!(world.sim.counts().by_call[&Call::Create], 10);
    assert_eq!(world.sim.counts().creates_by_tag.len(), 10);
    world.sim.clear_log();
    assert_eq!(world.sim.counts().requests, 0);
    world.create("as:new");
    assert_eq!(world.sim.log(0).next().unwrap().seq, 10);
}

#[test]
fn an_answer_is_there_when_it_is_due_and_only_once() {
    let mut world = World::new(Faults {
        latency: Span::exactly(50),
        ..Faults::instant()
    });
    let request = world.request("POST", "/servers", 93, &server("as:a"));
    let ticket = world.sim.arrive(START_MS, request);
    assert_eq!(ticket.answer_at_ms, Some(START_MS + 50));
    let early = world.sim.take(ticket.id, START_MS + 49);
    assert_eq!(early, Outcome::NotYet(Some(START_MS + 50)));
    let due = world.sim.take(ticket.id, START_MS + 50);
    assert!(matches!(due, Outcome::Answer(_)));
    let again = world.sim.take(ticket.id, START_MS + 51);
    assert_eq!(again, Outcome::NotYet(None));
}

#[test]
fn time_never_runs_backwards() {
    let mut world = World::instant();
    world.wait(1_000);
    world.sim.advance(START_MS);
    assert_eq!(world.sim.now_ms(), START_MS + 1_000);
    let request = world.request("GET", "/limits", 1, &Value::Null);
    let ticket = world.sim.arrive(START_MS, request);
    assert_eq!(ticket.answer_at_ms, Some(START_MS + 1_000));
}

#[test]
fn a_reset_cloud_is_new_but_no_ticket_is_given_twice() {
    let mut world = World::instant();
    world.create("as:a");
    let request = world.request("GET", "/limits", 1, &Value::Null);
    let old = world.sim.arrive(world.now_ms, request.clone());
    world.sim.reset();
    assert!(world.sim.servers().is_empty());
    let new = world.sim.arrive(world.now_ms, request);
    assert!(new.id > old.id);
    assert_eq!(world.sim.take(old.id, world.now_ms), Outcome::NotYet(None));
}

#[test]
fn unknown_paths_are_404() {
    let mut world = World::instant();
    for path in [
        "/",
        "/nova",
        "/compute/Mars/v2.1/servers",
        "/compute/RegionOne/v9/servers",
    ] {
        let Some(Outcome::Answer(response)) = world.send(crate::Request::get(path)) else {
            panic!("no answer");
        };
        assert_eq!(response.status, 404, "{path}");
    }
}

#[test]
fn old_catalogs_with_the_project_in_the_path_work_too() {
    let mut world = World::instant();
    let id = world.create("as:a");
    assert_eq!(world.get(&format!("/tenant-a/servers/{id}")).status, 200);
}
