use std::collections::BTreeMap;

use domain::time::Timestamp;

use super::*;
use crate::State;

fn alert() -> Alert {
    Alert {
        source: "alertmanager".into(),
        fingerprint: "f".into(),
        state: State::Open,
        severity: None,
        name: "High load".into(),
        application: Some("shop".into()),
        host: Some("web-1.prod.example".into()),
        labels: BTreeMap::from([("env".into(), "prod".into())]),
        value: None,
        at: Timestamp::from_unix_ms(0),
        dated: crate::Dated::No,
    }
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

fn route(when: &[(&str, &str)], to: &[&str]) -> Route {
    Route {
        when: when
            .iter()
            .map(|(field, text)| (field.parse().unwrap(), pattern(text)))
            .collect(),
        to: to
            .iter()
            .map(|name| Target::Named(name.parse().unwrap()))
            .collect(),
    }
}

fn names(routes: &[Route]) -> Vec<Wanted> {
    wanted(routes, &alert(), Severity::Critical)
}

#[test]
fn patterns_are_anchored_and_their_dots_are_dots() {
    for (text, fits) in [
        ("web-1.prod.example", true),
        ("web-*.prod.example", true),
        ("web-?.prod.*", true),
        ("*", true),
        ("*example", true),
        ("web-1", false),
        ("prod", false),
        ("web-1xprod.example", false),
        ("web-??.prod.example", false),
        ("WEB-*", false),
    ] {
        assert_eq!(pattern(text).fits("web-1.prod.example"), fits, "{text}");
    }
    assert!(
        !pattern("web-1.prod.example").fits("web-1xprod.example"),
        "a dot is a dot"
    );
    assert!(pattern("*a*b").fits(&format!("{}b", "a".repeat(2_000))));
}

#[test]
fn a_group_is_found_by_its_whole_name_never_by_a_part_of_it() {
    let routes = [route(&[], &["{application}"])];
    assert_eq!(names(&routes), [Wanted::Named("shop".into())]);
}

#[test]
fn every_route_that_fits_counts_and_a_group_is_wanted_once() {
    let routes = [
        route(
            &[("host", "web-*"), ("labels.env", "prod")],
            &["{application}-{labels.env}", "all"],
        ),
        route(&[("severity", "critical")], &["all"]),
        route(&[("labels.env", "test")], &["test"]),
        route(&[("labels.none", "*")], &["none"]),
        route(&[], &["{labels.none}-x"]),
    ];
    assert_eq!(
        names(&routes),
        [
            Wanted::Named("all".into()),
            Wanted::Named("shop-prod".into())
        ]
    );
}
