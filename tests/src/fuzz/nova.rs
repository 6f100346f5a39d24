//! What a cloud may answer: the same bytes to every call of the client, behind a sign-in that works.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chassis::{Process, Secret, SimulatedProcess};
use cloud::guard::{self, Guard};
use cloud::openstack::{Account, OpenStack, Project, Settings};
use cloud::port::{Cloud, Create};
use cloud::proof::ProofKeys;
use cloud::transport::{Request, Response, Transport, TransportError};
use domain::ids::{GroupId, Nonce, ServerId, SlotId, TenantId};

/// What Keystone says to a sign-in that it likes.
const SIGNED_IN: &str = r#"{"token":{"expires_at":"2023-11-15T22:13:20.000000Z","issued_at":"2023-11-14T22:13:20.000000Z","user":{"id":"u"},"project":{"id":"p"},"catalog":[{"type":"compute","endpoints":[{"interface":"public","region":"R","region_id":"R","url":"http://nova/v2.1"}]}]}}"#;
/// What Nova says of itself.
const VERSIONS: &str =
    r#"{"version":{"id":"v2.1","version":"2.93","min_version":"2.1","status":"CURRENT"}}"#;

/// A cloud of one answer.
#[derive(Debug)]
struct Says {
    status: u16,
    body: Bytes,
}

#[async_trait]
impl Transport for Says {
    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let answer = |status, body: Bytes, headers: &[(&str, &str)]| Response {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body,
        };
        if request.url.starts_with("http://keystone") {
            let token = [("x-subject-token", "secret")];
            return Ok(answer(
                201,
                Bytes::from_static(SIGNED_IN.as_bytes()),
                &token,
            ));
        }
        if request.url.trim_end_matches('/').ends_with("/v2.1") {
            return Ok(answer(200, Bytes::from_static(VERSIONS.as_bytes()), &[]));
        }
        Ok(answer(self.status, self.body.clone(), &[]))
    }
}

/// The first byte chooses the status, the rest is the body.
pub fn nova(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let statuses = [200, 202, 400, 401, 403, 404, 409, 413, 429, 500, 503];
    let status = statuses[usize::from(*first) % statuses.len()];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let Ok(runtime) = runtime else {
        unreachable!("a runtime without I/O");
    };
    runtime.block_on(ask(Says {
        status,
        body: Bytes::copy_from_slice(body),
    }));
}

async fn ask(says: Says) {
    let process = Process::simulated(SimulatedProcess {
        epoch_unix_ms: 1_700_000_000_000,
        ..SimulatedProcess::default()
    });
    let Ok(tenant) = "a".parse::<TenantId>() else {
        unreachable!("a good tenant");
    };
    let Some(cloud) = client(&process, &tenant, says) else {
        unreachable!("a good client");
    };
    drop(cloud.list(&tenant).await);
    drop(cloud.list_tagged(&tenant, SlotId::from_u128(1)).await);
    drop(cloud.get(&tenant, ServerId::from_u128(1)).await);
    if let Ok(token) = cloud.token(&tenant).await {
        let create = Create {
            group: GroupId::from_u128(1),
            slot: SlotId::from_u128(1),
            nonce: Nonce::from_u128(1),
            tenant,
            launch: Arc::from(&br#"{"server":{"imageRef":"i","flavorRef":"1"}}"#[..]),
            labels: BTreeMap::new(),
        };
        drop(cloud.create(&token, &create).await);
    }
}

fn client(process: &Process, tenant: &TenantId, says: Says) -> Option<OpenStack> {
    let secret = |text: &str| Secret::parse(text.to_owned()).ok();
    let account = Account::Password {
        user: "u".to_owned(),
        user_domain: "Default".to_owned(),
        password: secret("password")?,
        project: Project::Id { id: "p".to_owned() },
    };
    let accounts = BTreeMap::from([(tenant.clone(), account)]);
    let mut settings = Settings::new("http://keystone/v3".to_owned(), "R".to_owned(), accounts);
    settings.timeouts.list = Duration::from_secs(1);
    let proof = secret("0123456789abcdef0123456789abcdef")?;
    let keys = ProofKeys::new(1, [(1, proof)]).ok()?;
    let guard = Guard::new(process, guard::Settings::default());
    Some(OpenStack::new(
        process.clone(),
        Arc::new(says),
        settings,
        keys,
        guard,
    ))
}
