//! Metrics of servers: what each said last is a note of the input, and what they say together is a signal to their groups (features A2 to A4).

use std::collections::{BTreeMap, BTreeSet};

use alert::decimal::Milli;
use alert::route::Wanted;
use alert::vote::{Rule, Said, Side, Voter};
use alert::{Alert, Sample, State};
use domain::circle::{Severity, Signal, Standing};
use domain::event::Event;
use domain::ids::GroupId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::input::{Note, Part};

use super::Loaded;
use super::deliver::{actor, digest, event, groups_of, key, short, wanted};
use crate::context::Context;
use crate::failure::Failure;
use crate::origin::Origin;

/// Servers that one input remembers.
const VOTERS_MAX: usize = 2_000;

/// What is kept of one server, or of what they said together in one group (`said`).
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    v: i64,
    s: u8,
    t: u64,
}

const fn number(side: Side) -> u8 {
    match side {
        Side::High => 0,
        Side::Between => 1,
        Side::Low => 2,
    }
}

const fn side(number: u8) -> Side {
    match number {
        0 => Side::High,
        1 => Side::Between,
        _ => Side::Low,
    }
}

fn voter(note: &Note) -> Option<Voter> {
    let row: Row = serde_json::from_str(&note.body).ok()?;
    Some(Voter {
        host: note.place.strip_prefix("host ")?.to_owned(),
        value: Milli(row.v),
        at: note.at,
        side: side(row.s),
        since: Timestamp::from_unix_ms(row.t),
    })
}

/// What samples come to.
#[derive(Debug)]
pub(super) struct Counted {
    /// The events of the groups that the servers are in.
    pub(super) events: Vec<(GroupId, Option<Event>)>,
    /// The groups of each sample, in the order of the body.
    pub(super) groups: Vec<Vec<GroupId>>,
}

/// Notes what the servers say, and gives the events of the groups that they are in. None: the input has no rule for metrics.
pub(super) async fn count(
    context: &Context,
    input: &Loaded,
    samples: &[Sample],
    origin: &Origin,
) -> Result<Option<Counted>, Failure> {
    let Some(rule) = &input.parsed.rule else {
        return Ok(None);
    };
    let now = context.wall();
    let inputs = &context.stores.inputs;
    let notes = inputs.notes(input.id, Part::Voter, now).await?;
    let mut known: BTreeMap<String, Voter> = notes
        .iter()
        .filter_map(voter)
        .map(|voter| (voter.host.clone(), voter))
        .collect();
    for sample in samples {
        // The clock of a server decides nothing: what comes from the future came now.
        let sample = Sample {
            at: sample.at.min(now),
            ..sample.clone()
        };
        let Some(voter) = rule.hear(known.get(&sample.host), &sample) else {
            continue;
        };
        if !known.contains_key(&sample.host) && known.len() >= VOTERS_MAX {
            continue;
        }
        let row = Row {
            v: voter.value.0,
            s: number(voter.side),
            t: voter.since.unix_ms(),
        };
        let note = note(format!("host {}", sample.host), voter.at, &row);
        inputs
            .note(input.id, Part::Voter, &note, rule.missing_after * 4)
            .await?;
        known.insert(sample.host.clone(), voter);
    }
    let found = found(context, input, samples).await?;
    let mut events = Vec::new();
    for (group, voters) in by_group(input, &found, &known) {
        let said = rule.count(&voters, now).said;
        let since = since(context, input, (group, said, rule), &notes, now).await?;
        events.push((
            group,
            told(context, input, (group, said, since), rule, origin),
        ));
    }
    Ok(Some(Counted {
        events,
        groups: of_each(input, &found, samples),
    }))
}

fn note(place: String, at: Timestamp, row: &Row) -> Note {
    Note {
        place,
        at,
        // A struct of numbers always has a JSON form.
        body: serde_json::to_string(row).unwrap_or_default(),
    }
}

/// The groups that there are, by what the routes want of a server.
type Found = BTreeMap<Wanted, Vec<GroupId>>;

/// Those that one of the samples belongs to.
async fn found(context: &Context, input: &Loaded, samples: &[Sample]) -> Result<Found, Failure> {
    let touched: BTreeSet<Wanted> = samples
        .iter()
        .flat_map(|sample| wanted(input, &about(&sample.host)))
        .collect();
    let mut found = Found::new();
    for one in touched {
        let groups = groups_of(context, &input.tenant, vec![one.clone()]).await?;
        found.insert(one, groups);
    }
    Ok(found)
}

