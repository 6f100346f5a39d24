//! Groups as a file says: `holt diff` shows what differs, `holt apply` makes it so.
//!
//! A file says what a group is configured to be. How large it is right now is not in it: desired is what events, schedules and people made of it, and an
//! apply leaves it alone (but for new bounds, into which it is moved at once). Groups that are not in the file are left alone too.
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use serde::Deserialize;
use serde_json::Value;
use wire::v2::group::{Group, GroupSpec};

use crate::{args, edits, out, session::Session};

/// What a file may hold.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum File {
    Many(Many),
    One(Box<GroupSpec>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    groups: Vec<GroupSpec>,
}

/// A group of the file, beside the one that is there.
#[derive(Debug)]
struct Pair {
    wanted: GroupSpec,
    /// Its id, its configuration, and the tag of what was seen.
    there: Option<(String, GroupSpec, String)>,
}

impl Pair {
    /// What an apply would change, line by line; nothing if it would not.
    fn differences(&self) -> Vec<String> {
        match &self.there {
            None => vec![format!("+ group {}", self.wanted.name)],
            Some((_, there, _)) => {
                // A launch configuration that the file leaves out stays.
                let mut wanted = self.wanted.clone();
                wanted.launch = wanted.launch.or_else(|| there.launch.clone());
                let json = |spec: &GroupSpec| serde_json::to_value(spec).unwrap_or_default();
                let mut lines = Vec::new();
                compare(
                    "",
                    &by_id(json(there)),
                    &by_id(json(&named(wanted))),
                    &mut lines,
                );
                lines
            }
        }
    }
}

/// As the API shows a policy: its name is its id where none is given.
fn named(mut spec: GroupSpec) -> GroupSpec {
    for policy in &mut spec.policies {
        policy.name.get_or_insert_with(|| policy.id.clone());
    }
    spec
}

/// Policies under their ids, so that their order says nothing.
fn by_id(mut spec: Value) -> Value {
    if let Some(Value::Array(policies)) = spec.get_mut("policies").map(Value::take) {
        let id = |policy: &Value| policy["id"].as_str().unwrap_or_default().to_owned();
        let named = policies.into_iter().map(|policy| (id(&policy), policy));
        spec["policies"] = Value::Object(named.collect());
    }
    spec
}

/// One line for each member that differs.
fn compare(place: &str, there: &Value, wanted: &Value, lines: &mut Vec<String>) {
    if there == wanted {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (there, wanted) else {
        match (there.is_null(), wanted.is_null()) {
            (true, _) => lines.push(format!("+ {place}: {wanted}")),
            (_, true) => lines.push(format!("- {place}: {there}")),
            (false, false) => lines.push(format!("~ {place}: {there} -> {wanted}")),
        }
        return;
    };
    let names: BTreeMap<&String, ()> = old.keys().chain(new.keys()).map(|k| (k, ())).collect();
    for name in names.into_keys() {
        let dot = if place.is_empty() { "" } else { "." };
        let (old, new) = (old.get(name), new.get(name));
        let place = format!("{place}{dot}{name}");
        compare(
            &place,
            old.unwrap_or(&Value::Null),
            new.unwrap_or(&Value::Null),
            lines,
        );
    }
}

async fn pairs(session: &Session, file: &Path) -> anyhow::Result<Vec<Pair>> {
    let wanted = match edits::read::<File>(
        file,
        "a group, or {\"groups\": [..]} (desired is no part of it)",
    )? {
        File::Many(many) => many.groups,
        File::One(one) => vec![*one],
    };
    let groups = session.groups().await?;
    let mut pairs: Vec<Pair> = Vec::new();
    for wanted in wanted {
        if pairs.iter().any(|pair| pair.wanted.name == wanted.name) {
            bail!("the file has two groups named {}", wanted.name);
        }
        let mut there = groups
            .iter()
            .filter(|group| of_that_name(group, &wanted.name));
        let there = match (there.next(), there.next()) {
            (None, _) => None,
            (Some(_), Some(_)) => bail!("there are two groups named {}", wanted.name),
            (Some(group), None) => {
                let (config, tag) = session.client.config(&session.tenant, &group.id).await?;
                Some((group.id.clone(), config, tag))
            }
        };
        pairs.push(Pair { wanted, there });
    }
    Ok(pairs)
}

fn of_that_name(group: &Group, name: &str) -> bool {
    group.name == name && group.status != wire::v2::group::Status::Deleting
}

fn say(pair: &Pair, lines: &[String]) -> anyhow::Result<()> {
    let name = &pair.wanted.name;
    match &pair.there {
        None => out::say(&format!("{name}: to be made"))?,
        Some((id, _, _)) => out::say(&format!("{name} ({id}):"))?,
    }
    lines
        .iter()
        .try_for_each(|line| out::say(&format!("  {line}")))
}

/// `holt diff`: ends with 1 if an apply would change something.
///
/// # Errors
/// The API's, or the file cannot be used.
pub(crate) async fn diff(file: args::Apply) -> anyhow::Result<ExitCode> {
    let (path, session) = (file.file, Session::new(file.server)?);
    let mut differs = false;
    for pair in pairs(&session, &path).await? {
        let lines = pair.differences();
        if !lines.is_empty() {
            differs = true;
            say(&pair, &lines)?;
        }
    }
    Ok(if differs {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// `holt apply`.
///
/// # Errors
/// The API's, or the file cannot be used. What came before in the file is applied then.
pub(crate) async fn apply(file: args::Apply) -> anyhow::Result<()> {
    let (path, session) = (file.file, Session::new(file.server)?);
    let (client, tenant) = (&session.client, &session.tenant);
    for pair in pairs(&session, &path).await? {
        let lines = pair.differences();
        if lines.is_empty() {
            out::say(&format!("{}: as the file says", pair.wanted.name))?;
            continue;
        }
        say(&pair, &lines)?;
        let group = match &pair.there {
            None => client.create_group(tenant, &pair.wanted).await?,
            // Only what was shown is changed: not what somebody else wrote meanwhile.
            Some((id, _, tag)) => client.configure_if(tenant, id, (&pair.wanted, tag)).await?,
        };
        let (name, id, desired) = (&group.name, &group.id, group.desired);
        out::say(&format!("{name}: applied ({id}, {desired} desired)"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
