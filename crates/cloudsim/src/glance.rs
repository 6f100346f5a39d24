//! Glance v2: looking up images.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::exchange::Job;
use crate::random::purpose;
use crate::request::Response;
use crate::settings::Image;
use crate::sim::Sim;

impl Sim {
    pub(crate) fn image_call(&mut self, job: &Job, rest: &[Cow<'_, str>]) -> Response {
        let caller = match self.caller(job) {
            Ok(caller) => caller,
            Err(response) => return *response,
        };
        let project = self.settings.projects.get(caller.project);
        let project = project.map(|p| p.id.as_str()).unwrap_or_default();
        let path: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
        let visible = |i: &&Image| i.project.as_deref().is_none_or(|owner| owner == project);
        let mut images = self.settings.images.iter().filter(visible);
        let response = match (job.request.method.as_str(), path.as_slice()) {
            ("GET", ["images"]) => {
                let all: Vec<Value> = images.map(show).collect();
                Response::json(
                    200,
                    &json!({"images": all, "first": "/v2/images", "schema": "/v2/schemas/images"}),
                )
            }
            ("GET", ["images", id]) => match images.find(|image| image.id == *id) {
                Some(image) => Response::json(200, &show(image)),
                None => missing(&format!("No image found with ID {id}")),
            },
            _ => missing("The resource could not be found."),
        };
        let id = self.dice.uuid(purpose("request id"), job.seq);
        response.with("x-openstack-request-id", format!("req-{id}"))
    }
}

fn show(image: &Image) -> Value {
    json!({
        "id": image.id, "name": image.name, "status": image.status,
        "visibility": if image.project.is_none() { "public" } else { "private" },
        "owner": image.project, "min_disk": 0, "min_ram": 0, "size": 1, "protected": false, "tags": [],
        "disk_format": "raw", "container_format": "bare", "os_hidden": false,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "self": format!("/v2/images/{}", image.id), "file": format!("/v2/images/{}/file", image.id),
        "schema": "/v2/schemas/image",
    })
}

/// Glance writes its errors as a page.
fn missing(text: &str) -> Response {
    let mut response = Response::empty(404).with("content-type", "text/html; charset=UTF-8");
    response.body = format!("<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1>{text}</body></html>").into_bytes();
    response
}