/// The groups of each sample.
fn of_each(input: &Loaded, found: &Found, samples: &[Sample]) -> Vec<Vec<GroupId>> {
    let groups = |sample: &Sample| -> Vec<GroupId> {
        let wanted = wanted(input, &about(&sample.host));
        let groups = wanted.iter().filter_map(|one| found.get(one));
        groups.flatten().copied().collect()
    };
    samples.iter().map(groups).collect()
}

/// The servers of every one of these groups.
fn by_group(
    input: &Loaded,
    found: &Found,
    known: &BTreeMap<String, Voter>,
) -> BTreeMap<GroupId, Vec<Voter>> {
    let of = |host: &str| wanted(input, &about(host));
    let mut groups: BTreeMap<GroupId, Vec<Voter>> = BTreeMap::new();
    for (one, ids) in found {
        let voters: Vec<Voter> = known
            .values()
            .filter(|voter| of(&voter.host).contains(one))
            .cloned()
            .collect();
        for group in ids {
            groups
                .entry(*group)
                .or_default()
                .extend(voters.iter().cloned());
        }
    }
    for voters in groups.values_mut() {
        voters.sort_by(|one, other| one.host.cmp(&other.host));
        voters.dedup_by(|one, other| one.host == other.host);
    }
    groups
}

/// An alert about a server, for routes to look at.
fn about(host: &str) -> Alert {
    Alert {
        source: "samples".to_owned(),
        fingerprint: "vote".to_owned(),
        state: State::Open,
        severity: None,
        name: "vote".to_owned(),
        application: None,
        host: Some(host.to_owned()),
        labels: BTreeMap::new(),
        value: None,
        at: Timestamp::from_unix_ms(0),
        dated: alert::Dated::No,
    }
}

const fn word(said: Said) -> u8 {
    match said {
        Said::More => 0,
        Said::Stay => 1,
        Said::Fewer => 2,
        Said::Nothing => 3,
    }
}

/// Since when the servers of a group say the same: part of the event's id, so that what they say anew is a new event.
async fn since(
    context: &Context,
    input: &Loaded,
    (group, said, rule): (GroupId, Said, &Rule),
    notes: &[Note],
    now: Timestamp,
) -> Result<u64, Failure> {
    let place = format!("said {group}");
    let before = notes.iter().find(|note| note.place == place);
    let before = before.and_then(|note| serde_json::from_str::<Row>(&note.body).ok());
    if let Some(row) = before.filter(|row| row.s == word(said)) {
        return Ok(row.t);
    }
    let row = Row {
        v: 0,
        s: word(said),
        t: now.unix_ms(),
    };
    let note = note(place, now, &row);
    let kept = context
        .stores
        .inputs
        .note(input.id, Part::Voter, &note, rule.missing_after * 4)
        .await;
    kept?;
    Ok(row.t)
}

/// The event that tells a group what its servers say. It is repeated while samples come, so that silence is noticed.
fn told(
    context: &Context,
    input: &Loaded,
    (group, said, since): (GroupId, Said, u64),
    rule: &Rule,
    origin: &Origin,
) -> Option<Event> {
    let standing = match said {
        Said::More => Standing::Open,
        Said::Stay => Standing::Steady,
        Said::Fewer if rule.below.is_some() => Standing::Spare,
        Said::Fewer => Standing::Closed,
        Said::Nothing => Standing::Unknown,
    };
    let signal = Signal {
        alert: key(input, "samples", "vote"),
        name: short(&input.kept.spec.name),
        standing,
        severity: Severity::Critical,
        action: input.parsed.action(alert::Severity::Critical),
        missing: input.parsed.missing,
        hearing: Some(rule.missing_after),
        at: None,
    };
    let half = (rule.missing_after.as_secs() * 500).max(1);
    let hash = digest(&[
        b"vote",
        &input.id.as_u128().to_be_bytes(),
        &group.as_u128().to_be_bytes(),
        &[word(said)],
        &since.to_be_bytes(),
        &(context.wall().unix_ms() / half).to_be_bytes(),
    ]);
    event(context, (signal, hash), actor(input, origin))
}
