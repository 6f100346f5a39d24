//! Searches: what the index says, looked at again before anybody sees it.

use async_trait::async_trait;
use chassis::Metrics;
use chassis::metrics::Counter;
use store::Error;
use store::search::{Found, Page, Place, Search, Wanted};

use crate::client::{CallError, hits};
use crate::document::PIECE;
use crate::query::query;
use crate::{Elastic, Inner};

/// Hits of one request at most.
const HITS_MAX: u32 = 1_000;
/// Requests of one search at most; then it gives what it has, and says where to go on.
const ROUNDS: u32 = 10;

/// What became of searches.
#[derive(Debug)]
pub(crate) struct Counts {
    answered: Counter,
    failed: Counter,
    foreign: Counter,
}

impl Counts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let searches = |outcome| {
            metrics.counter_with(
                "history_searches_total",
                "Searches in the index of history, by what became of them.",
                &[("outcome", outcome)],
            )
        };
        Self {
            answered: searches("answered"),
            failed: searches("failed"),
            foreign: metrics.counter(
                "history_foreign_hits_total",
                "Hits that were not of the tenant that was asked for; none was shown. More than none: the index is not to be trusted.",
            ),
        }
    }
}

/// There is no room for another search.
#[derive(Debug, thiserror::Error)]
#[error("too many searches at once")]
struct Crowded;

#[async_trait]
impl Search for Elastic {
    async fn find(&self, wanted: &Wanted, limit: u32) -> Result<Page, Error> {
        let found = self.inner.find(wanted, limit).await;
        let counts = &self.inner.counts;
        if found.is_ok() {
            &counts.answered
        } else {
            &counts.failed
        }
        .increment();
        found
    }
}

impl Inner {
    async fn find(&self, wanted: &Wanted, limit: u32) -> Result<Page, Error> {
        let crowded = |_full| Error::Unavailable(Box::new(Crowded));
        let _room = self.searches.try_acquire().map_err(crowded)?;
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let size = size(wanted, limit);
        let mut page = Page {
            items: Vec::new(),
            next: wanted.after,
        };
        for _ in 0..ROUNDS {
            let hits = self.hits(wanted, page.next, size).await?;
            let whole = u32::try_from(hits.len()).is_ok_and(|n| n < size);
            for found in hits {
                let place = found.place();
                if !self.fits(wanted, &found) {
                    page.next = Some(place);
                    continue;
                }
                if page.items.len() == most {
                    return Ok(page);
                }
                page.items.push(found);
                page.next = Some(place);
            }
            if whole {
                page.next = None;
                return Ok(page);
            }
        }
        Ok(page)
    }

    async fn hits(
        &self,
        wanted: &Wanted,
        after: Option<Place>,
        size: u32,
    ) -> Result<Vec<Found>, Error> {
        let query = query(wanted, after, size);
        let answer = self.client.search(&self.settings.index, query).await;
        let documents = answer.and_then(|answer| hits(&answer)).map_err(failed)?;
        documents
            .into_iter()
            .map(crate::document::Document::found)
            .collect()
    }

    /// Whether a hit is one of those that are looked for, by the same rule as a walk over the groups. The index is not believed.
    fn fits(&self, wanted: &Wanted, found: &Found) -> bool {
        let own = |tenant: &domain::ids::TenantId| *tenant == found.key.tenant;
        if !wanted.tenant.as_ref().is_none_or(own) {
            self.counts.foreign.increment();
            tracing::error!(group.id = %found.key.id, "the index gave a change of another tenant; it was not shown");
            return false;
        }
        wanted.fits(&found.key, &found.record)
    }
}

/// One more than wanted tells whether there is a next page; a text that is too short for the index is looked for in many.
fn size(wanted: &Wanted, limit: u32) -> u32 {
    let short = |text: &String| text.chars().count() < PIECE;
    if wanted.text.as_ref().is_some_and(short) {
        return HITS_MAX;
    }
    limit.saturating_add(1).min(HITS_MAX)
}

/// A search that has no answer; nothing else is touched by it.
fn failed(error: CallError) -> Error {
    match error {
        CallError::Unreadable(why) => Error::Corrupt(why),
        away @ (CallError::Away(_) | CallError::Missing | CallError::Refused { .. }) => {
            Error::Unavailable(Box::new(away))
        }
    }
}
