//! Why a group did or did not scale, in sentences; and verdicts as they come.
use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use chassis::Process;
use wire::client::VerdictsOf;
use wire::v2::group::{Group, Status};
use wire::v2::verdict::{Outcome, Verdict};

use crate::{args, out, session::Session, show};

/// Verdicts that are looked at: the newest by then.
const LOOK: u32 = 5;
/// Between two looks for new verdicts.
const PERIOD: Duration = Duration::from_secs(1);
/// Verdicts of one look.
const PAGE: u32 = 100;

/// `holt why`.
///
/// # Errors
/// The API's, or the time is none.
pub(crate) async fn why(command: args::Why) -> anyhow::Result<()> {
    let at = command.at.as_deref().map(str::parse).transpose();
    let at = at.context("--at")?;
    let session = Session::new(command.server)?;
    let of = VerdictsOf {
        at,
        limit: Some(LOOK),
        ..VerdictsOf::default()
    };
    let (client, tenant) = (&session.client, &session.tenant);
    let page = client.verdicts(tenant, &command.group, &of).await?;
    if session.json {
        return out::json(&page);
    }
    let group = client.group(tenant, &command.group).await?;
    let mut lines: Vec<String> = page.items.iter().map(sentence).collect();
    if lines.is_empty() {
        lines.push("nothing was asked by then: no event came in the last 25 hours".to_owned());
    }
    lines.extend(now(&group));
    out::say(&lines.join("\n"))
}

/// One verdict as a sentence.
fn sentence(verdict: &Verdict) -> String {
    let (at, who) = (verdict.at, &verdict.actor.name);
    let asked = show::asked(&verdict.asked, verdict.force);
    let (before, after) = (verdict.before, verdict.after);
    let done = match verdict.outcome {
        Outcome::Applied => format!("desired went from {before} to {after}"),
        Outcome::Clamped => format!("desired went from {before} to {after}, less than was asked"),
        Outcome::Unchanged => format!("desired stayed at {after}, where it was already"),
        Outcome::Cooldown | Outcome::Debounced => "it came too soon".to_owned(),
        Outcome::Paused => "the group was paused".to_owned(),
        Outcome::NoSuchPolicy => "the group has no such policy".to_owned(),
        Outcome::Deleting => "the group was being deleted".to_owned(),
        Outcome::Expired => "it was too old when it could be decided".to_owned(),
        Outcome::Noted => "it was taken note of, and nothing is to be done".to_owned(),
        Outcome::Waiting => "not now: the group looks again by itself".to_owned(),
        Outcome::Escalated => "help was called for".to_owned(),
    };
    let gates = show::why(verdict);
    let event = &verdict.event;
    format!("{at}  {who} asked for {asked} ({event}): {done} [{gates}]")
}

/// What stands in the way right now.
fn now(group: &Group) -> Vec<String> {
    let mut lines = vec![format!("now: {}", show::servers(group))];
    if group.status == Status::Paused {
        lines.push("now: the group is paused (`holt group resume`)".to_owned());
    }
    if let Some(hold) = &group.hold {
        let (why, detail) = (show::word(&hold.why), &hold.detail);
        lines.push(format!("now: nothing is launched: {why}: {detail}"));
    }
    if group.waiting > 0 {
        lines.push(format!("now: {} events wait for a decision", group.waiting));
    }
    lines
}

/// `holt event tail`: verdicts as they come, the oldest first.
///
/// # Errors
/// The API's.
pub(crate) async fn tail(
    process: &Process,
    group: &str,
    (within, server): (Option<Duration>, args::Server),
) -> anyhow::Result<()> {
    let session = Session::new(server)?;
    let until = within.map(|within| process.clock.mono() + within);
    let mut seen: Option<BTreeSet<String>> = None;
    loop {
        let of = VerdictsOf {
            limit: Some(PAGE),
            ..VerdictsOf::default()
        };
        let page = session.client.verdicts(&session.tenant, group, &of).await?;
        let now: BTreeSet<String> = page.items.iter().map(|v| v.event.clone()).collect();
        // What was there before is not new.
        let old = seen.replace(now.clone()).unwrap_or(now);
        for verdict in page.items.iter().rev().filter(|v| !old.contains(&v.event)) {
            if session.json {
                out::json(verdict)?;
            } else {
                out::say(&sentence(verdict))?;
            }
        }
        if until.is_some_and(|until| process.clock.mono() >= until) {
            return Ok(());
        }
        process.clock.sleep(PERIOD).await;
    }
}
