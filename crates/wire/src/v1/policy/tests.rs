use super::*;

fn rest(text: &str) -> Option<Duration> {
    let written = Json::parse(text.as_bytes()).unwrap();
    assert_eq!(written.to_ascii(), text, "shown as it was written");
    cooldown(&written).ok()
}

#[test]
fn a_cooldown_is_what_its_digits_say_however_they_are_written() {
    for (text, milliseconds) in [
        ("0", 0),
        ("-0", 0),
        ("-0.0", 0),
        ("60", 60_000),
        ("1.5", 1_500),
        ("1.0", 1_000),
        ("0.0009", 0),
        ("1.2345", 1_234),
        ("86400", 86_400_000),
        ("86400.000", 86_400_000),
        ("1.500e2", 150_000),
        ("1.5E2", 150_000),
        ("15e+1", 150_000),
        ("15e1", 150_000),
        ("1500e-1", 150_000),
        ("1.5e0", 1_500),
        ("1.5e-3", 1),
        ("0.864e5", 86_400_000),
        ("0.00015e6", 150_000),
        ("8.64e4", 86_400_000),
        ("1e-400", 0),
        ("1e-99999999999999999999", 0),
        ("0e5", 0),
        ("0.000e300", 0),
    ] {
        let expected = Duration::from_millis(milliseconds);
        assert_eq!(rest(text), Some(expected), "{text}");
    }
}

#[test]
fn a_cooldown_out_of_range_is_refused_however_it_is_written() {
    for text in ["-1", "-1e-3", "86400.5", "8.6401e4", "1e5", "864001e-1"] {
        assert_eq!(rest(text), None, "{text}");
    }
}
