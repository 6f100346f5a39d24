//! One server: reading, deleting, and what its owner may edit.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::fleet::Index;
use crate::nova::create;
use crate::nova::error::refuse;
use crate::nova::row::Style;
use crate::nova::{Ask, Refused};
use crate::request::Response;
use crate::server::{DeletedBy, Server, Status};
use crate::sim::Sim;

impl Sim {
    pub(super) fn show_server(&mut self, ask: &Ask<'_>, id: &str) -> Result<Response, Refused> {
        let index = self.find_server(ask, id)?;
        let style = Style {
            settings: &self.settings,
            minor: ask.minor,
        };
        let server = self.at(index, id)?;
        if !self.in_dead_cell(ask, server) {
            return Ok(Response::json(200, &json!({"server": style.row(server)})));
        }
        if server.deleted.is_some() {
            // Queued for delete in a cell that cannot say so: Nova answers 404, which is no proof.
            return Err(no_server(id));
        }
        if ask.minor < 69 {
            return Err(dead_cell());
        }
        let row = style.lost_single(server);
        Ok(Response::json(200, &json!({"server": row})))
    }

    pub(super) fn delete_server(&mut self, ask: &Ask<'_>, id: &str) -> Result<Response, Refused> {
        let index = self.find_server(ask, id)?;
        let server = self.at(index, id)?;
        if self.in_dead_cell(ask, server) {
            return Err(dead_cell());
        }
        refuse_locked(ask, server)?;
        if server.status == Status::SoftDeleted {
            return Err(refuse(
                409,
                &format!("Cannot 'delete' instance {id} while it is in vm_state soft-delete"),
            ));
        }
        let (protected, again) = (server.protected, server.deleted.is_some());
        if !protected && !again {
            self.dying(index, DeletedBy::Api(ask.job.seq));
            self.log.counts.servers_deleted += 1;
        }
        Ok(Response::empty(204))
    }

    pub(super) fn update_server(&mut self, ask: &Ask<'_>, id: &str) -> Result<Response, Refused> {
        let index = self.find_server(ask, id)?;
        let body = body(ask)?;
        refuse_locked(ask, self.at(index, id)?)?;
        let name = body["server"]["name"].as_str();
        let name = name.ok_or_else(|| refuse(400, "'name' is a required property"))?;
        let server = self.change(index, id)?;
        name.clone_into(&mut server.name);
        self.show_server(ask, id)
    }

    pub(super) fn act_on_server(&mut self, ask: &Ask<'_>, id: &str) -> Result<Response, Refused> {
        let index = self.find_server(ask, id)?;
        let body = body(ask)?;
        let action = body.as_object().and_then(|o| o.keys().next()).cloned();
        let action = action.unwrap_or_default();
        let server = self.at(index, id)?;
        if self.in_dead_cell(ask, server) {
            return Err(dead_cell());
        }
        if action != "lock" && action != "unlock" {
            refuse_locked(ask, server)?;
        }
        let server = self.change(index, id)?;
        match action.as_str() {
            "lock" => server.locked = true,
            "unlock" => server.locked = false,
            "os-stop" => server.status = Status::Shutoff,
            "os-start" | "unpause" | "resume" | "reboot" => server.status = Status::Active,
            "pause" => server.status = Status::Paused,
            "suspend" => server.status = Status::Suspended,
            "rebuild" => return self.rebuild(ask, index, &body["rebuild"]),
            "restore" => {
                server.status = Status::Active;
                server.deleted = None;
            }
            "forceDelete" => self
                .fleet
                .bury(index, self.now_ms, DeletedBy::Api(ask.job.seq)),
            _ => {
                return Err(refuse(400, &format!("There is no such action: {action}")));
            }
        }
        Ok(Response::empty(202))
    }

    /// The owner may replace the image, name and metadata; `user_id` stays (lab fact 10).
    fn rebuild(&mut self, ask: &Ask<'_>, index: Index, given: &Value) -> Result<Response, Refused> {
        let new = create::metadata(given.get("metadata"), self.settings.metadata_items_max)?;
        let id = self.fleet.get(index).map(|s| s.id.clone());
        let id = id.unwrap_or_default();
        let server = self.change(index, &id)?;
        if given.get("metadata").is_some() {
            server.keep_asked_metadata();
            server.metadata = new;
        }
        if let Some(name) = given["name"].as_str() {
            name.clone_into(&mut server.name);
        }
        if let Some(image) = given["imageRef"].as_str() {
            image.clone_into(&mut server.image);
        }
        let mut response = self.show_server(ask, &id)?;
        response.status = 202;
        Ok(response)
    }

