use std::collections::BTreeMap;

use domain::ids::PolicyId;
use domain::policy::Policy as Checked;
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::{Policy, WebhookSpec, check_moments};

fn policy(value: Value) -> Policy {
    serde_json::from_value(value).expect("a policy")
}

#[test]
fn a_schedule_is_at_or_cron_and_comes_back_as_it_was_written() {
    for schedule in [
        json!({"at": "2030-01-01T06:00:00.000Z"}),
        json!({"cron": "*/5 6 * * mon-fri"}),
    ] {
        let asked = policy(json!({"id": "night", "desired": 1, "schedule": schedule}));
        let shown = Policy::from(&asked.parse().unwrap());
        assert_eq!(serde_json::to_value(shown.schedule).unwrap(), schedule);
    }
}

#[test]
fn a_broken_schedule_names_its_field() {
    for (schedule, field) in [
        (json!({}), "schedule.at"),
        (
            json!({"at": "2030-01-01T06:00:00Z", "cron": "* * * * *"}),
            "schedule.cron",
        ),
        (json!({"cron": "* * * *"}), "schedule.cron"),
        (json!({"cron": "0 0 30 2 *"}), "schedule.cron"),
        (json!({"cron": "0".repeat(256)}), "schedule.cron"),
    ] {
        let asked = policy(json!({"id": "night", "desired": 1, "schedule": schedule}));
        assert_eq!(asked.parse().expect_err(field).field, field);
    }
}

#[test]
fn a_moment_that_is_past_may_stay_and_may_not_be_set() {
    let of = |at: u64| {
        let at = crate::v2::time::Moment(Timestamp::from_unix_ms(at)).to_string();
        let asked = policy(json!({"id": "once", "desired": 1, "schedule": {"at": at}}));
        let checked = asked.parse().unwrap();
        BTreeMap::<PolicyId, Checked>::from([(checked.id.clone(), checked)])
    };
    let now = Timestamp::from_unix_ms(2_000);
    let none = BTreeMap::new();
    assert!(check_moments(&none, &of(1_000), now).is_err());
    assert!(check_moments(&none, &of(2_000), now).is_err());
    assert!(check_moments(&of(500), &of(1_000), now).is_err());
    assert!(check_moments(&of(1_000), &of(1_000), now).is_ok());
    assert!(check_moments(&none, &of(2_001), now).is_ok());
}

#[test]
fn a_webhook_has_a_name_and_short_pairs() {
    let of = |name: &str, value: &str| WebhookSpec {
        name: name.to_owned(),
        metadata: BTreeMap::from([("k".to_owned(), value.to_owned())]),
    };
    assert!(of("pager", "v").check().is_ok());
    assert_eq!(of(" ", "v").check().unwrap_err().field, "name");
    let long = "v".repeat(256);
    assert_eq!(of("pager", &long).check().unwrap_err().field, "metadata.k");
}

#[test]
fn a_patch_of_a_webhook_is_checked_for_what_it_changes() {
    let there = WebhookSpec {
        name: "x".repeat(256),
        metadata: BTreeMap::new(),
    };
    assert!(there.check().is_err(), "only /v1.0 takes such a name");
    let long = "v".repeat(256);
    let with = |value: &str| WebhookSpec {
        metadata: BTreeMap::from([("k".to_owned(), value.to_owned())]),
        ..there.clone()
    };
    assert!(with("v").check_over(&there).is_ok());
    let invalid = with(&long).check_over(&there).unwrap_err();
    assert_eq!(invalid.field, "metadata.k");
    let renamed = WebhookSpec {
        name: "y".repeat(256),
        ..there.clone()
    };
    assert_eq!(renamed.check_over(&there).unwrap_err().field, "name");
}
