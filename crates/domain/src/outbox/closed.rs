//! What a store may take out at once when messages are closed.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::draft::Draft;
use crate::ids::DeliveryId;

/// Numbers among which nothing is open after a change: around each message that it closes, up to the open ones beside it, or to the last number
/// that was given. In order.
pub(crate) fn closed(draft: &Draft<'_>) -> Vec<RangeInclusive<DeliveryId>> {
    let mut runs: Vec<RangeInclusive<DeliveryId>> = Vec::new();
    let numbers: BTreeSet<DeliveryId> = draft.closed().collect();
    let Some(newest) = numbers.last() else {
        return runs;
    };
    let given = draft.state.posted.max(*newest);
    let open: BTreeSet<DeliveryId> = draft.outbox().map(|delivery| delivery.id).collect();
    for number in numbers {
        if runs.last().is_some_and(|run| run.contains(&number)) {
            continue;
        }
        let below = open.range(..number).next_back();
        let above = open.range(number..).next();
        let first = below.map_or(DeliveryId(0), |open| open.next());
        let last = above.map_or(given, |open| DeliveryId(open.0.saturating_sub(1)));
        runs.push(first..=last);
    }
    runs
}
