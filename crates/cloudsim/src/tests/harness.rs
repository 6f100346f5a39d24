//! A cloud, a clock and a caller.

use serde_json::{Value, json};

use crate::{Faults, Outcome, Request, Response, Settings, Sim};

pub(super) const START_MS: u64 = 1_700_000_000_000;

/// A cloud as one caller of `tenant-a` sees it.
pub(super) struct World {
    pub(super) sim: Sim,
    pub(super) now_ms: u64,
    pub(super) token: String,
}

impl World {
    pub(super) fn new(faults: Faults) -> Self {
        Self::with(Settings::default(), faults)
    }

    pub(super) fn instant() -> Self {
        Self::new(Faults::instant())
    }

    pub(super) fn with(settings: Settings, faults: Faults) -> Self {
        let mut sim = Sim::new(settings);
        sim.set_faults(&faults);
        let token = sim.sign_in(START_MS, "autoscaler", "tenant-a").unwrap();
        Self {
            sim,
            now_ms: START_MS,
            token,
        }
    }

    /// Calls as somebody else from here on.
    pub(super) fn become_user(&mut self, user: &str, project: &str) {
        self.token = self.sim.sign_in(self.now_ms, user, project).unwrap();
    }

    pub(super) fn request(&self, method: &str, path: &str, minor: u16, body: &Value) -> Request {
        let path = format!("/compute/RegionOne/v2.1{path}");
        let mut request = Request::new(method, &path)
            .with_header("X-Auth-Token", &self.token)
            .with_header("OpenStack-API-Version", &format!("compute 2.{minor}"));
        if !body.is_null() {
            request.body = body.to_string().into_bytes();
        }
        request
    }

    /// Sends and waits to the end; `None` if nothing ever comes. The clock goes on to that moment.
    pub(super) fn send(&mut self, request: Request) -> Option<Outcome> {
        let ticket = self.sim.arrive(self.now_ms, request);
        let at_ms = ticket.answer_at_ms?;
        self.now_ms = self.now_ms.max(at_ms);
        Some(self.sim.take(ticket.id, self.now_ms))
    }

    /// A call that must be answered, at 2.93.
    pub(super) fn call(&mut self, method: &str, path: &str, body: &Value) -> Response {
        self.call_at(93, method, path, body)
    }

    pub(super) fn call_at(
        &mut self,
        minor: u16,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Response {
        let request = self.request(method, path, minor, body);
        match self.send(request) {
            Some(Outcome::Answer(response)) => response,
            other => panic!("no answer but {other:?}"),
        }
    }

    pub(super) fn get(&mut self, path: &str) -> Response {
        self.call("GET", path, &Value::Null)
    }

    /// A create that is accepted; the id of its server.
    pub(super) fn create(&mut self, tag: &str) -> String {
        let response = self.call("POST", "/servers", &server(tag));
        assert_eq!(response.status, 202, "{:?}", response.value());
        response.value()["server"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// A create whatever becomes of it.
    pub(super) fn try_create(&mut self, tag: &str) -> Option<Outcome> {
        let request = self.request("POST", "/servers", 93, &server(tag));
        self.send(request)
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.now_ms += ms;
        self.sim.advance(self.now_ms);
    }

    pub(super) fn status_of(&mut self, id: &str) -> String {
        let shown = self.get(&format!("/servers/{id}")).value();
        shown["server"]["status"]
            .as_str()
            .unwrap_or("gone")
            .to_owned()
    }

    /// Ids of a list, newest first.
    pub(super) fn list(&mut self, query: &str) -> Vec<String> {
        self.list_at(93, query)
    }

    pub(super) fn list_at(&mut self, minor: u16, query: &str) -> Vec<String> {
        let path = format!("/servers/detail{query}");
        let list = self.call_at(minor, "GET", &path, &Value::Null);
        assert_eq!(list.status, 200);
        let list = list.value();
        let rows = list["servers"].as_array().unwrap();
        rows.iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The body of an ordinary create.
pub(super) fn server(tag: &str) -> Value {
    json!({"server": {
        "name": "web", "imageRef": "11111111-1111-4111-8111-111111111111", "flavorRef": "1", "networks": "auto",
        "metadata": {"as.s": tag}, "tags": [tag],
    }})
}

/// The same with one key set, or taken away by null.
pub(super) fn server_with(key: &str, value: Value) -> Value {
    let mut body = server("as:x");
    let inner = body["server"].as_object_mut().unwrap();
    if value.is_null() {
        inner.remove(key);
    } else {
        inner.insert(key.to_owned(), value);
    }
    body
}
