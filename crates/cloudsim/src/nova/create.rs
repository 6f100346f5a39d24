//! `POST /servers`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::life::over_quota;
use crate::nova::error::refuse;
use crate::nova::row::Style;
use crate::nova::{Ask, Refused};
use crate::request::Response;
use crate::server::{Asked, Server, Status};
use crate::sim::Sim;

/// A create's body, parsed once on arrival.
#[derive(Debug)]
pub(crate) struct Body(Option<Map<String, Value>>);

impl Body {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self(serde_json::from_slice(bytes).ok())
    }

    /// The tags it asks for, whether or not they are allowed.
    pub(crate) fn tags(&self) -> Vec<String> {
        let server = self.0.as_ref().and_then(|outer| outer.get("server"));
        let tags = server.and_then(|server| server.get("tags"));
        let tags = tags.and_then(Value::as_array).into_iter().flatten();
        tags.filter_map(|tag| tag.as_str().map(ToOwned::to_owned))
            .collect()
    }

    fn server(&self) -> Result<&Map<String, Value>, Refused> {
        let outer = self
            .0
            .as_ref()
            .ok_or_else(|| refuse(400, "Malformed request body"))?;
        outer
            .get("server")
            .and_then(Value::as_object)
            .ok_or_else(|| invalid("'server' is a required property"))
    }
}

/// A create that passed all checks.
struct Wanted {
    name: String,
    image: String,
    flavor: String,
    zone: String,
    key_name: Option<String>,
    description: Option<String>,
    network: Option<String>,
    metadata: BTreeMap<String, String>,
    tags: Vec<String>,
    copies: u64,
    reservation: bool,
}

impl Sim {
    pub(super) fn create_server(&mut self, ask: &Ask<'_>) -> Result<Response, Refused> {
        let Some(body) = &ask.job.create else {
            return Err(refuse(400, "Malformed request body"));
        };
        let wanted = self.check_create(ask, body.server()?)?;
        let region = &self.regions[ask.region];
        if let Some(quota) = region.weather.faults().quota_instances {
            let used = self.fleet.used(&region.name, &ask.project);
            if used + wanted.copies > quota {
                return Err(refuse(403, &over_quota(used, quota)));
            }
        }
        let mut first = None;
        for copy in 1..=wanted.copies {
            let name = if wanted.copies == 1 {
                wanted.name.clone()
            } else {
                format!("{}-{copy}", wanted.name)
            };
            let server = self.new_server(ask, &wanted, name);
            first.get_or_insert_with(|| server.id.clone());
            self.born(server, ask.job.fate.build.clone());
        }
        self.log.made(&wanted.tags, wanted.copies);
        let id = first.unwrap_or_default();
        if let Some(entry) = self.log.entry_mut(ask.job.seq) {
            entry.server = Some(id.clone());
        }
        Ok(self.accepted(ask, &id, wanted.reservation))
    }

    fn accepted(&self, ask: &Ask<'_>, id: &str, reservation: bool) -> Response {
        if reservation {
            let id = format!("r-{:08x}", ask.job.seq);
            return Response::json(202, &json!({"reservation_id": id}));
        }
        let style = Style {
            settings: &self.settings,
            minor: ask.minor,
        };
        let Some(server) = self.server(id) else {
            return Response::empty(202);
        };
        let password = id.get(24..).unwrap_or_default();
        let body = json!({"server": {
            "id": id, "links": style.links(server), "OS-DCF:diskConfig": "MANUAL",
            "security_groups": [{"name": "default"}], "adminPass": password,
        }});
        let base = &self.settings.base_url;
        let location = format!("{base}/compute/{}/v2.1/servers/{id}", server.region);
        Response::json(202, &body).with("location", location)
    }

    fn new_server(&self, ask: &Ask<'_>, wanted: &Wanted, name: String) -> Server {
        Server {
            id: self.server_id(),
            name,
            region: self.regions[ask.region].name.clone(),
            project: ask.project.clone(),
            user: ask.user.clone(),
            cell: None,
            status: Status::Build,
            task: Some("scheduling"),
            fault: None,
            metadata: wanted.metadata.clone(),
            tags: wanted.tags.clone(),
            asked: Some(Asked {
                request: ask.job.seq,
                tags: wanted.tags.clone(),
                metadata: None,
            }),
            flavor: wanted.flavor.clone(),
            image: wanted.image.clone(),
            zone: wanted.zone.clone(),
            key_name: wanted.key_name.clone(),
            description: wanted.description.clone(),
            network: wanted.network.clone(),
            address: None,
            locked: false,
            protected: false,
            counted: false,
            created_ms: self.now_ms,
            updated_ms: self.now_ms,
            active_ms: None,
            deleted: None,
        }
    }

