//! Launch configurations of the server form (contract 2.3): checked, then stored as written.
//!
//! Load balancers and the draining time are checked and kept; nothing joins them yet. Stacks are refused with the reason.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::Json;
use super::{Invalid, Kind, Members};
use crate::ports::ops::{Found, LookedUp};

/// The network that load balancers reached servers by.
const SERVICE_NET: &str = "11111111-1111-1111-1111-111111111111";
/// Longest reference, path, metadata key and value.
const TEXT_MAX: usize = 255;
const BALANCERS_MAX: usize = 5;
/// What Nova takes unless it says otherwise: files, and bytes of one.
const FILES_MAX: usize = 5;
const FILE_BYTES_MAX: usize = 1_000;
/// These make several servers by one call, or answer without an id (design 11).
const REFUSED: [&str; 3] = ["min_count", "max_count", "return_reservation_id"];
/// Metadata of ours begins so (safety 3.7).
const OURS: &str = "as.";

/// A launch configuration that keeps the rules of form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchSpec {
    /// As it is stored and shown.
    stored: Json,
}

impl LaunchSpec {
    /// The bytes to store.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.stored.to_ascii().into_bytes()
    }

    /// The references that a cloud can be asked about: image (none when it boots from a volume) and flavor.
    #[must_use]
    pub fn references(&self) -> (Option<&str>, Option<&str>) {
        let server = self.stored.get("args").and_then(|args| args.get("server"));
        let text = |name| {
            server
                .and_then(|server| server.get(name))
                .and_then(Json::text)
        };
        (
            text("imageRef").filter(|image| !image.is_empty()),
            text("flavorRef"),
        )
    }

    /// The rules that are asked after those of form: the network of load balancers (row B067), then what Nova would refuse (B063, B066).
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn with_service_net(self) -> Result<Self, Invalid> {
        let args = self.stored.get("args").unwrap_or(&Json::Null);
        let server = args.get("server").unwrap_or(&Json::Null);
        let balanced = args
            .get("loadBalancers")
            .and_then(Json::items)
            .is_some_and(|all| all.iter().any(|one| one.get("port").is_some()));
        let networks = server
            .get("networks")
            .filter(|networks| **networks != Json::Null);
        let reached = |networks: &Json| {
            let uuid = |one: &Json| one.get("uuid").and_then(Json::text) == Some(SERVICE_NET);
            networks.items().is_some_and(|all| all.iter().any(uuid))
        };
        if balanced && networks.is_some_and(|networks| !reached(networks)) {
            let text = "ServiceNet network must be present if one or more Cloud Load Balancers are configured.";
            return Err(Invalid {
                kind: Kind::Validation,
                text: text.to_owned(),
            });
        }
        let problems = problems(server);
        if problems.is_empty() {
            return Ok(self);
        }
        Err(following(&problems))
    }
}

/// Characters of a name that a problem repeats.
const NAMED_CHARS: usize = 128;
/// The member by which a stored configuration says that no cloud was asked about it; not one of the old surface, and not shown there.
pub const UNVALIDATED: &str = "unvalidated";

impl LaunchSpec {
    /// The same, said to be unvalidated: the cloud gave no answer about what it names (design 11).
    #[must_use]
    pub fn unvalidated(mut self) -> Self {
        self.stored.put(UNVALIDATED, Json::Bool(true));
        self
    }

    /// What a cloud has said against it; none: nothing.
    ///
    /// # Errors
    /// [`Invalid`], in the words of the old service (contract 2.4).
    pub fn weighed(self, found: LookedUp) -> Result<Self, Invalid> {
        let (image, flavor) = self.references();
        let of = |found: Option<Found>, field: &str, name: Option<&str>| {
            let word = match found? {
                Found::Usable => return None,
                Found::Inactive => "Inactive",
                Found::Missing => "Invalid",
            };
            let name: String = name?.chars().take(NAMED_CHARS).collect();
            Some(format!("{word} {field} \"{name}\" in launchConfiguration"))
        };
        let problems = [
            of(found.image, "imageRef", image),
            of(Some(found.flavor), "flavorRef", flavor),
        ];
        let problems: Vec<String> = problems.into_iter().flatten().collect();
        if problems.is_empty() {
            return Ok(self);
        }
        Err(following(&problems))
    }
}

fn following(problems: &[String]) -> Invalid {
    let all = problems.join("\n");
    Invalid {
        kind: Kind::Launch,
        text: format!("Following problems with launch configuration:\n{all}"),
    }
}

