//! `holt doctor`: whether the service user of each tenant exists, can act in the project, and is no person's; and what is missing.
//!
//! It asks the cloud what the worker will ask, changes nothing, and prints no secret.
use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use chassis::http::{self, Client, Connections, Trust};
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::{self, Cloud, Config, Tenant};
use crate::{args, out};

/// The cloud has so long to answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Answers carry a catalog.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Roles that let their holder do more than a service user needs.
const TOO_MUCH: [&str; 2] = ["admin", "cloud_admin"];

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    tenant: String,
    check: &'static str,
    verdict: Verdict,
    /// What was seen, or what to do.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Ok,
    /// It works, and is not as it should be.
    Doubtful,
    /// Nothing can work so.
    Missing,
}

/// Looks at all tenants, or at one; ends with 1 if something is missing.
///
/// # Errors
/// The configuration cannot be used.
pub(crate) async fn run(args: args::Doctor) -> anyhow::Result<ExitCode> {
    let config = config::load(args.config.as_deref())?;
    let client = client(&config)?;
    let mut all = Vec::new();
    for (name, tenant) in &config.cloud.tenants {
        if args.tenant.as_ref().is_none_or(|only| only == name) {
            let patient = Patient {
                client: &client,
                cloud: &config.cloud,
                name,
                tenant,
            };
            all.extend(patient.examine().await);
        }
    }
    if all.is_empty() {
        all.push(Finding {
            tenant: args.tenant.unwrap_or_default(),
            check: "tenant",
            verdict: Verdict::Missing,
            text: "no such tenant is configured (`cloud.tenants`)".to_owned(),
        });
    }
    for finding in &all {
        if args.json {
            out::say(&serde_json::to_string(finding)?)?;
        } else {
            let verdict = match finding.verdict {
                Verdict::Ok => "ok      ",
                Verdict::Doubtful => "doubtful",
                Verdict::Missing => "MISSING ",
            };
            let (tenant, check, text) = (&finding.tenant, finding.check, &finding.text);
            out::say(&format!("{verdict}  {tenant}: {check}: {text}"))?;
        }
    }
    let well = all
        .iter()
        .all(|finding| finding.verdict != Verdict::Missing);
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn client(config: &Config) -> anyhow::Result<Client> {
    let trust = match &config.cloud.ca_file {
        Some(path) => {
            let pem = std::fs::read(path);
            Trust::MachineAnd(pem.with_context(|| format!("read {}", path.display()))?)
        }
        None => {
            let url = config.cloud.keystone_url.as_deref().unwrap_or_default();
            if url.starts_with("http:") {
                Trust::Only(Vec::new())
            } else {
                Trust::Machine
            }
        }
    };
    let settings = http::Settings {
        connect_timeout: config.cloud.connect_timeout,
        total_timeout: ANSWER,
        connections: Connections::Fresh,
        trust,
        user_agent: "holt-doctor",
    };
    http::client(&settings).context("build the HTTP client")
}

/// One tenant, and what is needed to look at it.
struct Patient<'a> {
    client: &'a Client,
    cloud: &'a Cloud,
    name: &'a str,
    tenant: &'a Tenant,
}

/// A token and what came with it.
struct SignedIn {
    token: String,
    body: Value,
}

