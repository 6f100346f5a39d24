//! Moments of schedules: ISO 8601 as leniently as the old service read it, but always with `Z` (contract 2.5).

use domain::calendar::{DAY_MS, YEAR_MAX, days, days_of};
use domain::time::Timestamp;

/// Reads a moment; none if it is not one that ends with `Z`.
///
/// Takes `2030-12-05T03:12:09Z`, a blank for the `T`, fractions of seconds, no seconds, no time at all, the basic form
/// `20301205T031209Z` and fields of one digit.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z')?;
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let [year, month, day] = if date.contains('-') {
        let fields: Vec<&str> = date.split('-').collect();
        let [year, month, day] = fields[..] else {
            return None;
        };
        [field(year, 4, 4)?, field(month, 1, 2)?, field(day, 1, 2)?]
    } else {
        basic(date, [4, 2, 2])?
    };
    let is_date = (1970..=YEAR_MAX).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day);
    let ms = time.map_or(Some(0), of_day)?;
    is_date.then(|| Timestamp::from_unix_ms(days(year, month, day) * DAY_MS + ms))
}

/// Milliseconds of the day.
fn of_day(time: &str) -> Option<u64> {
    let (time, fraction) = match time.split_once(['.', ',']) {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    let [hour, minute, second] = if time.contains(':') {
        let fields: Vec<&str> = time.split(':').collect();
        match fields[..] {
            [hour, minute] => [field(hour, 1, 2)?, field(minute, 1, 2)?, 0],
            [hour, minute, second] => [
                field(hour, 1, 2)?,
                field(minute, 1, 2)?,
                field(second, 1, 2)?,
            ],
            _ => return None,
        }
    } else if time.len() == 4 {
        let [hour, minute] = basic(time, [2, 2])?;
        [hour, minute, 0]
    } else {
        basic(time, [2, 2, 2])?
    };
    let milli = match fraction {
        None => 0,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            let three: String = digits.chars().chain("000".chars()).take(3).collect();
            three.parse().ok()?
        }
        Some(_) => return None,
    };
    let sane = hour < 24 && minute < 60 && second < 60;
    sane.then_some(((hour * 60 + minute) * 60 + second) * 1_000 + milli)
}

/// A number of `least` to `most` digits.
fn field(text: &str, least: usize, most: usize) -> Option<u64> {
    let plain = (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// Fields of fixed widths without marks between them.
fn basic<const N: usize>(text: &str, widths: [usize; N]) -> Option<[u64; N]> {
    let mut rest = text;
    let mut fields = [0; N];
    for (value, width) in fields.iter_mut().zip(widths) {
        let (head, tail) = rest.split_at_checked(width)?;
        *value = field(head, width, width)?;
        rest = tail;
    }
    rest.is_empty().then_some(fields)
}

#[cfg(test)]
mod tests;
