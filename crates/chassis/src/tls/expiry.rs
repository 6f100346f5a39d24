//! When a certificate ends. Only for operators to be told: whether a certificate is good, rustls decides.

use rustls::pki_types::CertificateDer;

const SEQUENCE: u8 = 0x30;
/// Context-specific 0: the version.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's time in seconds since 1970; none if it is not written as RFC 5280 asks.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, whole, _) = element(certificate)?;
    let (_, mut rest, _) = element(whole)?;
    if let Some((VERSION, _, after)) = element(rest) {
        rest = after;
    }
    // Serial number, algorithm, issuer; then from when until when.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (SEQUENCE, times, _) = element(rest)? else {
        return None;
    };
    let (tag, text, _) = element(element(times)?.2)?;
    seconds(tag, std::str::from_utf8(text).ok()?)
}

/// The first element of DER: its tag, what is in it, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        let length = digits
            .iter()
            .fold(0, |length, digit| length << 8 | usize::from(*digit));
        (length, rest)
    };
    let (inside, after) = rest.split_at_checked(length)?;
    Some((*tag, inside, after))
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn seconds(tag: u8, text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z')?;
    let digits = if tag == GENERALIZED_TIME { 4 } else { 2 };
    let known = matches!(tag, UTC_TIME | GENERALIZED_TIME) && text.len() == digits + 10;
    if !known || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |at: usize, length: usize| text.get(at..at + length)?.parse::<i64>().ok();
    let year = match (tag, number(0, digits)?) {
        (UTC_TIME, year) if year < 50 => 2000 + year,
        (UTC_TIME, year) => 1900 + year,
        (_, year) => year,
    };
    let two = |place: usize| number(digits + 2 * place, 2);
    let days = days(year, two(0)?, two(1)?);
    Some(((days * 24 + two(2)?) * 60 + two(3)?) * 60 + two(4)?)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From 0000-03-01 to 1970-01-01.
    365 * year + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}
