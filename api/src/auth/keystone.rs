//! Tokens of a Keystone (Identity v3): looked at by asking it, and believed for a moment.
//!
//! The token itself is shown as the one that asks (`X-Auth-Token`) and as the one that is asked about (`X-Subject-Token`): Keystone lets everybody look at
//! their own token, so that this process needs no credential there. What roles let their holders do is configuration; a role that is not
//! named grants nothing. Rights of staff come from roles on the whole system only, never from a project.
//!
//! A refusal is remembered briefly too, few questions are asked at once, and one at a time about one token: a flood of made-up tokens is no flood
//! at Keystone, and many requests with one token are one question.

mod flights;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chassis::http::{self, Connections, Transit, Trust};
use chassis::{Clock, Mono};
use domain::access::{Right, Rights};
use domain::ids::{GroupId, TenantId};
use domain::time::Timestamp;
use moka::sync::Cache;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wire::v2::time::Moment;

use self::flights::{About, Flights};
use super::Caller;
use super::revoked::Revoked;
use super::token::Refused;
use crate::settings::{Keystone as Settings, StartError};

/// Keystone has so long to answer, with the wait for a question's turn in it; then it is 503.
const ANSWER: Duration = Duration::from_secs(5);
/// Questions at once; others wait for their turn.
const ASKED_AT_ONCE: usize = 32;
/// A refused token is refused without a question for so long.
const REFUSED_FOR: Duration = Duration::from_secs(5);
/// The longest time for which a token may be believed (safety S5).
const BELIEVED_MAX: Duration = Duration::from_secs(30);
/// Answers carry a catalog.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Asks one Keystone about tokens.
pub(crate) struct Keystone {
    client: http::Client,
    url: String,
    clock: Clock,
    believed: Duration,
    grants: Grants,
    asking: Semaphore,
    flights: Flights<Result<Known, Refused>>,
    revoked: Revoked,
    known: Cache<[u8; 32], Known>,
}

/// What an answer was, and until when it counts.
#[derive(Debug, Clone)]
struct Known {
    caller: Result<Arc<Caller>, Refused>,
    expires: Timestamp,
    until: Mono,
    /// Of what is revoked: in another one Keystone is asked again.
    epoch: u64,
}

/// What roles and projects mean here.
#[derive(Debug)]
struct Grants {
    roles: BTreeMap<String, Rights>,
    system_roles: BTreeMap<String, Rights>,
    limited: BTreeMap<String, BTreeSet<GroupId>>,
    tenants: BTreeMap<String, TenantId>,
}

impl fmt::Debug for Keystone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystone")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Rights of a tenant's people; those of staff are never a project's to give.
const STAFF: [Right; 2] = [Right::Support, Right::Operate];

impl Keystone {
    /// From its settings; none if no address is given.
    ///
    /// # Errors
    /// [`StartError::OutOfRange`]: a setting that cannot be meant.
    pub(crate) fn new(
        clock: &Clock,
        revoked: &Revoked,
        settings: &Settings,
    ) -> Result<Option<Self>, StartError> {
        let Some(url) = &settings.url else {
            return Ok(None);
        };
        let wrong = |key, rule| StartError::OutOfRange { key, rule };
        if settings.believed > BELIEVED_MAX {
            return Err(wrong(
                "tokens.keystone.believed",
                "must not be longer than 30s",
            ));
        }
        let key = "tokens.keystone.url";
        let transit = http::transit(url);
        let is_local = transit == Some(Transit::Loopback);
        if !is_local && transit != Some(Transit::Encrypted) {
            return Err(wrong(key, "must begin with https://, or be on loopback"));
        }
        let trust = match &settings.ca_file {
            Some(path) => Trust::MachineAnd(std::fs::read(path).map_err(|source| {
                let path = path.clone();
                StartError::Jwks { path, source }
            })?),
            None if is_local => Trust::Only(Vec::new()),
            None => Trust::Machine,
        };
        let client = http::client(&http::Settings {
            connect_timeout: ANSWER,
            total_timeout: ANSWER,
            connections: Connections::Pooled,
            trust,
            user_agent: "holt-api",
        });
        let base = url.trim_end_matches('/').trim_end_matches("/v3");
        Ok(Some(Self {
            client: client
                .map_err(|_error| wrong(key, "cannot be asked: the client cannot be built"))?,
            url: format!("{base}/v3/auth/tokens?nocatalog=1"),
            clock: clock.clone(),
            believed: settings.believed,
            grants: Grants::new(settings)?,
            asking: Semaphore::new(ASKED_AT_ONCE),
            flights: Flights::new(),
            revoked: revoked.clone(),
            known: Cache::builder()
                .max_capacity(settings.remembered)
                .time_to_live(BELIEVED_MAX)
                .build(),
        }))
    }

