//! What may be configured, and how answers are told apart.

use super::*;

fn settings() -> Settings {
    Settings {
        nodes: vec!["http://127.0.0.1:9200".to_owned()],
        ..Settings::default()
    }
}

#[test]
fn a_broken_place_of_the_index_is_named() {
    let process = Process::system();
    let open = |settings: Settings| crate::open(&process, &settings).map(drop);
    assert!(open(settings()).is_ok());
    let nodes = |node: &str| Settings {
        nodes: vec![node.to_owned()],
        ..settings()
    };
    assert!(matches!(open(Settings::default()), Err(OpenError::NoNodes)));
    for node in [
        "",
        "127.0.0.1:9200",
        "ftp://host",
        "http://user:secret@host:9200",
    ] {
        assert!(
            matches!(open(nodes(node)), Err(OpenError::Node(_))),
            "{node}"
        );
    }
    for index in ["", "Holt", "-x", "_all", "*", "a,b", "a/b", "a.b"] {
        let settings = Settings {
            index: index.to_owned(),
            ..settings()
        };
        assert!(
            matches!(open(settings), Err(OpenError::Index(_))),
            "{index}"
        );
    }
    let half = Settings {
        user: Some("holt".to_owned()),
        ..settings()
    };
    assert!(matches!(open(half), Err(OpenError::Credentials)));
}

#[test]
fn answers_fall_into_four_classes() {
    assert!(read(200, "{}").is_ok());
    assert!(matches!(read(200, "<html>"), Err(CallError::Unreadable(_))));
    assert!(matches!(read(404, "{}"), Err(CallError::Missing)));
    for status in [429, 500, 503] {
        assert!(matches!(read(status, ""), Err(CallError::Away(_))));
    }
    let refused = read(
        403,
        r#"{"error":{"type":"security_exception","reason":"no"},"status":403}"#,
    );
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the index of history refuses: status 403, security_exception: no"
    );
}

#[test]
fn a_search_that_was_cut_off_is_no_answer() {
    let answer = serde_json::json!({"timed_out": true, "hits": {"hits": []}});
    assert!(matches!(hits(&answer), Err(CallError::Away(_))));
    assert!(matches!(
        hits(&serde_json::json!({})),
        Err(CallError::Away(_))
    ));
}
