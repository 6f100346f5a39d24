//! Servers as Nova shows them.

use std::collections::BTreeMap;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::calendar::Iso;
use crate::server::{Server, Status};
use crate::settings::Settings;

/// One row of a detailed list, or the answer to a GET.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    id: &'a str,
    name: &'a str,
    status: &'static str,
    tenant_id: &'a str,
    user_id: &'a str,
    metadata: &'a BTreeMap<String, String>,
    #[serde(rename = "hostId")]
    host_id: &'static str,
    image: Image<'a>,
    flavor: Shown<'a>,
    created: Iso,
    updated: Iso,
    addresses: Addresses<'a>,
    #[serde(rename = "accessIPv4")]
    access_v4: &'static str,
    #[serde(rename = "accessIPv6")]
    access_v6: &'static str,
    links: [Link; 2],
    #[serde(rename = "OS-DCF:diskConfig")]
    disk_config: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
    #[serde(rename = "OS-EXT-AZ:availability_zone")]
    zone: &'a str,
    config_drive: &'static str,
    key_name: Option<&'a str>,
    #[serde(rename = "OS-SRV-USG:launched_at")]
    launched: Option<Iso>,
    #[serde(rename = "OS-SRV-USG:terminated_at")]
    terminated: Option<Iso>,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task: Option<&'static str>,
    #[serde(rename = "OS-EXT-STS:vm_state")]
    vm_state: &'static str,
    #[serde(rename = "OS-EXT-STS:power_state")]
    power_state: u8,
    #[serde(rename = "os-extended-volumes:volumes_attached")]
    volumes: [u8; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Fault<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Option<&'a str>>,
}

/// A row of a short list.
#[derive(Debug, Serialize)]
pub(crate) struct Short<'a> {
    id: &'a str,
    name: &'a str,
    links: [Link; 2],
}

/// What is known of a server whose cell does not answer: no name, no metadata, no tags.
#[derive(Debug, Serialize)]
pub(crate) struct Lost<'a> {
    id: &'a str,
    status: &'static str,
    tenant_id: &'a str,
    created: Iso,
    links: [Link; 2],
    /// A GET of one server knows a little more than a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flavor: Option<Shown<'a>>,
    #[serde(rename = "OS-EXT-AZ:availability_zone")]
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    #[serde(rename = "OS-EXT-STS:power_state")]
    #[serde(skip_serializing_if = "Option::is_none")]
    power_state: Option<u8>,
}

/// The image of a row. Typed, as all of a row is: lists are what a simulated cloud writes most.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Image<'a> {
    None(&'static str),
    Named(Named<'a>),
}

#[derive(Debug, Serialize)]
struct Named<'a> {
    id: &'a str,
    links: [u8; 0],
}

/// The flavor of a row, as its microversion shows it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Whole {
        original_name: &'a str,
        vcpus: u32,
        ram: u32,
        disk: u32,
        ephemeral: u32,
        swap: u32,
        extra_specs: Empty,
    },
    Named(Named<'a>),
}

#[derive(Debug, Serialize)]
struct Empty {}

#[derive(Debug)]
struct Addresses<'a>(&'a Server);

#[derive(Debug, Serialize)]
struct Address<'a> {
    version: u8,
    addr: &'a str,
    #[serde(rename = "OS-EXT-IPS:type")]
    kind: &'static str,
    #[serde(rename = "OS-EXT-IPS-MAC:mac_addr")]
    mac: &'static str,
}

#[derive(Debug, Serialize)]
struct Fault<'a> {
    code: u16,
    created: Iso,
    message: &'a str,
}

/// A link of a resource.
#[derive(Debug, Serialize)]
pub(crate) struct Link {
    rel: &'static str,
    href: String,
}

/// How rows are to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) minor: u16,
}

