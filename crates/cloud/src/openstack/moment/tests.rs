use super::*;

#[test]
fn known_dates_are_read_right() {
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T12:00:00.000000Z", 951_825_600),
        ("2026-11-21T12:40:00Z", 1_795_264_800),
        ("2100-03-01T00:00:00+00:00", 4_107_542_400),
    ] {
        assert_eq!(rfc3339(text), Some(Duration::from_secs(seconds)), "{text}");
    }
    assert_eq!(
        rfc3339("1970-01-01T00:00:01.25Z"),
        Some(Duration::from_millis(1250))
    );
    assert_eq!(
        http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
        Some(784_111_777)
    );
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "",
        "Z",
        "2026-11-21",
        "2026-11-21T12:40:00",
        "2026-11-21T12:40:00+01:00",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:61:00Z",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1x2Z",
        "-026-01-01T00:00:00Z",
        "99999-01-01T00:00:00Z",
        "２０２６-01-01T00:00:00Z",
    ] {
        assert_eq!(rfc3339(text), None, "{text}");
    }
    for text in [
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "soon",
    ] {
        assert_eq!(http_date(text), None, "{text}");
    }
}

#[test]
fn every_day_of_four_centuries_follows_the_one_before() {
    let mut expected = 0;
    for year in 1970..2370 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [
            31,
            if leap { 29 } else { 28 },
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ];
        for (month, length) in (1..).zip(lengths) {
            for day in 1..=length {
                assert_eq!(
                    days(year, month, day),
                    Some(expected),
                    "{year}-{month}-{day}"
                );
                expected += 1;
            }
        }
    }
}
