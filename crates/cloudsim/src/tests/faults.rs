//! Every fault, planned and random.

use serde_json::Value;

use super::harness::{START_MS, World, server};
use crate::{BuildError, Call, Fault, Faults, Outcome, Outside, Pick, Planned, Span, Status};

fn first_create(fault: Fault) -> World {
    World::new(Faults::instant().with_nth_create(1, fault))
}

/// Status of the answer to a create, 0 for a reset.
fn outcome(world: &mut World, tag: &str) -> u16 {
    match world.try_create(tag) {
        Some(Outcome::Answer(response)) => response.status,
        Some(Outcome::Reset) => 0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lost_answer_leaves_a_server_behind() {
    let mut world = first_create(Fault::LoseAnswer);
    assert_eq!(outcome(&mut world, "as:a"), 0);
    assert_eq!(world.list("?tags=as:a").len(), 1);
    let entry = world.sim.log(0).next().unwrap();
    assert!(entry.executed && entry.connection_lost && entry.status.is_none());
    assert_eq!(outcome(&mut world, "as:b"), 202);
}

#[test]
fn a_lost_request_leaves_nothing() {
    let mut world = first_create(Fault::LoseRequest);
    assert_eq!(outcome(&mut world, "as:a"), 0);
    assert!(world.sim.servers().is_empty());
    let entry = world.sim.log(0).next().unwrap();
    assert!(!entry.executed && entry.connection_lost);
    assert_eq!(world.sim.counts().creates_by_tag["as:a"].arrived, 1);
    assert_eq!(world.sim.counts().creates_by_tag["as:a"].servers, 0);
}

#[test]
fn a_request_may_execute_long_after_its_connection_died() {
    let by = Span::exactly(90_000);
    let mut world = first_create(Fault::LoseThenExecute { by });
    assert_eq!(outcome(&mut world, "as:a"), 0);
    assert_eq!(world.now_ms, START_MS);
    assert_eq!(world.sim.next_due_ms(), Some(START_MS + 90_000));
    world.wait(89_999);
    assert!(world.list("").is_empty());
    world.wait(1);
    assert_eq!(world.list("").len(), 1);
    assert!(world.sim.log(0).next().unwrap().executed);
}

#[test]
fn a_request_that_executes_after_its_token_died_comes_to_nothing() {
    let by = Span::exactly(4_000_000);
    let mut world = first_create(Fault::LoseThenExecute { by });
    assert_eq!(outcome(&mut world, "as:a"), 0);
    world.wait(4_000_001);
    assert!(world.sim.servers().is_empty());
}

#[test]
fn a_late_request_is_answered_late() {
    let by = Span::exactly(30_000);
    let mut world = first_create(Fault::Late { by });
    assert_eq!(outcome(&mut world, "as:a"), 202);
    assert_eq!(world.now_ms, START_MS + 30_000);
    assert_eq!(world.sim.servers()[0].created_ms, START_MS + 30_000);
}

#[test]
fn an_answer_may_be_late_though_the_work_was_done_at_once() {
    let by = Span::exactly(30_000);
    let mut world = first_create(Fault::AnswerLate { by });
    assert_eq!(outcome(&mut world, "as:a"), 202);
    assert_eq!(world.now_ms, START_MS + 30_000);
    assert_eq!(world.sim.servers()[0].created_ms, START_MS);
}

#[test]
fn an_abandoned_request_executes_all_the_same() {
    let by = Span::exactly(30_000);
    let mut world = first_create(Fault::Late { by });
    let request = world.request("POST", "/servers", 93, &server("as:a"));
    let ticket = world.sim.arrive(START_MS, request);
    world.sim.abandon(ticket.id);
    world.wait(30_000);
    assert_eq!(world.sim.servers().len(), 1);
    assert_eq!(
        world.sim.take(ticket.id, world.now_ms),
        Outcome::NotYet(None)
    );
}

#[test]
fn errors_may_or_may_not_have_taken_effect() {
    for (status, executed) in [
        (500, true),
        (502, true),
        (500, false),
        (503, false),
        (504, true),
    ] {
        let mut world = first_create(Fault::Fail {
            status,
            executed,
            retry_after_s: None,
        });
        assert_eq!(outcome(&mut world, "as:a"), status);
        assert_eq!(world.sim.servers().len(), usize::from(executed));
        let entry = world.sim.log(0).next().unwrap();
        assert_eq!((entry.status, entry.executed), (Some(status), executed));
    }
}

#[test]
fn throttling_says_when_to_come_again() {
    for status in [413, 429] {
        let mut world = first_create(Fault::Fail {
            status,
            executed: false,
            retry_after_s: Some(17),
        });
        let Some(Outcome::Answer(response)) = world.try_create("as:a") else {
            panic!("no answer");
        };
        assert_eq!(response.status, status);
        assert_eq!(response.header("retry-after"), Some("17"));
        assert_eq!(response.value()["overLimit"]["retryAfter"], "17");
    }
}

#[test]
fn an_error_of_a_proxy_is_not_json() {
    for status in [404, 502] {
        is_a_page(status);
    }
}

fn is_a_page(status: u16) {
    let mut world = first_create(Fault::Fail {
        status,
        executed: true,
        retry_after_s: None,
    });
    let Some(Outcome::Answer(response)) = world.try_create("as:a") else {
        panic!("no answer");
    };
    assert_eq!(response.header("content-type"), Some("text/html"));
    assert!(response.value().is_null());
}

#[test]
fn a_request_may_hang_executed_or_not() {
    for executed in [true, false] {
        let mut world = first_create(Fault::Hang { executed });
        assert_eq!(world.try_create("as:a"), None);
        assert_eq!(world.sim.servers().len(), usize::from(executed));
        assert!(world.sim.log(0).next().unwrap().connection_lost);
    }
}

#[test]
fn an_answer_may_be_cut_in_half() {
    let mut world = first_create(Fault::Garble);
    let Some(Outcome::Answer(response)) = world.try_create("as:a") else {
        panic!("no answer");
    };
    assert_eq!(response.status, 202);
    assert!(response.value().is_null());
    assert_eq!(world.sim.servers().len(), 1);
}

#[test]
fn one_create_may_execute_twice() {
    let mut world = first_create(Fault::Twice);
    let id = world.create("as:a");
    assert_eq!(world.list("?tags=as:a").len(), 2);
    assert!(world.list("").contains(&id));
    let count = world.sim.counts().creates_by_tag["as:a"];
    assert_eq!((count.arrived, count.servers), (1, 2));
}

#[test]
fn a_delete_may_be_answered_and_ignored() {
    let planned = Planned {
        pick: Pick::nth(Call::Delete, 1),
        fault: Fault::Ignore,
    };
    let mut world = World::new(Faults {
        planned: vec![planned],
        ..Faults::instant()
    });
    let id = world.create("as:a");
    let path = format!("/servers/{id}");
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(world.status_of(&id), "ACTIVE");
    assert_eq!(world.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(world.status_of(&id), "gone");
}

#[test]
fn a_server_may_end_in_error_stay_in_build_or_boot_slowly() {
    let slow = Fault::Boot {
        after: Span::exactly(60_000),
    };
    let faults = Faults::instant()
        .with_nth_create(
            1,
            Fault::EndInError {
                reason: BuildError::BuildFailed,
            },
        )
        .with_nth_create(2, Fault::StuckInBuild)
        .with_nth_create(3, slow);
    let mut world = World::new(faults);
    let ids: Vec<_> = (0..4).map(|n| world.create(&format!("as:{n}"))).collect();
    let mut states = || ids.iter().map(|id| world.status_of(id)).collect::<Vec<_>>();
    assert_eq!(states(), ["ERROR", "BUILD", "BUILD", "ACTIVE"]);
    world.wait(60_000);
    let mut states = || ids.iter().map(|id| world.status_of(id)).collect::<Vec<_>>();
    assert_eq!(states(), ["ERROR", "BUILD", "ACTIVE", "ACTIVE"]);
}

#[test]
fn a_server_may_die_after_it_became_active() {
    let mut world = first_create(Fault::Dies {
        after: Span::exactly(5_000),
        outside: Outside::Vanish,
    });
    let id = world.create("as:a");
    assert_eq!(world.status_of(&id), "ACTIVE");
    world.wait(5_000);
    assert_eq!(world.status_of(&id), "gone");
}

#[test]
fn one_create_can_lose_its_answer_and_fail_to_build() {
    let faults = Faults::instant()
        .with_nth_create(1, Fault::LoseAnswer)
        .with_nth_create(
            1,
            Fault::EndInError {
                reason: BuildError::NoValidHost,
            },
        );
    let mut world = World::new(faults);
    assert_eq!(outcome(&mut world, "as:a"), 0);
    assert_eq!(world.sim.servers()[0].status, Status::Error);
}

#[test]
fn faults_can_be_planned_by_tag_by_content_and_several_in_a_row() {
    let lose = |pick| Planned {
        pick,
        fault: Fault::LoseRequest,
    };
    let mut world = World::new(Faults {
        planned: vec![
            lose(Pick::create_with_tag("as:b")),
            lose(Pick {
                contains: Some("\"as:d\"".to_owned()),
                ..Pick::nth(Call::Create, 1)
            }),
            lose(Pick {
                times: 2,
                ..Pick::nth(Call::Create, 5)
            }),
        ],
        ..Faults::instant()
    });
    let lost: Vec<_> = ["as:a", "as:b", "as:c", "as:d", "as:e", "as:f", "as:g"]
        .into_iter()
        .filter(|tag| outcome(&mut world, tag) == 0)
        .collect();
    assert_eq!(lost, ["as:b", "as:d", "as:e", "as:f"]);
}

#[test]
fn random_faults_hit_about_as_often_as_they_should_and_only_their_calls() {
    let faults = Faults::instant().with_rate(100, Some(Call::Create), Fault::LoseRequest);
    let mut world = World::new(faults);
    let lost = (0..2_000)
        .filter(|n| outcome(&mut world, &format!("as:{n}")) == 0)
        .count();
    assert!((140..260).contains(&lost), "{lost}");
    assert!((0..100).all(|_| world.get("/limits").status == 200));
}

#[test]
fn taking_one_random_fault_away_leaves_the_others_where_they_were() {
    let lose = |faults: Faults| faults.with_rate(50, Some(Call::Create), Fault::LoseRequest);
    let error = Fault::Fail {
        status: 500,
        executed: false,
        retry_after_s: None,
    };
    let both = lose(Faults::instant().with_rate(50, Some(Call::Create), error));
    let run = |faults| {
        let mut world = World::new(faults);
        (0..500)
            .map(|n| outcome(&mut world, &format!("as:{n}")))
            .collect::<Vec<_>>()
    };
    let (with, without) = (run(both), run(lose(Faults::instant())));
    for (a, b) in with.iter().zip(&without) {
        assert!(*a == 500 || a == b, "{a} {b}");
    }
    assert!(with.contains(&500) && with.contains(&0));
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let run = |seed| {
        let settings = crate::Settings {
            seed,
            ..crate::Settings::default()
        };
        let faults = Faults::default()
            .with_rate(200, None, Fault::LoseAnswer)
            .with_rate(
                200,
                None,
                Fault::Late {
                    by: Span::between(0, 9_000),
                },
            );
        let mut world = World::with(settings, faults);
        for n in 0..50 {
            world.try_create(&format!("as:{n}"));
        }
        world.wait(60_000);
        let log: Vec<_> = world.sim.log(0).cloned().collect();
        (log, format!("{:?}", world.sim.servers()))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn latency_lies_within_its_span() {
    let mut world = World::new(Faults {
        latency: Span::between(100, 200),
        ..Faults::instant()
    });
    for _ in 0..50 {
        let before = world.now_ms;
        world.get("/limits");
        assert!((100..=200).contains(&(world.now_ms - before)));
    }
}

#[test]
fn above_capacity_requests_wait_in_a_queue_and_abandoned_ones_use_it_too() {
    let mut world = World::new(Faults {
        capacity_per_s: Some(10),
        ..Faults::instant()
    });
    let tickets: Vec<_> = (0..20)
        .map(|n| {
            let body = server(&format!("as:{n}"));
            let request = world.request("POST", "/servers", 93, &body);
            world.sim.arrive(START_MS, request)
        })
        .collect();
    assert_eq!(tickets[0].answer_at_ms, Some(START_MS + 100));
    assert_eq!(tickets[19].answer_at_ms, Some(START_MS + 2_000));
    for ticket in &tickets {
        world.sim.abandon(ticket.id);
    }
    world.now_ms = START_MS + 1_000;
    world.sim.advance(world.now_ms);
    assert_eq!(world.sim.servers().len(), 10);
    world.list("");
    assert_eq!(world.now_ms, START_MS + 2_100);
    assert_eq!(world.sim.servers().len(), 20);
}

#[test]
fn faults_survive_json() {
    let faults = Faults::default()
        .with_rate(
            5,
            None,
            Fault::Late {
                by: Span::between(1, 2),
            },
        )
        .with_nth_create(
            3,
            Fault::Dies {
                after: Span::NONE,
                outside: Outside::Stop,
            },
        );
    let text = serde_json::to_string(&faults).unwrap();
    assert_eq!(serde_json::from_str::<Faults>(&text).unwrap(), faults);
    let short = r#"{"planned": [{"pick": {"call": "create", "nth": 2}, "fault": {"kind": "lose_answer"}}]}"#;
    let read: Faults = serde_json::from_str(short).unwrap();
    assert_eq!(
        read,
        Faults::default().with_nth_create(2, Fault::LoseAnswer)
    );
    assert!(serde_json::from_str::<Faults>(r#"{"latencies": 1}"#).is_err());
}

#[test]
fn a_fault_of_one_region_leaves_the_others_alone() {
    let settings = crate::Settings {
        regions: vec!["RegionOne".to_owned(), "DFW".to_owned()],
        ..crate::Settings::default()
    };
    let mut world = World::with(settings, Faults::instant());
    let down = Faults::instant().with_rate(1_000, None, Fault::LoseRequest);
    world.sim.set_faults_in("DFW", down.clone()).unwrap();
    assert_eq!(outcome(&mut world, "as:a"), 202);
    assert!(world.sim.set_faults_in("ORD", down).is_err());
}
