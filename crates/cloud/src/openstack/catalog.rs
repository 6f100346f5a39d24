//! What a sign-in answers: the token's life, whose it is, and where the compute API is.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use super::config::Interface;
use super::microversion::Microversion;
use super::moment;

/// What is needed of Keystone's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SignIn {
    pub(super) project: String,
    pub(super) user: String,
    /// Keystone's own difference between issue and expiry: no clock of ours is compared with one of its.
    pub(super) life: Duration,
    /// The compute API's address, ending in `/v2.1`.
    pub(super) compute: String,
    /// The image API's address, ending in `/v2`, where there is one.
    pub(super) image: Option<String>,
}

/// Why the answer is of no use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Useless {
    #[error("the answer to the sign-in cannot be read")]
    Unreadable,
    #[error("the catalog has no {0}")]
    NoEndpoint(String),
}

/// No token of a sane deployment lives longer; a longer one is counted as this.
const LIFE_MAX: Duration = Duration::from_secs(7 * 86_400);

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    token: Token<'a>,
}

#[derive(Deserialize)]
struct Token<'a> {
    #[serde(borrow)]
    issued_at: Cow<'a, str>,
    #[serde(borrow)]
    expires_at: Cow<'a, str>,
    user: Id,
    project: Id,
    #[serde(borrow, default)]
    catalog: Vec<Service<'a>>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct Service<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    endpoints: Vec<Endpoint<'a>>,
}

#[derive(Deserialize)]
struct Endpoint<'a> {
    #[serde(borrow)]
    interface: Cow<'a, str>,
    #[serde(borrow, default)]
    region_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    region: Option<Cow<'a, str>>,
    #[serde(borrow)]
    url: Cow<'a, str>,
}

/// Reads the body of a 201.
pub(super) fn sign_in(body: &[u8], region: &str, interface: Interface) -> Result<SignIn, Useless> {
    let token = serde_json::from_slice::<Body<'_>>(body)
        .map_err(|_says_nothing_safe_to_show| Useless::Unreadable)?
        .token;
    let issued = moment::rfc3339(&token.issued_at).ok_or(Useless::Unreadable)?;
    let expires = moment::rfc3339(&token.expires_at).ok_or(Useless::Unreadable)?;
    let life = expires.checked_sub(issued).ok_or(Useless::Unreadable)?;
    let here = |endpoint: &&Endpoint<'_>| {
        let named = endpoint.region_id.as_deref().or(endpoint.region.as_deref());
        endpoint.interface == interface.word() && named == Some(region)
    };
    let endpoint = |kind: &str| {
        let services = token.catalog.iter().filter(|service| service.kind == kind);
        services.flat_map(|service| &service.endpoints).find(here)
    };
    let image = endpoint("image").map(|image| {
        let url = image.url.trim_end_matches('/');
        format!("{}/v2", url.strip_suffix("/v2").unwrap_or(url))
    });
    let compute = endpoint("compute").ok_or_else(|| {
        let interface = interface.word();
        Useless::NoEndpoint(format!("{interface} compute endpoint in region {region}"))
    })?;
    Ok(SignIn {
        compute: compute_base(&compute.url, &token.project.id),
        image,
        project: token.project.id,
        user: token.user.id,
        life: life.min(LIFE_MAX),
    })
}

/// Catalogs name the compute API with or without its version, and older ones with the project at the end; we want `.../v2.1`.
pub(super) fn compute_base(url: &str, project: &str) -> String {
    let url = url.trim_end_matches('/');
    let url = url
        .strip_suffix(project)
        .and_then(|rest| {
            rest.strip_suffix('/')
                .or_else(|| rest.strip_suffix("/AUTH_"))
        })
        .unwrap_or(url);
    let root = ["/v2.1", "/v2.0", "/v2"]
        .iter()
        .find_map(|version| url.strip_suffix(version))
        .unwrap_or(url);
    format!("{root}/v2.1")
}

#[derive(Deserialize)]
struct Root<'a> {
    #[serde(borrow)]
    version: Version<'a>,
}

#[derive(Deserialize)]
struct Version<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
}

/// Reads what the compute API says of itself: the highest microversion it knows.
pub(super) fn highest(body: &[u8]) -> Option<Microversion> {
    let root: Root<'_> = serde_json::from_slice(body).ok()?;
    root.version.version.parse().ok()
}

#[cfg(test)]
mod tests;
