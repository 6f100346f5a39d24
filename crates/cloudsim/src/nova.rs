//! Nova: finds the handler of a call; this is the table of contents.

pub(crate) mod create;
mod edit;
pub(crate) mod error;
pub(crate) mod list;
mod look_up;
mod row;
mod version;

use crate::exchange::Job;
use crate::keystone::Caller;
use crate::random::purpose;
use crate::request::{Response, Target};
use crate::route::Place;
use crate::sim::Sim;

/// One authenticated call of Nova.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) job: &'a Job,
    pub(crate) query: &'a Target<'a>,
    pub(crate) region: usize,
    pub(crate) caller: Caller,
    pub(crate) user: String,
    pub(crate) project: String,
    /// The 90 of 2.90.
    pub(crate) minor: u16,
}

/// An error answer.
pub(crate) type Refused = Box<Response>;

impl Sim {
    pub(crate) fn compute_call(
        &mut self,
        job: &Job,
        place: Place<'_>,
        query: &Target<'_>,
    ) -> Response {
        let minor = version::asked(&job.request, self.settings.microversion_max);
        let shown = minor.as_ref().copied().unwrap_or(1);
        let answered = match minor {
            Ok(minor) => self.authenticated(job, place, query, minor),
            Err(refused) => Err(refused),
        };
        let response = answered.unwrap_or_else(|refused| *refused);
        let id = format!("req-{}", self.dice.uuid(purpose("request id"), job.seq));
        response
            .with("openstack-api-version", format!("compute 2.{shown}"))
            .with("x-openstack-nova-api-version", format!("2.{shown}"))
            .with(
                "vary",
                "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
            )
            .with("x-openstack-request-id", id.clone())
            .with("x-compute-request-id", id)
    }

    fn authenticated(
        &mut self,
        job: &Job,
        place: Place<'_>,
        query: &Target<'_>,
        minor: u16,
    ) -> Result<Response, Refused> {
        let path: Vec<&str> = place.rest.iter().map(AsRef::as_ref).collect();
        if path.is_empty() {
            return Ok(self.compute_version());
        }
        let caller = self.caller(job)?;
        let id_of_user = self.settings.users.get(caller.user).map(|u| u.id.clone());
        let id_of_project = self.settings.projects.get(caller.project);
        let ask = Ask {
            job,
            query,
            region: place.region,
            caller,
            user: id_of_user.unwrap_or_default(),
            project: id_of_project.map(|p| p.id.clone()).unwrap_or_default(),
            minor,
        };
        self.dispatch(&ask, &path)
    }

    fn dispatch(&mut self, ask: &Ask<'_>, path: &[&str]) -> Result<Response, Refused> {
        match (ask.job.request.method.as_str(), path) {
            ("POST", ["servers"]) => self.create_server(ask),
            ("GET", ["servers"]) => self.list_servers(ask, false),
            ("GET", ["servers", "detail"]) => self.list_details(ask),
            ("GET", ["servers", id]) => self.show_server(ask, id),
            ("PUT", ["servers", id]) => self.update_server(ask, id),
            ("DELETE", ["servers", id]) => self.delete_server(ask, id),
            ("POST", ["servers", id, "action"]) => self.act_on_server(ask, id),
            (_, ["servers", id, "metadata"]) => self.metadata_call(ask, id, None),
            (_, ["servers", id, "metadata", key]) => self.metadata_call(ask, id, Some(key)),
            (_, ["servers", id, "tags"]) => self.tags_call(ask, id, None),
            (_, ["servers", id, "tags", tag]) => self.tags_call(ask, id, Some(tag)),
            ("GET", ["flavors"]) => Ok(self.list_flavors(false)),
            ("GET", ["flavors", "detail"]) => Ok(self.list_flavors(true)),
            ("GET", ["flavors", id]) => self.show_flavor(id),
            ("GET", ["limits"]) => Ok(self.show_limits(ask)),
            ("GET", ["os-keypairs"]) => Ok(self.list_key_pairs(ask)),
            ("POST", ["os-keypairs"]) => self.create_key_pair(ask),
            ("GET", ["os-keypairs", name]) => self.show_key_pair(ask, name),
            ("DELETE", ["os-keypairs", name]) => self.delete_key_pair(ask, name),
            _ => Err(error::refuse(404, "The resource could not be found.")),
        }
    }
}
