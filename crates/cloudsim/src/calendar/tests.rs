use super::*;

#[test]
fn known_moments_are_written_as_openstack_does() {
    for (ms, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400_000, "2000-02-29T00:00:00Z"),
        (1_700_000_000_123, "2023-11-14T22:13:20Z"),
        (1_795_264_879_000, "2026-11-21T12:41:19Z"),
    ] {
        assert_eq!(Iso(ms).to_string(), text);
        assert_eq!(parse(text), Some(ms / 1_000 * 1_000));
    }
    assert_eq!(iso_micros(1_700_000_000_123), "2023-11-14T22:13:20.123000Z");
}

#[test]
fn what_is_not_a_time_is_refused() {
    for text in [
        "",
        "yesterday",
        "2023-13-01T00:00:00Z",
        "1969-01-01T00:00:00Z",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}
