//! The words and keys of rows, as they stand in files: changing one needs a migration.

use domain::group::{Adoption, Config, State};
use domain::ids::SlotId;

use super::config::ConfigRow;
use super::slot::SlotRow;
use super::state::StateRow;
use super::verdict::VerdictRow;
use super::*;
use crate::conformance::sample;

#[test]
fn a_state_row_stands_as_it_always_did() {
    let mut before_alerts = sample::full_state();
    before_alerts.alerts = None;
    before_alerts.ends.clear();
    (before_alerts.clocks.up, before_alerts.clocks.down) = (None, None);
    before_alerts.adoption = Adoption::Done;
    let json = write(&StateRow::from(&before_alerts)).unwrap();
    assert_eq!(
        json,
        r#"{"d":12,"o":[700,1767272400000],"p":"paused","h":{"w":"quota","d":"Quota exceeded for cores: \"20\" of 20 ü","s":1767268800000,"u":1767269100000,"n":3},"c":1767268800000,"cp":{"down":0,"up":1767268800000},"s":1767268800000,"f":true,"ti":{"at":1767268800000,"cron":1},"n":7,"g":"no-capacity"}"#
    );
    let row: StateRow = read("state", &json).unwrap();
    assert_eq!(State::try_from(row).unwrap(), before_alerts);
}

#[test]
fn a_state_row_says_how_far_servers_are_adopted_only_where_they_are_not() {
    for (adoption, text) in [
        (Adoption::Done, None),
        (Adoption::Copying, Some(r#""ad":1}"#)),
        (Adoption::Due, Some(r#""ad":2}"#)),
    ] {
        let mut state = sample::full_state();
        state.adoption = adoption;
        let json = write(&StateRow::from(&state)).unwrap();
        match text {
            Some(text) => assert!(json.ends_with(text), "{json}"),
            None => assert!(!json.contains("\"ad\""), "{json}"),
        }
        let row: StateRow = read("state", &json).unwrap();
        assert_eq!(State::try_from(row).unwrap(), state);
    }
}

#[test]
fn a_state_row_keeps_what_is_known_of_alerts() {
    let json = write(&StateRow::from(&sample::full_state())).unwrap();
    let first = r#""cu":1767268800000,"cd":2,"al":{"b":1767268800000,"k":{"fffffffffffffff9":{"n":"alert \"6\" ü","s":"once","v":"info","a":"notify","e":60001,"t":1767268800000,"h":3},"#;
    assert!(json.contains(first), "{json}");
    assert!(
        json.contains(r#""ae":{"0000000000000001":1767268800000,"ffffffffffffffff":5}"#),
        "{json}"
    );
    let row: StateRow = read("state", &json).unwrap();
    assert_eq!(State::try_from(row).unwrap(), sample::full_state());
}

#[test]
fn a_slot_row_stands_as_it_always_did() {
    let slot = sample::slot(2, domain::slot::State::Issued(sample::issue()));
    let json = write(&SlotRow::from(&slot)).unwrap();
    assert_eq!(
        json,
        r#"{"n":"00000000-0000-0000-0000-0000000000fd","l":"0707070707070707070707070707070707070707070707070707070707070707","s":{"issued":{"w":"worker-1","i":"00000000-0000-0000-0000-000000001234","t":3600001}},"i":1767268800000,"t":1767268800000}"#
    );
}

#[test]
fn every_place_of_a_slot_comes_back_from_its_row() {
    for state in sample::every_place() {
        let slot = sample::slot(5, state);
        let json = write(&SlotRow::from(&slot)).unwrap();
        let row: SlotRow = read("slot", &json).unwrap();
        assert_eq!(row.into_slot(SlotId::from_u128(5)), slot);
    }
}

#[test]
fn a_configuration_row_keeps_a_percentage_to_the_last_bit() {
    let json = write(&ConfigRow::from(&sample::other_config())).unwrap();
    let row: ConfigRow = read("configuration", &json).unwrap();
    assert_eq!(Config::try_from(row).unwrap(), sample::other_config());
}

#[test]
fn a_verdict_row_stands_as_it_always_did() {
    let id = sample::text("event");
    let mut verdict = sample::verdict(&id, domain::ids::Rev(6), sample::NOON);
    let row = |who: &str| {
        r#"{"o":"applied","b":2,"x":4,"g":[["age","pass"]],"q":"0303030303030303030303030303030303030303030303030303030303030303","a":{"policy":"up"},"f":"no","w":WHO,"t":1767268800000,"r":7}"#
            .replace("WHO", who)
    };
    let from = verdict.actor.from;
    for (who, from) in [
        (r#"["caller","alice","req-1"]"#, None),
        (r#"["caller","alice","req-1","203.0.113.9"]"#, from),
    ] {
        verdict.actor.from = from;
        let json = write(&VerdictRow::from(&verdict)).unwrap();
        assert_eq!(json, row(who));
        let row: VerdictRow = read("verdict", &json).unwrap();
        assert_eq!(row.into_verdict(id.clone()).unwrap(), verdict);
    }
}

#[test]
fn a_message_row_stands_as_it_always_did() {
    let json = crate::parts::delivery(&sample::dead(3)).unwrap();
    assert_eq!(
        json,
        r#"{"h":"configure","p":"server.before_active","a":{"server":["00000000000000000000000005","00000000-0000-0000-0000-000000000006",null]},"m":1767268800000,"s":{"dead":[1767268800000,12,"no answer within 15 s"]},"w":{"s":1767268800000,"l":300002,"t":[300001,3600000,"abandon"],"e":[{"deadline":"abandon"},1767268800000]}}"#
    );
}

#[test]
fn a_key_from_a_newer_version_is_passed_over() {
    let row: StateRow = read("state", r#"{"d":1,"p":"running","new":[1,2]}"#).unwrap();
    assert_eq!(State::try_from(row).unwrap().desired.0, 1);
}

#[test]
fn a_row_that_breaks_a_rule_is_corrupt_and_says_where() {
    let cases = [
        r#"{"d":-1,"p":"running"}"#,
        r#"{"d":1,"p":"walking"}"#,
        r#"{"d":1,"p":"running","cp":{"no such id!":1}}"#,
        "",
    ];
    for json in cases {
        let error = read::<StateRow>("state", json).unwrap_err();
        assert!(
            matches!(&error, Error::Corrupt(words) if words.starts_with("state: ")),
            "{error:?}"
        );
    }
    let bounds = r#"{"n":"x","lo":5,"hi":1,"cd":0,"l":"0707070707070707070707070707070707070707070707070707070707070707","si":"oldest-first","bt":1,"g":1}"#;
    let row: ConfigRow = read("configuration", bounds).unwrap();
    assert!(matches!(Config::try_from(row), Err(Error::Corrupt(_))));
}
