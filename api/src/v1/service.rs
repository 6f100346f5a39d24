//! What the old surface is told at the start, ready for use.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use domain::ids::{GroupKey, InputId, TenantId};

use super::capability::{Capability, Seal};
use crate::settings::{StartError, V1};

/// Settings, checked.
#[derive(Debug)]
pub(crate) struct Service {
    /// Begins every link.
    pub(crate) url_root: String,
    /// Begins the links of servers.
    pub(crate) compute_url: Option<String>,
    pub(crate) seal: Seal,
    pub(crate) groups: u32,
    pub(crate) policies: u32,
    pub(crate) webhooks: u32,
    pub(crate) executions: std::num::NonZeroU32,
    pub(crate) monitoring: bool,
    suspended: BTreeSet<TenantId>,
}

impl Service {
    /// Checks the settings; `address` is where the api listens.
    ///
    /// # Errors
    /// [`StartError::OutOfRange`].
    pub(crate) fn new(settings: &V1, address: SocketAddr) -> Result<Self, StartError> {
        let bare = |url: &String| url.trim_end_matches('/').to_owned();
        let rule = "must name tenants";
        let wrong = |_error| StartError::OutOfRange {
            key: "v1.suspended",
            rule,
        };
        let suspended = settings
            .suspended
            .iter()
            .map(|name| name.parse().map_err(wrong));
        Ok(Self {
            url_root: settings
                .url_root
                .as_ref()
                .map_or_else(|| format!("http://{address}"), bare),
            compute_url: settings.compute_url.as_ref().map(bare),
            seal: Seal::new(&settings.capabilities)?,
            groups: settings.groups,
            policies: settings.policies,
            webhooks: settings.webhooks,
            executions: settings.executions,
            monitoring: settings.monitoring,
            suspended: suspended.collect::<Result<_, _>>()?,
        })
    }

    /// Whether nothing may scale for the tenant.
    pub(crate) fn is_suspended(&self, tenant: &TenantId) -> bool {
        self.suspended.contains(tenant)
    }

    /// The capability URL of a webhook.
    pub(crate) fn capability(&self, key: &GroupKey, serial: u32) -> Option<String> {
        let text = self.seal.text(Capability {
            group: key.id,
            serial,
        })?;
        Some(format!("{}/v1.0/execute/1/{text}/", self.url_root))
    }

    /// The URL of an input; none without keys.
    pub(crate) fn input(&self, id: InputId, serial: u32) -> Option<String> {
        let text = self.seal.input_text(id, serial)?;
        Some(format!("{}/in/{text}", self.url_root))
    }

    /// The collection of a tenant's groups, or below it.
    pub(crate) fn link(&self, tenant: &TenantId, below: &str) -> String {
        format!("{}/v1.0/{tenant}/groups/{below}", self.url_root)
    }
}
