//! The API's answers as tables for people.
mod hook;

use comfy_table::{Table, presets};
use serde::Serialize;
use wire::v2::{
    circle::{Circling, KnownAlert},
    colo::ColoView,
    event::DryRun,
    group::Group,
    history::{Found, Record},
    input::Input,
    ledger::Slot,
    policy::{Policy, Schedule, Scheduled, Webhook},
    revocation::Revocation,
    switch::{Switch, Throw},
    verdict::{Asked, Force, GateWord, Verdict, Word},
};

pub(crate) use hook::{deliveries, hook_made, hooks};

/// The columns of a table, then its rows.
fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(head);
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// The word of an enum on the wire.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

/// A tenant's groups.
pub(crate) fn groups(groups: &[Group]) -> String {
    let head = [
        "id", "name", "status", "min", "max", "desired", "active", "pending",
    ];
    let row = |g: &Group| {
        let counts = [g.min, g.max, g.desired, g.active, g.pending].map(|n| n.to_string());
        let [min, max, desired, active, pending] = counts;
        let (id, name, status) = (g.id.clone(), g.name.clone(), word(&g.status));
        [id, name, status, min, max, desired, active, pending]
    };
    table(head, groups.iter().map(row))
}

/// Inputs; URL and secret where they are shown.
pub(crate) fn inputs(inputs: &[Input]) -> String {
    let head = ["id", "name", "format", "routes", "url", "secret"];
    let row = |i: &Input| {
        let to = i.spec.routes.iter().flat_map(|route| route.to.iter());
        let to = to.cloned().collect::<Vec<_>>().join(", ");
        let (url, secret) = (i.url.clone(), i.secret.clone());
        let (id, name, format) = (i.id.clone(), i.spec.name.clone(), i.spec.format.clone());
        [
            id,
            name,
            format,
            to,
            url.unwrap_or_default(),
            secret.unwrap_or_default(),
        ]
    };
    table(head, inputs.iter().map(row))
}

/// Kill switches.
pub(crate) fn switches(switches: &[Switch]) -> String {
    let head = ["scope", "mode", "who", "at", "until", "why"];
    let row = |s: &Switch| {
        let until = s.until.map(|until| until.to_string()).unwrap_or_default();
        let (scope, mode, who) = (s.scope.clone(), word(&s.mode), s.who.clone());
        [scope, mode, who, s.at.to_string(), until, s.why.clone()]
    };
    table(head, switches.iter().map(row))
}

/// What was done to kill switches.
pub(crate) fn throws(throws: &[Throw]) -> String {
    let head = ["at", "scope", "mode", "who", "until", "why"];
    let row = |t: &Throw| {
        let until = t.until.map(|until| until.to_string()).unwrap_or_default();
        let mode = t.mode.map_or_else(|| "taken back".to_owned(), |m| word(&m));
        let (scope, who) = (t.scope.clone(), t.who.clone());
        [t.at.to_string(), scope, mode, who, until, t.why.clone()]
    };
    table(head, throws.iter().map(row))
}

/// Who serves a colo.
pub(crate) fn colo(view: &ColoView) -> String {
    let mut rows = vec![
        ("colo", view.colo.to_string()),
        ("asked", view.plane.clone()),
        ("which", word(&view.doing)),
        ("epoch", view.epoch.to_string()),
        ("held by", view.holder.clone().unwrap_or_default()),
        ("silent", format!("{} s", view.silent_seconds)),
    ];
    let read = view.read_seconds_ago;
    let read = read.map_or_else(|| "not lately".to_owned(), |ago| format!("{ago} s ago"));
    rows.push(("key pairs read", read));
    rows.extend(view.why.clone().map(|why| ("because", why)));
    if let Some(since) = &view.since {
        rows.push(("since", since.at.to_string()));
        rows.push(("wanted by", since.who.clone()));
        rows.push(("why", since.why.clone()));
    }
    listed(rows)
}

/// Tokens that were ended.
pub(crate) fn revocations(all: &[Revocation]) -> String {
    let head = ["at", "subject", "tenant", "issued before", "who", "why"];
    let row = |one: &Revocation| {
        let or_any = |name: Option<&str>| name.unwrap_or("any").to_owned();
        let subject = or_any(one.subject.as_deref());
        let tenant = or_any(one.tenant.as_deref());
        let (before, who) = (one.before.to_string(), one.who.clone());
        [
            one.at.to_string(),
            subject,
            tenant,
            before,
            who,
            one.why.clone(),
        ]
    };
    table(head, all.iter().map(row))
}

