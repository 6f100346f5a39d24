//! Ratios and their spread, in whole thousandths.
use std::fmt;
use std::time::Duration;

/// A number with three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Milli(pub u64);

impl Milli {
    /// `part / whole`, rounded down; the largest number if `whole` is zero, so that a missing floor never passes a bar.
    pub fn ratio(part: u128, whole: u128) -> Self {
        let thousandths = part.saturating_mul(1_000).checked_div(whole);
        Self(thousandths.map_or(u64::MAX, |t| u64::try_from(t).unwrap_or(u64::MAX)))
    }

    /// `time` per `count`, in microseconds.
    pub fn micros_each(time: Duration, count: u64) -> Self {
        Self::ratio(time.as_micros(), u128::from(count))
    }
}

impl fmt::Display for Milli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

/// The middle, the least and the most of some repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread<T> {
    /// Half of them are at most this.
    pub median: T,
    /// The least.
    pub min: T,
    /// The most.
    pub max: T,
    /// How many there are.
    pub count: usize,
}

impl<T: Copy + Ord> Spread<T> {
    /// Of at least one value.
    pub fn of(mut values: Vec<T>) -> Option<Self> {
        values.sort_unstable();
        Some(Self {
            median: quantile(&values, 50)?,
            min: *values.first()?,
            max: *values.last()?,
            count: values.len(),
        })
    }
}

impl fmt::Display for Spread<Milli> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "median {} min {} max {} of {}",
            self.median, self.min, self.max, self.count
        )
    }
}

/// The value that `percent` of the sorted values do not exceed (nearest rank).
pub fn quantile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::{Milli, Spread, quantile};

    #[test]
    fn a_ratio_has_three_decimals_and_a_missing_floor_passes_no_bar() {
        assert_eq!(Milli::ratio(10, 4).to_string(), "2.500");
        assert_eq!(Milli::ratio(1, 3).to_string(), "0.333");
        assert_eq!(Milli::ratio(1, 0), Milli(u64::MAX));
    }

    #[test]
    fn the_median_is_a_measured_value() {
        let spread = Spread::of(vec![5, 1, 4, 2, 3]).expect("values");
        assert_eq!(
            (spread.median, spread.min, spread.max, spread.count),
            (3, 1, 5, 5)
        );
        assert_eq!(quantile(&[1, 2, 3, 4], 99), Some(4));
        assert_eq!(quantile::<u8>(&[], 50), None);
    }
}
