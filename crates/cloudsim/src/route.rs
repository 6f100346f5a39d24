//! Which service, region and kind of call a request is for.

use std::borrow::Cow;

use crate::faults::Call;
use crate::request::Target;

/// The service a path belongs to, and what remains of the path within it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) service: Service,
    /// Region by its place in the settings.
    pub(crate) region: usize,
    pub(crate) rest: &'a [Cow<'a, str>],
}

/// Services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Identity,
    Compute,
    Image,
    /// No such path.
    Nowhere,
}

/// Finds the place of a target.
pub(crate) fn place<'a>(target: &'a Target<'_>, regions: &[String]) -> Place<'a> {
    let segments = target.segments.as_slice();
    let (head, tail) = match segments.split_first() {
        Some((head, tail)) => (head.as_ref(), tail),
        None => ("", segments),
    };
    let in_region = |service, version: &str| {
        let region = tail
            .first()
            .and_then(|name| regions.iter().position(|r| r == name));
        match (region, tail.get(1)) {
            (Some(region), Some(found)) if found == version => Place {
                service,
                region,
                rest: tail.get(2..).unwrap_or_default(),
            },
            _ => nowhere(),
        }
    };
    let plain = |service, rest| Place {
        service,
        region: 0,
        rest,
    };
    let place = match head {
        "compute" => in_region(Service::Compute, "v2.1"),
        "image" => in_region(Service::Image, "v2"),
        "identity" if tail.first().is_some_and(|version| version == "v3") => {
            plain(Service::Identity, tail.get(1..).unwrap_or_default())
        }
        "v3" => plain(Service::Identity, tail),
        "v2.1" => plain(Service::Compute, tail),
        "v2" => plain(Service::Image, tail),
        _ => nowhere(),
    };
    without_project(place)
}

/// Kind of a call.
pub(crate) fn call(method: &str, place: Place<'_>) -> Call {
    match place.service {
        Service::Identity => return Call::Token,
        Service::Image | Service::Nowhere => return Call::LookUp,
        Service::Compute => {}
    }
    let mut rest = place.rest.iter().map(AsRef::as_ref);
    match (method, rest.next(), rest.next(), rest.next()) {
        ("POST", Some("servers"), None, None) => Call::Create,
        ("GET", Some("servers"), None | Some("detail"), None) => Call::List,
        ("GET", Some("servers"), Some(_), _) => Call::Read,
        ("DELETE", Some("servers"), Some(_), None) => Call::Delete,
        (_, Some("os-keypairs"), _, _) => Call::KeyPair,
        ("GET" | "HEAD", _, _, _) => Call::LookUp,
        _ => Call::Edit,
    }
}

/// Old catalogs put the project's id after the version; it changes nothing.
fn without_project(place: Place<'_>) -> Place<'_> {
    const ROOTS: [&str; 4] = ["servers", "flavors", "limits", "os-keypairs"];
    match place.rest.split_first() {
        Some((first, rest))
            if place.service == Service::Compute
                && !ROOTS.contains(&first.as_ref())
                && !rest.is_empty() =>
        {
            Place { rest, ..place }
        }
        _ => place,
    }
}

fn nowhere<'a>() -> Place<'a> {
    Place {
        service: Service::Nowhere,
        region: 0,
        rest: &[],
    }
}
