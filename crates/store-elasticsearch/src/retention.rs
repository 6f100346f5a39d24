//! Old months are dropped as whole indices.

use std::time::Duration;

use domain::calendar::{DAY_MS, civil};
use domain::time::Timestamp;

use crate::Elastic;
use crate::client::CallError;

impl Elastic {
    /// Drops the indices of months that ended longer ago than `keep`; gives their names. Names that are not of a month are left alone.
    ///
    /// # Errors
    /// The cluster gave no answer; what was dropped stays dropped.
    pub async fn drop_old(&self, now: Timestamp) -> Result<Vec<String>, CallError> {
        let settings = &self.inner.settings;
        let oldest = oldest_kept(now, settings.keep);
        let mut dropped = Vec::new();
        for name in self.inner.client.months(&settings.index).await? {
            let month = name.strip_prefix(&settings.index).and_then(month_of);
            if month.is_some_and(|month| month < oldest) {
                self.inner.client.drop_index(&name).await?;
                tracing::info!(
                    index = name,
                    "dropped a month of history that was past its time"
                );
                dropped.push(name);
            }
        }
        Ok(dropped)
    }
}

/// The month in which the oldest moment that is kept lies: an index of an earlier month holds nothing that is kept.
fn oldest_kept(now: Timestamp, keep: Duration) -> (u64, u64) {
    let kept = Duration::from_millis(now.unix_ms()).saturating_sub(keep);
    let days = u64::try_from(kept.as_millis()).unwrap_or(0) / DAY_MS;
    let (year, month, _) = civil(days);
    (year, month)
}

/// Year and month of what follows the prefix in a name, as `-2026.11`.
fn month_of(rest: &str) -> Option<(u64, u64)> {
    let (year, month) = rest.strip_prefix('-')?.split_once('.')?;
    let number = |text: &str, digits: usize| {
        let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| plain)
    };
    let month = number(month, 2).filter(|month| (1..=12).contains(month))?;
    Some((number(year, 4)?, month))
}

#[cfg(test)]
mod tests;
