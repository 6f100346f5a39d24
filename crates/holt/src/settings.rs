//! From the configuration's words to what the roles take. Whatever is missing is named by its key, here, before anything starts.
use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, anyhow, bail, ensure};
use chassis::{Secret, http::Trust};
use cloud::{
    openstack::{self, Account, Project},
    proof::ProofKeys,
    transport::http,
};
use domain::{
    evidence::Rules,
    ids::{ColoId, TenantId},
};
use holt_worker::host::Place;
use sha2::{Digest, Sha256};
use store_cassandra::choice;
use wire::hooks::secret::HookKeys;

use crate::config::{self, Config, Derived, Tenant, User};

const DOMAIN: &str = "Default";

/// A key without which nothing starts.
///
/// # Errors
/// Names the key.
fn required<'a, T>(key: &str, value: Option<&'a T>) -> anyhow::Result<&'a T> {
    value.ok_or_else(|| anyhow!("configuration key `{key}` is required and not set"))
}

/// The api's settings.
///
/// # Errors
/// Nobody could have a token: nothing is open by default.
pub(crate) fn api(config: &Config) -> anyhow::Result<holt_api::Settings> {
    let api = &config.api;
    ensure!(
        !api.keys.is_empty()
            || api.jwks_file.is_some()
            || api.jwks_url.is_some()
            || api.keystone.url.is_some(),
        "configuration key `api.keys`, `api.jwks_file`, `api.jwks_url` or `api.keystone` is required: `holt token --new-key FOLDER` makes a key"
    );
    let keys = api
        .keys
        .iter()
        .map(|(id, key)| (id.clone(), key.expose().to_owned()));
    Ok(holt_api::Settings {
        listen: api.listen,
        threads: api.threads,
        colo: config.colo.number,
        owner_deadline: api.owner_deadline,
        linger: std::time::Duration::ZERO,
        tokens: holt_api::Tokens {
            issuer: api.issuer.clone(),
            audience: api.audience.clone(),
            keys: keys.collect(),
            jwks_file: api.jwks_file.clone(),
            jwks_url: api.jwks_url.clone(),
            jwks_ca_file: api.jwks_ca_file.clone(),
            keystone: keystone(config),
            ..holt_api::Tokens::default()
        },
        limits: holt_api::Limits {
            requests: api.requests,
            burst: api.burst,
        },
        alerts: api.alerts,
        proxies: api.proxies.clone(),
        v1: v1(config)?,
        hooks: hook_keys(config)?,
        colos: api.colos.clone(),
    })
}

/// The Keystone whose tokens are good: a project is the tenant that `cloud.tenants` says, if it says so.
fn keystone(config: &Config) -> holt_api::KeystoneSettings {
    let mut keystone = config.api.keystone.clone();
    for (tenant, place) in &config.cloud.tenants {
        if let Some(project) = &place.project_id {
            let known = keystone.tenants.entry(project.clone());
            known.or_insert_with(|| tenant.clone());
        }
    }
    keystone
}

/// The old surface's settings. What is derived from the keys that mark servers opens URLs too, beside keys of their own: it made those that were
/// shown before there were any. Without keys of their own it makes new ones as well. `proof.derived` can leave it at that.
fn v1(config: &Config) -> anyhow::Result<holt_api::V1> {
    // No key of an operator has such a name by chance.
    let name = |version: u32| format!("proof.keys.{version}");
    let mut v1 = config.api.v1.clone();
    let capabilities = &mut v1.capabilities;
    if capabilities.keys.is_empty() {
        capabilities.current = name(config.proof.current);
    } else if config.proof.derived == Derived::Alone {
        return Ok(v1);
    }
    for (version, key) in derived(&config.proof, b"holt capability URLs")? {
        capabilities.keys.entry(name(version)).or_insert(key);
    }
    Ok(v1)
}

/// What seals the secrets of hooks: keys of their own, and after them, for what was sealed before there were any, those that are derived from the
/// keys that mark servers.
///
/// # Errors
/// Names the key that is no version.
pub(crate) fn hook_keys(config: &Config) -> anyhow::Result<Vec<Secret>> {
    let own = config.hooks.keys.iter().cloned();
    if config.proof.derived == Derived::Alone && !config.hooks.keys.is_empty() {
        return Ok(own.collect());
    }
    let derived = derived(&config.proof, b"holt hooks")?;
    Ok(own.chain(derived.into_iter().map(|(_, key)| key)).collect())
}