/// One group.
pub(crate) fn group(group: &Group) -> String {
    let mut rows = vec![
        ("id", group.id.clone()),
        ("name", group.name.clone()),
        ("status", word(&group.status)),
        ("servers", servers(group)),
        ("bounds", format!("{} to {}", group.min, group.max)),
        ("cooldown", format!("{} s", group.cooldown_seconds)),
    ];
    if let Some(hold) = &group.hold {
        let until = hold.until.map_or_else(
            || "until the configuration changes or the event converge".to_owned(),
            |until| format!("until {until}"),
        );
        let why = format!(
            "{}: {} (since {}, {until})",
            word(&hold.why),
            hold.detail,
            hold.since
        );
        rows.push(("held", why));
    }
    if let Some(grant) = &group.grant {
        rows.push(("override", format!("{} until {}", grant.size, grant.until)));
    }
    if let Some(circling) = &group.circling {
        rows.extend(circling_rows(circling));
    }
    if group.waiting > 0 {
        rows.push(("waiting events", group.waiting.to_string()));
    }
    for policy in &group.policies {
        let [id, asks, times, schedule] = policy_row(policy);
        let schedule = if schedule == "-" {
            String::new()
        } else {
            format!(", {schedule}")
        };
        rows.push(("policy", format!("{id}: {asks}, {times}{schedule}")));
    }
    rows.extend(
        group
            .metadata
            .iter()
            .map(|(key, value)| ("metadata", format!("{key}={value}"))),
    );
    rows.push(("revision", group.rev.to_string()));
    listed(rows)
}

