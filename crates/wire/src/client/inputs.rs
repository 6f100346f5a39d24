//! Inputs for alerts.

use reqwest::Method;

use super::{Client, Error, NOTHING, encoded};
use crate::v2::Page;
use crate::v2::input::{Input, InputSpec, Rejected, Rotate, Trial};

fn path(tenant: &str, rest: &str) -> String {
    format!("/v2/{}/inputs{rest}", encoded(tenant))
}

impl Client {
    /// Makes an input; its URL and secret are in the answer, once.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` list the inputs before trying again.
    pub async fn create_input(&self, tenant: &str, spec: &InputSpec) -> Result<Input, Error> {
        self.json(Method::POST, &path(tenant, ""), &[], Some(spec))
            .await
    }

    /// All inputs of a tenant.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn inputs(&self, tenant: &str) -> Result<Page<Input>, Error> {
        self.json(Method::GET, &path(tenant, ""), &[], NOTHING)
            .await
    }

    /// One input.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn input(&self, tenant: &str, id: &str) -> Result<Input, Error> {
        let path = path(tenant, &format!("/{}", encoded(id)));
        self.json(Method::GET, &path, &[], NOTHING).await
    }

    /// Replaces what is configured of an input.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` do it again.
    pub async fn replace_input(
        &self,
        tenant: &str,
        id: &str,
        spec: &InputSpec,
    ) -> Result<Input, Error> {
        let path = path(tenant, &format!("/{}", encoded(id)));
        self.json(Method::PUT, &path, &[], Some(spec)).await
    }

    /// Takes an input away.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` do it again.
    pub async fn delete_input(&self, tenant: &str, id: &str) -> Result<(), Error> {
        let path = path(tenant, &format!("/{}", encoded(id)));
        let request = self.request(Method::DELETE, &path, &[]);
        self.exchange(request).await.map(drop)
    }

    /// Gives an input another URL and secret; they are in the answer, once.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` it may have one that nobody has seen: rotate it again.
    pub async fn rotate_input(
        &self,
        tenant: &str,
        id: &str,
        rotate: Rotate,
    ) -> Result<Input, Error> {
        let path = path(tenant, &format!("/{}/rotate", encoded(id)));
        self.json(Method::POST, &path, &[], Some(&rotate)).await
    }

    /// What was not acted on.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn rejected(&self, tenant: &str, id: &str) -> Result<Page<Rejected>, Error> {
        let path = path(tenant, &format!("/{}/rejected", encoded(id)));
        self.json(Method::GET, &path, &[], NOTHING).await
    }

    /// What would be done with a JSON body.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn test_input(
        &self,
        tenant: &str,
        id: &str,
        body: &serde_json::Value,
    ) -> Result<Trial, Error> {
        let path = path(tenant, &format!("/{}/test", encoded(id)));
        self.json(Method::POST, &path, &[], Some(body)).await
    }
}