/// Reads a launch configuration: form only.
///
/// # Errors
/// [`Invalid`]: rows B054 to B074.
pub fn parse(value: &Json) -> Result<LaunchSpec, Invalid> {
    let here = |bad: Invalid| bad.within("launchConfiguration");
    let members = Members::of(value, "launchConfiguration", &["type", "args"], &[])?;
    match members.need("type").text() {
        Some("launch_server") => {}
        Some("launch_stack") => {
            check_stack(members.need("args")).map_err(here)?;
            let text = "launchConfiguration.type launch_stack is not offered yet: Holt launches servers, and no stacks".to_owned();
            return Err(Invalid {
                kind: Kind::Validation,
                text,
            });
        }
        _ => {
            return Err(here(Invalid::of(
                "type",
                "must be launch_server or launch_stack",
            )));
        }
    }
    let args = Members::of(
        members.need("args"),
        "args",
        &["server"],
        &["loadBalancers", "draining_timeout"],
    )
    .map_err(here)?;
    let server = server(args.need("server")).map_err(here)?;
    let mut stored = Json::object([("server", server)]);
    if let Some(balancers) = args.get("loadBalancers") {
        stored.put("loadBalancers", load_balancers(balancers).map_err(here)?);
    }
    if let Some(timeout) = args.get("draining_timeout") {
        let double = timeout.double().map(f64::from_bits);
        if !double.is_some_and(|seconds| (30.0..=3_600.0).contains(&seconds)) {
            return Err(here(Invalid::of(
                "draining_timeout",
                "must be a number from 30 to 3600",
            )));
        }
        stored.put("draining_timeout", timeout.clone());
    }
    Ok(LaunchSpec {
        stored: Json::object([("type", Json::of("launch_server")), ("args", stored)]),
    })
}

/// The server as it is stored: numbers as references become texts, null as metadata goes (row B062).
fn server(value: &Json) -> Result<Json, Invalid> {
    let Json::Object(members) = value else {
        return Err(Invalid::of("server", "must be an object"));
    };
    if let Some(field) = REFUSED.iter().find(|field| value.get(field).is_some()) {
        return Err(Invalid::of(
            field,
            "is refused: one slot is one server, made by one call",
        ));
    }
    let flavor = reference(value.get("flavorRef"), "server.flavorRef")?;
    if flavor.is_empty() {
        return Err(Invalid::of(
            "server.flavorRef",
            "must be a text without blanks",
        ));
    }
    let image = reference(
        value.get("imageRef").filter(|image| **image != Json::Null),
        "server.imageRef",
    )?;
    if image.is_empty() && !boots_from_volume(value) {
        let rule = "may be left out only beside a block device mapping";
        return Err(Invalid::of("server.imageRef", rule));
    }
    server_metadata(value.get("metadata"))?;
    if let Some(files) = value.get("personality") {
        personality(files)?;
    }
    let stored = members
        .iter()
        .filter_map(|(name, value)| match (name.as_str(), value) {
            ("metadata", Json::Null) => None,
            ("flavorRef" | "imageRef", Json::Number(number)) => {
                Some((name.clone(), Json::of(number)))
            }
            _ => Some((name.clone(), value.clone())),
        });
    Ok(Json::Object(stored.collect()))
}

/// A text without blanks, or a whole number, which clients send too.
fn reference(value: Option<&Json>, member: &str) -> Result<String, Invalid> {
    let text = match value {
        None => return Ok(String::new()),
        Some(number @ Json::Number(text)) if number.integer().is_some() => text,
        Some(Json::Text(text)) if text.chars().count() <= TEXT_MAX => text,
        Some(_) => {
            return Err(Invalid::of(
                member,
                "must be a text of at most 255 characters",
            ));
        }
    };
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Invalid::of(member, "must be a text without blanks"));
    }
    Ok(text.clone())
}

fn boots_from_volume(server: &Json) -> bool {
    ["block_device_mapping", "block_device_mapping_v2"]
        .iter()
        .any(|name| {
            let items = server.get(name).and_then(Json::items);
            items.is_some_and(|items| items.iter().all(|item| matches!(item, Json::Object(_))))
        })
}

fn server_metadata(metadata: Option<&Json>) -> Result<(), Invalid> {
    let rule = "must be an object, keys 1 to 255 of letters, digits, '-', '_', ':', '.', ' ', values texts of at most 255";
    let members = match metadata {
        None | Some(Json::Null) => return Ok(()),
        Some(Json::Object(members)) => members,
        Some(_) => return Err(Invalid::of("server.metadata", rule)),
    };
    let of_form = |c: char| c.is_ascii_alphanumeric() || "-_:. ".contains(c);
    let fits = |(key, value): &(String, Json)| {
        (1..=TEXT_MAX).contains(&key.len())
            && key.chars().all(of_form)
            && value
                .text()
                .is_some_and(|text| text.chars().count() <= TEXT_MAX)
    };
    if !members.iter().all(fits) {
        return Err(Invalid::of("server.metadata", rule));
    }
    let Some((key, _)) = members.iter().find(|(key, _)| key.starts_with(OURS)) else {
        return Ok(());
    };
    let shown: String = key.chars().take(NAMED_CHARS).collect();
    Err(Invalid::of(
        &format!("server.metadata.{shown}"),
        "is refused: names beginning with 'as.' are Holt's own",
    ))
}

