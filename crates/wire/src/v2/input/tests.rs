use serde_json::{Value, json};

use super::*;

fn spec(extra: &Value) -> Value {
    let mut spec = json!({"name": "prometheus", "routes": [{"to": ["{application}"]}]});
    let (Some(spec_fields), Some(extra)) = (spec.as_object_mut(), extra.as_object()) else {
        return spec;
    };
    spec_fields.extend(extra.clone());
    spec
}

fn read(extra: &Value) -> Result<Parsed, String> {
    let spec: InputSpec = serde_json::from_value(spec(extra)).map_err(|error| error.to_string())?;
    spec.parse().map_err(|invalid| invalid.to_string())
}

#[test]
fn an_input_needs_a_name_and_a_route_and_the_rest_has_defaults() {
    let parsed = read(&json!({})).unwrap();
    assert_eq!(
        (parsed.format, parsed.mapping, parsed.verify),
        (None, None, None)
    );
    assert_eq!(
        parsed.actions,
        [Action::Nothing, Action::Notify, Action::Step(None)]
    );
    assert_eq!(
        (parsed.otherwise, parsed.missing),
        (AlertSeverity::Critical, Missing::OutOnly)
    );
    assert_eq!(parsed.rule, None);
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let parsed = read(&json!({
        "format": "mapped",
        "mapping": {
            "each": "/incidents", "fingerprint": "{^/account}/{/id}",
            "state": {"of": "{/state}", "words": {"BEGUN": "open", "over": "closed", "draft": "pass-over"}},
            "severity": {"of": "{/level}", "words": {"red": "critical"}, "otherwise": "warning"},
            "labels": {"team": "{^/team}"},
        },
        "verify": {"by": "hmac", "header": "X-Grafana-Alerting-Signature", "timestamp_header": "X-Time"},
        "routes": [{"when": {"host": "web-*.example", "labels.env": "prod"}, "to": ["01020304-0506-4708-890a-0b0c0d0e0f10", "{application}-{labels.env}"]}],
        "severities": {"critical": {"do": "step", "by": 5}, "warning": {"do": "step", "by_percent": 10}, "info": {"do": "notify"}, "otherwise": "warning"},
        "missing": "floor", "floor": 4,
        "metrics": {"idle": true, "above": "80", "below": "30.5", "lasting_seconds": 300, "missing_after_seconds": 120},
    }))
    .unwrap();
    let mapping = parsed.mapping.unwrap();
    assert_eq!(
        mapping.state.words["begun"],
        Some(State::Open),
        "case does not matter"
    );
    assert_eq!(mapping.state.words["draft"], None);
    assert_eq!(
        parsed.verify.unwrap().header,
        "x-grafana-alerting-signature"
    );
    assert!(matches!(
        parsed.routes[0].to[..],
        [Target::Id(_), Target::Named(_)]
    ));
    assert_eq!(parsed.missing, Missing::Floor(Size(4)));
    assert_eq!(parsed.rule.unwrap().share, 51);
}

#[test]
fn what_is_shown_is_read_back() {
    let spec: InputSpec =
        serde_json::from_value(spec(&json!({"floor": 2, "missing": "floor"}))).unwrap();
    let shown = serde_json::to_value(&spec).unwrap();
    assert_eq!(serde_json::from_value::<InputSpec>(shown).unwrap(), spec);
}

#[test]
fn what_cannot_be_an_input_is_refused_with_its_field() {
    for (extra, field) in [
        (json!({"name": " "}), "name "),
        (json!({"format": "xml"}), "format "),
        (json!({"format": "mapped"}), "mapping "),
        (json!({"routes": []}), "routes "),
        (json!({"routes": [{"to": []}]}), "routes[0].to "),
        (json!({"routes": [{"to": ["{what}"]}]}), "routes[0].to[0] "),
        (json!({"routes": [{"to": ["a{"]}]}), "routes[0].to[0] "),
        (
            json!({"routes": [{"when": {"size": "1"}, "to": ["a"]}]}),
            "routes[0].when.size ",
        ),
        (
            json!({"routes": [{"when": {"host": ""}, "to": ["a"]}]}),
            "routes[0].when.host ",
        ),
        (
            json!({"severities": {"critical": {"do": "step", "by": 0}}}),
            "severities.critical.by ",
        ),
        (
            json!({"severities": {"info": {"do": "nothing", "by": 1}}}),
            "severities.info.by ",
        ),
        (json!({"missing": "floor"}), "floor "),
        (json!({"floor": 3}), "floor "),
        (
            json!({"verify": {"by": "basic", "header": "x"}}),
            "verify.header ",
        ),
        (
            json!({"verify": {"by": "hmac", "header": "a b"}}),
            "verify.header ",
        ),
        (
            json!({"metrics": {"above": "x", "lasting_seconds": 1, "missing_after_seconds": 60}}),
            "metrics.above ",
        ),
        (
            json!({"metrics": {"above": "1", "below": "2", "lasting_seconds": 1, "missing_after_seconds": 60}}),
            "metrics.below ",
        ),
        (
            json!({"metrics": {"above": "1", "lasting_seconds": 1, "missing_after_seconds": 5}}),
            "metrics.missing_after_seconds ",
        ),
        (
            json!({"format": "mapped", "mapping": {"fingerprint": "{id}", "state": {"of": "{/s}", "words": {"a": "open"}}}}),
            "mapping.fingerprint ",
        ),
        (
            json!({"format": "mapped", "mapping": {"fingerprint": "{/id}", "state": {"of": "{/s}", "words": {"a": "ajar"}}}}),
            "mapping.state.words.a ",
        ),
        (json!({"surprise": true}), "unknown field"),
    ] {
        let found = read(&extra).expect_err(field);
        assert!(found.starts_with(field), "{extra}: {found}");
    }
}
