//! A tiny Keystone and Nova on the other end of the transport: the shipping client and guard stand between it and the worker.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use chassis::{Clock, Secret};
use cloud::openstack::{Account, Project, Settings};
use cloud::proof::{Mint, ProofKeys};
use cloud::transport::{Method, Request, Response, Transport, TransportError};
use domain::ids::{GroupId, Nonce, ServerId, SlotId, TenantId};
use serde_json::{Value, json};

/// How a request ends.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// As it should.
    Well,
    /// With this status, in words as Nova puts them for a locked server.
    Status(u16),
    /// With 404, in Nova's words.
    Missing,
    /// With 404, in Keystone's words.
    Unknown,
    /// With this status and a page, by something in front of Nova.
    Page(u16),
    /// With 429, to be tried again after so many seconds.
    Busy(u32),
    /// Never.
    Never,
    /// As it should, but only after this.
    After(Duration),
    /// Before anything was sent.
    NotSent,
    /// Broken, after it was executed.
    Lost,
}

/// What happened to it, and what is to happen.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Slot and token of every create that arrived, in order.
    pub(super) creates: Vec<(String, String)>,
    /// Servers that a delete arrived for.
    pub(super) deletes: Vec<String>,
    /// How coming creates end; the default is well.
    pub(super) create_ends: VecDeque<End>,
    /// How other requests that begin with this (method and path) end.
    pub(super) ends: BTreeMap<&'static str, End>,
    /// Rows by server.
    pub(super) servers: BTreeMap<String, Value>,
    pub(super) sign_ins: u32,
    /// How long tokens live, in hours; 0 is one.
    pub(super) token_hours: u32,
    /// The tokens that were to be revoked, each with the one that said so.
    pub(super) revoked: Vec<(String, String)>,
    /// The project of every token.
    projects: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub(super) struct Nova {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

pub(super) fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

pub(super) fn keys() -> ProofKeys {
    let key = Secret::new("0123456789abcdef0123456789abcdef".to_owned()).unwrap();
    ProofKeys::new(1, [(1, key)]).unwrap()
}

/// Accounts for the tenants `a` and `b`, each with a project of its name.
pub(super) fn settings() -> Settings {
    settings_in("a")
}

/// The same, but that the account of `a` is in that project.
pub(super) fn settings_in(project: &str) -> Settings {
    let account = |project: &str| Account::Password {
        user: "autoscaler".to_owned(),
        user_domain: "Default".to_owned(),
        password: Secret::new("pw".to_owned()).unwrap(),
        project: Project::Id {
            id: project.to_owned(),
        },
    };
    let accounts =
        [("a", project), ("b", "b")].map(|(name, project)| (tenant(name), account(project)));
    Settings::new(
        "http://k/v3".to_owned(),
        "ORD".to_owned(),
        BTreeMap::from(accounts),
    )
}

/// A row of a server of tenant `a` that carries our proof for that slot.
pub(super) fn row_of(server: ServerId, group: GroupId, slot: SlotId) -> Value {
    let mint = Mint {
        group,
        slot,
        nonce: Nonce::from_u128(1),
    };
    let metadata: BTreeMap<_, _> = keys().stamp("a", &tenant("a"), &mint).into_iter().collect();
    json!({"id": server.to_string(), "status": "ACTIVE", "tenant_id": "a", "user_id": "u1", "metadata": metadata})
}

impl Nova {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn sign_in(&self, request: &Request) -> Response {
        let mut state = self.state();
        state.sign_ins += 1;
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let project = asked["auth"]["scope"]["project"]["id"].as_str().unwrap();
        let url = format!("http://n/v2.1/{project}");
        let hours = state.token_hours.max(1);
        let expires = format!("2026-11-21T{hours:02}:00:00.000000Z");
        let body = json!({"token": {
            "issued_at": "2026-11-21T00:00:00.000000Z", "expires_at": expires,
            "user": {"id": "u1"}, "project": {"id": project},
            "catalog": [{"type": "compute", "endpoints": [
                {"interface": "public", "region_id": "ORD", "url": url}, {"interface": "public", "region_id": "DFW", "url": url}]}],
        }});
        let mut response = answer(201, &body);
        let token = format!("token-{}", state.sign_ins);
        state.projects.insert(token.clone(), project.to_owned());
        response.headers.push(("x-subject-token".to_owned(), token));
        response
    }

    fn revoke(&self, request: &Request) -> Response {
        let subject = header(request, "x-subject-token");
        self.state().revoked.push((subject, token_of(request)));
        answer(204, &json!({}))
    }

    fn create(&self, request: &Request) -> (End, Response) {
        let mut state = self.state();
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let slot = asked["server"]["metadata"]["as.s"]
            .as_str()
            .unwrap()
            .to_owned();
        let id = ServerId::from_u128(u128::try_from(state.creates.len()).unwrap() + 1);
        state.creates.push((slot, token_of(request)));
        let end = state.create_ends.pop_front().unwrap_or(End::Well);
        (end, answer(202, &json!({"server": {"id": id.to_string()}})))
    }

    fn other(&self, method: Method, path: &str) -> Response {
        let mut state = self.state();
        let server = path.rsplit('/').next().unwrap_or_default();
        match (method, path) {
            (Method::Get, "/") => {
                let version = json!({"id": "v2.1", "version": "2.93", "min_version": "2.1"});
                answer(200, &json!({"version": version}))
            }
            (Method::Get, path) if path.starts_with("/servers/detail") => {
                let rows: Vec<&Value> = state.servers.values().collect();
                answer(200, &json!({"servers": rows}))
            }
            (Method::Get, _) => match state.servers.get(server) {
                Some(row) => answer(200, &json!({"server": row})),
                None => answer(404, &not_found()),
            },
            (Method::Delete, _) => {
                state.deletes.push(server.to_owned());
                let known = state.servers.remove(server).is_some();
                if known {
                    answer(204, &json!({}))
                } else {
                    answer(404, &not_found())
                }
            }
            (Method::Post, _) => answer(400, &json!({})),
        }
    }
}

fn token_of(request: &Request) -> String {
    header(request, "x-auth-token")
}

fn header(request: &Request, name: &str) -> String {
    let mut headers = request.headers.iter();
    let header = headers.find(|(key, _)| *key == name);
    header.map(|(_, value)| value.clone()).unwrap_or_default()
}

fn not_found() -> Value {
    json!({"itemNotFound": {"code": 404, "message": "Instance could not be found."}})
}

fn answer(status: u16, body: &Value) -> Response {
    Response {
        status,
        headers: Vec::new(),
        body: body.to_string().into(),
    }
}

#[async_trait]
impl Transport for Nova {
    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let path = request.url.splitn(4, '/').nth(3).unwrap_or_default();
        // `v2.1/<project>/servers`, or the root of the service.
        let path = path.strip_prefix("v2.1").unwrap_or(path);
        let path = path.find("/servers").map_or("/", |at| &path[at..]);
        let is_of_keystone = request.url.ends_with("/auth/tokens");
        let (end, response) = if is_of_keystone && request.method == Method::Delete {
            (self.end("DELETE /auth"), self.revoke(&request))
        } else if is_of_keystone {
            (self.end("POST /auth"), self.sign_in(&request))
        } else if request.method == Method::Post {
            self.create(&request)
        } else {
            let of = match request.method {
                Method::Get if path.starts_with("/servers/detail") => "GET list",
                Method::Get => "GET",
                Method::Delete => "DELETE",
                Method::Post => "POST",
            };
            let is_of_b = self
                .state()
                .projects
                .get(&token_of(&request))
                .is_some_and(|p| p == "b");
            let of = if is_of_b && of == "GET list" {
                "GET list of b"
            } else {
                of
            };
            (self.end(of), self.other(request.method, path))
        };
        let ended = async {
            match end {
                End::Well => Ok(response),
                End::Status(status) => {
                    let words = json!({"conflictingRequest": {"code": status, "message": "Instance is locked"}});
                    Ok(answer(status, &words))
                }
                End::Missing => Ok(answer(404, &not_found())),
                End::Unknown => {
                    let words = json!({"error": {"code": 404, "title": "Not Found", "message": "Could not find token."}});
                    Ok(answer(404, &words))
                }
                End::Page(status) => Ok(Response {
                    body: "<html>404 page not found</html>".into(),
                    ..answer(status, &json!({}))
                }),
                End::Busy(seconds) => {
                    let mut busy = answer(429, &json!({}));
                    let wait = ("retry-after".to_owned(), seconds.to_string());
                    busy.headers.push(wait);
                    Ok(busy)
                }
                End::Never => std::future::pending().await,
                End::After(wait) => {
                    self.clock.sleep(wait).await;
                    Ok(response)
                }
                End::NotSent => Err(TransportError::NotSent("refused".into())),
                End::Lost => Err(TransportError::Reset("broken".into())),
            }
        };
        let ended = self.clock.timeout(request.timeout, ended).await;
        ended.unwrap_or(Err(TransportError::Timeout))
    }
}

impl Nova {
    fn end(&self, of: &'static str) -> End {
        self.state().ends.get(of).cloned().unwrap_or(End::Well)
    }
}
