//! Reads the two forms of time that clouds write. Only differences between two times of one sender are ever used.

use std::time::Duration;

/// RFC 3339 in UTC, as Keystone writes it (`2026-01-31T23:59:59.000000Z`), since 1970.
pub(super) fn rfc3339(text: &str) -> Option<Duration> {
    let text = text
        .strip_suffix('Z')
        .or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (
        number(parts.next()?)?,
        number(parts.next()?)?,
        number(parts.next()?)?,
    );
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let seconds = days(year, month, day)? * 86_400 + clock(time)?;
    Some(Duration::from_secs(seconds) + nanos(fraction)?)
}

/// The HTTP form (`Sun, 06 Nov 1994 08:49:37 GMT`), in seconds since 1970.
pub(super) fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut words = text.split_ascii_whitespace();
    let (_weekday, day, month) = (words.next()?, number(words.next()?)?, words.next()?);
    let (year, time, zone) = (number(words.next()?)?, words.next()?, words.next()?);
    let month = (1..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
    (zone == "GMT").then_some(days(year, month, day)? * 86_400 + clock(time)?)
}

fn number(digits: &str) -> Option<u64> {
    let plain =
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

fn clock(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, ':');
    let (hour, minute, second) = (
        number(parts.next()?)?,
        number(parts.next()?)?,
        number(parts.next()?)?,
    );
    // A leap second is 60.
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

fn nanos(fraction: &str) -> Option<Duration> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nine: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    nine.parse().ok().map(Duration::from_nanos)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, which repeats every 400 years (146 097 days). Years begin in March here,
/// so that the leap day is the last one.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let before_year = year * 365 + year / 4 - year / 100 + year / 400;
    let before_month = (153 * month + 2) / 5;
    // 719 468 days lie between the first of March of year 0 and 1970.
    (before_year + before_month + day - 1).checked_sub(719_468)
}

#[cfg(test)]
mod tests;
