use domain::time::Timestamp;
use proptest::prelude::*;

use super::Moment;

fn moment(ms: u64) -> Moment {
    Moment(Timestamp::from_unix_ms(ms))
}

#[test]
fn moments_are_written_in_utc_with_milliseconds() {
    for (ms, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
        (1_795_269_900_123, "2026-11-21T14:05:00.123Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(moment(ms).to_string(), text);
        assert_eq!(text.parse(), Ok(moment(ms)));
    }
}

#[test]
fn moments_are_read_with_any_offset_and_fraction() {
    let expected = Ok(moment(1_795_269_900_100));
    for text in [
        "2026-11-21T14:05:00.1Z",
        "2026-11-21t14:05:00.1009999z",
        "2026-11-21T16:05:00.100+02:00",
        "2026-11-21 09:35:00.1-04:30",
    ] {
        assert_eq!(text.parse(), expected, "{text}");
    }
}

#[test]
fn what_is_no_moment_is_refused() {
    for text in [
        "",
        "now",
        "2026-11-21",
        "2026-11-21T14:05:00",
        "2026-11-21T14:05Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T14:05:60Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "2026-11-21T14:05:00.Z",
        "2026-11-21T14:05:00+2:00",
        "2026-11-21T14:05:00Zjunk",
        "２026-11-21T14:05:00Z",
        "2026-11-21T14:05:0é",
        "+026-11-21T14:05:00Z",
    ] {
        assert!(text.parse::<Moment>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn every_moment_is_read_back_as_written(ms in 0_u64..253_402_300_800_000) {
        prop_assert_eq!(moment(ms).to_string().parse(), Ok(moment(ms)));
    }
}
