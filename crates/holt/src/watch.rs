//! The live view of a group, until it has what it wants.
use std::{collections::BTreeMap, time::Duration};

use chassis::Process;
use wire::{
    client::{Error, SlotsOf},
    v2::{
        group::{Group, Status},
        ledger::{Slot, State},
    },
};

use crate::{
    out::Live,
    session::Session,
    show::{self, word},
};

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(300);
/// Slots that are drawn, so that the smallest of terminals (24 lines) shows all of it; the summary counts all slots.
const ROWS_MAX: usize = 14;

/// A group and its open slots at about the same time.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) group: Group,
    pub(crate) open: Vec<Slot>,
}

impl Look {
    /// Asks the API. None if there is no such group (any more).
    ///
    /// # Errors
    /// The API's.
    pub(crate) async fn take(session: &Session, group: &str) -> anyhow::Result<Option<Self>> {
        let of = SlotsOf {
            open: Some(true),
            ..SlotsOf::default()
        };
        let both = async {
            let open = session.slots(group, of).await?;
            let group = session.client.group(&session.tenant, group).await?;
            Ok(Self { group, open })
        };
        match both.await {
            Ok(look) => Ok(Some(look)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The group has as many servers as it wants, none on its way in or out, and no event waits.
    pub(crate) fn is_converged(&self) -> bool {
        let active = self.open.iter().filter(|slot| slot.state == State::Active);
        let wanted = usize::try_from(self.group.desired).unwrap_or(usize::MAX);
        let quiet = self.group.waiting == 0 && self.group.status != Status::Deleting;
        quiet && active.count() == wanted && self.open.len() == wanted
    }

    /// One line: counts by state.
    pub(crate) fn summary(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for slot in &self.open {
            *counts.entry(word(&slot.state)).or_default() += 1;
        }
        let states: Vec<String> = counts
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        let held = self
            .group
            .hold
            .as_ref()
            .map(|hold| format!(", held: {}", word(&hold.why)));
        format!(
            "{}: {} desired; {}{}",
            self.group.name,
            self.group.desired,
            if states.is_empty() {
                "no servers".to_owned()
            } else {
                states.join(", ")
            },
            held.unwrap_or_default()
        )
    }

    /// The open slots, youngest last.
    pub(crate) fn details(&self) -> String {
        let mut open = self.open.clone();
        open.sort_by_key(|slot| slot.issued);
        let left_out = open.len().saturating_sub(ROWS_MAX);
        let table = show::ledger(&open[left_out..]);
        if left_out > 0 {
            format!("{table}\nand {left_out} older ones")
        } else {
            table
        }
    }
}

fn is_not_found(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Error>() {
        Some(Error::Refused(problem)) => problem.status == 404,
        Some(Error::Build(_) | Error::Unreachable { .. } | Error::Unreadable { .. }) | None => {
            false
        }
    }
}

/// How a watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The group has what it wants.
    Converged,
    /// There is no such group (any more).
    Gone,
}

/// Shows the group until it has converged or is gone.
///
/// # Errors
/// The API's.
pub(crate) async fn until_converged(
    process: &Process,
    session: &Session,
    group: &str,
) -> anyhow::Result<Ended> {
    let mut live = Live::default();
    while let Some(look) = Look::take(session, group).await? {
        live.show(&look.summary(), &look.details())?;
        if look.is_converged() {
            return Ok(Ended::Converged);
        }
        process.clock.sleep(PERIOD).await;
    }
    Ok(Ended::Gone)
}
