//! Goes once through everything this crate does, against a real OpenStack: two servers are made (one with `personality`), seen, proved and
//! deleted, a wrong image is refused, and a token is revoked by its successor. Not part of CI: it needs a cloud, such as deploy/openstack-lab.
//!
//! ```text
//! cargo run -p cloud --example live -- live.toml
//! ```
//! where `live.toml` has `tenant`, `image`, `flavor` and a section `[openstack]` (see `cloud::openstack::Settings`).

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chassis::http::Trust;
use chassis::{Process, Secret};
use cloud::error::CreateError;
use cloud::guard::{self, Call, Guard, Priority};
use cloud::openstack::{OpenStack, Settings};
use cloud::port::{Cloud as _, Create, Revoked};
use cloud::proof::{self, ProofKeys, Proven};
use cloud::transport::http::{self, HttpTransport};
use domain::evidence::Status;
use domain::ids::{GroupId, Nonce, ServerId, SlotId, TenantId};
use serde::Deserialize;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    tenant: String,
    image: String,
    flavor: String,
    openstack: Settings,
}

struct Live {
    process: Process,
    guard: Guard,
    cloud: OpenStack,
    tenant: TenantId,
    group: GroupId,
}

fn main() -> Result<(), Failure> {
    let path = std::env::args().nth(1).ok_or("name a configuration file")?;
    let text = chassis::config::Layers::new("").file(Some(Path::new(&path)));
    let config: Config = text.load()?;
    chassis::spawn::run(async move {
        let live = start(&config)?;
        live.refused(&config).await?;
        live.revoked().await?;
        let plain = format!(
            r#"{{"flavorRef": "{}", "imageRef": "{}"}}"#,
            config.flavor, config.image
        );
        let file = r#""personality": [{"path": "/etc/motd", "contents": "aGk="}]"#;
        let with_file = format!("{}, {file}}}", plain.trim_end_matches('}'));
        for server in [plain, with_file] {
            live.life(&server).await?;
        }
        say("all went well")
    })?
}

fn start(config: &Config) -> Result<Live, Failure> {
    let process = Process::system();
    let transport = HttpTransport::new(&http::Settings {
        trust: Trust::Only(Vec::new()),
        ..http::Settings::default()
    })?;
    let key = Secret::new(format!("{:032x}", process.entropy.u128()))?;
    let guard = Guard::new(&process, guard::Settings::default());
    let cloud = OpenStack::new(
        process.clone(),
        Arc::new(transport),
        config.openstack.clone(),
        ProofKeys::new(1, [(1, key)])?,
        guard.clone(),
    );
    Ok(Live {
        group: GroupId::from_u128(process.entropy.u128()),
        tenant: config.tenant.parse()?,
        process,
        guard,
        cloud,
    })
}

impl Live {
    fn create(&self, server: &str) -> Create {
        Create {
            group: self.group,
            slot: SlotId::from_u128(self.process.entropy.u128()),
            nonce: Nonce::from_u128(self.process.entropy.u128()),
            tenant: self.tenant.clone(),
            launch: Arc::from(format!(r#"{{"server": {server}}}"#).into_bytes()),
            labels: BTreeMap::new(),
        }
    }

    async fn refused(&self, config: &Config) -> Result<(), Failure> {
        let token = self.cloud.token(&self.tenant).await?;
        say(&format!(
            "token {token:?}, {:?} left",
            self.cloud.token_left(&token)
        ))?;
        let wrong = GroupId::from_u128(0x99);
        let server = format!(
            r#"{{"flavorRef": "{}", "imageRef": "{wrong}"}}"#,
            config.flavor
        );
        match self.cloud.create(&token, &self.create(&server)).await {
            Err(CreateError::Not(why)) => say(&format!("a wrong image: {why:?}")),
            other => Err(format!("a wrong image: {other:?}").into()),
        }
    }

    async fn revoked(&self) -> Result<(), Failure> {
        let token = self.cloud.token(&self.tenant).await?;
        self.cloud.renew(&token).await?;
        let first = self.cloud.revoke(&token).await?;
        let again = self.cloud.revoke(&token).await?;
        if (first, again) != (Revoked::Now, Revoked::NotFound) {
            return Err(format!("a token to be revoked: {first:?}, then {again:?}").into());
        }
        say("a token is revoked by its successor, once")
    }

    async fn life(&self, server: &str) -> Result<(), Failure> {
        let create = self.create(server);
        let before = self.cloud.list(&self.tenant).await?;
        say(&format!(
            "before: {} servers, {:?}",
            before.servers.len(),
            before.extent
        ))?;
        let token = self.cloud.token(&self.tenant).await?;
        let began = self.process.clock.mono();
        let deadline = began + Duration::from_secs(10);
        let leave = self
            .guard
            .admit(Call::Create, &self.tenant, Priority::ScaleUp, deadline)
            .await?;
        let id = self.cloud.create(&token, &create).await?;
        drop(leave);
        let took = self.process.clock.mono().saturating_since(began);
        say(&format!("accepted {id} after {took:?}"))?;
        let tagged = self.cloud.list_tagged(&self.tenant, create.slot).await?;
        say(&format!("by tag: {tagged:?}"))?;
        self.until(id, "up", |status| status == Some(&Status::Up))
            .await?;
        let took = self.process.clock.mono().saturating_since(began);
        let list = self.cloud.list(&self.tenant).await?;
        let valid = Proven::Valid {
            group: self.group,
            slot: create.slot,
        };
        let row = list
            .servers
            .iter()
            .find(|row| row.id == id)
            .ok_or("not in the list")?;
        if row.proven != valid || !row.ours {
            return Err(format!("not proved: {row:?}").into());
        }
        say(&format!(
            "up and proved after {took:?}, list {:?}",
            list.extent
        ))?;
        let shown = self.cloud.get(&self.tenant, id).await?.ok_or("gone")?;
        let owned = proof::verify(&shown, id, self.group, create.slot).ok_or("not ours")?;
        say(&format!(
            "delete: {:?}",
            self.cloud.delete(&self.tenant, owned).await?
        ))?;
        self.until(id, "gone", |status| status.is_none()).await
    }

    async fn until(
        &self,
        id: ServerId,
        what: &str,
        good: fn(Option<&Status>) -> bool,
    ) -> Result<(), Failure> {
        let mut seen = None;
        for _ in 0..120 {
            let shown = self.cloud.get(&self.tenant, id).await?;
            let status = shown.map(|server| server.status);
            if seen.as_ref() != Some(&status) {
                say(&format!("  {status:?}"))?;
            }
            if good(status.as_ref()) {
                return Ok(());
            }
            seen = Some(status);
            self.process.clock.sleep(Duration::from_millis(500)).await;
        }
        Err(format!("{id} is not {what} after a minute").into())
    }
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
