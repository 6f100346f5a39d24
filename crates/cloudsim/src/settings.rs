//! What a simulated cloud is born with; it does not change afterwards (what changes at run time is in `Faults`).

use serde::{Deserialize, Serialize};

/// A whole cloud.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seed of all randomness.
    pub seed: u64,
    /// Colos; each has its own Nova, all share Keystone and Glance. At least one.
    pub regions: Vec<String>,
    /// Scheme, host and port that the catalog tells; the skin fills in its own address when it is empty.
    pub base_url: String,
    /// Projects.
    pub projects: Vec<Project>,
    /// Users.
    pub users: Vec<User>,
    /// Application credentials.
    pub credentials: Vec<Credential>,
    /// Flavors.
    pub flavors: Vec<Flavor>,
    /// Images.
    pub images: Vec<Image>,
    /// Networks; the first is what `auto` means.
    pub networks: Vec<Network>,
    /// Availability zones; the first is the default. A server in the zone `broken` always ends in ERROR.
    pub zones: Vec<String>,
    /// Highest microversion of Nova is 2.n.
    pub microversion_max: u16,
    /// Cells per region; servers are spread over those that live.
    pub cells: u32,
    /// Whether lists silently leave out dead cells; else they answer 500 (Nova's `list_records_by_skipping_down_cells`).
    pub lists_skip_dead_cells: bool,
    /// Life of a token.
    pub token_life_ms: u64,
    /// How long Nova and Glance believe a token that they have seen, without asking Keystone: a revoked one works so long.
    pub token_cache_ms: u64,
    /// With more than 0, a deleted server stays `SOFT_DELETED` so long before it goes.
    pub soft_delete_ms: u64,
    /// Metadata items per server.
    pub metadata_items_max: usize,
    /// Key pairs per user.
    pub key_pairs_max: usize,
    /// How many log entries are kept; counts go on regardless.
    pub log_entries_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            regions: vec!["RegionOne".to_owned()],
            base_url: String::new(),
            projects: vec![Project::new("tenant-a"), Project::new("tenant-b")],
            users: vec![
                User::new("autoscaler", &["tenant-a", "tenant-b"]),
                User::new("tenant-a-user", &["tenant-a"]),
                User::new("tenant-b-user", &["tenant-b"]),
                User {
                    admin: true,
                    ..User::new("admin", &["tenant-a", "tenant-b"])
                },
            ],
            credentials: vec![Credential {
                id: "credential-a".to_owned(),
                name: "autoscaler-a".to_owned(),
                secret: "secret".to_owned(),
                user: "autoscaler".to_owned(),
                project: "tenant-a".to_owned(),
            }],
            flavors: vec![
                Flavor::new("1", "small", 1),
                Flavor::new("2", "medium", 2),
                Flavor {
                    disk_gib: 0,
                    ..Flavor::new("zero-disk", "zero-disk", 1)
                },
            ],
            images: vec![Image::new("11111111-1111-4111-8111-111111111111", "base")],
            networks: vec![Network {
                id: "22222222-2222-4222-8222-222222222222".to_owned(),
                name: "lab-net".to_owned(),
            }],
            zones: vec!["zone-1".to_owned(), "broken".to_owned()],
            microversion_max: 93,
            cells: 1,
            lists_skip_dead_cells: true,
            token_life_ms: 3_600_000,
            token_cache_ms: 300_000,
            soft_delete_ms: 0,
            metadata_items_max: 128,
            key_pairs_max: 100,
            log_entries_max: 250_000,
        }
    }
}

/// A project (an account).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

impl Project {
    /// With the name as its id, as the default settings do.
    pub fn new(name: &str) -> Self {
        Self {
            id: name.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// A user of the domain `Default` (id `default`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Id, which servers show as `user_id`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
    /// Ids of the projects in which it has a role.
    pub projects: Vec<String>,
    /// Whether it is an administrator there.
    #[serde(default)]
    pub admin: bool,
}

impl User {
    /// With the name as its id and the password `password`.
    pub fn new(name: &str, projects: &[&str]) -> Self {
        Self {
            id: name.to_owned(),
            name: name.to_owned(),
            password: "password".to_owned(),
            projects: projects.iter().map(|&p| p.to_owned()).collect(),
            admin: false,
        }
    }
}

/// An application credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Id.
    pub id: String,
    /// Name, unique per user.
    pub name: String,
    /// Secret.
    pub secret: String,
    /// Id of the user it acts for.
    pub user: String,
    /// Id of the one project it is for.
    pub project: String,
}

/// A flavor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flavor {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory.
    pub ram_mib: u32,
    /// Root disk; with 0 a server cannot boot from an image (403).
    pub disk_gib: u32,
}

impl Flavor {
    /// 512 MiB per processor and a disk of 1 GiB.
    pub fn new(id: &str, name: &str, vcpus: u32) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            vcpus,
            ram_mib: 512 * vcpus,
            disk_gib: 1,
        }
    }
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// `active`, or `deactivated`, `queued` and so on.
    pub status: String,
    /// `None`: public; else only this project sees it.
    #[serde(default)]
    pub project: Option<String>,
}

impl Image {
    /// Public and active.
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            status: "active".to_owned(),
            project: None,
        }
    }
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Id.
    pub id: String,
    /// Name, under which servers show their addresses.
    pub name: String,
}
