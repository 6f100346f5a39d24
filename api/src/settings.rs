//! What an api needs to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chassis::Secret;
use chassis::config::{Rate, duration};
use chassis::net::Network;
use serde::{Deserialize, Serialize};

use crate::colos::Settings as Colos;

/// Everything configurable. Every field but who may sign tokens has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that serve requests. 0: the one that does everything else where there is only one, else two.
    pub threads: usize,
    /// The number of this colo: part of every group id that is made here.
    pub colo: u16,
    /// How long the owner of a group is waited for before its event goes into the inbox.
    #[serde(with = "duration")]
    pub owner_deadline: Duration,
    /// How long requests are still served after the process was asked to stop and `/health/ready` says so: as long as whatever is in front
    /// takes to notice. Then they are refused.
    #[serde(with = "duration")]
    pub linger: Duration,
    /// Who may sign tokens.
    pub tokens: Tokens,
    /// How much one tenant may ask.
    pub limits: Limits,
    /// Bodies with alerts that one input may send in a second; more is answered 503, because senders of alerts drop what is refused (inputs, rule b).
    pub alerts: NonZeroU32,
    /// Proxies in front of this service: each is believed about whom it speaks for (`X-Forwarded-For`), for records.
    pub proxies: Vec<Network>,
    /// The surface of the old service.
    pub v1: V1,
    /// What seals the secrets of hooks and makes the addresses by which receivers answer, newest first: the same keys as the hooks lane's.
    /// Without one, no hook can be made.
    pub hooks: Vec<Secret>,
    /// The other colos of the installation.
    pub colos: Colos,
}

/// By default; an Alertmanager that repeats itself for a thousand groups of alerts every 10 s stays below it.
const ALERTS: NonZeroU32 = NonZeroU32::new(200).expect("not zero");

/// What the surface of the old service is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct V1 {
    /// Begins every link that is made: where clients find this service, without a slash at the end. None: the address that it listens on.
    pub url_root: Option<String>,
    /// Begins the links of servers: the compute endpoint without its version. None: servers are shown without links.
    pub compute_url: Option<String>,
    /// What derives capability URLs.
    pub capabilities: Capabilities,
    /// Groups of one tenant.
    pub groups: u32,
    /// Policies of one group.
    pub policies: u32,
    /// Webhooks of one policy.
    pub webhooks: u32,
    /// Executions of one group by its capability URLs in a second.
    pub executions: NonZeroU32,
    /// Whether policies of the type `cloud_monitoring` are taken. Nothing evaluates them.
    pub monitoring: bool,
    /// Tenants whose account is suspended: they may look and delete, and nothing that is asked for here scales. What the supervisor does by itself,
    /// schedules among it, goes on until their groups are paused.
    pub suspended: BTreeSet<String>,
}

/// Keys of capability URLs. To rotate, add a key and make it `current`; take the old one away when its URLs may die.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// The key by which URLs are shown.
    pub current: String,
    /// Keys by name, each of at least 32 characters; URLs of all of them work. None: no webhook can be made.
    pub keys: BTreeMap<String, Secret>,
}

impl Default for V1 {
    fn default() -> Self {
        const TEN: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
        Self {
            url_root: None,
            compute_url: None,
            capabilities: Capabilities::default(),
            groups: 1_000,
            policies: 100,
            webhooks: 25,
            executions: TEN,
            monitoring: false,
            suspended: BTreeSet::new(),
        }
    }
}

