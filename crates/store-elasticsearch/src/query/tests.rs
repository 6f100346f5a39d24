//! Texts of callers are values, wherever they end up.

use domain::ids::{GroupId, Rev};

use super::*;

fn wanted() -> Wanted {
    Wanted {
        tenant: Some("acme".parse().unwrap()),
        ..Wanted::default()
    }
}

#[test]
fn the_tenant_is_a_filter_whatever_else_is_asked_for() {
    for text in [
        r#""}}],"should":[{"match_all":{}}]"#,
        "tenant:other OR *",
        "*",
        "{\"script\":1}",
        "\u{202e}\0",
    ] {
        let wanted = Wanted {
            actor: Some(text.to_owned()),
            text: Some(text.to_owned()),
            ..wanted()
        };
        let query = query(&wanted, None, 10);
        let filters = query
            .pointer("/query/bool/filter")
            .unwrap()
            .as_array()
            .unwrap();
        assert_eq!(
            filters[0],
            json!({"term": {"tenant": {"value": "acme"}}}),
            "{text}"
        );
        assert_eq!(
            filters[1],
            json!({"term": {"actor": {"value": text}}}),
            "{text}"
        );
        let only_terms = |one: &Value| one.as_object().unwrap().keys().eq(["term"]);
        assert!(filters.iter().all(only_terms), "{text}");
        assert!(
            query["query"]["bool"]
                .as_object()
                .unwrap()
                .keys()
                .eq(["filter"]),
            "{text}"
        );
    }
}

#[test]
fn a_long_text_is_looked_for_by_some_of_its_pieces() {
    let text = (0..256).filter_map(char::from_u32).collect();
    let wanted = Wanted {
        text: Some(text),
        ..wanted()
    };
    let filters = filters(&wanted).len();
    assert!((12..=PIECES_MAX + 1).contains(&filters), "{filters}");
}

#[test]
fn a_page_goes_on_after_a_place_and_never_by_an_offset() {
    let place = Place {
        at: Timestamp::from_unix_ms(u64::MAX),
        group: GroupId::from_u128(1),
        rev: Rev(u64::MAX),
    };
    let query = query(&wanted(), Some(place), 10);
    let after = json!([LAST_MS, "00000000-0000-0000-0000-000000000001", i64::MAX]);
    assert_eq!(query["search_after"], after);
    assert!(query.get("from").is_none());
}
