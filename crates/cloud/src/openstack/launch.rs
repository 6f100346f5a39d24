//! The body of a create: the customer's launch configuration as it is stored, with our name, metadata and tag put in (contract 4.8,
//! safety 3.7). What the customer wrote and we do not know passes through byte for byte.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};

use super::microversion::Microversion;
use crate::port::Create;
use crate::proof::METADATA_NAMES;

/// Why a launch configuration cannot be sent. No call was made; only another configuration helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub(super) struct LaunchError {
    /// The member that breaks the rule.
    pub(super) field: &'static str,
    /// The rule.
    pub(super) rule: &'static str,
}

/// A create that is ready to be sent.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) body: Bytes,
    pub(super) microversion: Microversion,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// These make several servers by one call, or answer without an id (design 11).
const REFUSED: [&str; 3] = ["min_count", "max_count", "return_reservation_id"];
/// Nova reads them beside `server`.
const BESIDE: [&str; 2] = ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"];
/// Longest name that Nova takes.
const NAME_CHARS_MAX: usize = 255;

/// Makes the body and chooses the microversion for a server that goes up to `highest`.
pub(super) fn ready(
    create: &Create,
    stamp: &[(&'static str, String)],
    highest: Microversion,
) -> Result<Ready, LaunchError> {
    let (mut server, mut body) = members(&create.launch)?;
    for field in REFUSED {
        if server.contains_key(field) || body.contains_key(field) {
            let rule = "is refused: one slot is one server, made by one call";
            return Err(LaunchError { field, rule });
        }
    }
    // From 2.57 on even an empty list is refused.
    server.retain(|name, value| name != "personality" || !matches!(value.get(), "null" | "[]"));
    let microversion = highest
        .for_create(server.contains_key("personality"))
        .ok_or(LaunchError {
            field: "server",
            rule: "cannot be launched: this cloud's compute API is older than 2.52 and takes no tags",
        })?;
    let name = raw(&name(create, server.get("name").copied()))?;
    let metadata = metadata(create, stamp, server.get("metadata").copied())?;
    let tags = tags(create, server.get("tags").copied())?;
    let auto = raw("auto")?;
    server.insert("name".to_owned(), &name);
    server.insert("metadata".to_owned(), &metadata);
    server.insert("tags".to_owned(), &tags);
    if server
        .get("networks")
        .is_none_or(|networks| networks.get() == "null")
    {
        server.insert("networks".to_owned(), &auto);
    }
    body.retain(|name, _| BESIDE.contains(&name.as_str()));
    let server = raw(&server)?;
    body.insert("server".to_owned(), &server);
    Ok(Ready {
        body: serde_json::to_vec(&body).map_err(unwritable)?.into(),
        microversion,
    })
}

/// The members of `server` and those beside it. A v1.0 configuration is accepted whole, with `server` inside `args`.
fn members(launch: &[u8]) -> Result<(Members<'_>, Members<'_>), LaunchError> {
    let mut outer: Members<'_> = serde_json::from_slice(launch).map_err(|_syntax| LaunchError {
        field: "launch configuration",
        rule: "must be a JSON object",
    })?;
    if let Some(args) = outer.get("args") {
        outer = parse("args", args)?;
    }
    let server = outer.remove("server").ok_or(LaunchError {
        field: "server",
        rule: "is missing in the launch configuration",
    })?;
    Ok((parse("server", server)?, outer))
}

fn parse<'a>(field: &'static str, raw: &'a RawValue) -> Result<Members<'a>, LaunchError> {
    serde_json::from_str(raw.get()).map_err(|_syntax| LaunchError {
        field,
        rule: "must be an object",
    })
}

fn raw<T: serde::Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, LaunchError> {
    to_raw_value(value).map_err(unwritable)
}

fn unwritable(_error: serde_json::Error) -> LaunchError {
    LaunchError {
        field: "server",
        rule: "cannot be written as JSON",
    }
}

/// v1.0's `{name}-as{8 hex}` where the customer named the server, else `as-<8 hex of the group>-<slot>`. For people only.
fn name(create: &Create, given: Option<&RawValue>) -> String {
    let given = given.and_then(|raw| serde_json::from_str::<Cow<'_, str>>(raw.get()).ok());
    match given.filter(|name| !name.trim().is_empty()) {
        Some(name) => {
            let end = format!("-as{:08x}", create.slot.as_u128() & 0xffff_ffff);
            let kept = name.trim().chars().take(NAME_CHARS_MAX - end.len());
            kept.chain(end.chars()).collect()
        }
        None => {
            let group = create.group.to_string();
            format!("as-{}-{}", group.get(..8).unwrap_or(&group), create.slot)
        }
    }
}

/// The customer's metadata first, then v1.0's labels, then the proof, which wins.
fn metadata(
    create: &Create,
    stamp: &[(&'static str, String)],
    given: Option<&RawValue>,
) -> Result<Box<RawValue>, LaunchError> {
    let labels: BTreeMap<&str, Box<RawValue>> = create
        .labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain(stamp.iter().map(|(name, value)| (*name, value.as_str())))
        .map(|(name, value)| Ok((name, raw(value)?)))
        .collect::<Result<_, LaunchError>>()?;
    let mut all: Members<'_> = match given {
        Some(given) if given.get() != "null" => parse("server.metadata", given)?,
        Some(_) | None => BTreeMap::new(),
    };
    all.retain(|name, _| !METADATA_NAMES.contains(&name.as_str()));
    for (name, value) in &labels {
        all.insert((*name).to_owned(), value);
    }
    raw(&all)
}

/// Our tag first, then the customer's. A tag of our form that is not this slot's is left out.
fn tags(create: &Create, given: Option<&RawValue>) -> Result<Box<RawValue>, LaunchError> {
    let mut tags = vec![tag(create.slot)];
    if let Some(given) = given.filter(|given| given.get() != "null") {
        let given: Vec<String> =
            serde_json::from_str(given.get()).map_err(|_other| LaunchError {
                field: "server.tags",
                rule: "must be a list of strings",
            })?;
        tags.extend(given.into_iter().filter(|tag| !tag.starts_with("as:")));
    }
    raw(&tags)
}

/// The tag of a slot.
pub(super) fn tag(slot: domain::ids::SlotId) -> String {
    format!("as:{slot}")
}

#[cfg(test)]
mod tests;
