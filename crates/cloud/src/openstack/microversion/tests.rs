use super::*;

fn version(text: &str) -> Microversion {
    text.parse().expect("a microversion")
}

#[test]
fn each_call_asks_for_the_best_that_both_sides_know() {
    for (highest, reads, plain, personality) in [
        ("2.104", "2.96", Some("2.96"), Some("2.56")),
        ("2.93", "2.93", Some("2.93"), Some("2.56")),
        ("2.57", "2.57", Some("2.57"), Some("2.56")),
        ("2.54", "2.54", Some("2.54"), Some("2.54")),
        ("2.52", "2.52", Some("2.52"), Some("2.52")),
        ("2.51", "2.51", None, None),
        ("2.1", "2.1", None, None),
    ] {
        let server = version(highest);
        assert_eq!(server.for_reads().to_string(), reads, "{highest}");
        assert_eq!(server.for_create(false), plain.map(version), "{highest}");
        assert_eq!(
            server.for_create(true),
            personality.map(version),
            "{highest}"
        );
    }
}

#[test]
fn other_texts_are_no_microversion() {
    for text in ["", "2", "2.", "3.1", "2.x", "2.-1", "latest", "2.99999999"] {
        assert_eq!(
            text.parse::<Microversion>(),
            Err(NotAMicroversion),
            "{text}"
        );
    }
}