fn personality(files: &Json) -> Result<(), Invalid> {
    let rule = "must be a list of objects with path (1 to 255 characters) and contents (base64), both texts";
    let is_file = |file: &Json| {
        let path = file.get("path").and_then(Json::text);
        let path = path.is_some_and(|path| (1..=TEXT_MAX).contains(&path.chars().count()));
        path && file
            .get("contents")
            .is_some_and(|contents| contents.text().is_some())
    };
    match files.items().is_some_and(|all| all.iter().all(is_file)) {
        true => Ok(()),
        false => Err(Invalid::of("server.personality", rule)),
    }
}

/// What Nova would refuse, one line each (contract 2.4).
fn problems(server: &Json) -> Vec<String> {
    let files = server
        .get("personality")
        .and_then(Json::items)
        .unwrap_or_default();
    let mut problems = Vec::new();
    if files.len() > FILES_MAX {
        let count = files.len();
        problems.push(format!(
            "Number of files \"{count}\" in personality exceeds maximum limit \"{FILES_MAX}\""
        ));
    }
    for file in files {
        let text = |name| file.get(name).and_then(Json::text).unwrap_or_default();
        let path: String = text("path").chars().take(128).collect();
        let broken = |c: &char| !c.is_ascii_whitespace();
        let contents: String = text("contents").chars().filter(broken).collect();
        match STANDARD.decode(&contents) {
            Ok(bytes) if bytes.len() > FILE_BYTES_MAX => {
                problems.push(format!(
                    "File \"{path}\" content's size exceeds maximum size \"{FILE_BYTES_MAX}\""
                ));
            }
            Ok(bytes) if !bytes.is_empty() => {}
            Ok(_) | Err(_) => {
                problems.push(format!(
                    "Invalid base64 encoding for contents of path \"{path}\""
                ));
            }
        }
    }
    problems
}

/// At most five, each of one of two forms; `{}` and null, which a client sends for none, become none (contract 8).
fn load_balancers(value: &Json) -> Result<Json, Invalid> {
    let rule = "must be a list of at most 5 different load balancers: loadBalancerId and port, or loadBalancerId and type RackConnectV3";
    let invalid = || Invalid::of("loadBalancers", rule);
    let items = match value {
        Json::Null => return Ok(Json::List(Vec::new())),
        Json::Object(members) if members.is_empty() => return Ok(Json::List(Vec::new())),
        Json::List(items) if items.len() <= BALANCERS_MAX => items,
        Json::Object(_) | Json::List(_) | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {
            return Err(invalid());
        }
    };
    let mut stored: Vec<Json> = Vec::new();
    for item in items {
        let balancer = load_balancer(item).ok_or_else(invalid)?;
        if stored.contains(&balancer) {
            return Err(invalid());
        }
        stored.push(balancer);
    }
    Ok(Json::List(stored))
}

fn load_balancer(item: &Json) -> Option<Json> {
    let members = Members::of(item, "loadBalancer", &["loadBalancerId"], &["port", "type"]).ok()?;
    let id = members.need("loadBalancerId");
    let named = id.text().is_some_and(|text| !text.trim().is_empty());
    let kind = members.get("type");
    match (kind.map(Json::text), members.get("port")) {
        (None | Some(Some("CloudLoadBalancer")), Some(port)) if named || id.integer().is_some() => {
            let mut stored =
                Json::object([("loadBalancerId", id.clone()), ("port", as_port(port)?)]);
            if let Some(kind) = kind {
                stored.put("type", kind.clone());
            }
            Some(stored)
        }
        (Some(Some("RackConnectV3")), None) if named => Some(item.clone()),
        (None | Some(None | Some(_)), None | Some(_)) => None,
    }
}

/// A whole number; one in a text becomes one (contract 8).
fn as_port(port: &Json) -> Option<Json> {
    let text = port.text().or_else(|| port.number())?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let number = plain.then(|| text.parse::<i64>().ok())?;
    number.map(Json::count)
}

/// The form of a stack (row B073), so that what is wrong is said before that stacks are not offered.
fn check_stack(args: &Json) -> Result<(), Invalid> {
    let outer = Members::of(args, "args", &["stack"], &[])?;
    let optional = [
        "template",
        "template_url",
        "disable_rollback",
        "environment",
        "files",
        "parameters",
        "timeout_mins",
    ];
    let stack = Members::of(outer.need("stack"), "stack", &[], &optional)?;
    match (stack.get("template"), stack.get("template_url")) {
        (Some(_), None) | (None, Some(_)) => Ok(()),
        (None, None) | (Some(_), Some(_)) => Err(Invalid::of(
            "stack",
            "must have exactly one of template and template_url",
        )),
    }
}
