//! Moments on the wire: RFC 3339.

use std::fmt;
use std::str::FromStr;

use domain::calendar::{DAY_MS, YEAR_MAX, civil, days, days_of};
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
