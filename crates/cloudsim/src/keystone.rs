//! Keystone v3: tokens by password or application credential, their catalog, their end.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::calendar::iso_micros;
use crate::exchange::Job;
use crate::random::purpose;
use crate::request::Response;
use crate::settings::{Project, Settings, User};
use crate::sim::{Sim, Unknown};

const TOKEN: u64 = purpose("token");

/// The tokens. Users and projects are in the settings.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    tokens: BTreeMap<String, Token>,
    issued: u64,
}

#[derive(Debug, Clone)]
struct Token {
    user: usize,
    project: Option<usize>,
    method: &'static str,
    issued_ms: u64,
    expires_ms: u64,
    revoked: bool,
    /// Until when Nova and Glance believe it without asking.
    cached_until_ms: u64,
}

/// Who makes a call, by places in the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) user: usize,
    pub(crate) project: usize,
    pub(crate) admin: bool,
}

impl Identity {
    /// The project that a token is for, also when it is no longer good.
    pub(crate) fn project_of<'a>(&self, token: &str, settings: &'a Settings) -> Option<&'a str> {
        let project = self.tokens.get(token)?.project?;
        settings.projects.get(project).map(|p| p.id.as_str())
    }
}

impl Sim {
    /// Makes a token of a user for a project (by their ids) without a request.
    ///
    /// # Errors
    /// [`Unknown`] user or project, or the user has no role there.
    pub fn sign_in(&mut self, now_ms: u64, user: &str, project: &str) -> Result<String, Unknown> {
        self.advance(now_ms);
        let missing = || Unknown(format!("user {user} with project {project}"));
        let (number, found) = self.find_user(|u| u.id == user).ok_or_else(missing)?;
        let project = self
            .find_project(found, |p| p.id == project)
            .ok_or_else(missing)?;
        Ok(self.issue(number, Some(project), "password"))
    }

    /// Revokes every token of a user (by id); caches let go of them later, see [`Settings::token_cache_ms`].
    pub fn revoke_tokens(&mut self, now_ms: u64, user: &str) {
        self.advance(now_ms);
        if let Some((number, _)) = self.find_user(|u| u.id == user) {
            for token in self.identity.tokens.values_mut() {
                token.revoked |= token.user == number;
            }
        }
    }

    /// Ends every token at once, whatever caches say.
    pub fn expire_tokens(&mut self, now_ms: u64) {
        self.advance(now_ms);
        for token in self.identity.tokens.values_mut() {
            token.expires_ms = token.expires_ms.min(self.now_ms);
        }
    }

    /// Who calls Nova or Glance, as the middleware before them finds out: expiry always counts, revocation after the cache.
    pub(crate) fn caller(&mut self, job: &Job) -> Result<Caller, Box<Response>> {
        let now_ms = self.now_ms;
        let cache_ms = self.settings.token_cache_ms;
        let good = job
            .request
            .header("x-auth-token")
            .and_then(|token| self.identity.tokens.get_mut(token))
            .filter(|t| t.expires_ms > now_ms)
            .filter(|t| !t.revoked || t.cached_until_ms > now_ms);
        let Some(token) = good else {
            let uri = format!("Keystone uri=\"{}/identity\"", self.settings.base_url);
            let response = error(401, "The request you have made requires authentication.");
            return Err(Box::new(response.with("www-authenticate", uri)));
        };
        if token.cached_until_ms <= now_ms {
            token.cached_until_ms = now_ms + cache_ms;
        }
        let Some(project) = token.project else {
            return Err(Box::new(crate::nova::error::body(
                403,
                "Policy doesn't allow this call without a project.",
                None,
            )));
        };
        Ok(Caller {
            user: token.user,
            project,
            admin: self.settings.users.get(token.user).is_some_and(|u| u.admin),
        })
    }

