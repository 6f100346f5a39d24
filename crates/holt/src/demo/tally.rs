//! What the demo came to: the ledger's word against the cloud's own log.
use std::collections::BTreeSet;

use anyhow::Context as _;
use cloudsim::Call;
use serde::Serialize;
use wire::v2::{
    ledger::{Slot, State, Why},
    verdict::{Outcome, Verdict},
};

use crate::{
    demo::{
        acts::{MAX, MIN, OTHERS, POSTS, Played},
        faults::Hit,
        stage::Stage,
    },
    out, show,
    simulated::{Counts, Seen},
};

/// The tag that names a slot begins with this.
const SLOT_TAG: &str = "as:";

#[derive(Debug)]
pub(crate) struct Tally {
    verdicts: Vec<Verdict>,
    slots: Vec<Slot>,
    counts: Counts,
    events: usize,
    checks: Vec<(String, bool)>,
}

/// The line for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    ok: bool,
    events: usize,
    verdicts: usize,
    slots_active: usize,
    servers_in_cloud: usize,
    creates_per_slot_max: u64,
}

/// Asks Holt for verdicts and ledger, and the cloud for what it saw.
///
/// # Errors
/// One of them does not answer.
pub(crate) async fn take(stage: &Stage, hit: Hit, played: Played) -> anyhow::Result<Tally> {
    let mut verdicts = stage.session.all_verdicts(&played.group).await?;
    verdicts.reverse();
    let mut slots = stage
        .session
        .slots(&played.group, Default::default())
        .await?;
    slots.sort_by_key(|slot| slot.issued);
    let (log, counts) = (stage.cloud.log().await?, stage.cloud.counts().await?);
    let mut tally = Tally {
        verdicts,
        slots,
        counts,
        events: played.events,
        checks: Vec::new(),
    };
    tally.check_events(&played);
    tally.check_faults(&played, hit, &log)?;
    tally.check_cloud();
    Ok(tally)
}

impl Tally {
    fn check(&mut self, what: String, holds: bool) {
        self.checks.push((what, holds));
    }

    fn check_events(&mut self, played: &Played) {
        let one = played.burst.first();
        let same = played.burst.iter().all(|verdict| Some(verdict) == one);
        self.check(
            format!("{POSTS} posts of one alert got one verdict"),
            same && played.burst.len() == POSTS,
        );
        let step =
            one.is_some_and(|v| (v.outcome, v.before, v.after) == (Outcome::Applied, MIN, MAX));
        self.check(format!("scaled out in one step, {MIN} to {MAX}"), step);
        let cooldown = played
            .others
            .iter()
            .filter(|v| v.outcome == Outcome::Cooldown);
        self.check(
            format!("{OTHERS} other alerts met the cooldown"),
            cooldown.count() == OTHERS,
        );
        let ids: BTreeSet<&str> = self.verdicts.iter().map(|v| v.event.as_str()).collect();
        let each = ids.len() == self.events && self.verdicts.len() == self.events;
        self.check(
            format!("{} events, one stored verdict each", self.events),
            each,
        );
        let forced = (played.forced.before, played.forced.after) == (MAX, MIN);
        self.check(format!("scaled in by force, {MAX} to {MIN}"), forced);
    }

    fn check_faults(&mut self, played: &Played, hit: Hit, log: &[Seen]) -> anyhow::Result<()> {
        let creates: Vec<&Seen> = log
            .iter()
            .filter(|seen| seen.call == Call::Create)
            .collect();
        let nth = |ordinal: u64| {
            let index = usize::try_from(ordinal - 1).unwrap_or(usize::MAX);
            creates
                .get(index)
                .copied()
                .with_context(|| format!("the cloud saw no create {ordinal}"))
        };
        let (lost, failed) = (nth(hit.lost)?, nth(hit.failed)?);
        let adopted = slot_of(&played.wide, lost)
            .is_some_and(|slot| slot.state == State::Active && slot.server == lost.server);
        let once = self.arrived(lost) == 1 && lost.connection_lost && lost.executed;
        self.check(
            format!(
                "create {}: answer lost, its server adopted, no second call",
                hit.lost
            ),
            adopted && once,
        );
        let replaced = slot_of(&self.slots, failed)
            .is_some_and(|slot| slot.why == Some(Why::BuildFailed) && !slot.open);
        let one_more = creates.len() == usize::try_from(MAX + 1)?;
        self.check(
            format!(
                "create {}: ended in ERROR, deleted and replaced by one more create",
                hit.failed
            ),
            replaced && one_more,
        );
        Ok(())
    }

    fn check_cloud(&mut self) {
        let per_slot = self.creates_per_slot_max();
        let named = self.counts.creates_untagged.arrived == 0;
        self.check(
            format!("the cloud saw at most {per_slot} create per slot"),
            per_slot == 1 && named,
        );
        let doubled = self
            .counts
            .creates_by_tag
            .values()
            .any(|creates| creates.servers > 1);
        let (servers, active) = (self.counts.servers_living, self.active());
        self.check(
            format!("servers in the cloud {servers}, slots active {active}"),
            servers == active && u32::try_from(active) == Ok(MIN) && !doubled,
        );
    }

    fn arrived(&self, create: &Seen) -> u64 {
        let tag = create.tags.iter().find(|tag| tag.starts_with(SLOT_TAG));
        tag.and_then(|tag| self.counts.creates_by_tag.get(tag))
            .map_or(0, |creates| creates.arrived)
    }

    fn active(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| slot.state == State::Active)
            .count()
    }

    fn creates_per_slot_max(&self) -> u64 {
        let by_slot = self
            .counts
            .creates_by_tag
            .iter()
            .filter(|(tag, _)| tag.starts_with(SLOT_TAG));
        by_slot
            .map(|(_, creates)| creates.arrived)
            .max()
            .unwrap_or_default()
    }

    pub(crate) fn ok(&self) -> bool {
        self.checks.iter().all(|(_, holds)| *holds)
    }

    pub(crate) fn line(&self) -> Line {
        Line {
            ok: self.ok(),
            events: self.events,
            verdicts: self.verdicts.len(),
            slots_active: self.active(),
            servers_in_cloud: self.counts.servers_living,
            creates_per_slot_max: self.creates_per_slot_max(),
        }
    }

    /// Verdicts with reasons, the ledger, and what the cloud says.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(crate) fn show(&self) -> anyhow::Result<()> {
        out::say("\n> verdicts")?;
        out::say(&show::verdicts(&self.verdicts))?;
        out::say("\n> the ledger")?;
        out::say(&show::ledger(&self.slots))?;
        out::say(&format!(
            "\n> checked against the cloud's own log of {} requests",
            self.counts.requests
        ))?;
        for (what, holds) in &self.checks {
            out::say(&format!(
                "  {} {what}",
                if *holds { "ok    " } else { "FAILED" }
            ))?;
        }
        Ok(())
    }
}

/// The slot that a create call was for, by its tag.
fn slot_of<'a>(slots: &'a [Slot], create: &Seen) -> Option<&'a Slot> {
    let name = create
        .tags
        .iter()
        .find_map(|tag| tag.strip_prefix(SLOT_TAG))?;
    slots.iter().find(|slot| slot.slot == name)
}
