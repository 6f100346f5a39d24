//! Launch configurations at the edge: what is refused before a cloud is asked, and what readers without the right to change do not see.
//!
//! What is not named here passes through to Nova as the customer wrote it (contract 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use wire::v1::launch::UNVALIDATED;
use wire::v2::Invalid;
use wire::v2::group::Launch;

/// These make several servers by one call, or answer without an id (design 11).
const REFUSED: [&str; 3] = ["min_count", "max_count", "return_reservation_id"];
/// Metadata of ours begins so (safety 3.7).
const OURS: &str = "as.";
/// Tags of ours begin so.
const OUR_TAG: &str = "as:";
/// Nova's bounds.
const TEXT_MAX: usize = 255;
const TAG_MAX: usize = 60;
const USER_DATA_MAX: usize = 65_535;
const FILES_MAX: usize = 100;
/// Members that may hold passwords and keys (safety S23).
const SECRETS: [&str; 3] = ["user_data", "personality", "adminPass"];
/// What is shown in place of a secret.
const MASK: &str = "***";

/// Checks a launch configuration and gives the bytes to store.
///
/// # Errors
/// [`Invalid`] names the member below `launch` and the rule that it breaks.
pub fn check(launch: &Launch) -> Result<Vec<u8>, Invalid> {
    check_server(&launch.server).map_err(|invalid| invalid.within("launch.server"))?;
    // A map of JSON values always has a JSON form.
    Ok(serde_json::to_vec(launch).unwrap_or_default())
}

fn check_server(server: &Map<String, Value>) -> Result<(), Invalid> {
    if let Some(field) = REFUSED.iter().find(|field| server.contains_key(**field)) {
        return Err(Invalid::new(
            *field,
            "is refused: one slot is one server, made by one call",
        ));
    }
    check_reference(server, "flavorRef", false)?;
    check_reference(server, "imageRef", boots_from_volume(server))?;
    match server.get("name") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name.chars().count() <= TEXT_MAX => {}
        Some(_) => {
            return Err(Invalid::new(
                "name",
                "must be a text of at most 255 characters",
            ));
        }
    }
    check_metadata(server.get("metadata"))?;
    check_tags(server.get("tags"))?;
    match server.get("user_data") {
        None | Some(Value::Null) => {}
        Some(Value::String(data)) if data.len() <= USER_DATA_MAX && is_base64(data) => {}
        Some(_) => {
            return Err(Invalid::new(
                "user_data",
                "must be base64 of at most 65535 characters",
            ));
        }
    }
    check_files(server.get("personality"))
}

fn boots_from_volume(server: &Map<String, Value>) -> bool {
    let lists = ["block_device_mapping", "block_device_mapping_v2"];
    let is_list = |value: &Value| {
        value
            .as_array()
            .is_some_and(|all| all.iter().all(Value::is_object))
    };
    lists
        .iter()
        .any(|name| server.get(*name).is_some_and(is_list))
}

fn check_reference(
    server: &Map<String, Value>,
    field: &str,
    optional: bool,
) -> Result<(), Invalid> {
    let text = match server.get(field) {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err(Invalid::new(field, "must be a text")),
    };
    if text.len() > TEXT_MAX || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Invalid::new(
            field,
            "must be at most 255 characters without white space",
        ));
    }
    if text.is_empty() && !optional {
        return Err(Invalid::new(
            field,
            "must be given (an image may be left out only beside a block device mapping)",
        ));
    }
    Ok(())
}

fn check_metadata(metadata: Option<&Value>) -> Result<(), Invalid> {
    let pairs = match metadata {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(pairs)) => pairs,
        Some(_) => return Err(Invalid::new("metadata", "must be an object")),
    };
    for (key, value) in pairs {
        let here = || format!("metadata.{}", key.chars().take(64).collect::<String>());
        let of_form = |c: char| c.is_ascii_alphanumeric() || "-_:. ".contains(c);
        if key.is_empty() || key.len() > TEXT_MAX || !key.chars().all(of_form) {
            return Err(Invalid::new(
                here(),
                "must have a key of 1 to 255 letters, digits, '-', '_', ':', '.', ' '",
            ));
        }
        if key.starts_with(OURS) {
            return Err(Invalid::new(
                here(),
                "is refused: names beginning with `as.` are Holt's own",
            ));
        }
        if value.as_str().is_none_or(|text| text.len() > TEXT_MAX) {
            return Err(Invalid::new(here(), "must be a text of at most 255 bytes"));
        }
    }
    Ok(())
}

fn check_tags(tags: Option<&Value>) -> Result<(), Invalid> {
    let rule = "must be a list of at most 49 texts of 1 to 60 characters without ',' and '/', none beginning with `as:`";
    let tags = match tags {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(tags)) if tags.len() < 50 => tags,
        Some(_) => return Err(Invalid::new("tags", rule)),
    };
    let good = |tag: &Value| {
        tag.as_str().is_some_and(|tag| {
            !tag.is_empty()
                && tag.chars().count() <= TAG_MAX
                && !tag.contains([',', '/'])
                && !tag.starts_with(OUR_TAG)
        })
    };
    match tags.iter().position(|tag| !good(tag)) {
        Some(at) => Err(Invalid::new(format!("tags[{at}]"), rule)),
        None => Ok(()),
    }
}

fn check_files(files: Option<&Value>) -> Result<(), Invalid> {
    let files = match files {
        None => return Ok(()),
        Some(Value::Array(files)) if files.len() <= FILES_MAX => files,
        Some(_) => {
            return Err(Invalid::new(
                "personality",
                "must be a list of at most 100 files",
            ));
        }
    };
    for (at, file) in files.iter().enumerate() {
        let text = |name: &str| file.get(name).and_then(Value::as_str);
        if !text("path").is_some_and(|path| !path.is_empty() && path.len() <= TEXT_MAX) {
            return Err(Invalid::new(
                format!("personality[{at}].path"),
                "must be a text of 1 to 255 bytes",
            ));
        }
        if !text("contents").is_some_and(is_base64) {
            return Err(Invalid::new(
                format!("personality[{at}].contents"),
                "must be base64",
            ));
        }
    }
    Ok(())
}

fn is_base64(text: &str) -> bool {
    STANDARD.decode(text).is_ok()
}

/// A stored launch configuration for people; secrets show as `***` unless `open`.
#[must_use]
pub fn view(body: &[u8], open: bool) -> Option<Launch> {
    let mut stored: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let unvalidated = stored.get(UNVALIDATED) == Some(&Value::Bool(true));
    // As the old surface wrote it: its load balancers are for that surface to show.
    if let Some(Value::Object(args)) = stored.remove("args") {
        stored = args;
    }
    let Some(Value::Object(server)) = stored.remove("server") else {
        return None;
    };
    let mut launch = Launch {
        server,
        unvalidated,
    };
    if !open {
        for name in SECRETS {
            if let Some(value) = launch.server.get_mut(name) {
                *value = Value::String(MASK.to_owned());
            }
        }
    }
    Some(launch)
}

#[cfg(test)]
mod tests;