/// Who may sign tokens, and how long an answer about one is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// Tokens of other issuers are refused.
    pub issuer: String,
    /// Tokens for other services are refused.
    pub audience: String,
    /// Public keys in PEM by key id: Ed25519 signs with `EdDSA`, RSA with RS256, and neither with anything else.
    pub keys: BTreeMap<String, String>,
    /// A JWKS file with more of them, read again when it changes.
    pub jwks_file: Option<PathBuf>,
    /// Or the address of such a set: HTTPS, or on loopback.
    pub jwks_url: Option<String>,
    /// Believe these certificates too when asking that address.
    pub jwks_ca_file: Option<PathBuf>,
    /// Between two looks at that file or address.
    #[serde(with = "duration")]
    pub jwks_reload: Duration,
    /// How far the clocks of issuers may be off: at most 30 s (safety S2).
    #[serde(with = "duration")]
    pub leeway: Duration,
    /// How long a verified token is believed without another look at its signature: at most 30 s.
    #[serde(with = "duration")]
    pub believed: Duration,
    /// How many verified tokens are remembered.
    pub remembered: u64,
    /// The Keystone whose tokens are good here too, besides signed ones.
    pub keystone: Keystone,
}

/// A Keystone that is asked about tokens, and what its roles mean here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keystone {
    /// Its address, as `https://keystone.example.org:5000/v3`: HTTPS, or on loopback. None: only signed tokens are good.
    pub url: Option<String>,
    /// Believe these certificates too when asking it.
    pub ca_file: Option<PathBuf>,
    /// How long its answer about a token is believed: at most 30 s. A revoked token ends within that time.
    #[serde(with = "duration")]
    pub believed: Duration,
    /// How many answers are remembered.
    pub remembered: u64,
    /// Rights by name of a role on a project: read, crud, trigger, exceed-limits, audit. A role that is not named grants nothing.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    /// Rights of staff by name of a role on the whole system: support, operate.
    pub system_roles: BTreeMap<String, BTreeSet<String>>,
    /// Groups by name of a role: who has no other role is limited to them.
    pub limited: BTreeMap<String, BTreeSet<String>>,
    /// Tenants by id of their project; a project that is not named is the tenant of its own id.
    pub tenants: BTreeMap<String, String>,
}

impl Default for Keystone {
    fn default() -> Self {
        Self {
            url: None,
            ca_file: None,
            believed: Duration::from_secs(30),
            remembered: 10_000,
            roles: BTreeMap::new(),
            system_roles: BTreeMap::new(),
            limited: BTreeMap::new(),
            tenants: BTreeMap::new(),
        }
    }
}

/// How much one tenant may ask; more is answered 429.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests in the long run.
    pub requests: Rate,
    /// Requests at once after a quiet time.
    pub burst: NonZeroU32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8070)),
            threads: 0,
            colo: 1,
            owner_deadline: Duration::from_secs(2),
            linger: Duration::ZERO,
            tokens: Tokens::default(),
            limits: Limits::default(),
            alerts: ALERTS,
            proxies: Vec::new(),
            v1: V1::default(),
            hooks: Vec::new(),
            colos: Colos::default(),
        }
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            issuer: "holt".to_owned(),
            audience: "holt".to_owned(),
            keys: BTreeMap::new(),
            jwks_file: None,
            jwks_url: None,
            jwks_ca_file: None,
            jwks_reload: Duration::from_secs(10),
            leeway: Duration::from_secs(30),
            believed: Duration::from_secs(30),
            remembered: 10_000,
            keystone: Keystone::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const MANY: NonZeroU32 = NonZeroU32::new(2_000).expect("not zero");
        Self {
            requests: Rate::PerSecond(MANY),
            burst: MANY,
        }
    }
}

/// Why an api does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody could have a valid token: nothing is open by default.
    #[error("no key may sign tokens: configure `keys`, `jwks_file`, `jwks_url` or `keystone`")]
    NoKeys,
    /// A key cannot be used.
    #[error("token key `{id}` {rule}")]
    BadKey {
        /// Its key id.
        id: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// The JWKS file cannot be read.
    #[error("read JWKS file {}", path.display())]
    Jwks {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The JWKS file is no key set.
    #[error("JWKS file {} is not a key set", path.display())]
    BadJwks {
        /// Which.
        path: PathBuf,
    },
    /// The address cannot be listened on.
    #[error("listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A setting is out of its range.
    #[error("`{key}` {rule}")]
    OutOfRange {
        /// Which.
        key: &'static str,
        /// Its range.
        rule: &'static str,
    },
}
