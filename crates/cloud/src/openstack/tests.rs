//! The client against a server that says what it is told to: what is sent, how often, and what is made of the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use chassis::Secret;
use chassis::http::Trust;
use domain::ids::{GroupId, Nonce};
use serde_json::{Value, json};

use super::*;
use crate::double::{Double, Say, Seen};
use crate::guard;
use crate::proof::Mint;
use crate::transport::http::{self, HttpTransport};

mod calls;
mod key_pairs;
mod lists;
mod revoke;
mod secrets;
mod sign_in;

const SERVER: &str = "00000000-0000-4000-8000-000000000009";
const MINT: Mint = Mint {
    group: GroupId::from_u128(1),
    slot: SlotId::from_u128(2),
    nonce: Nonce::from_u128(3),
};

fn tenant() -> TenantId {
    "tenant-a".parse().expect("a tenant")
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).expect("not empty")
}

fn keys() -> ProofKeys {
    ProofKeys::new(1, [(1, secret("0123456789abcdef0123456789abcdef"))]).expect("a good key")
}

fn settings(double: &Double) -> Settings {
    let account = Account::Password {
        user: "autoscaler".to_owned(),
        user_domain: "Default".to_owned(),
        password: secret("CANARY-password"),
        project: Project::Id {
            id: "p1".to_owned(),
        },
    };
    Settings::new(
        format!("{}/v3", double.url),
        "ORD".to_owned(),
        BTreeMap::from([(tenant(), account)]),
    )
}

fn client_with(settings: Settings) -> OpenStack {
    let process = Process::system();
    let transport = HttpTransport::new(&http::Settings {
        trust: Trust::Only(Vec::new()),
        ..http::Settings::default()
    });
    let guard = Guard::new(&process, guard::Settings::default());
    let transport = Arc::new(transport.expect("a transport"));
    OpenStack::new(process, transport, settings, keys(), guard)
}

/// For answers that never come.
const SHORT: Timeouts = {
    let short = Duration::from_millis(300);
    Timeouts {
        auth: short,
        create: short,
        get: short,
        delete: short,
        list: short,
    }
};

/// A client, and a cloud whose Keystone and version root work; `nova` answers the rest.
async fn cloud(nova: impl FnMut(&Seen) -> Say + Send + 'static) -> (OpenStack, Double) {
    cloud_at("2.93", nova).await
}

async fn cloud_at(
    highest: &'static str,
    mut nova: impl FnMut(&Seen) -> Say + Send + 'static,
) -> (OpenStack, Double) {
    let mut tokens = 0;
    let double = Double::start(
        move |seen| match (seen.method.as_str(), seen.path.as_str()) {
            ("POST", "/v3/auth/tokens") => {
                tokens += 1;
                signed_in(seen, tokens, 3600)
            }
            ("GET", "/v2.1/") => root(highest),
            _ => nova(seen),
        },
    )
    .await;
    (client_with(settings(&double)), double)
}

fn root(highest: &str) -> Say {
    Say::json(
        200,
        json!({"version": {"id": "v2.1", "version": highest, "min_version": "2.1"}}),
    )
}

/// Keystone's answer; the catalog leads back to the double.
fn signed_in(seen: &Seen, nth: u32, life_s: u32) -> Say {
    let host = seen.header("host").expect("a host");
    let expires = format!(
        "2026-11-21T{:02}:{:02}:{:02}.000000Z",
        life_s / 3600,
        life_s / 60 % 60,
        life_s % 60
    );
    let body = json!({"token": {
        "issued_at": "2026-11-21T00:00:00.000000Z", "expires_at": expires, "user": {"id": "u1"}, "project": {"id": "p1"},
        "catalog": [{"type": "compute", "endpoints": [
            {"interface": "public", "region_id": "ORD", "url": format!("http://{host}/v2.1/p1")}]}],
    }});
    let token = vec![("X-Subject-Token", format!("CANARY-token-{nth}"))];
    Say::Answer(201, token, body.to_string())
}

fn accepted() -> Say {
    Say::json(
        202,
        json!({"server": {"id": SERVER, "adminPass": "CANARY-admin"}}),
    )
}

fn new_server() -> Create {
    Create {
        group: MINT.group,
        slot: MINT.slot,
        nonce: MINT.nonce,
        tenant: tenant(),
        launch: Arc::from(&br#"{"server": {"flavorRef": "2", "imageRef": "i"}}"#[..]),
        labels: BTreeMap::new(),
    }
}

/// A server of ours as a row.
fn row() -> Value {
    let metadata: BTreeMap<_, _> = keys().stamp("p1", &tenant(), &MINT).into_iter().collect();
    json!({"id": SERVER, "status": "ACTIVE", "tenant_id": "p1", "user_id": "u1", "metadata": metadata})
}
