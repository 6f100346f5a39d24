//! What happened to a group.

use reqwest::Method;

use super::{Client, Error, NOTHING, encoded, given, path};
use crate::v2::Page;
use crate::v2::history::{Found, Record};

/// Which changes of a tenant's groups to find: those to which all that is given applies. The api says which word it does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundOf {
    /// Of this group.
    pub group: Option<String>,
    /// For this reason, by word.
    pub cause: Option<String>,
    /// By this subject of a token, webhook or policy.
    pub actor: Option<String>,
    /// In this request.
    pub request: Option<String>,
    /// That moved the slot of this server.
    pub server: Option<String>,
    /// With a verdict of this outcome, by word.
    pub verdict: Option<String>,
    /// With this in what was before and after.
    pub text: Option<String>,
    /// At this moment or later (RFC 3339).
    pub from: Option<String>,
    /// Before this moment (RFC 3339).
    pub to: Option<String>,
    /// The next page.
    pub after: Option<String>,
    /// How many.
    pub limit: Option<u32>,
}

impl Client {
    /// Changes of a group, newest first; `from` is `next` of the page before.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn history(
        &self,
        tenant: &str,
        group: &str,
        from: Option<String>,
        limit: Option<u32>,
    ) -> Result<Page<Record>, Error> {
        let query = [("from", from), ("limit", limit.map(|n| n.to_string()))];
        let path = path(tenant, group, "/history");
        self.json(Method::GET, &path, &given(query), NOTHING).await
    }

    /// Changes of all groups of a tenant, newest first. A page may have fewer than asked for while there is a next one.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn search_history(&self, tenant: &str, of: &FoundOf) -> Result<Page<Found>, Error> {
        let of = of.clone();
        let query = [
            ("group", of.group),
            ("cause", of.cause),
            ("actor", of.actor),
            ("request", of.request),
            ("server", of.server),
            ("verdict", of.verdict),
            ("text", of.text),
            ("from", of.from),
            ("to", of.to),
            ("after", of.after),
            ("limit", of.limit.map(|n| n.to_string())),
        ];
        let path = format!("/v2/{}/history", encoded(tenant));
        self.json(Method::GET, &path, &given(query), NOTHING).await
    }
}
