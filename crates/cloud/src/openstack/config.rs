//! What a worker must know to reach one colo's OpenStack: where Keystone is, and one service account per tenant.

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::Secret;
use chassis::config::duration;
use chassis::http::{Transit, transit};
use domain::ids::TenantId;
use serde::{Deserialize, Serialize};

/// One colo's OpenStack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Keystone, with or without `/v3` at its end.
    pub keystone: String,
    /// The region that is this colo.
    pub region: String,
    /// Which of a service's addresses to use.
    #[serde(default)]
    pub interface: Interface,
    /// The service accounts. A tenant that is not here has no cloud.
    #[serde(with = "by_tenant")]
    pub accounts: BTreeMap<TenantId, Account>,
    /// Where an account was before it moved on purpose: a project's id, or `ID@REGION`. Otherwise [`Projects`](super::Projects) refuses it.
    #[serde(default, with = "by_tenant")]
    pub moved_from: BTreeMap<TenantId, String>,
    /// Time limits.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Nova's `max_limit`: a list of so many rows or more proves no absence (safety 3.6).
    #[serde(default = "list_max")]
    pub list_max: u32,
    /// After Keystone or Nova refuse an account, it is tried again after this (safety 2.2: one probe in 10 min).
    #[serde(default = "probe_after", with = "duration")]
    pub probe_after: Duration,
}

const fn list_max() -> u32 {
    1000
}

const fn probe_after() -> Duration {
    Duration::from_secs(600)
}

impl Settings {
    /// Settings with every default.
    #[must_use]
    pub fn new(keystone: String, region: String, accounts: BTreeMap<TenantId, Account>) -> Self {
        Self {
            keystone,
            region,
            interface: Interface::default(),
            accounts,
            moved_from: BTreeMap::new(),
            timeouts: Timeouts::default(),
            list_max: list_max(),
            probe_after: probe_after(),
        }
    }

    /// Says in the log that passwords and tokens pass a network as they are on their way to Keystone, if they do. For the start of a process.
    pub fn tell_of_plain_http(&self) {
        if self.is_in_the_clear() {
            // A tunnel may well encrypt what passes here; nobody can see that from inside.
            tracing::warn!(
                keystone = self.keystone,
                "Keystone is on a network and its address does not begin with https://: passwords and tokens of the service account pass in the clear, unless a tunnel encrypts them"
            );
        }
    }

    fn is_in_the_clear(&self) -> bool {
        transit(&self.keystone) == Some(Transit::Clear)
    }
}

/// Which of a service's addresses to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// The one for customers.
    #[default]
    Public,
    /// The one inside the provider's network.
    Internal,
    /// The one for operators.
    Admin,
}

impl Interface {
    /// The word in a catalog.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// One tenant's service account (design 9: never a person's).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Account {
    /// A service user with a role in the tenant's project.
    Password {
        /// The user's name.
        user: String,
        /// The name of the user's domain.
        #[serde(default = "default_domain")]
        user_domain: String,
        /// The password.
        password: Secret,
        /// The project behind the tenant.
        project: Project,
    },
    /// An application credential, which names user and project itself. Preferred, with access rules (safety S19).
    ApplicationCredential {
        /// Its id.
        id: String,
        /// Its secret.
        secret: Secret,
    },
}

/// A project, by its id or by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Project {
    /// By id.
    Id {
        /// The id.
        id: String,
    },
    /// By name.
    Name {
        /// The name.
        name: String,
        /// The name of its domain.
        #[serde(default = "default_domain")]
        domain: String,
    },
}

fn default_domain() -> String {
    "Default".to_owned()
}

/// Time limits, each for one whole exchange from connecting to the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Sign-in.
    #[serde(with = "duration")]
    pub auth: Duration,
    /// Create.
    #[serde(with = "duration")]
    pub create: Duration,
    /// Read of one server, and of the API's versions.
    #[serde(with = "duration")]
    pub get: Duration,
    /// Delete.
    #[serde(with = "duration")]
    pub delete: Duration,
    /// List. A dead cell holds it up for 60 s (safety 2.1).
    #[serde(with = "duration")]
    pub list: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            auth: Duration::from_secs(10),
            create: Duration::from_secs(30),
            get: Duration::from_secs(20),
            delete: Duration::from_secs(30),
            list: Duration::from_secs(75),
        }
    }
}

/// Maps by tenant: the ids are checked while the configuration is read.
mod by_tenant {
    use std::collections::BTreeMap;

    use domain::ids::TenantId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<TenantId, T>, D::Error> {
        BTreeMap::<String, T>::deserialize(deserializer)?
            .into_iter()
            .map(|(tenant, value)| Ok((tenant.parse().map_err(de::Error::custom)?, value)))
            .collect()
    }

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        values: &BTreeMap<TenantId, T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            values
                .iter()
                .map(|(tenant, value)| (tenant.as_str(), value)),
        )
    }
}

#[cfg(test)]
mod tests;
