use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::time::Timestamp;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_ms(1_795_280_000_000);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Every body of the corpus: folder, file, media type and bytes.
fn bodies() -> Vec<(String, PathBuf, MediaType, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in std::fs::read_dir(corpus()).unwrap() {
        let folder = folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            let media = match path.extension().and_then(|end| end.to_str()) {
                Some("form") => MediaType::Form,
                Some("json") => MediaType::Json,
                _ => continue,
            };
            let bytes = std::fs::read(&path).unwrap();
            all.push((name.clone(), path, media, bytes));
        }
    }
    all.sort_by(|one, other| one.1.cmp(&other.1));
    all
}

fn said(read: &Result<Content, Broken>) -> String {
    let value = match read {
        Ok(content) => serde_json::to_value(content).unwrap(),
        Err(why) => serde_json::json!({ "refused": why }),
    };
    format!("{value:#}\n")
}

fn how(folder: &str) -> How<'static> {
    Format::parse(folder).map_or(How::Recognised, How::As)
}

/// `expected` stands beside each body; `WRITE_EXPECTED=1` writes what is read now, to be looked at before it is committed.
#[test]
fn every_body_of_the_corpus_gives_the_alert_that_stands_beside_it() {
    let rewrite = option_env!("WRITE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for (folder, path, media, bytes) in bodies() {
        let found = said(&read(how(&folder), media, &bytes, NOW));
        let beside = path.with_extension("expected");
        if rewrite {
            std::fs::write(&beside, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_format_that_can_be_recognised_is_recognised() {
    for (folder, path, media, bytes) in bodies() {
        let Some(format) = Format::parse(&folder) else {
            continue;
        };
        if matches!(format, Format::Senlin | Format::Heat) {
            continue;
        }
        let recognised = read(How::Recognised, media, &bytes, NOW);
        let declared = read(How::As(format), media, &bytes, NOW);
        assert_eq!(recognised, declared, "{}", path.display());
    }
}

#[test]
fn every_format_has_a_corpus_that_opens_and_closes() {
    let folders: BTreeSet<String> = bodies().into_iter().map(|(folder, ..)| folder).collect();
    for format in Format::ALL {
        assert!(
            folders.contains(format.as_str()),
            "{} has no corpus",
            format.as_str()
        );
        let states: BTreeSet<State> = bodies()
            .into_iter()
            .filter(|(folder, ..)| folder == format.as_str())
            .filter_map(|(_, _, media, bytes)| read(How::As(*format), media, &bytes, NOW).ok())
            .flat_map(|content| content.alerts)
            .map(|alert| alert.state)
            .collect();
        let whole = match format {
            Format::Senlin | Format::Heat => states.contains(&State::Once),
            Format::Samples => states.is_empty(),
            Format::Grafana
            | Format::Alertmanager
            | Format::NewRelicLegacy
            | Format::NewRelicIncident
            | Format::NewRelicWorkflow
            | Format::Datadog
            | Format::CloudWatch
            | Format::Maas
            | Format::Zabbix
            | Format::Aodh
            | Format::PagerDuty
            | Format::CloudEvents
            | Format::StackStorm
            | Format::Plain
            | Format::Mapped => states.contains(&State::Open) && states.contains(&State::Closed),
        };
        assert!(whole, "{} gives only {states:?}", format.as_str());
    }
}

/// An alert and its recovery are one thing: whatever opens it, the same fingerprint closes it.
#[test]
fn what_opens_and_what_closes_have_one_fingerprint() {
    for format in Format::ALL {
        let alerts = |wanted: State| {
            let mut all = BTreeSet::new();
            for (_, _, media, bytes) in bodies()
                .into_iter()
                .filter(|(folder, ..)| folder == format.as_str())
            {
                let content = read(How::As(*format), media, &bytes, NOW);
                let of_state = content.into_iter().flat_map(|content| content.alerts);
                all.extend(
                    of_state
                        .filter(|alert| alert.state == wanted)
                        .map(|alert| (alert.source, alert.fingerprint)),
                );
            }
            all
        };
        let (open, closed) = (alerts(State::Open), alerts(State::Closed));
        let met = closed.is_empty() || open.intersection(&closed).next().is_some();
        assert!(met, "{}: {open:?} {closed:?}", format.as_str());
    }
}

fn plain(count: usize) -> Vec<u8> {
    let one = |n| serde_json::json!({"fingerprint": format!("f{n}"), "state": "open"});
    let all: Vec<_> = (0..count).map(one).collect();
    serde_json::to_vec(&serde_json::json!({ "alerts": all })).unwrap()
}

#[test]
fn too_many_alerts_in_one_body_are_refused_with_the_number() {
    let full = read(How::Recognised, MediaType::Json, &plain(ALERTS_MAX), NOW).unwrap();
    assert_eq!(full.alerts.len(), ALERTS_MAX);
    let over = read(How::Recognised, MediaType::Json, &plain(10_000), NOW);
    assert_eq!(over, Err(Broken::TooMany(10_000)));
}

#[test]
fn a_body_that_is_too_large_is_not_looked_at() {
    let large = vec![b'['; BODY_BYTES_MAX + 1];
    assert_eq!(
        read(How::Recognised, MediaType::Json, &large, NOW),
        Err(Broken::TooLarge)
    );
}

#[test]
fn a_call_without_a_body_is_a_step_where_calls_have_no_states() {
    for format in Format::ALL {
        let of = |bytes: &[u8]| read(How::As(*format), MediaType::Json, bytes, NOW);
        let expected = if matches!(format, Format::Senlin | Format::Heat) {
            of(b"{}")
        } else {
            Err(Broken::Empty)
        };
        assert_eq!(of(b""), expected, "{}", format.as_str());
        assert_eq!(of(b" \r\n"), expected, "{}", format.as_str());
    }
    let content = read(How::As(Format::Senlin), MediaType::Form, b"", NOW).unwrap();
    assert_eq!(content.alerts[0].state, State::Once);
}

#[test]
fn in_one_body_what_is_wrong_wins_over_what_is_right() {
    let one = |state: &str| serde_json::json!({"fingerprint": "f", "state": state});
    for (states, wins) in [
        (["open", "closed"], State::Open),
        (["closed", "open"], State::Open),
        (["closed", "closed"], State::Closed),
    ] {
        let body = serde_json::json!({ "alerts": states.map(one) }).to_string();
        let content = read(How::Recognised, MediaType::Json, body.as_bytes(), NOW).unwrap();
        assert_eq!(
            content
                .alerts
                .iter()
                .map(|alert| alert.state)
                .collect::<Vec<_>>(),
            [wins]
        );
    }
}

#[test]
fn texts_are_cut_and_control_characters_are_gone() {
    let body = serde_json::json!({"fingerprint": "f", "state": "open", "name": format!("a\u{0}\n{}", "x".repeat(1_000))});
    let content = read(
        How::Recognised,
        MediaType::Json,
        body.to_string().as_bytes(),
        NOW,
    )
    .unwrap();
    assert_eq!(content.alerts[0].name.len(), TEXT_MAX);
    assert!(content.alerts[0].name.starts_with("ax"));
}
