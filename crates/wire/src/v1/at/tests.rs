use super::*;

#[test]
fn lenient_forms_name_the_same_moment() {
    let expected = parse("2030-12-05T03:12:00Z").unwrap();
    for text in [
        "2030-12-05 03:12:00Z",
        "2030-12-05T03:12:00.000Z",
        "2030-12-05T03:12Z",
        "20301205T031200Z",
        "20301205T0312Z",
        "2030-12-5T3:12:0Z",
    ] {
        assert_eq!(parse(text), Some(expected), "{text}");
    }
    assert_eq!(expected.unix_ms(), 1_922_670_720_000);
    assert!(parse("2030-12-05Z").is_some());
}

#[test]
fn what_has_no_z_or_is_no_date_is_refused() {
    for text in [
        "2030-12-05T03:12:09",
        "2030-12-05T03:12:09+00:00",
        "2030-12-05",
        "05-12-2030T03:12:09Z",
        "2030/12/05T03:12:09Z",
        "",
        " ",
        "Z",
        "2030-13-05T03:12:09Z",
        "0000-12-05T03:12:09Z",
        "2030-12-33T03:12:09Z",
        "2030-12-05T27:12:09Z",
        "2030-12-05T03:70:09Z",
        "2030-12-05T03:12:80Z",
        "* * * * *",
        "1922670720",
        "03:12:09Z",
        "2030-02-30T00:00:00Z",
        "2030-12-05T03:12:09.Z",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}
