//! Moments on the wire: RFC 3339.

use std::fmt;
use std::str::FromStr;

use domain::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A moment, written as `2026-11-21T14:05:00.123Z`, read with any offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

/// The text is not a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a moment such as 2026-11-21T14:05:00Z")]
pub struct BadMoment;

const DAY_MS: u64 = 86_400_000;
/// Years 0001 to 9999: what RFC 3339 can say.
const YEAR_MAX: u64 = 9999;

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.unix_ms();
        let (year, month, day) = civil(ms / DAY_MS);
        let of_day = ms % DAY_MS;
        let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let (second, milli) = (of_day / 1_000 % 60, of_day % 1_000);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
        )
    }
}

impl FromStr for Moment {
    type Err = BadMoment;

    fn from_str(text: &str) -> Result<Self, BadMoment> {
        parse(text)
            .map(|ms| Self(Timestamp::from_unix_ms(ms)))
            .ok_or(BadMoment)
    }
}

fn parse(text: &str) -> Option<u64> {
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

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of(year: u64, month: u64) -> u64 {
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

fn days(year: u64, month: u64, day: u64) -> u64 {
    days_before(year) + (1..month).map(|m| days_of(year, m)).sum::<u64>() + day - 1
}

/// Year, month and day of a day counted from 1970; days after the year 9999 are shown as its last.
fn civil(day: u64) -> (u64, u64, u64) {
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

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some(
                "A moment, RFC 3339; written in UTC with milliseconds.",
            ))
            .into()
    }
}

impl ToSchema for Moment {}

#[cfg(test)]
mod tests;
