//! Milliseconds since 1970 as the time texts of OpenStack, and back.

use std::fmt;

use serde::{Serialize, Serializer};

/// `2026-11-21T12:41:19Z`, as Nova and Glance write it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Iso(pub(crate) u64);

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, second) = (self.0 / 86_400_000, self.0 / 1_000 % 86_400);
        let (year, month, date) = civil(day);
        let (hour, minute, rest) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{rest:02}Z"
        )
    }
}

impl Serialize for Iso {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `2026-11-21T12:41:19.000000Z`, as Keystone writes it.
pub(crate) fn iso_micros(ms: u64) -> String {
    let text = Iso(ms).to_string();
    format!("{}.{:03}000Z", text.trim_end_matches('Z'), ms % 1_000)
}

/// Reads `YYYY-MM-DDTHH:MM:SS`, with anything after it ignored.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, date) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&date) {
        return None;
    }
    let second = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    Some((days(year, month, date) * 86_400 + second) * 1_000)
}

/// Year, month and date of a day since 1970 (the proleptic Gregorian calendar by 400-year eras that begin in March).
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, date)
}

/// The inverse of [`civil`], for years from 1970.
fn days(year: u64, month: u64, date: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + date - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era).saturating_sub(719_468)
}

#[cfg(test)]
mod tests;