    /// What is known of a token without a question.
    pub(crate) fn known(&self, token: &[u8]) -> Option<Result<Arc<Caller>, Refused>> {
        let known = self.remembered(&name(token))?;
        Some(self.in_time(&known))
    }

    fn remembered(&self, name: &[u8; 32]) -> Option<Known> {
        let known = self.known.get(name)?;
        let is_good = self.clock.mono() < known.until && known.epoch == self.revoked.epoch();
        is_good.then_some(known)
    }

    fn in_time(&self, known: &Known) -> Result<Arc<Caller>, Refused> {
        let now = Timestamp::from_unix_ms(self.clock.unix_ms());
        match &known.caller {
            Ok(_) if now >= known.expires => Err(Refused::Expired),
            caller => caller.clone(),
        }
    }

    /// Whom the token speaks for, by Keystone's word.
    ///
    /// # Errors
    /// [`Refused`]: `Unavailable` if it gives no answer; nothing is believed then.
    pub(crate) async fn ask(&self, token: &[u8]) -> Result<Arc<Caller>, Refused> {
        // Whoever comes after something was revoked does not wait for an answer from before.
        let about = (name(token), self.revoked.epoch());
        let known = self.flights.answer(about, self.question(token, about));
        self.in_time(&known.await?)
    }

    /// Asks, and remembers the answer.
    async fn question(&self, token: &[u8], (name, epoch): About) -> Result<Known, Refused> {
        // The question before may have been answered since this one's request looked.
        if let Some(known) = self.remembered(&name) {
            return Ok(known);
        }
        let found = match self.in_turn(token).await? {
            Some(answer) => {
                let expires = answer.token.expires_at.0;
                let issued = answer.token.issued_at.map(|at| at.0);
                let caller = self.grants.caller(&answer.token).and_then(|caller| {
                    self.revoked.check(&caller, issued)?;
                    Ok(Arc::new(caller))
                });
                (caller, expires, self.believed)
            }
            None => {
                let never = Timestamp::from_unix_ms(u64::MAX);
                (Err(Refused::Invalid), never, REFUSED_FOR)
            }
        };
        let (caller, expires, believed) = found;
        let known = Known {
            caller,
            expires,
            until: self.clock.mono() + believed,
            epoch,
        };
        self.known.insert(name, known.clone());
        Ok(known)
    }

    /// Looks as soon as few enough others do.
    async fn in_turn(&self, token: &[u8]) -> Result<Option<Answer>, Refused> {
        let looked = async {
            let turn = self.asking.acquire().await;
            let _turn = turn.map_err(|_closed| Refused::Unavailable)?;
            self.look(token).await
        };
        let looked = self.clock.timeout(ANSWER, looked).await;
        looked.unwrap_or_else(|_elapsed| {
            tracing::warn!("Keystone gives no answer about a token in time");
            Err(Refused::Unavailable)
        })
    }

    /// None: it is no good token.
    async fn look(&self, token: &[u8]) -> Result<Option<Answer>, Refused> {
        let away = |error: &(dyn std::error::Error + 'static)| {
            tracing::warn!(error, "Keystone gives no answer about a token");
            Refused::Unavailable
        };
        let token = str::from_utf8(token).map_err(|_error| Refused::Invalid)?;
        let request = self
            .client
            .get(&self.url)
            .header("X-Auth-Token", token)
            .header("X-Subject-Token", token);
        let answer = request.send().await.map_err(|error| away(&error))?;
        match answer.status().as_u16() {
            200 => {}
            401 | 403 | 404 => return Ok(None),
            status => {
                tracing::warn!(status, "Keystone gives no answer about a token");
                return Err(Refused::Unavailable);
            }
        }
        let body = http::body(answer, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|error| away(&error))?;
        let answer = serde_json::from_slice(&body).map_err(|error| away(&error))?;
        Ok(Some(answer))
    }
}