    fn check_create(&self, ask: &Ask<'_>, given: &Map<String, Value>) -> Result<Wanted, Refused> {
        check_keys(given, ask.minor)?;
        let text = |key: &str| match given.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(invalid(&format!("{key}: not of type 'string'"))),
        };
        let name = text("name")?.ok_or_else(|| required("name"))?;
        if name.is_empty() || name.chars().count() > 255 {
            return Err(invalid("name: length must be 1 to 255"));
        }
        let flavor = text("flavorRef")?.ok_or_else(|| required("flavorRef"))?;
        let flavor = last_part(&flavor);
        let image = last_part(&text("imageRef")?.unwrap_or_default());
        let volume = given.contains_key("block_device_mapping_v2");
        self.check_flavor_and_image(&ask.project, &flavor, &image, volume)?;
        let metadata = metadata(given.get("metadata"), self.settings.metadata_items_max)?;
        let tags = tags(given.get("tags"))?;
        let network = self.check_networks(given.get("networks"), ask.minor)?;
        let default_zone = self.settings.zones.first().cloned().unwrap_or_default();
        let zone = text("availability_zone")?.unwrap_or(default_zone);
        if !self.settings.zones.contains(&zone) {
            return Err(refuse(
                400,
                "The requested availability zone is not available",
            ));
        }
        let key_name = text("key_name")?;
        if let Some(key) = &key_name {
            let pair = (ask.user.clone(), key.clone());
            if !self.regions[ask.region].key_pairs.contains_key(&pair) {
                return Err(refuse(400, "Invalid key_name provided."));
            }
        }
        let reservation = &given.get("return_reservation_id");
        Ok(Wanted {
            name,
            image,
            flavor,
            zone,
            key_name,
            description: text("description")?,
            network,
            metadata,
            tags,
            copies: copies(given)?,
            reservation: reservation.and_then(Value::as_bool).unwrap_or_default(),
        })
    }

    fn check_flavor_and_image(
        &self,
        project: &str,
        flavor: &str,
        image: &str,
        volume: bool,
    ) -> Result<(), Refused> {
        let flavors = &self.settings.flavors;
        let found = flavors.iter().find(|f| f.id == flavor);
        let found =
            found.ok_or_else(|| refuse(400, &format!("Flavor {flavor} could not be found.")))?;
        if image.is_empty() {
            return if volume {
                Ok(())
            } else {
                Err(refuse(400, "Invalid imageRef provided."))
            };
        }
        let visible = |owner: &Option<String>| owner.as_deref().is_none_or(|o| o == project);
        let images = &self.settings.images;
        let known = images.iter().find(|i| i.id == image && visible(&i.project));
        let known = known.ok_or_else(|| refuse(400, "Can not find requested image"))?;
        if known.status != "active" {
            let text = format!("Image {image} is unacceptable: Image is not active.");
            return Err(refuse(400, &text));
        }
        if found.disk_gib == 0 && !volume {
            return Err(refuse(
                403,
                "Only volume-backed servers are allowed for flavors with zero disk.",
            ));
        }
        Ok(())
    }

    /// The name of the network the server gets an address in.
    fn check_networks(&self, given: Option<&Value>, minor: u16) -> Result<Option<String>, Refused> {
        let networks = &self.settings.networks;
        let first = networks.first().map(|n| n.name.clone());
        match given {
            None | Some(Value::Null) if minor >= 37 => Err(required("networks")),
            None | Some(Value::Null) => Ok(first),
            Some(Value::String(word)) if minor >= 37 && word == "auto" => Ok(first),
            Some(Value::String(word)) if minor >= 37 && word == "none" => Ok(None),
            Some(Value::Array(list)) if list.is_empty() => Ok(first),
            Some(Value::Array(list)) => {
                let mut name = None;
                for network in list {
                    let Some(id) = network["uuid"].as_str() else {
                        return Err(invalid("networks: 'uuid' is a required property"));
                    };
                    let found = networks.iter().find(|n| n.id == id);
                    let found = found
                        .ok_or_else(|| refuse(400, &format!("Network {id} could not be found.")))?;
                    name.get_or_insert_with(|| found.name.clone());
                }
                Ok(name)
            }
            Some(other) => Err(invalid(&format!("networks: {other} is not valid"))),
        }
    }
}

