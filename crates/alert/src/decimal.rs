//! Measured values without floating point: thousandths.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A value in thousandths; finer digits are cut off, values out of reach stop at the end of an `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milli(pub i64);

/// The text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number")]
pub struct NoNumber;

/// Digits that matter; more only make a number larger than anything measured.
const DIGITS_MAX: usize = 30;

impl FromStr for Milli {
    type Err = NoNumber;

    fn from_str(text: &str) -> Result<Self, NoNumber> {
        let text = text.trim();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let exponent: i32 = exponent.parse().map_err(|_error| NoNumber)?;
                (mantissa, exponent.clamp(-1_000, 1_000))
            }
            None => (text, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{part}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoNumber);
        }
        let places = i32::try_from(part.len()).unwrap_or(i32::MAX);
        let magnitude = scaled(
            digits.trim_start_matches('0'),
            exponent.saturating_add(3).saturating_sub(places),
        );
        let magnitude = i64::try_from(magnitude).unwrap_or(i64::MAX);
        Ok(Self(if negative { -magnitude } else { magnitude }))
    }
}

/// The digits times ten to that power, cut to a whole number.
fn scaled(digits: &str, power: i32) -> u128 {
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let kept = length.saturating_add(power);
    if kept <= 0 || digits.is_empty() {
        return 0;
    }
    if kept > 30 {
        return u128::MAX;
    }
    let kept = usize::try_from(kept).unwrap_or(DIGITS_MAX);
    let all = digits.bytes().chain(std::iter::repeat(b'0')).take(kept);
    all.fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0'))
}

impl fmt::Display for Milli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let (whole, part) = (magnitude / 1_000, magnitude % 1_000);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let part = format!("{part:03}");
        write!(f, "{sign}{whole}.{}", part.trim_end_matches('0'))
    }
}

impl Serialize for Milli {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_tools_write_them() {
        for (text, milli) in [
            ("0", 0),
            ("93", 93_000),
            ("93.5", 93_500),
            ("-0.0019", -1),
            ("1e3", 1_000_000),
            ("1.25E-1", 125),
            ("+7.000", 7_000),
            (" 12 ", 12_000),
            ("1e400", i64::MAX),
            ("1e-400", 0),
            ("99999999999999999999999999999999999999999", i64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Milli(milli)), "{text}");
        }
        for text in [
            "", "-", ".", "NaN", "+Inf", "1e", "1x", "0x10", "1 2", "\u{661}",
        ] {
            assert_eq!(text.parse::<Milli>(), Err(NoNumber), "{text}");
        }
    }

    #[test]
    fn numbers_are_written_short() {
        for (milli, text) in [(0, "0"), (93_500, "93.5"), (-1, "-0.001"), (12_000, "12")] {
            assert_eq!(Milli(milli).to_string(), text);
        }
    }
}