fn name(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// What is read of Keystone's answer.
#[derive(Debug, Deserialize)]
struct Answer {
    token: Token,
}

#[derive(Debug, Deserialize)]
struct Token {
    expires_at: Moment,
    #[serde(default)]
    issued_at: Option<Moment>,
    user: Named,
    #[serde(default)]
    project: Option<Named>,
    /// `{"all": true}`: the token is for the whole system.
    #[serde(default)]
    system: Option<serde_json::Value>,
    #[serde(default)]
    roles: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: String,
}

impl Grants {
    fn new(settings: &Settings) -> Result<Self, StartError> {
        let wrong = |key, rule| StartError::OutOfRange { key, rule };
        let rights = |words: &BTreeMap<String, BTreeSet<String>>, staff: bool, key| {
            let set = |(role, words): (&String, &BTreeSet<String>)| {
                let rights = words
                    .iter()
                    .map(|word| Right::parse(word).filter(|right| STAFF.contains(right) == staff));
                let rights: Option<Rights> = rights
                    .collect::<Option<Vec<_>>>()
                    .map(|all| all.into_iter().collect());
                let rule = if staff {
                    "must name rights of staff: support, operate"
                } else {
                    "must name rights: read, crud, trigger, exceed-limits, audit"
                };
                Ok((role.clone(), rights.ok_or_else(|| wrong(key, rule))?))
            };
            words
                .iter()
                .map(set)
                .collect::<Result<BTreeMap<_, _>, StartError>>()
        };
        let limited = settings.limited.iter().map(|(role, groups)| {
            let ids = groups.iter().map(|id| id.parse());
            let ids = ids.collect::<Result<BTreeSet<GroupId>, _>>();
            let rule = "must name groups by their ids";
            let ids = ids.map_err(|_error| wrong("tokens.keystone.limited", rule))?;
            Ok((role.clone(), ids))
        });
        let tenants = settings.tenants.iter().map(|(project, tenant)| {
            let rule = "must name tenants";
            let tenant = tenant.parse();
            let tenant = tenant.map_err(|_error| wrong("tokens.keystone.tenants", rule))?;
            Ok((project.clone(), tenant))
        });
        Ok(Self {
            roles: rights(&settings.roles, false, "tokens.keystone.roles")?,
            system_roles: rights(&settings.system_roles, true, "tokens.keystone.system_roles")?,
            limited: limited.collect::<Result<_, StartError>>()?,
            tenants: tenants.collect::<Result<_, StartError>>()?,
        })
    }

    /// Who the token speaks for here. A token for no project and not for the system is for nothing here.
    fn caller(&self, token: &Token) -> Result<Caller, Refused> {
        let system = token.system.is_some();
        let granting = if system {
            &self.system_roles
        } else {
            &self.roles
        };
        let mut tenants = BTreeSet::new();
        if let Some(project) = &token.project {
            let configured = self.tenants.get(&project.id).cloned();
            let tenant = match configured {
                Some(tenant) => tenant,
                None => project.id.parse().map_err(|_error| Refused::Invalid)?,
            };
            tenants.insert(tenant);
        } else if !system {
            return Err(Refused::Invalid);
        }
        // A role for certain groups counts only where no other role grants something.
        let granted = |limited: bool| {
            let roles = token.roles.iter().map(|role| &role.name);
            let roles = roles.filter(|role| self.limited.contains_key(*role) == limited);
            let sets = roles.filter_map(|role| granting.get(role));
            let all = Right::ALL
                .into_iter()
                .filter(|right| sets.clone().any(|set| set.has(*right)));
            all.collect::<Rights>()
        };
        let (whole, parts) = (granted(false), granted(true));
        let (rights, groups) = if whole == Rights::NONE && parts != Rights::NONE {
            let roles = token
                .roles
                .iter()
                .filter_map(|role| self.limited.get(&role.name));
            (parts, Some(roles.flatten().copied().collect()))
        } else {
            (whole, None)
        };
        Ok(Caller {
            subject: token.user.id.as_str().into(),
            tenants,
            rights,
            groups,
        })
    }
}

#[cfg(test)]
mod tests;