impl Patient<'_> {
    fn say(&self, check: &'static str, verdict: Verdict, text: impl Into<String>) -> Finding {
        Finding {
            tenant: self.name.to_owned(),
            check,
            verdict,
            text: text.into(),
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let signed_in = match self.sign_in().await {
            Ok(signed_in) => signed_in,
            Err(why) => return vec![self.say("sign-in", Verdict::Missing, why)],
        };
        let token = &signed_in.body["token"];
        let user = token["user"]["name"].as_str().unwrap_or_default();
        let project = token["project"]["name"].as_str();
        found.push(match project {
            Some(project) => {
                let text = format!("{user} signs in to the project {project}");
                self.say("sign-in", Verdict::Ok, text)
            }
            None => {
                let text = format!("{user} signs in, but not to a project: give it a role there");
                self.say("sign-in", Verdict::Missing, text)
            }
        });
        found.push(self.roles(token));
        found.push(self.person(&signed_in).await);
        found.extend(self.compute(&signed_in).await);
        found
    }

    /// What the service user may do there: enough, and not too much.
    fn roles(&self, token: &Value) -> Finding {
        let roles = token["roles"].as_array().map_or(&[][..], Vec::as_slice);
        let names: Vec<&str> = roles
            .iter()
            .filter_map(|role| role["name"].as_str())
            .collect();
        if names.is_empty() {
            let text = "it has no role in the project: give it `member`";
            return self.say("roles", Verdict::Missing, text);
        }
        let much = names.iter().any(|name| TOO_MUCH.contains(name));
        let listed = names.join(", ");
        if much {
            let text = format!("{listed}: more than it needs; `member` is enough (safety S19)");
            return self.say("roles", Verdict::Doubtful, text);
        }
        self.say("roles", Verdict::Ok, listed)
    }

    /// A person leaves, and takes the password along: what points to one.
    async fn person(&self, signed_in: &SignedIn) -> Finding {
        let check = "service user";
        let user = &signed_in.body["token"]["user"];
        if !user["password_expires_at"].is_null() {
            let text = format!(
                "its password ends at {}: a service user's must not (ignore_password_expiry)",
                user["password_expires_at"]
            );
            return self.say(check, Verdict::Doubtful, text);
        }
        let id = user["id"].as_str().unwrap_or_default();
        let url = format!("{}/users/{id}", self.keystone());
        match self.ask(&url, &signed_in.token).await {
            Ok((200, body))
                if body["user"]["email"]
                    .as_str()
                    .is_some_and(|m| !m.is_empty()) =>
            {
                let text = "it has an e-mail address: it looks like a person's account";
                self.say(check, Verdict::Doubtful, text)
            }
            Ok((200, _)) => {
                let text = "its password does not expire, and nobody's address is on it";
                self.say(check, Verdict::Ok, text)
            }
            // Not every Keystone shows a user to itself.
            Ok(_) | Err(_) => self.say(check, Verdict::Ok, "its password does not expire"),
        }
    }

    /// Whether the compute API of the region answers it.
    async fn compute(&self, signed_in: &SignedIn) -> Vec<Finding> {
        let Some(url) = self.endpoint(&signed_in.body["token"]["catalog"]) else {
            let region = self.cloud.region.as_deref().unwrap_or("any region");
            let text = format!("the catalog has no compute endpoint in {region}");
            return vec![self.say("compute", Verdict::Missing, text)];
        };
        let mut found = Vec::new();
        let looks = [
            ("servers", "/servers?limit=1"),
            ("flavors", "/flavors?limit=1"),
            ("quota", "/limits"),
        ];
        for (check, path) in looks {
            let url = format!("{url}{path}");
            let answer = self.ask(&url, &signed_in.token).await;
            found.push(match answer {
                Ok((200, body)) if check == "quota" => self.quota(&body),
                Ok((200, _)) => self.say(check, Verdict::Ok, "can be listed"),
                Ok((status, _)) => {
                    let text =
                        format!("the compute API answers {status}: its role may not do this");
                    self.say(check, Verdict::Missing, text)
                }
                Err(why) => self.say(check, Verdict::Missing, why),
            });
        }
        found
    }

    fn quota(&self, body: &Value) -> Finding {
        let limit = |name: &str| body["limits"]["absolute"][name].as_i64();
        match (limit("maxTotalInstances"), limit("totalInstancesUsed")) {
            (Some(max), Some(used)) if max >= 0 && used >= max => {
                let text = format!(
                    "all {max} servers of the project's quota are used: nothing can be made"
                );
                self.say("quota", Verdict::Doubtful, text)
            }
            (Some(max), used) => {
                let text = format!("{} of {max} servers are used", used.unwrap_or_default());
                self.say("quota", Verdict::Ok, text)
            }
            (None, _) => self.say("quota", Verdict::Ok, "the project has no limit of servers"),
        }
    }

    fn endpoint(&self, catalog: &Value) -> Option<String> {
        let wanted = serde_json::to_value(self.cloud.interface).ok()?;
        let services = catalog.as_array()?.iter();
        let compute = services.filter(|service| service["type"] == "compute");
        let endpoints = compute
            .filter_map(|service| service["endpoints"].as_array())
            .flatten();
        let region = self.cloud.region.as_deref();
        let fits = |endpoint: &&Value| {
            endpoint["interface"] == wanted
                && region.is_none_or(|region| endpoint["region"] == region)
        };
        let url = endpoints.into_iter().find(fits)?["url"].as_str()?;
        Some(url.trim_end_matches('/').to_owned())
    }

    fn keystone(&self) -> String {
        let url = self.cloud.keystone_url.as_deref().unwrap_or_default();
        let base = url.trim_end_matches('/').trim_end_matches("/v3");
        format!("{base}/v3")
    }

    async fn sign_in(&self) -> Result<SignedIn, String> {
        if self.cloud.keystone_url.is_none() {
            return Err("no Keystone is configured (`cloud.keystone_url`)".to_owned());
        }
        let body = json!({"auth": self.credentials()?});
        let url = format!("{}/auth/tokens", self.keystone());
        let request = self.client.post(&url);
        let request = request
            .header("Content-Type", "application/json")
            .body(body.to_string());
        let answer = request.send().await.map_err(|_error| away(&url))?;
        let status = answer.status().as_u16();
        let token = answer.headers().get("x-subject-token");
        let token = token
            .and_then(|token| token.to_str().ok())
            .map(str::to_owned);
        let body = http::body(answer, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|_error| away(&url))?;
        match (status, token) {
            (201, Some(token)) => {
                let body = serde_json::from_slice(&body).unwrap_or_default();
                Ok(SignedIn { token, body })
            }
            (401, _) => Err("Keystone refuses: there is no such user, its password or secret is another one, it is disabled, or it has no role in the project".to_owned()),
            (status, _) => Err(format!("Keystone answers {status}")),
        }
    }

    /// Of the tenant itself, or of the account of all tenants.
    fn credentials(&self) -> Result<Value, String> {
        let tenant = self.tenant;
        if let Some(id) = &tenant.application_credential_id {
            let secret = tenant.application_credential_secret.as_ref();
            let secret = secret.ok_or("the application credential has no secret")?;
            return Ok(json!({"identity": {"methods": ["application_credential"],
                "application_credential": {"id": id, "secret": secret.expose()}}}));
        }
        let account = self.cloud.account.as_ref();
        let user = tenant
            .user
            .as_ref()
            .or_else(|| account.map(|account| &account.user));
        let user = user.ok_or("no service user is configured (`cloud.account`)")?;
        let password = tenant
            .password
            .as_ref()
            .or_else(|| account.map(|account| &account.password));
        let password = password.ok_or("the service user has no password")?;
        let domain = tenant.user_domain.clone();
        let domain = domain.or_else(|| account.and_then(|account| account.user_domain.clone()));
        let domain = domain.unwrap_or_else(|| "Default".to_owned());
        let scope = match (&tenant.project_id, &tenant.project_name) {
            (None, Some(name)) => {
                let domain = tenant.project_domain.as_deref().unwrap_or("Default");
                json!({"name": name, "domain": {"name": domain}})
            }
            (Some(id), _) => json!({"id": id}),
            (None, None) => json!({"id": self.name}),
        };
        Ok(json!({
            "identity": {"methods": ["password"], "password": {"user":
                {"name": user, "domain": {"name": domain}, "password": password.expose()}}},
            "scope": {"project": scope},
        }))
    }

    async fn ask(&self, url: &str, token: &str) -> Result<(u16, Value), String> {
        let request = self.client.get(url).header("X-Auth-Token", token);
        let answer = request.send().await.map_err(|_error| away(url))?;
        let status = answer.status().as_u16();
        let body = http::body(answer, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|_error| away(url))?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

fn away(url: &str) -> String {
    format!("nobody answers at {url}")
}