    pub(super) fn metadata_call(
        &mut self,
        ask: &Ask<'_>,
        id: &str,
        key: Option<&str>,
    ) -> Result<Response, Refused> {
        let index = self.find_server(ask, id)?;
        let items_max = self.settings.metadata_items_max;
        let method = ask.job.request.method.as_str();
        if method != "GET" {
            refuse_locked(ask, self.at(index, id)?)?;
        }
        let whole = |server: &Server| Response::json(200, &json!({"metadata": server.metadata}));
        match (method, key) {
            ("GET", None) => Ok(whole(self.at(index, id)?)),
            ("POST" | "PUT", None) => {
                let new = create::metadata(body(ask)?.get("metadata"), items_max)?;
                let server = self.change(index, id)?;
                server.keep_asked_metadata();
                if method == "PUT" {
                    server.metadata = BTreeMap::new();
                }
                server.metadata.extend(new);
                Ok(whole(server))
            }
            ("PUT", Some(key)) => {
                let new = create::metadata(body(ask)?.get("meta"), items_max)?;
                let value = new.get(key).cloned();
                let value = value.ok_or_else(|| refuse(400, "Request body and URI mismatch"))?;
                let server = self.change(index, id)?;
                server.keep_asked_metadata();
                server.metadata.insert(key.to_owned(), value);
                Ok(Response::json(200, &json!({"meta": new})))
            }
            ("GET", Some(key)) => {
                let value = self.at(index, id)?.metadata.get(key);
                let value = value.ok_or_else(|| refuse(404, "Metadata item was not found"))?;
                Ok(Response::json(200, &json!({"meta": {key: value}})))
            }
            ("DELETE", Some(key)) => {
                let server = self.change(index, id)?;
                server.keep_asked_metadata();
                let old = server.metadata.remove(key);
                old.ok_or_else(|| refuse(404, "Metadata item was not found"))?;
                Ok(Response::empty(204))
            }
            _ => Err(refuse(405, "Method not allowed")),
        }
    }

    pub(super) fn tags_call(
        &mut self,
        ask: &Ask<'_>,
        id: &str,
        tag: Option<&str>,
    ) -> Result<Response, Refused> {
        if ask.minor < 26 {
            return Err(refuse(404, "The resource could not be found."));
        }
        let index = self.find_server(ask, id)?;
        match (ask.job.request.method.as_str(), tag) {
            ("GET", None) => {
                let tags = &self.at(index, id)?.tags;
                Ok(Response::json(200, &json!({"tags": tags})))
            }
            ("PUT", None) => {
                let new = create::tags(body(ask)?.get("tags"))?;
                let server = self.change(index, id)?;
                server.tags = new;
                Ok(Response::json(200, &json!({"tags": server.tags})))
            }
            ("DELETE", None) => {
                self.change(index, id)?.tags.clear();
                Ok(Response::empty(204))
            }
            ("GET", Some(tag)) if self.at(index, id)?.has_tag(tag) => Ok(Response::empty(204)),
            ("PUT", Some(tag)) if create::good_tag(tag) => {
                let server = self.change(index, id)?;
                if server.has_tag(tag) {
                    return Ok(Response::empty(204));
                }
                if server.tags.len() >= create::TAGS_MAX {
                    return Err(refuse(
                        400,
                        "The number of tags exceeded the per-server limit",
                    ));
                }
                server.tags.push(tag.to_owned());
                Ok(Response::empty(201))
            }
            ("PUT", Some(_)) => Err(refuse(400, "Tag is not valid")),
            ("DELETE", Some(tag)) if self.at(index, id)?.has_tag(tag) => {
                self.change(index, id)?.tags.retain(|t| t != tag);
                Ok(Response::empty(204))
            }
            ("GET" | "DELETE", Some(tag)) => {
                Err(refuse(404, &format!("Server {id} has no tag '{tag}'")))
            }
            _ => Err(refuse(405, "Method not allowed")),
        }
    }

    /// A server that is shown in the caller's project.
    fn find_server(&mut self, ask: &Ask<'_>, id: &str) -> Result<Index, Refused> {
        if let Some(entry) = self.log.entry_mut(ask.job.seq) {
            entry.server = Some(id.to_owned());
        }
        let index = self.fleet.find(id).ok_or_else(|| no_server(id))?;
        let server = self.at(index, id)?;
        let here = server.region == self.regions[ask.region].name;
        let own = server.project == ask.project || ask.caller.admin;
        if here && own && server.status != Status::Deleted {
            Ok(index)
        } else {
            Err(no_server(id))
        }
    }

    fn at(&self, index: Index, id: &str) -> Result<&Server, Refused> {
        self.fleet.get(index).ok_or_else(|| no_server(id))
    }

    /// The same, to be changed now.
    fn change(&mut self, index: Index, id: &str) -> Result<&mut Server, Refused> {
        let now_ms = self.now_ms;
        let server = self.fleet.get_mut(index).ok_or_else(|| no_server(id))?;
        server.updated_ms = now_ms;
        Ok(server)
    }

    fn in_dead_cell(&self, ask: &Ask<'_>, server: &Server) -> bool {
        let dead = &self.regions[ask.region].weather.faults().dead_cells;
        server.cell.is_some_and(|cell| dead.contains(&cell))
    }
}

impl Server {
    fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|t| t == tag)
    }
}

fn body(ask: &Ask<'_>) -> Result<Value, Refused> {
    serde_json::from_slice(&ask.job.request.body)
        .map_err(|_invalid| refuse(400, "Malformed request body"))
}

/// A lock holds against everyone but administrators, also against whoever locked (lab fact 5).
fn refuse_locked(ask: &Ask<'_>, server: &Server) -> Result<(), Refused> {
    if server.locked && !ask.caller.admin {
        return Err(refuse(409, &format!("Instance {} is locked", server.id)));
    }
    Ok(())
}

fn no_server(id: &str) -> Refused {
    refuse(404, &format!("Instance {id} could not be found."))
}

fn dead_cell() -> Refused {
    refuse(
        500,
        "Unexpected API Error: the cell is not responding and hence instance info is not available.",
    )
}
