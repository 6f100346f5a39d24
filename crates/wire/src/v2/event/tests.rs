use domain::capacity::Size;
use domain::circle::Standing;
use domain::event::{Ask, Force, Override};
use domain::policy::Adjust;
use domain::time::Timestamp;

use super::{Asked, EventRequest, VALID_DEFAULT};
use crate::v2::Invalid;

const NOW: Timestamp = Timestamp::from_unix_ms(1_795_269_900_000);

fn parse(json: &str) -> Result<Asked, Invalid> {
    serde_json::from_str::<EventRequest>(json)
        .expect("a request")
        .parse(NOW)
}

#[test]
fn each_kind_of_wish_is_understood() {
    for (json, ask) in [
        (r#"{"policy":"up"}"#, Ask::Policy("up".parse().unwrap())),
        (r#"{"change":-2}"#, Ask::Adjust(Adjust::Change(-2))),
        (r#"{"desired":0}"#, Ask::Adjust(Adjust::Desired(Size(0)))),
        (r#"{"converge":true}"#, Ask::Converge),
    ] {
        let expected = Asked {
            ask,
            force: Force::No,
            valid_for: VALID_DEFAULT,
        };
        assert_eq!(parse(json), Ok(expected), "{json}");
    }
    assert!(matches!(
        parse(r#"{"change_percent":12.5}"#).unwrap().ask,
        Ask::Adjust(Adjust::Percent(_))
    ));
}

#[test]
fn an_alert_can_be_closed_by_hand() {
    let asked = parse(r#"{"close_alert":"00000000000000ff"}"#).unwrap();
    let Ask::Alert(signal) = asked.ask else {
        panic!("{asked:?}");
    };
    assert_eq!((signal.alert.0, signal.standing), (255, Standing::Closed));
}

#[test]
fn a_broken_rule_names_its_field() {
    for (json, field) in [
        ("{}", "policy"),
        (r#"{"policy":"up","change":1}"#, "change"),
        (r#"{"policy":"up","converge":true}"#, "converge"),
        (r#"{"change":1,"desired":1}"#, "desired"),
        (r#"{"change":1,"change_percent":1}"#, "change_percent"),
        (r#"{"change":10001}"#, "change"),
        (r#"{"desired":10001}"#, "desired"),
        (r#"{"converge":false}"#, "converge"),
        (r#"{"close_alert":"shop"}"#, "close_alert"),
        (
            r#"{"change":1,"close_alert":"00000000000000ff"}"#,
            "close_alert",
        ),
        (r#"{"policy":"no spaces"}"#, "policy"),
        (r#"{"change":1,"valid_for_seconds":0}"#, "valid_for_seconds"),
        (
            r#"{"change":1,"valid_for_seconds":86401}"#,
            "valid_for_seconds",
        ),
        (
            r#"{"change":1,"override":{"size":9,"until":"2026-11-21T14:06:00Z"}}"#,
            "override",
        ),
        (
            r#"{"change":1,"force":true,"override":{"size":10001,"until":"2026-11-21T14:06:00Z"}}"#,
            "override.size",
        ),
        (
            r#"{"change":1,"force":true,"override":{"size":9,"until":"2026-11-21T14:05:00Z"}}"#,
            "override.until",
        ),
        (
            r#"{"change":1,"force":true,"override":{"size":9,"until":"2026-12-22T14:05:00Z"}}"#,
            "override.until",
        ),
    ] {
        assert_eq!(parse(json).expect_err(json).field, field, "{json}");
    }
}

#[test]
fn a_grant_comes_with_force_size_and_end() {
    let asked = parse(
        r#"{"desired":14,"force":true,"override":{"size":14,"until":"2026-11-21T15:05:00Z"}}"#,
    )
    .unwrap();
    let until = Timestamp::from_unix_ms(NOW.unix_ms() + 3_600_000);
    assert_eq!(
        asked.force,
        Force::Override(Override {
            size: Size(14),
            until
        })
    );
}
