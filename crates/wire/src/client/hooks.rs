//! Hooks of a group and their messages.

use reqwest::Method;

use super::{Client, Error, NOTHING, encoded, given, path};
use crate::v2::Page;
use crate::v2::delivery::Delivery;
use crate::v2::hook::{Hook, HookMade, HookSpec, Rotation};

impl Client {
    /// The hooks of a group.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn hooks(&self, tenant: &str, group: &str) -> Result<Page<Hook>, Error> {
        let path = path(tenant, group, "/hooks");
        self.json(Method::GET, &path, &[], NOTHING).await
    }

    /// Makes or replaces a hook; a new secret is in the answer, once.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` it may be made, with a secret that nobody has seen: put it again, or rotate it.
    pub async fn put_hook(
        &self,
        tenant: &str,
        group: &str,
        hook: &str,
        spec: &HookSpec,
    ) -> Result<HookMade, Error> {
        let path = path(tenant, group, &format!("/hooks/{}", encoded(hook)));
        self.json(Method::PUT, &path, &[], Some(spec)).await
    }

    /// Removes a hook.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_hook(&self, tenant: &str, group: &str, hook: &str) -> Result<(), Error> {
        let path = path(tenant, group, &format!("/hooks/{}", encoded(hook)));
        let request = self.request(Method::DELETE, &path, &[]);
        self.exchange(request).await.map(drop)
    }

    /// Gives a hook a new key.
    ///
    /// # Errors
    /// [`Error`]; after `Unreachable` it may have one that nobody has seen: rotate it again.
    pub async fn rotate_hook(
        &self,
        tenant: &str,
        group: &str,
        hook: &str,
        rotation: &Rotation,
    ) -> Result<HookMade, Error> {
        let path = path(tenant, group, &format!("/hooks/{}/rotate", encoded(hook)));
        self.json(Method::POST, &path, &[], Some(rotation)).await
    }

    /// Messages of a group's hooks, newest first; `before` is `next` of the page before.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn deliveries(
        &self,
        tenant: &str,
        group: &str,
        before: Option<String>,
        limit: Option<u32>,
    ) -> Result<Page<Delivery>, Error> {
        let query = [("before", before), ("limit", limit.map(|n| n.to_string()))];
        let path = path(tenant, group, "/deliveries");
        self.json(Method::GET, &path, &given(query), NOTHING).await
    }

    /// Sends a message once more.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn redeliver(
        &self,
        tenant: &str,
        group: &str,
        delivery: u64,
    ) -> Result<Delivery, Error> {
        let path = path(tenant, group, &format!("/deliveries/{delivery}/redeliver"));
        self.json(Method::POST, &path, &[], NOTHING).await
    }

    /// Lets a server go on without waiting for a step.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn skip(&self, tenant: &str, group: &str, delivery: u64) -> Result<(), Error> {
        let path = path(tenant, group, &format!("/deliveries/{delivery}/skip"));
        let request = self.request(Method::POST, &path, &[]);
        self.exchange(request).await.map(drop)
    }
}
