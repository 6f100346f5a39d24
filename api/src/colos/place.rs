//! For which colo a request is, read from its path before anything else is: a group names its home, so do the texts of capability URLs and of
//! answers, and inputs.

use std::borrow::Cow;

use actix_web::http::header::HeaderName;
use domain::control::Scope;
use domain::ids::{ColoId, GroupId, InputId, TenantId};

use crate::context::Context;

/// By which a caller names the colo of a request whose path names none, as a list of groups.
pub(crate) const COLO: HeaderName = HeaderName::from_static("holt-colo");

/// Where a request belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// To the home of what it names.
    At(ColoId, Way),
    /// Wherever the caller says, else here.
    Anywhere(Way),
    /// To whichever process is asked: health, documents, and what leads nowhere.
    Here,
}

/// How its sender proves that it may ask; the edge asks for that much before it troubles another colo.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By a token, for this tenant.
    Tenant(TenantId),
    /// By a token of staff.
    Staff,
    /// By the text of a group's URL, which was opened.
    Group(GroupId),
    /// By the text of an address that answers a hook of the group, which was opened.
    Answer(GroupId),
    /// By the text of an input's URL, which was opened.
    Input(InputId),
}

/// Reads a path.
pub(super) fn place(context: &Context, path: &str) -> Place {
    let segments: Vec<Cow<'_, str>> = path
        .split('/')
        .skip(1)
        .map(decoded)
        .filter(|segment| !segment.is_empty())
        .collect();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    match segments.as_slice() {
        ["v1.0", "execute", _, text] => {
            let opened = context.v1.seal.open(text);
            opened.map_or(Place::Here, |it| of_group(it.group, Way::Group))
        }
        ["in", text] => {
            let opened = context.v1.seal.open_input(text);
            opened.map_or(Place::Here, |(id, _)| {
                id.home()
                    .map_or(Place::Here, |colo| Place::At(colo, Way::Input(id)))
            })
        }
        ["v2", "switches", scope] => of_scope(scope),
        ["v2", "switches" | "history" | "audit" | "revocations", ..] => Place::Anywhere(Way::Staff),
        // A control plane is asked about itself.
        ["v2", "openapi.json" | "docs"] | ["v2", "colos", ..] => Place::Here,
        ["v2" | "v1.0", tenant, "groups", group, ..] => of_tenant(tenant, colo(group)),
        ["v2", "hooks", token, _] => {
            let keys = context.hooks.as_ref();
            let opened = keys.and_then(|keys| keys.answers(token));
            opened.map_or(Place::Here, |(group, _)| of_group(group, Way::Answer))
        }
        ["v2", tenant, "inputs", input, ..] => {
            let input = input.parse().ok();
            of_tenant(tenant, input.and_then(InputId::home))
        }
        ["v2" | "v1.0", tenant, ..] => of_tenant(tenant, None),
        _ => Place::Here,
    }
}

fn colo(group: &str) -> Option<ColoId> {
    group.parse().ok().and_then(GroupId::home)
}

fn of_group(group: GroupId, way: fn(GroupId) -> Way) -> Place {
    group
        .home()
        .map_or(Place::Here, |colo| Place::At(colo, way(group)))
}

/// The home of what a tenant's path names; a path that names nothing belongs where the caller says.
fn of_tenant(tenant: &str, home: Option<ColoId>) -> Place {
    match (tenant.parse().map(Way::Tenant), home) {
        (Ok(way), Some(colo)) => Place::At(colo, way),
        (Ok(way), None) => Place::Anywhere(way),
        (Err(_), _) => Place::Here,
    }
}

/// A switch works where what it holds back is: one of a group at its home, one of a colo there, the others in one colo at a time.
fn of_scope(scope: &str) -> Place {
    let home = match Scope::parse(scope) {
        Some(Scope::Colo(colo)) => Some(colo),
        Some(Scope::Group(group)) => group.home(),
        Some(Scope::Global | Scope::Tenant(_)) | None => None,
    };
    home.map_or(Place::Anywhere(Way::Staff), |colo| {
        Place::At(colo, Way::Staff)
    })
}

/// A segment as the router will read it. What cannot be decoded stays as it is, and names nothing.
fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = segment
            .get(at + 1..at + 3)
            .filter(|hex| *byte == b'%' && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_or(Cow::Borrowed(segment), Cow::Owned)
}