    pub(crate) fn identity_call(&mut self, job: &Job, rest: &[Cow<'_, str>]) -> Response {
        let path: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
        let response = match (job.request.method.as_str(), path.as_slice()) {
            ("GET", []) => Response::json(200, &self.version()),
            ("POST", ["auth", "tokens"]) => self.authenticate(&job.request.body),
            ("GET" | "HEAD", ["auth", "tokens"]) => self.inspect(job),
            ("DELETE", ["auth", "tokens"]) => self.revoke(job),
            ("GET", ["auth", "catalog"]) => {
                Response::json(200, &json!({"catalog": self.catalog()}))
            }
            _ => error(404, "The resource could not be found."),
        };
        response.with("vary", "X-Auth-Token").with(
            "x-openstack-request-id",
            format!("req-{}", self.dice.uuid(purpose("request id"), job.seq)),
        )
    }

    fn version(&self) -> Value {
        let href = format!("{}/identity/v3/", self.settings.base_url);
        json!({"version": {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": href}]}})
    }

    fn authenticate(&mut self, body: &[u8]) -> Response {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return error(400, "The request body is not JSON.");
        };
        let identity = &body["auth"]["identity"];
        let method = identity["methods"][0].as_str().unwrap_or_default();
        let signed = match method {
            "password" => self.by_password(&identity["password"]["user"]),
            "application_credential" => self.by_credential(&identity["application_credential"]),
            _ => return error(400, "The methods of the identity are not supported."),
        };
        let Some((user, bound)) = signed else {
            return error(401, "The request you have made requires authentication.");
        };
        let scope = &body["auth"]["scope"]["project"];
        let project = match (bound, scope) {
            (Some(project), _) => Some(project),
            (None, Value::Null) => None,
            (None, scope) => {
                let found = self
                    .settings
                    .users
                    .get(user)
                    .and_then(|user| self.find_project(user, |p| names(scope, &p.id, &p.name)));
                match found {
                    Some(project) => Some(project),
                    None => {
                        return error(401, "The request you have made requires authentication.");
                    }
                }
            }
        };
        let method = if bound.is_some() {
            "application_credential"
        } else {
            "password"
        };
        let id = self.issue(user, project, method);
        self.show(201, &id)
    }

    fn by_password(&self, user: &Value) -> Option<(usize, Option<usize>)> {
        let (number, found) = self.find_user(|u| names(user, &u.id, &u.name))?;
        (user["password"].as_str() == Some(&found.password)).then_some((number, None))
    }

    fn by_credential(&self, given: &Value) -> Option<(usize, Option<usize>)> {
        let owner = &given["user"];
        let credential = self.settings.credentials.iter().find(|c| {
            let by_name = || {
                let owner_fits = self
                    .find_user(|u| names(owner, &u.id, &u.name))
                    .is_some_and(|(_, u)| u.id == c.user);
                owner_fits && given["name"].as_str() == Some(&c.name)
            };
            match given["id"].as_str() {
                Some(id) => id == c.id,
                None => by_name(),
            }
        })?;
        if given["secret"].as_str() != Some(&credential.secret) {
            return None;
        }
        let (number, user) = self.find_user(|u| u.id == credential.user)?;
        let project = self.find_project(user, |p| p.id == credential.project)?;
        Some((number, Some(project)))
    }

    fn issue(&mut self, user: usize, project: Option<usize>, method: &'static str) -> String {
        // Fernet tokens begin so; the rest is as long as they are.
        let mut id = String::from("gAAAAA");
        for part in 0..5 {
            let counter = self.identity.issued * 5 + part;
            id.push_str(&self.dice.uuid(TOKEN, counter).simple().to_string());
        }
        self.identity.issued += 1;
        let now_ms = self.now_ms;
        if self.identity.tokens.len() >= TOKENS_MAX {
            self.identity.tokens.retain(|_, t| t.expires_ms > now_ms);
        }
        let token = Token {
            user,
            project,
            method,
            issued_ms: now_ms,
            expires_ms: now_ms + self.settings.token_life_ms,
            revoked: false,
            cached_until_ms: 0,
        };
        self.identity.tokens.insert(id.clone(), token);
        id
    }

    /// The token of the `X-Subject-Token` header, if the caller's own token is good.
    fn subject<'a>(&self, job: &'a Job) -> Result<&'a str, Box<Response>> {
        let good = |id: &&str| {
            self.identity
                .tokens
                .get(*id)
                .is_some_and(|t| t.expires_ms > self.now_ms && !t.revoked)
        };
        if job.request.header("x-auth-token").filter(good).is_none() {
            return Err(Box::new(error(
                401,
                "The request you have made requires authentication.",
            )));
        }
        let subject = job.request.header("x-subject-token").filter(good);
        subject.ok_or_else(|| Box::new(error(404, "Could not find token.")))
    }

    fn inspect(&self, job: &Job) -> Response {
        match self.subject(job) {
            Ok(id) => self.show(200, id),
            Err(response) => *response,
        }
    }

    fn revoke(&mut self, job: &Job) -> Response {
        let id = match self.subject(job) {
            Ok(id) => id,
            Err(response) => return *response,
        };
        if let Some(token) = self.identity.tokens.get_mut(id) {
            token.revoked = true;
        }
        Response::empty(204)
    }

    fn show(&self, status: u16, id: &str) -> Response {
        let domain = json!({"id": "default", "name": "Default"});
        let Some(token) = self.identity.tokens.get(id) else {
            return error(404, "Could not find token.");
        };
        let Some(user) = self.settings.users.get(token.user) else {
            return error(404, "Could not find token.");
        };
        let project = token.project.and_then(|p| self.settings.projects.get(p));
        let role = if user.admin { "admin" } else { "member" };
        let mut body = json!({
            "methods": [token.method],
            "user": {"id": user.id, "name": user.name, "domain": domain, "password_expires_at": null},
            "audit_ids": [id.get(6..28)],
            "issued_at": iso_micros(token.issued_ms),
            "expires_at": iso_micros(token.expires_ms),
        });
        if let Some(project) = project {
            body["project"] = json!({"id": project.id, "name": project.name, "domain": domain});
            body["is_domain"] = json!(false);
            body["roles"] = json!([{"id": role, "name": role}]);
            body["catalog"] = self.catalog();
        }
        Response::json(status, &json!({"token": body})).with("x-subject-token", id)
    }

    fn catalog(&self) -> Value {
        let base = &self.settings.base_url;
        let service = |kind: &str, name: &str, url: &dyn Fn(&str) -> String| {
            let regions = &self.settings.regions;
            let endpoints: Vec<Value> = regions
                .iter()
                .flat_map(|region| {
                    ["public", "internal", "admin"].map(|interface| {
                        json!({"id": format!("{kind}-{region}-{interface}"), "interface": interface,
                               "region": region, "region_id": region, "url": url(region)})
                    })
                })
                .collect();
            json!({"id": kind, "type": kind, "name": name, "endpoints": endpoints})
        };
        json!([
            service("compute", "nova", &|region| format!(
                "{base}/compute/{region}/v2.1"
            )),
            service("identity", "keystone", &|_| format!("{base}/identity")),
            service("image", "glance", &|region| format!(
                "{base}/image/{region}"
            )),
        ])
    }

    fn find_user(&self, fits: impl Fn(&User) -> bool) -> Option<(usize, &User)> {
        let mut users = self.settings.users.iter().enumerate();
        users.find(|(_, user)| fits(user))
    }

    /// A project in which the user has a role.
    fn find_project(&self, user: &User, fits: impl Fn(&Project) -> bool) -> Option<usize> {
        let projects = &self.settings.projects;
        projects
            .iter()
            .position(|p| fits(p) && user.projects.contains(&p.id))
    }
}

/// Above that many tokens the expired ones are forgotten.
const TOKENS_MAX: usize = 100_000;

/// Whether a reference by id, or by name within a domain, means that one.
fn names(given: &Value, id: &str, name: &str) -> bool {
    if let Some(given_id) = given["id"].as_str() {
        return given_id == id;
    }
    let domain = &given["domain"];
    let domain_fits = match (domain["id"].as_str(), domain["name"].as_str()) {
        (Some(domain_id), _) => domain_id == "default",
        (None, Some(domain_name)) => domain_name.eq_ignore_ascii_case("default"),
        (None, None) => false,
    };
    domain_fits && given["name"].as_str() == Some(name)
}

fn error(status: u16, message: &str) -> Response {
    let title = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        _ => "Not Found",
    };
    Response::json(
        status,
        &json!({"error": {"message": message, "code": status, "title": title}}),
    )
}
