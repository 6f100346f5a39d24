//! Durations and rates as people write them: `90s`, `1h30m`, `10/s`.
use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// Units, largest first, in milliseconds.
const UNITS_MS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a duration such as 90s, 250ms or 1h30m (units d, h, m, s, ms; whole numbers)"
)]
pub struct BadDuration(String);

/// Reads `90s`, `250ms`, `1h30m`, `2d`; whole numbers, every number with a unit.
///
/// # Errors
/// [`BadDuration`] for anything else, also for more milliseconds than 64 bits hold.
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    total_ms(text)
        .map(Duration::from_millis)
        .ok_or_else(|| BadDuration(text.to_owned()))
}

fn total_ms(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, unit_ms) = UNITS_MS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*unit_ms)?)?;
        rest = tail;
    }
    Some(total)
}

/// Writes a duration so that [`parse_duration`] reads it back; below a millisecond it is cut off.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, unit_ms) in UNITS_MS {
        let count = rest / unit_ms;
        rest %= unit_ms;
        if count > 0 {
            text.push_str(&format!("{count}{name}"));
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// For fields: `#[serde(with = "chassis::config::duration")]` on a [`std::time::Duration`].
pub mod duration {
    use std::{borrow::Cow, time::Duration};

    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Reads a duration such as `90s`.
    ///
    /// # Errors
    /// The deserializer's, naming the text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        super::parse_duration(&text).map_err(de::Error::custom)
    }

    /// Writes a duration such as `90s`.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format_duration(*duration))
    }
}

/// So many in a given time, never none: `10/s`, `30/m`, `100/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rate {
    /// So many a second.
    PerSecond(NonZeroU32),
    /// So many a minute.
    PerMinute(NonZeroU32),
    /// So many an hour.
    PerHour(NonZeroU32),
}

/// The text is not a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate such as 10/s, 30/m or 100/h (a whole number above 0)")]
pub struct BadRate(String);

impl Rate {
    /// How many in one [`Rate::period`].
    pub fn count(self) -> NonZeroU32 {
        match self {
            Self::PerSecond(count) | Self::PerMinute(count) | Self::PerHour(count) => count,
        }
    }

    /// The time over which it counts.
    pub fn period(self) -> Duration {
        match self {
            Self::PerSecond(_) => Duration::from_secs(1),
            Self::PerMinute(_) => Duration::from_secs(60),
            Self::PerHour(_) => Duration::from_secs(3_600),
        }
    }

    /// The even distance between two.
    pub fn interval(self) -> Duration {
        self.period() / self.count().get()
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let parts = text.trim().split_once('/').and_then(|(count, unit)| {
            let count = count.trim().parse().ok()?;
            match unit.trim() {
                "s" => Some(Self::PerSecond(count)),
                "m" => Some(Self::PerMinute(count)),
                "h" => Some(Self::PerHour(count)),
                _ => None,
            }
        });
        parts.ok_or_else(|| BadRate(text.to_owned()))
    }
}

impl TryFrom<String> for Rate {
    type Error = BadRate;

    fn try_from(text: String) -> Result<Self, BadRate> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self {
            Self::PerSecond(_) => "s",
            Self::PerMinute(_) => "m",
            Self::PerHour(_) => "h",
        };
        write!(f, "{}/{unit}", self.count())
    }
}
