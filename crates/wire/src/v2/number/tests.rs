use domain::capacity::Size;

use super::PercentNumber;

fn read(json: &str) -> Result<PercentNumber, serde_json::Error> {
    serde_json::from_str(json)
}

#[test]
fn the_double_that_the_text_denotes_is_kept_to_the_bit() {
    for text in [
        "0.1",
        "-33.3",
        "100.00000000000001",
        "1e-300",
        "5e-324",
        "1.7976931348623157e308",
        "-0.0",
        "8.41578421784612e-5",
    ] {
        let expected: f64 = text.parse().unwrap();
        let number = read(text).unwrap();
        assert_eq!(number.0.double_bits(), expected.to_bits(), "{text}");
        let written = serde_json::to_string(&number).unwrap();
        assert_eq!(
            read(&written).unwrap(),
            number,
            "{text} was written as {written}"
        );
    }
}

#[test]
fn whole_numbers_are_percentages_too() {
    assert_eq!(read("50").unwrap().0.of(Size(3)), 2);
    assert_eq!(read("-50").unwrap().0.of(Size(3)), -2);
    assert_eq!(read("0").unwrap().0.of(Size(3)), 0);
}

#[test]
fn what_is_no_finite_number_is_refused() {
    for text in [
        "NaN",
        "Infinity",
        "1e400",
        "\"5\"",
        "null",
        "true",
        "[1]",
        "18446744073709551615",
        "-9223372036854775808",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}
