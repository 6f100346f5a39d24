//! What happened to a group.

use reqwest::Method;

use super::{Client, Error, NOTHING, given, path};
use crate::v2::Page;
use crate::v2::history::Record;

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
}
