//! Policies and webhooks of a group.

use reqwest::Method;

use super::{Client, Error, NOTHING, encoded, given, path};
use crate::v2::Page;
use crate::v2::event::{DryRun, EventRequest};
use crate::v2::policy::{Policy, Scheduled, Webhook, WebhookSpec};

/// As many as a group or a policy may have.
const ALL: u32 = 100;

fn policies(tenant: &str, group: &str, rest: &str) -> String {
    path(tenant, group, &format!("/policies{rest}"))
}

fn webhooks(tenant: &str, group: &str, policy: &str, rest: &str) -> String {
    let policy = encoded(policy);
    policies(tenant, group, &format!("/{policy}/webhooks{rest}"))
}

impl Client {
    /// The policies of a group, in order of id.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn policies(&self, tenant: &str, group: &str) -> Result<Page<Policy>, Error> {
        let query = given([("limit", Some(ALL.to_string()))]);
        let path = policies(tenant, group, "");
        self.json(Method::GET, &path, &query, NOTHING).await
    }

    /// One policy.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn policy(&self, tenant: &str, group: &str, id: &str) -> Result<Policy, Error> {
        let path = policies(tenant, group, &format!("/{}", encoded(id)));
        self.json(Method::GET, &path, &[], NOTHING).await
    }

    /// Adds a policy to a group.
    ///
    /// # Errors
    /// [`Error`]; `already-exists` if its id is taken.
    pub async fn create_policy(
        &self,
        tenant: &str,
        group: &str,
        policy: &Policy,
    ) -> Result<Policy, Error> {
        let path = policies(tenant, group, "");
        self.json(Method::POST, &path, &[], Some(policy)).await
    }

    /// Replaces a policy; its webhooks stay.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn replace_policy(
        &self,
        tenant: &str,
        group: &str,
        policy: &Policy,
    ) -> Result<Policy, Error> {
        let path = policies(tenant, group, &format!("/{}", encoded(&policy.id)));
        self.json(Method::PUT, &path, &[], Some(policy)).await
    }

    /// Deletes a policy with its webhooks.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_policy(&self, tenant: &str, group: &str, id: &str) -> Result<(), Error> {
        let path = policies(tenant, group, &format!("/{}", encoded(id)));
        let request = self.request(Method::DELETE, &path, &[]);
        self.exchange(request).await.map(drop)
    }

    /// When the scheduled policies of a group run next.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn schedules(&self, tenant: &str, group: &str) -> Result<Page<Scheduled>, Error> {
        let path = path(tenant, group, "/schedules");
        self.json(Method::GET, &path, &[], NOTHING).await
    }

    /// The webhooks of a policy, without their URLs.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn webhooks(
        &self,
        tenant: &str,
        group: &str,
        policy: &str,
    ) -> Result<Page<Webhook>, Error> {
        let query = given([("limit", Some(ALL.to_string()))]);
        let path = webhooks(tenant, group, policy, "");
        self.json(Method::GET, &path, &query, NOTHING).await
    }

    /// Makes a webhook; the answer alone has its URL.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_webhook(
        &self,
        tenant: &str,
        (group, policy): (&str, &str),
        spec: &WebhookSpec,
    ) -> Result<Webhook, Error> {
        let path = webhooks(tenant, group, policy, "");
        self.json(Method::POST, &path, &[], Some(spec)).await
    }

    /// Gives a webhook another URL, which the answer alone has; the old one dies.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn rotate_webhook(
        &self,
        tenant: &str,
        (group, policy): (&str, &str),
        webhook: &str,
    ) -> Result<Webhook, Error> {
        let rest = format!("/{}/rotate", encoded(webhook));
        let path = webhooks(tenant, group, policy, &rest);
        self.json(Method::POST, &path, &[], NOTHING).await
    }

    /// Deletes a webhook, whose URL dies.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_webhook(
        &self,
        tenant: &str,
        (group, policy): (&str, &str),
        webhook: &str,
    ) -> Result<(), Error> {
        let rest = format!("/{}", encoded(webhook));
        let path = webhooks(tenant, group, policy, &rest);
        let request = self.request(Method::DELETE, &path, &[]);
        self.exchange(request).await.map(drop)
    }

    /// What an event would do now; nothing is stored.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn dry_run(
        &self,
        tenant: &str,
        group: &str,
        event: &EventRequest,
    ) -> Result<DryRun, Error> {
        let path = path(tenant, group, "/events/dry-run");
        self.json(Method::POST, &path, &[], Some(event)).await
    }
}
