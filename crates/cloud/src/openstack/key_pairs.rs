//! Nova: key pairs of the service user, by which control planes tell each other whose a colo is (safety 3.10).

use bytes::Bytes;
use domain::ids::TenantId;
use serde::Deserialize;
use serde_json::json;

use super::servers::unreadable;
use super::{OpenStack, classify};
use crate::error::CallError;
use crate::guard::{Call, Whose};
use crate::port::{KeyPair, Made};
use crate::transport::Method;

const PATH: &str = "/os-keypairs";

#[derive(Deserialize)]
struct Listed {
    keypairs: Vec<Row>,
    /// There are more than one page shows.
    #[serde(default)]
    keypairs_links: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Row {
    keypair: Shown,
}

#[derive(Deserialize)]
struct Shown {
    name: String,
    #[serde(default)]
    public_key: String,
}

impl OpenStack {
    pub(super) async fn list_key_pairs(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<KeyPair>, CallError> {
        let path = || PATH.to_owned();
        let whose = Whose::everybody(tenant);
        let (_, answer) = self.read(whose, Call::Get, path).await?;
        let unclear = |why: &str| CallError::Unclear(why.to_owned());
        let answer = answer.ok_or_else(|| unclear("HTTP 404 for a list of key pairs"))?;
        let listed: Listed = serde_json::from_slice(&answer.body).map_err(unreadable)?;
        if !listed.keypairs_links.is_empty() {
            return Err(unclear("the user has more key pairs than one list shows"));
        }
        let pairs = listed.keypairs.into_iter().map(|row| KeyPair {
            name: row.keypair.name,
            public_key: row.keypair.public_key,
        });
        Ok(pairs.collect())
    }

    pub(super) async fn create_key_pair(
        &self,
        tenant: &TenantId,
        pair: &KeyPair,
    ) -> Result<Made, CallError> {
        let body = json!({"keypair": {"name": pair.name, "public_key": pair.public_key}});
        let asked = (Method::Post, Bytes::from(body.to_string()));
        let path = || PATH.to_owned();
        let whose = Whose::everybody(tenant);
        let (_, exchange) = self.with_token(whose, Call::Get, asked, path).await?;
        classify::made(exchange, self.process.clock.unix_ms())
    }

    pub(super) async fn delete_key_pair(
        &self,
        tenant: &TenantId,
        name: &str,
    ) -> Result<(), CallError> {
        let asked = (Method::Delete, Bytes::new());
        let path = || format!("{PATH}/{name}");
        let whose = Whose::everybody(tenant);
        let (_, exchange) = self.with_token(whose, Call::Get, asked, path).await?;
        classify::dropped(exchange, self.process.clock.unix_ms())
    }
}