/// Refuses what the version does not know, as Nova's schemas do.
fn check_keys(given: &Map<String, Value>, minor: u16) -> Result<(), Refused> {
    for key in given.keys() {
        let known = match key.as_str() {
            "name"
            | "imageRef"
            | "flavorRef"
            | "networks"
            | "metadata"
            | "adminPass"
            | "key_name"
            | "availability_zone"
            | "user_data"
            | "config_drive"
            | "security_groups"
            | "min_count"
            | "max_count"
            | "return_reservation_id"
            | "OS-DCF:diskConfig"
            | "accessIPv4"
            | "accessIPv6"
            | "block_device_mapping"
            | "block_device_mapping_v2" => true,
            "personality" => minor < 57,
            "description" => minor >= 19,
            "tags" => minor >= 52,
            "trusted_image_certificates" => minor >= 63,
            "host" | "hypervisor_hostname" => minor >= 74,
            "hostname" => minor >= 90,
            _ => false,
        };
        if !known {
            // Nova repeats the value that broke its schema: all of it.
            let value = Value::Object(given.clone());
            return Err(invalid(&format!(
                "Value: {value}. Additional properties are not allowed ('{key}' was unexpected)"
            )));
        }
    }
    Ok(())
}

/// Metadata of a create or an edit.
pub(super) fn metadata(
    given: Option<&Value>,
    items_max: usize,
) -> Result<BTreeMap<String, String>, Refused> {
    let items = match given {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(items)) => items,
        Some(_) => return Err(invalid("metadata: not of type 'object'")),
    };
    if items.len() > items_max {
        return Err(refuse(
            403,
            &format!("Maximum number of metadata items exceeds {items_max}"),
        ));
    }
    let mut checked = BTreeMap::new();
    for (key, value) in items {
        let value = value
            .as_str()
            .filter(|v| v.chars().count() <= 255)
            .ok_or_else(|| {
                invalid(&format!(
                    "metadata: the value of '{key}' is not a text of at most 255 characters"
                ))
            })?;
        if key.is_empty() || key.chars().count() > 255 {
            return Err(invalid(&format!(
                "metadata: the key '{key}' is not of 1 to 255 characters"
            )));
        }
        checked.insert(key.clone(), value.to_owned());
    }
    Ok(checked)
}

/// Tags of a create or an edit.
pub(super) fn tags(given: Option<&Value>) -> Result<Vec<String>, Refused> {
    let list = match given {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(invalid("tags: not of type 'array'")),
    };
    if list.len() > TAGS_MAX {
        return Err(invalid("tags: too long"));
    }
    let mut checked: Vec<String> = Vec::with_capacity(list.len());
    for tag in list {
        let tag = tag.as_str().filter(|tag| good_tag(tag));
        let tag = tag.ok_or_else(|| invalid("tags: not a good tag"))?;
        if !checked.iter().any(|seen| seen == tag) {
            checked.push(tag.to_owned());
        }
    }
    Ok(checked)
}

/// Tags per server.
pub(super) const TAGS_MAX: usize = 50;

/// 1 to 60 characters, no slash, no comma.
pub(super) fn good_tag(tag: &str) -> bool {
    (1..=60).contains(&tag.chars().count()) && !tag.contains(['/', ','])
}

/// How many servers one call makes (lab fact 12).
fn copies(given: &Map<String, Value>) -> Result<u64, Refused> {
    let number = |key: &str| match given.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .or_else(|| value.as_str()?.parse().ok())
            .filter(|n| *n >= 1)
            .map(Some)
            .ok_or_else(|| invalid(&format!("{key}: not a whole number of 1 or more"))),
    };
    let min = number("min_count")?;
    let max = number("max_count")?;
    let (least, most) = (min.unwrap_or(1), max.or(min).unwrap_or(1));
    if least > most {
        return Err(refuse(400, "min_count must be <= max_count"));
    }
    // With quota to spare Nova makes as many as it may; a bound keeps a typing error from filling the memory.
    Ok(most.min(1_000))
}

/// References may be whole URLs; their last part is the id.
fn last_part(reference: &str) -> String {
    let last = reference.rsplit('/').next();
    last.unwrap_or_default().to_owned()
}

fn required(key: &str) -> Refused {
    invalid(&format!("'{key}' is a required property"))
}

fn invalid(reason: &str) -> Refused {
    refuse(
        400,
        &format!("Invalid input for field/attribute server. {reason}"),
    )
}
