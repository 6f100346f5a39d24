//! What a launch configuration names, looked up: flavors at Nova, images at Glance.

use bytes::Bytes;
use domain::ids::TenantId;
use serde::Deserialize;

use super::OpenStack;
use super::servers::no_token;
use crate::error::CallError;
use crate::guard::Call;
use crate::port::Found;
use crate::transport::{Connection, Method, Request};

#[derive(Deserialize)]
struct Image<'a> {
    id: &'a str,
    status: &'a str,
}

impl OpenStack {
    pub(super) async fn flavor_found(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Found, CallError> {
        let path = || format!("/flavors/{id}");
        let (_, answer) = self.read(tenant, Call::Get, path).await?;
        Ok(answer.map_or(Found::Missing, |_shown| Found::Usable))
    }

    /// One exchange with the image service. Nothing of it reaches the guard, which watches the compute API, and a refusal does not make the
    /// account suspect: that images cannot be read keeps nobody from launching.
    pub(super) async fn image_found(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Found, CallError> {
        let token = self.current_token(tenant).await.map_err(no_token)?;
        let unclear = CallError::Unclear;
        let base = token.inner.image.as_deref();
        let base = base.ok_or_else(|| unclear("the catalog has no image service".to_owned()))?;
        let request = Request {
            method: Method::Get,
            url: format!("{base}/images/{id}"),
            headers: vec![
                ("x-auth-token", token.inner.secret.expose().to_owned()),
                ("x-openstack-request-id", self.request_id()),
                ("accept", "application/json".to_owned()),
            ],
            body: Bytes::new(),
            timeout: self.time_limit(Call::Get),
            connection: Connection::Pooled,
        };
        let answer = self.transport.exchange(request).await;
        let answer =
            answer.map_err(|error| unclear(chassis::telemetry::chain(&error).to_string()))?;
        match answer.status {
            200 => {}
            404 => return Ok(Found::Missing),
            status => return Err(unclear(format!("HTTP {status} for an image"))),
        }
        let image: Option<Image<'_>> = serde_json::from_slice(&answer.body).ok();
        match image.filter(|image| image.id == id) {
            Some(image) if image.status == "active" => Ok(Found::Usable),
            Some(_) => Ok(Found::Inactive),
            None => Err(unclear("an image that cannot be read".to_owned())),
        }
    }
}
