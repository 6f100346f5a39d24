//! Pages and dead cells.

use serde_json::Value;

use super::harness::{START_MS, World};
use crate::{Faults, Settings, Span};

fn with_cells(cells: u32) -> World {
    let settings = Settings {
        cells,
        ..Settings::default()
    };
    World::with(settings, Faults::instant())
}

fn kill_cells(world: &mut World, cells: &[u32]) {
    world.sim.set_faults(&Faults {
        dead_cells: cells.to_vec(),
        ..Faults::instant()
    });
}

#[test]
fn pages_follow_each_other_by_marker() {
    let mut world = World::instant();
    let mut ids: Vec<_> = (0..5).map(|n| world.create(&format!("as:{n}"))).collect();
    ids.reverse();
    let page = world.get("/servers/detail?limit=2").value();
    assert_eq!(page["servers_links"][0]["rel"], "next");
    let mut next = page["servers_links"][0]["href"]
        .as_str()
        .map(ToOwned::to_owned);
    let mut seen: Vec<String> = Vec::new();
    let mut read = |page: &Value| {
        let rows = page["servers"].as_array().unwrap();
        seen.extend(rows.iter().map(|r| r["id"].as_str().unwrap().to_owned()));
    };
    read(&page);
    while let Some(href) = next {
        let path = href.split_once("/v2.1").unwrap().1.to_owned();
        let page = world.get(&path).value();
        read(&page);
        next = page["servers_links"][0]["href"]
            .as_str()
            .map(ToOwned::to_owned);
    }
    assert_eq!(seen, ids);
}

#[test]
fn a_full_page_has_a_next_link_even_if_nothing_follows() {
    let mut world = World::new(Faults {
        page_rows_max: 2,
        ..Faults::instant()
    });
    world.create("as:a");
    assert!(world.get("/servers/detail").value()["servers_links"].is_null());
    world.create("as:b");
    let full = world.get("/servers/detail?limit=50").value();
    assert_eq!(full["servers_links"][0]["rel"], "next");
}

#[test]
fn an_unknown_marker_is_refused() {
    let mut world = World::instant();
    assert_eq!(world.get("/servers/detail?marker=none").status, 400);
}

#[test]
fn a_plain_list_from_2_69_shows_servers_of_a_dead_cell_as_unknown() {
    let mut world = with_cells(2);
    for n in 0..20 {
        world.create(&format!("as:{n}"));
    }
    let lost = world
        .sim
        .servers()
        .iter()
        .filter(|s| s.cell == Some(1))
        .count();
    assert!((1..20).contains(&lost));
    kill_cells(&mut world, &[1]);
    let list = world.get("/servers/detail").value();
    let rows = list["servers"].as_array().unwrap();
    let unknown: Vec<_> = rows.iter().filter(|r| r["status"] == "UNKNOWN").collect();
    assert_eq!((rows.len(), unknown.len()), (20, lost));
    assert!(
        unknown
            .iter()
            .all(|r| r["metadata"].is_null() && r["name"].is_null())
    );
}

#[test]
fn any_query_or_an_older_version_drops_the_rows_of_a_dead_cell_and_still_answers_200() {
    let mut world = with_cells(2);
    for n in 0..20 {
        world.create(&format!("as:{n}"));
    }
    let lost = world
        .sim
        .servers()
        .iter()
        .filter(|s| s.cell == Some(1))
        .count();
    kill_cells(&mut world, &[1]);
    for query in [
        "?limit=1000",
        "?tags-any=as:1,as:2",
        "?foo=bar",
        "?sort_key=uuid",
    ] {
        let listed = world.list(query);
        let alive = |id: &String| world.sim.server(id).unwrap().cell == Some(0);
        assert!(listed.iter().all(alive), "{query}");
    }
    assert_eq!(world.list_at(68, "").len(), 20 - lost);
}

#[test]
fn rows_of_a_dead_cell_do_not_fit_on_a_full_page() {
    let mut world = with_cells(2);
    for n in 0..40 {
        world.create(&format!("as:{n}"));
    }
    world.sim.set_faults(&Faults {
        dead_cells: vec![1],
        page_rows_max: 10,
        ..Faults::instant()
    });
    let list = world.get("/servers/detail").value();
    let rows = list["servers"].as_array().unwrap();
    assert!(rows.len() == 10 && rows.iter().all(|r| r["status"] == "ACTIVE"));
}

#[test]
fn one_server_of_a_dead_cell_is_unknown_to_get_and_500_to_delete() {
    let mut world = with_cells(1);
    let kept = world.create("as:kept");
    let ended = world.create("as:ended");
    world.sim.set_faults(&Faults {
        vanish: Span::exactly(1_000),
        ..Faults::instant()
    });
    world.call("DELETE", &format!("/servers/{ended}"), &Value::Null);
    kill_cells(&mut world, &[0]);
    let path = format!("/servers/{kept}");
    let shown = world.get(&path).value();
    assert_eq!(shown["server"]["status"], "UNKNOWN");
    assert_eq!(shown["server"]["user_id"], "autoscaler");
    assert!(shown["server"]["metadata"].is_null());
    assert_eq!(world.call_at(68, "GET", &path, &Value::Null).status, 500);
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 500);
    // Queued for delete: 404, which proves nothing.
    assert_eq!(world.get(&format!("/servers/{ended}")).status, 404);
    assert!(
        world
            .sim
            .server(&ended)
            .unwrap()
            .deleted
            .unwrap()
            .gone_ms
            .is_none()
    );
}

#[test]
fn a_provider_may_choose_500_over_silent_gaps() {
    let settings = Settings {
        lists_skip_dead_cells: false,
        ..Settings::default()
    };
    let mut world = World::with(settings, Faults::instant());
    world.create("as:a");
    kill_cells(&mut world, &[0]);
    assert_eq!(world.get("/servers/detail?limit=5").status, 500);
}

#[test]
fn a_dead_cell_makes_lists_slow() {
    let mut world = World::instant();
    world.sim.set_faults(&Faults {
        dead_cells: vec![7],
        dead_cell_delay_ms: 60_000,
        ..Faults::instant()
    });
    world.list("");
    assert_eq!(world.now_ms, START_MS + 60_000);
    world.get("/limits");
    assert_eq!(world.now_ms, START_MS + 60_000);
}

#[test]
fn a_short_list_has_names_only() {
    let mut world = World::instant();
    world.create("as:a");
    let list = world.get("/servers").value();
    assert_eq!(list["servers"][0]["name"], "web");
    assert!(list["servers"][0]["status"].is_null());
}

#[test]
fn lists_filter_by_status_name_and_image() {
    let mut world = World::instant();
    let id = world.create("as:a");
    for (query, found) in [
        ("?status=active", true),
        ("?status=ERROR", false),
        ("?name=%5Eweb%24", true),
        ("?name=db", false),
        ("?image=11111111-1111-4111-8111-111111111111", true),
        ("?flavor=2", false),
    ] {
        assert_eq!(world.list(query).contains(&id), found, "{query}");
    }
}

#[test]
fn regions_do_not_see_each_other() {
    let settings = Settings {
        regions: vec!["RegionOne".to_owned(), "DFW".to_owned()],
        ..Settings::default()
    };
    let mut world = World::with(settings, Faults::instant());
    let id = world.create("as:a");
    let there = crate::Request::get("/compute/DFW/v2.1/servers/detail")
        .with_header("x-auth-token", &world.token);
    let Some(crate::Outcome::Answer(list)) = world.send(there) else {
        panic!("no answer");
    };
    assert_eq!(list.value()["servers"], serde_json::json!([]));
    assert_eq!(world.list(""), [id]);
}