/// Names and values, one a line.
fn listed(rows: Vec<(&str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in rows {
        table.add_row([name.to_owned(), value]);
    }
    table.trim_fmt()
}

/// The alerts that a group knows, and when it looks again because of them.
fn circling_rows(circling: &Circling) -> Vec<(&'static str, String)> {
    let alert = |known: &KnownAlert| {
        let (standing, severity) = (word(&known.standing), word(&known.severity));
        let since = &known.since;
        let text = format!(
            "{} {}: {standing}, {severity}, since {since}",
            known.key, known.name
        );
        ("alert", text)
    };
    let mut rows: Vec<_> = circling.known.iter().map(alert).collect();
    if let Some(since) = &circling.over_since {
        rows.push(("alerts over", format!("since {since}")));
    }
    let next = circling.next_look.as_ref().map_or_else(
        || {
            "when something happens: it is at max, at min, paused, or waits for an answer"
                .to_owned()
        },
        ToString::to_string,
    );
    rows.push(("looks again", next));
    rows
}

/// Policies.
pub(crate) fn policies(policies: &[Policy]) -> String {
    let head = ["id", "asks", "rests", "schedule (UTC)"];
    table(head, policies.iter().map(policy_row))
}

fn policy_row(policy: &Policy) -> [String; 4] {
    let asks = match (policy.change, policy.change_percent, policy.desired) {
        (Some(by), _, _) => signed(by),
        (None, Some(percent), _) => format!("{} %", word(&percent)),
        (None, None, desired) => format!("= {}", desired.unwrap_or_default()),
    };
    let times = format!(
        "cooldown {} s, debounce {} s",
        policy.cooldown_seconds, policy.debounce_seconds
    );
    let schedule = policy
        .schedule
        .as_ref()
        .map_or_else(|| "-".to_owned(), schedule);
    [policy.id.clone(), asks, times, schedule]
}

fn schedule(schedule: &Schedule) -> String {
    match (&schedule.at, &schedule.cron) {
        (Some(at), _) => format!("at {at}"),
        (None, Some(cron)) => format!("cron {cron}"),
        (None, None) => "-".to_owned(),
    }
}

/// When scheduled policies run.
pub(crate) fn schedules(scheduled: &[Scheduled]) -> String {
    let row = |one: &Scheduled| {
        let next = one
            .next
            .map_or_else(|| "never again".to_owned(), |next| next.to_string());
        [one.policy.clone(), schedule(&one.schedule), next]
    };
    table(
        ["policy", "schedule (UTC)", "next"],
        scheduled.iter().map(row),
    )
}

/// Webhooks, with the URLs that were told.
pub(crate) fn webhooks(webhooks: &[Webhook]) -> String {
    let row = |hook: &Webhook| {
        let url = hook
            .url
            .clone()
            .unwrap_or_else(|| "(told when it was made)".to_owned());
        [hook.id.clone(), hook.name.clone(), url]
    };
    table(["id", "name", "url"], webhooks.iter().map(row))
}

/// What an event would do.
pub(crate) fn dry_run(dry: &DryRun) -> String {
    let mut lines = vec![verdicts(std::slice::from_ref(&dry.verdict))];
    lines.push(format!(
        "nothing was done; {} to launch, {} to remove",
        dry.launches, dry.removals
    ));
    for switch in &dry.switches {
        let (mode, scope, why) = (word(&switch.mode), &switch.scope, &switch.why);
        lines.push(format!("a kill switch stands: {mode} at {scope}: {why}"));
    }
    lines.join("\n")
}

/// "5 active, 2 pending, 7 desired", and what takes room without being a server, where there is some.
pub(crate) fn servers(group: &Group) -> String {
    let mut words = format!(
        "{} active, {} pending, {} desired",
        group.active, group.pending, group.desired
    );
    if group.lapsed > 0 {
        words += &format!(
            "; creates without an answer that count against max until their tokens are dead: {}",
            group.lapsed
        );
    }
    words
}

/// Why a group scaled, or did not.
pub(crate) fn verdicts(verdicts: &[Verdict]) -> String {
    let head = ["at", "event", "asked", "outcome", "desired", "why", "by"];
    let row = |v: &Verdict| {
        [
            v.at.to_string(),
            v.event.clone(),
            asked(&v.asked, v.force),
            word(&v.outcome),
            if v.before == v.after {
                v.after.to_string()
            } else {
                format!("{} to {}", v.before, v.after)
            },
            why(v),
            v.actor.name.clone(),
        ]
    };
    table(head, verdicts.iter().map(row))
}

/// What was asked, in a few words.
pub(crate) fn asked(asked: &Asked, force: Force) -> String {
    let what = if let Some(policy) = &asked.policy {
        format!("policy {policy}")
    } else if let Some(by) = asked.change {
        signed(by)
    } else if let Some(percent) = &asked.change_percent {
        format!("{} %", word(percent))
    } else if let Some(size) = asked.desired {
        format!("= {size}")
    } else if let Some(alert) = &asked.alert {
        format!("alert {:?} {}", alert.name, word(&alert.standing))
    } else if let Some(turn) = &asked.turn {
        format!("circle back: {}", word(turn))
    } else {
        "converge".to_owned()
    };
    match force {
        Force::No => what,
        Force::Gates => format!("{what} (forced)"),
        Force::Override => format!("{what} (forced, override)"),
    }
}

fn signed(by: i64) -> String {
    if by > 0 {
        format!("+{by}")
    } else {
        by.to_string()
    }
}

/// The gates that did not simply let it through; "all gates passed" if there is none.
pub(crate) fn why(verdict: &Verdict) -> String {
    let said: Vec<String> = verdict.gates.iter().filter_map(gate).collect();
    if said.is_empty() {
        "all gates passed".to_owned()
    } else {
        said.join("; ")
    }
}

fn gate(said: &GateWord) -> Option<String> {
    let gate = word(&said.gate).replace('-', " ");
    match said.word {
        Word::Pass => None,
        Word::Skipped => Some(format!("{gate} skipped")),
        Word::Stop => Some(format!("{gate}: no")),
        Word::Wait => {
            let ms = said.wait_ms.unwrap_or_default();
            Some(format!(
                "{gate}: {}.{} s left",
                ms / 1_000,
                ms % 1_000 / 100
            ))
        }
        Word::Capped => {
            let (asked, to) = (said.asked.unwrap_or_default(), said.to.unwrap_or_default());
            Some(format!("{gate}: {asked} asked, {to} let through"))
        }
    }
}

/// Who changed a group, and what.
pub(crate) fn history(records: &[Record]) -> String {
    let head = ["rev", "at", "cause", "by", "request", "change"];
    table(head, records.iter().map(cells))
}

/// Changes of many groups.
pub(crate) fn found(found: &[Found]) -> String {
    let head = ["group", "rev", "at", "cause", "by", "request", "change"];
    let row = |found: &Found| {
        let [rev, at, cause, by, request, change] = cells(&found.record);
        [found.group.clone(), rev, at, cause, by, request, change]
    };
    table(head, found.iter().map(row))
}

fn cells(record: &Record) -> [String; 6] {
    [
        record.rev.to_string(),
        record.at.to_string(),
        word(&record.cause),
        record.actor.name.clone(),
        record.actor.request_id.clone(),
        record.change.to_string(),
    ]
}

/// Every slot, as the ledger has it.
pub(crate) fn ledger(slots: &[Slot]) -> String {
    let head = ["slot", "state", "server", "why", "since"];
    let row = |slot: &Slot| {
        [
            slot.slot.clone(),
            state(slot),
            slot.server.clone().unwrap_or_else(|| "-".to_owned()),
            story(slot),
            slot.since.to_string(),
        ]
    };
    table(head, slots.iter().map(row))
}

fn state(slot: &Slot) -> String {
    let flags = slot.flags.iter().map(|flag| format!(", {}", word(flag)));
    flags.fold(word(&slot.state), |text, flag| text + &flag)
}

fn story(slot: &Slot) -> String {
    match (&slot.why, &slot.detail) {
        (Some(why), Some(detail)) => format!("{}: {detail}", word(why)),
        (Some(why), None) => word(why),
        (None, _) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests;
