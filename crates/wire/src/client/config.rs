//! A group's configuration: as it could be sent back, with the tag that says what was seen.

use chassis::http;
use reqwest::{Method, StatusCode, header};

use super::{ANSWER_BYTES_MAX, Client, Error, parse, path, unreadable, with_body};
use crate::v2::group::{Group, GroupSpec};

impl Client {
    /// The configuration of a group, and its tag.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn config(&self, tenant: &str, group: &str) -> Result<(GroupSpec, String), Error> {
        let request = self.request(Method::GET, &path(tenant, group, "/config"), &[]);
        let unreachable = |source| Error::Unreachable {
            url: self.base.clone(),
            source,
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let tag = answer.headers().get(header::ETAG);
        let tag = tag.and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = http::body(answer, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|_error| unreadable(status, b"no body"))?;
        if status != StatusCode::OK {
            let problem = parse(status, &body)?;
            return Err(Error::Refused(Box::new(problem)));
        }
        Ok((parse(status, &body)?, tag.unwrap_or_default()))
    }

    /// Replaces a configuration, if it is still the one of this tag.
    ///
    /// # Errors
    /// [`Error`]; `precondition-failed` if somebody changed it meanwhile: read it again.
    pub async fn configure_if(
        &self,
        tenant: &str,
        group: &str,
        (spec, tag): (&GroupSpec, &str),
    ) -> Result<Group, Error> {
        let request = self.request(Method::PUT, &path(tenant, group, "/config"), &[]);
        let request = with_body(request, spec).header(header::IF_MATCH, tag);
        let (status, body) = self.exchange(request).await?;
        parse(status, &body)
    }

    /// Changes members of a configuration (RFC 7396): null takes away, what is not named stays.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn patch_config(
        &self,
        tenant: &str,
        group: &str,
        patch: &serde_json::Value,
    ) -> Result<Group, Error> {
        let path = path(tenant, group, "/config");
        self.json(Method::PATCH, &path, &[], Some(patch)).await
    }
}
