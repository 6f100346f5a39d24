//! The civil calendar in UTC: years, months and days of the days since 1970. No time zone, no leap second.

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
