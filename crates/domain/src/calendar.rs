//! The civil calendar in UTC: years, months and days of the days since 1970, and moments as RFC 3339 writes them. No time zone, no leap second.

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;
/// The last year that RFC 3339 can say.
pub const YEAR_MAX: u64 = 9999;

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// How many days a month has.
#[must_use]
pub const fn days_of(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days before 1 January of `year`, counted from 1970.
const fn days_before(year: u64) -> u64 {
    let past = year - 1;
    let all = past * 365 + past / 4 - past / 100 + past / 400;
    all - 719_162
}

/// The day since 1970 of a date, from 1970 on. The date must be one: see [`days_of`].
#[must_use]
pub fn days(year: u64, month: u64, day: u64) -> u64 {
    days_before(year) + (1..month).map(|m| days_of(year, m)).sum::<u64>() + day - 1
}

/// Year, month and day of a day counted from 1970; days after the year 9999 are shown as its last.
#[must_use]
pub fn civil(day: u64) -> (u64, u64, u64) {
    let day = day.min(days(YEAR_MAX, 12, 31));
    // A guess that is never too late (no year is longer than 366 days), and at most some years too early.
    let mut year = 1970 + day / 366;
    while days_before(year + 1) <= day {
        year += 1;
    }
    let mut rest = day - days_before(year);
    let mut month = 1;
    while rest >= days_of(year, month) {
        rest -= days_of(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

/// The day of the week of a day counted from 1970: 0 is Sunday.
#[must_use]
pub const fn weekday(day: u64) -> u64 {
    (day + 4) % 7
}

/// The milliseconds since 1970 of a moment as RFC 3339 writes it, with any offset; finer digits are cut off. None for every other text.
#[must_use]
pub fn moment(text: &str) -> Option<u64> {
    let (date, time) = (text.get(..10)?, text.get(11..)?);
    let separated = matches!(text.as_bytes().get(10)?, b'T' | b't' | b' ');
    let (year, month, day) = (
        digits(date, 0, 4)?,
        digits(date, 5, 2)?,
        digits(date, 8, 2)?,
    );
    let (hour, minute, second) = (
        digits(time, 0, 2)?,
        digits(time, 3, 2)?,
        digits(time, 6, 2)?,
    );
    let marks = date.as_bytes()[4] == b'-'
        && date.as_bytes()[7] == b'-'
        && time.as_bytes()[2] == b':'
        && time.as_bytes()[5] == b':';
    let in_range = (1970..=YEAR_MAX).contains(&year) && hour < 24 && minute < 60 && second < 60;
    if !(separated
        && marks
        && in_range
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day))
    {
        return None;
    }
    let (milli, zone) = fraction(time.get(8..)?)?;
    let local = days(year, month, day) * DAY_MS
        + hour * 3_600_000
        + minute * 60_000
        + second * 1_000
        + milli;
    match zone {
        "Z" | "z" => Some(local),
        _ => {
            let ahead = zone.starts_with('+');
            let marked =
                (ahead || zone.starts_with('-')) && zone.len() == 6 && zone.as_bytes()[3] == b':';
            let (hours, minutes) = (digits(zone, 1, 2)?, digits(zone, 4, 2)?);
            let offset = (hours * 60 + minutes) * 60_000;
            let sane = marked && hours < 24 && minutes < 60;
            if !sane {
                None
            } else if ahead {
                local.checked_sub(offset)
            } else {
                Some(local + offset)
            }
        }
    }
}

/// Milliseconds after the seconds, and what follows; finer digits are cut off.
fn fraction(rest: &str) -> Option<(u64, &str)> {
    let Some(after) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let length = after.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return None;
    }
    let padded: String = after[..length]
        .chars()
        .chain("000".chars())
        .take(3)
        .collect();
    Some((padded.parse().ok()?, &after[length..]))
}

fn digits(text: &str, at: usize, length: usize) -> Option<u64> {
    let part = text.get(at..at + length)?;
    part.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| part.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for day in (0..80_000).chain(days(9999, 1, 1)..=days(9999, 12, 31)) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn the_week_is_the_one_people_know() {
        assert_eq!(weekday(days(1970, 1, 1)), 4, "a Thursday");
        assert_eq!(weekday(days(2026, 11, 21)), 6, "a Saturday");
        assert_eq!(weekday(days(2000, 2, 29)), 2, "a Tuesday");
    }
}