/// Keys for another use, each made of one that marks servers, by its version: the current one first, by which what is new is made.
fn derived(proof: &config::Proof, usage: &[u8]) -> anyhow::Result<Vec<(u32, Secret)>> {
    let mut keys = numbered(proof)?;
    keys.sort_by_key(|(version, _)| (*version != proof.current, *version));
    let derived = keys.into_iter().map(|(version, key)| {
        let mut hash = Sha256::new();
        hash.update(usage);
        hash.update(key.expose());
        let text: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok((version, Secret::new(text)?))
    });
    derived.collect()
}

/// The hooks lane's settings; receivers answer to `address` where the configuration says nothing else.
///
/// # Errors
/// Names the key that is wrong.
pub(crate) fn hooks(
    config: &Config,
    address: std::net::SocketAddr,
) -> anyhow::Result<holt_hooks::Settings> {
    let keys = HookKeys::new(&hook_keys(config)?);
    let keys = keys.context("configuration key `hooks.keys`")?;
    config.hooks.settings(keys, &format!("http://{address}"))
}

/// The worker's settings.
///
/// # Errors
/// The name is none.
pub(crate) fn worker(config: &Config) -> anyhow::Result<holt_worker::Settings> {
    let name = config
        .worker
        .name
        .parse()
        .context("configuration key `worker.name`")?;
    let place = Place::Folder(config.worker.state_dir.clone());
    Ok(holt_worker::Settings {
        fence: fence(config)?,
        begin: config.supervisor.rules.begin,
        // As many as may be under way: the budget is the one bound.
        creates_max: config.cloud.budgets.create.at_once.get(),
        break_glass: config.supervisor.break_glass.clone(),
        revoke_after: holt_worker::revoke_after(config.worker.revoke_after)
            .context("configuration key `worker.revoke_after`")?,
        ..holt_worker::Settings::new(name, place)
    })
}

/// The worker's part of the section `plane`.
fn fence(config: &Config) -> anyhow::Result<Option<holt_worker::FenceSettings>> {
    let Some(plane) = &config.plane else {
        return Ok(None);
    };
    ensure!(
        config.cloud.tenants.contains_key(&plane.tenant),
        "configuration key `plane.tenant` must name one of `cloud.tenants`"
    );
    let key = |key: &str| format!("configuration key `plane.{key}`");
    let settings = holt_worker::FenceSettings {
        plane: plane.name.parse().with_context(|| key("name"))?,
        first: plane.first.parse().with_context(|| key("first"))?,
        tenant: plane.tenant.parse().with_context(|| key("tenant"))?,
        read: plane.read,
        stale: plane.stale,
    };
    settings.checked().context("section `plane`").map(Some)
}

/// The supervisor's part of the section `plane`.
///
/// # Errors
/// Names the key that is wrong.
pub(crate) fn home(config: &Config) -> anyhow::Result<Option<holt_supervisor::HomeSettings>> {
    let plane = config
        .plane
        .as_ref()
        .map(|plane| holt_supervisor::HomeConfig {
            name: plane.name.clone(),
            first: plane.first.clone(),
            automatic: plane.automatic,
            after: plane.after,
            stale: plane.stale,
        });
    plane.map(|plane| plane.settings()).transpose()
}

/// Where the store is, and whether what is committed is noted for an index of history outside.
pub(crate) fn place(config: &Config) -> choice::Place {
    let store = &config.store;
    let place = choice::Place {
        kind: store.kind,
        path: store.path.clone(),
        cassandra: store.cassandra.clone(),
    };
    place.feeding(config.history.is_outside())
}

/// The embedded store's settings.
pub(crate) fn store(config: &config::Store) -> store::embedded::Settings {
    store::embedded::Settings {
        readers: config.readers,
        writer_cache_kib: config.writer_cache_kib,
        reader_cache_kib: config.reader_cache_kib,
        ..store::embedded::Settings::default()
    }
}

/// The supervisor's settings.
pub(crate) fn supervisor(all: &Config) -> holt_supervisor::Settings {
    let config = &all.supervisor;
    let rules = &config.rules;
    holt_supervisor::Settings {
        rules: Rules {
            quiesce: rules.quiesce,
            begin: rules.begin,
            call: rules.call,
            token_cache: rules.token_cache,
            apart: rules.apart,
            tagged_lapse: rules.tagged_lapse,
            victim_seen: rules.victim_seen,
            delete_again: rules.delete_again,
        },
        full_pass: config.full_pass,
        tenant_pass: config.tenant_pass,
        hint_pass: config.hint_pass,
        idle: config.idle,
        awake_max: config.awake_max,
        events_waiting_max: config.events_waiting_max,
        colo: ColoId(all.colo.number),
        workers_max: all.cloud.budgets.workers_max,
        surge: config.surge_guard,
        break_glass: config.break_glass.clone(),
        ..holt_supervisor::Settings::default()
    }
}