impl<'a> Style<'a> {
    pub(crate) fn row(self, server: &'a Server) -> Row<'a> {
        let fault = server.fault.as_ref().map(|fault| Fault {
            code: fault.code,
            created: Iso(fault.at_ms),
            message: &fault.message,
        });
        let shows_fault = matches!(server.status, Status::Error | Status::Deleted);
        let progress = matches!(server.status, Status::Build | Status::Active);
        Row {
            id: &server.id,
            name: &server.name,
            status: server.status.as_str(),
            tenant_id: &server.project,
            user_id: &server.user,
            metadata: &server.metadata,
            host_id: "",
            image: image(&server.image),
            flavor: self.flavor(&server.flavor),
            created: Iso(server.created_ms),
            updated: Iso(server.updated_ms),
            addresses: Addresses(server),
            access_v4: "",
            access_v6: "",
            links: self.links(server),
            disk_config: "MANUAL",
            progress: progress.then_some(0),
            zone: if server.cell.is_some() {
                &server.zone
            } else {
                ""
            },
            config_drive: "",
            key_name: server.key_name.as_deref(),
            launched: server.active_ms.map(Iso),
            terminated: server.deleted.and_then(|end| end.gone_ms).map(Iso),
            task: server.task,
            vm_state: server.status.vm_state(),
            power_state: server.status.power_state(),
            volumes: [],
            fault: fault.filter(|_| shows_fault),
            tags: (self.minor >= 26).then_some(&server.tags),
            locked: (self.minor >= 9).then_some(server.locked),
            description: (self.minor >= 19).then_some(server.description.as_deref()),
        }
    }

    pub(crate) fn short(self, server: &'a Server) -> Short<'a> {
        Short {
            id: &server.id,
            name: &server.name,
            links: self.links(server),
        }
    }

    /// A row of a list for a server in a dead cell.
    pub(crate) fn lost(self, server: &'a Server) -> Lost<'a> {
        Lost {
            id: &server.id,
            status: "UNKNOWN",
            tenant_id: &server.project,
            created: Iso(server.created_ms),
            links: self.links(server),
            user_id: None,
            image: None,
            flavor: None,
            zone: None,
            power_state: None,
        }
    }

    /// The answer to a GET of a server in a dead cell.
    pub(crate) fn lost_single(self, server: &'a Server) -> Lost<'a> {
        Lost {
            user_id: Some(&server.user),
            image: Some(image(&server.image)),
            flavor: Some(self.flavor(&server.flavor)),
            zone: Some(&server.zone),
            power_state: Some(0),
            ..self.lost(server)
        }
    }

    pub(crate) fn links(self, server: &Server) -> [Link; 2] {
        let (base, region, id) = (&self.settings.base_url, &server.region, &server.id);
        let href = format!("{base}/compute/{region}/v2.1/servers/{id}");
        let bookmark = format!("{base}/compute/{region}/servers/{id}");
        [
            Link { rel: "self", href },
            Link {
                rel: "bookmark",
                href: bookmark,
            },
        ]
    }

    fn flavor(self, id: &'a str) -> Shown<'a> {
        let found = self.settings.flavors.iter().find(|f| f.id == id);
        match found {
            Some(flavor) if self.minor >= 47 => Shown::Whole {
                original_name: &flavor.name,
                vcpus: flavor.vcpus,
                ram: flavor.ram_mib,
                disk: flavor.disk_gib,
                ephemeral: 0,
                swap: 0,
                extra_specs: Empty {},
            },
            _ => Shown::Named(Named { id, links: [] }),
        }
    }
}

/// Nova writes an empty text for a server without an image.
fn image(id: &str) -> Image<'_> {
    if id.is_empty() {
        Image::None("")
    } else {
        Image::Named(Named { id, links: [] })
    }
}

/// A server has one address at most.
impl Serialize for Addresses<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let there = self.0.network.as_ref().zip(self.0.address.as_ref());
        let mut map = serializer.serialize_map(Some(usize::from(there.is_some())))?;
        if let Some((network, addr)) = there {
            let address = Address {
                version: 4,
                addr,
                kind: "fixed",
                mac: "fa:16:3e:00:00:01",
            };
            map.serialize_entry(network, &[address])?;
        }
        map.end()
    }
}

impl Row<'_> {
    pub(crate) fn id(&self) -> &str {
        self.id
    }
}

impl Short<'_> {
    pub(crate) fn id(&self) -> &str {
        self.id
    }
}
