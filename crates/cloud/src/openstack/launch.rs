//! The body of a create: the customer's launch configuration as it is stored, with our name, metadata and tag put in (contract 4.8,
//! safety 3.7). What the customer wrote and we do not know passes through byte for byte.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::microversion::Microversion;
use super::tag;
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

/// The members of an object, in order of their names, as they stand.
type Members<'a> = BTreeMap<Key<'a>, &'a RawValue>;

/// The name of a member. It is only copied where it was written with escapes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Borrow<str> for Key<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(name: &'a str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

/// What stands behind a name in the body: the customer's, or ours. Written once, at its place.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Given(&'a RawValue),
    Text(Cow<'a, str>),
    Tags(Vec<String>),
    Object(BTreeMap<Key<'a>, Value<'a>>),
}

/// These make several servers by one call, or answer without an id (design 11).
const REFUSED: [&str; 3] = ["min_count", "max_count", "return_reservation_id"];
/// Nova reads them beside `server`.
const BESIDE: [&str; 2] = ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"];
/// What is put in is about as long: name, tag, labels, proof.
const ADDED_BYTES: usize = 1024;
/// Longest name that Nova takes.
const NAME_CHARS_MAX: usize = 255;

/// Makes the body and chooses the microversion for a server that goes up to `highest`.
pub(super) fn ready(
    create: &Create,
    stamp: &[(&'static str, String)],
    highest: Microversion,
) -> Result<Ready, LaunchError> {
    let (mut server, mut beside) = members(&create.launch)?;
    for field in REFUSED {
        if server.contains_key(field) || beside.contains_key(field) {
            let rule = "is refused: one slot is one server, made by one call";
            return Err(LaunchError { field, rule });
        }
    }
    // From 2.57 on even an empty list is refused.
    server.retain(|name, value| name.0 != "personality" || !matches!(value.get(), "null" | "[]"));
    let microversion = highest
        .for_create(server.contains_key("personality"))
        .ok_or(LaunchError {
            field: "server",
            rule: "cannot be launched: this cloud's compute API is older than 2.52 and takes no tags",
        })?;
    let ours = [
        (
            "name",
            Value::Text(name(create, server.get("name").copied()).into()),
        ),
        (
            "metadata",
            metadata(create, stamp, server.get("metadata").copied())?,
        ),
        ("tags", tags(create, server.get("tags").copied())?),
    ];
    let chosen = |networks: &&RawValue| networks.get() != "null";
    let auto = match server.get("networks").filter(|n| chosen(n)) {
        Some(_) => None,
        None => Some(("networks", Value::Text("auto".into()))),
    };
    let mut server = given(server);
    server.extend(
        ours.into_iter()
            .chain(auto)
            .map(|(name, value)| (name.into(), value)),
    );
    beside.retain(|name, _| BESIDE.contains(&&*name.0));
    let mut body = given(beside);
    body.insert("server".into(), Value::Object(server));
    let mut bytes = Vec::with_capacity(create.launch.len() + ADDED_BYTES);
    serde_json::to_writer(&mut bytes, &body).map_err(unwritable)?;
    Ok(Ready {
        body: bytes.into(),
        microversion,
    })
}

fn given(members: Members<'_>) -> BTreeMap<Key<'_>, Value<'_>> {
    let given = members.into_iter();
    given.map(|(name, raw)| (name, Value::Given(raw))).collect()
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
fn metadata<'a>(
    create: &'a Create,
    stamp: &'a [(&'static str, String)],
    theirs: Option<&'a RawValue>,
) -> Result<Value<'a>, LaunchError> {
    let mut all = match theirs {
        Some(theirs) if theirs.get() != "null" => parse("server.metadata", theirs)?,
        Some(_) | None => BTreeMap::new(),
    };
    all.retain(|name, _| !METADATA_NAMES.contains(&&*name.0));
    let mut all = given(all);
    let labels = create.labels.iter();
    let labels = labels.map(|(name, value)| (name.as_str(), value.as_str()));
    let proof = stamp.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in labels.chain(proof) {
        all.insert(name.into(), Value::Text(value.into()));
    }
    Ok(Value::Object(all))
}

/// Our tag first, then the customer's. A tag of our form that is not this slot's is left out.
fn tags(create: &Create, theirs: Option<&RawValue>) -> Result<Value<'static>, LaunchError> {
    let mut tags = vec![tag::of(create.slot)];
    if let Some(theirs) = theirs.filter(|theirs| theirs.get() != "null") {
        let theirs: Vec<String> =
            serde_json::from_str(theirs.get()).map_err(|_other| LaunchError {
                field: "server.tags",
                rule: "must be a list of strings",
            })?;
        tags.extend(
            theirs
                .into_iter()
                .filter(|text| !text.starts_with(tag::PREFIX)),
        );
    }
    Ok(Value::Tags(tags))
}

#[cfg(test)]
mod tests;
