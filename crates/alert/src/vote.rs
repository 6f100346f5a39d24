//! Metrics pushed per server: how long each is on which side, and what most of them say (features A2 to A4, and the vote that `RightScale` had).

use std::time::Duration;

use domain::time::Timestamp;

use crate::Sample;
use crate::decimal::Milli;

/// When servers ask for more, or for fewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The value is percent idle, as `vmstat` says it, and is turned round into use.
    pub idle: bool,
    /// From here on a server asks for more.
    pub above: Milli,
    /// Down from here a server can do with fewer. None: whoever does not ask for more does not hold on to what is there.
    pub below: Option<Milli>,
    /// It must have been so for this long.
    pub lasting: Duration,
    /// Percent of the servers that must say so, of those that are heard.
    pub share: u8,
    /// A server that is not heard for this long is missing.
    pub missing_after: Duration,
}

/// A server that is missing for so many times `missing_after` is forgotten: it left.
const FORGOTTEN: u32 = 3;

/// Which side a server is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// It asks for more.
    High,
    /// Neither.
    Between,
    /// It can do with fewer.
    Low,
}

/// What is known of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voter {
    /// The server.
    pub host: String,
    /// Its last value, turned round if the rule says so.
    pub value: Milli,
    /// When it was heard last.
    pub at: Timestamp,
    /// On which side it is.
    pub side: Side,
    /// Since when.
    pub since: Timestamp,
}

/// What the servers say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// More.
    More,
    /// Stay.
    Stay,
    /// Fewer would do.
    Fewer,
    /// Too few are heard to know.
    Nothing,
}

/// The vote, and how it came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// What they say.
    pub said: Said,
    /// Servers that are heard.
    pub heard: usize,
    /// Servers that are missing.
    pub missing: usize,
    /// Those that have asked for more for long enough.
    pub high: usize,
    /// Those that could do with fewer for long enough.
    pub low: usize,
}

impl Rule {
    fn side(&self, value: Milli) -> Side {
        if value >= self.above {
            Side::High
        } else if self.below.is_some_and(|below| value > below) {
            Side::Between
        } else {
            Side::Low
        }
    }

    /// As percent in use (A3): what is more than all stays that much over.
    const fn turned(&self, value: Milli) -> Milli {
        const ALL: i64 = 100_000;
        if self.idle && value.0 <= ALL {
            Milli(ALL.saturating_sub(value.0))
        } else {
            value
        }
    }

    /// What is known of a server after another sample. One from before the last is of no interest. Changing sides begins anew: no
    /// breach of one side is counted for the other.
    #[must_use]
    pub fn hear(&self, before: Option<&Voter>, sample: &Sample) -> Option<Voter> {
        let value = self.turned(sample.value);
        let side = self.side(value);
        if before.is_some_and(|before| before.at > sample.at) {
            return None;
        }
        // A server that was missing meanwhile was on nobody knows which side.
        let lasts = |before: &&Voter| {
            before.side == side && sample.at.since(before.at) <= self.missing_after
        };
        Some(Voter {
            host: sample.host.clone(),
            value,
            at: sample.at,
            side,
            since: before
                .filter(lasts)
                .map_or(sample.at, |before| before.since),
        })
    }

    /// Counts the votes at `now`.
    #[must_use]
    pub fn count(&self, voters: &[Voter], now: Timestamp) -> Count {
        let known = voters.iter().filter(|voter| !self.is_forgotten(voter, now));
        let (heard, missing): (Vec<_>, Vec<_>) =
            known.partition(|voter| now.since(voter.at) <= self.missing_after);
        let of = |side: Side| {
            let held = heard
                .iter()
                .filter(|voter| voter.side == side && voter.at.since(voter.since) >= self.lasting);
            held.count()
        };
        let (high, low) = (of(Side::High), of(Side::Low));
        let enough =
            |votes: usize| votes > 0 && votes * 100 >= usize::from(self.share) * heard.len();
        let said = if heard.is_empty() || missing.len() > heard.len() {
            Said::Nothing
        } else if enough(high) {
            Said::More
        } else if enough(low) {
            Said::Fewer
        } else {
            Said::Stay
        };
        Count {
            said,
            heard: heard.len(),
            missing: missing.len(),
            high,
            low,
        }
    }

    /// Whether a server has been missing for so long that it has left.
    #[must_use]
    pub fn is_forgotten(&self, voter: &Voter, now: Timestamp) -> bool {
        now.since(voter.at) > self.missing_after * FORGOTTEN
    }
}

#[cfg(test)]
mod tests;