/// The keys that mark servers as ours.
///
/// # Errors
/// There are none, or they cannot be used: stop the start.
pub(crate) fn proof_keys(config: &config::Proof) -> anyhow::Result<ProofKeys> {
    ensure!(
        !config.keys.is_empty(),
        "configuration key `proof.keys` is required and empty: `holt token --new-key FOLDER` makes one"
    );
    let keys = numbered(config)?;
    ProofKeys::new(config.current, keys).context("configuration key `proof`")
}

/// The keys that mark servers, by their versions.
///
/// # Errors
/// Names the key that is no version.
fn numbered(config: &config::Proof) -> anyhow::Result<Vec<(u32, Secret)>> {
    let numbered = |(version, key): (&String, &Secret)| {
        let number = version.parse::<u32>();
        let number = number.with_context(|| format!("`proof.keys.{version}` is not a version"))?;
        Ok((number, key.clone()))
    };
    config.keys.iter().map(numbered).collect()
}

/// The transport under the `OpenStack` client.
///
/// # Errors
/// The certificates cannot be read.
pub(crate) fn transport(config: &config::Cloud) -> anyhow::Result<http::Settings> {
    let plain = required("cloud.keystone_url", config.keystone_url.as_ref())?.starts_with("http:");
    let trust = match &config.ca_file {
        Some(path) => Trust::MachineAnd(
            fs::read(path).with_context(|| format!("`cloud.ca_file`: read {}", path.display()))?,
        ),
        // A loopback cloud must work on a machine without certificates.
        None if plain => Trust::Only(Vec::new()),
        None => Trust::Machine,
    };
    Ok(http::Settings {
        connect_timeout: config.connect_timeout,
        trust,
    })
}

/// One colo's `OpenStack`, with one account for every tenant.
///
/// # Errors
/// Names the key that is missing or contradicts another.
pub(crate) fn openstack(config: &config::Cloud) -> anyhow::Result<openstack::Settings> {
    let keystone = required("cloud.keystone_url", config.keystone_url.as_ref())?;
    let region = required("cloud.region", config.region.as_ref())?;
    let (mut accounts, mut moved_from) = (BTreeMap::new(), BTreeMap::new());
    for (name, tenant) in &config.tenants {
        let id: TenantId = name
            .parse()
            .with_context(|| format!("configuration key `cloud.tenants.{name}`"))?;
        let account = account(name, tenant, config.account.as_ref())?;
        if let Some(project) = &tenant.moved_from {
            moved_from.insert(id.clone(), project.clone());
        }
        accounts.insert(id, account);
    }
    Ok(openstack::Settings {
        moved_from,
        interface: config.interface,
        timeouts: config.timeouts,
        list_max: config.list_max,
        probe_after: config.probe_after,
        ..openstack::Settings::new(keystone.clone(), region.clone(), accounts)
    })
}

fn account(name: &str, tenant: &Tenant, default: Option<&User>) -> anyhow::Result<Account> {
    let key = |field: &str| format!("cloud.tenants.{name}.{field}");
    if let Some(id) = &tenant.application_credential_id {
        let secret = key("application_credential_secret");
        return Ok(Account::ApplicationCredential {
            id: id.clone(),
            secret: required(&secret, tenant.application_credential_secret.as_ref())?.clone(),
        });
    }
    let project = match (&tenant.project_id, &tenant.project_name) {
        (Some(_), Some(_)) => bail!("`{}` and `project_name` are both set", key("project_id")),
        (None, Some(project)) => Project::Name {
            name: project.clone(),
            domain: or_default(tenant.project_domain.as_ref()),
        },
        (Some(id), None) => Project::Id { id: id.clone() },
        (None, None) => Project::Id {
            id: name.to_owned(),
        },
    };
    let (user, user_domain, password) = match (&tenant.user, default) {
        (Some(user), _) => (
            user,
            tenant.user_domain.as_ref(),
            required(&key("password"), tenant.password.as_ref())?,
        ),
        (None, Some(default)) => (
            &default.user,
            default.user_domain.as_ref(),
            &default.password,
        ),
        (None, None) => bail!("neither `{}` nor `cloud.account` is set", key("user")),
    };
    Ok(Account::Password {
        user: user.clone(),
        user_domain: or_default(user_domain),
        password: password.clone(),
        project,
    })
}

fn or_default(domain: Option<&String>) -> String {
    domain.cloned().unwrap_or_else(|| DOMAIN.to_owned())
}

#[cfg(test)]
mod tests;
