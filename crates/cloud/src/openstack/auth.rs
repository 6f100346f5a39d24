//! Keystone v3: one token per tenant, by one sign-in at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use chassis::{Mono, Secret};
use serde_json::{Value, json};

use super::OpenStack;
use super::catalog::{self, Useless};
use super::classify;
use super::config::{Account, Project};
use super::microversion::Microversion;
use super::seat::{Failed, Seat};
use crate::error::TokenError;
use crate::guard::{Call, Heard, Refused, Scope, Whose};
use crate::port::Token;
use crate::transport::{Connection, Method, Request, Response};

/// The secret part of a token, and what a call needs besides.
#[derive(Debug)]
pub struct TokenInner {
    pub(super) secret: Secret,
    /// The compute API's address, ending in `/v2.1`.
    pub(super) compute: String,
    /// The image API's address, ending in `/v2`, where the catalog has one.
    pub(super) image: Option<String>,
    /// The highest microversion of that API.
    pub(super) highest: Microversion,
    received: Mono,
    pub(super) life: Duration,
}

impl TokenInner {
    /// `lived` is when the token came, and how long it lives from then on.
    pub(super) const fn new(
        secret: Secret,
        compute: String,
        highest: Microversion,
        lived: (Mono, Duration),
    ) -> Self {
        let (received, life) = lived;
        Self {
            secret,
            compute,
            image: None,
            highest,
            received,
            life,
        }
    }

    /// The same, with where images are.
    fn with_images(self, image: Option<String>) -> Self {
        Self { image, ..self }
    }

    /// The longest it can still live.
    pub(super) fn left(&self, now: Mono) -> Duration {
        self.life
            .saturating_sub(now.saturating_since(self.received))
    }
}

/// An answer that is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum Nothing {
    #[error("{what}: HTTP {status}")]
    Status { what: &'static str, status: u16 },
    #[error("{what}: it cannot be read")]
    Unreadable { what: &'static str },
    #[error(transparent)]
    Transport(crate::transport::TransportError),
    #[error(transparent)]
    Guard(Refused),
}

impl From<Nothing> for Failed {
    fn from(nothing: Nothing) -> Self {
        match nothing {
            Nothing::Guard(Refused::Paused(wait) | Refused::Open(wait)) => Self::Throttled(wait),
            other @ (Nothing::Status { .. }
            | Nothing::Unreadable { .. }
            | Nothing::Transport(_)
            | Nothing::Guard(Refused::Late | Refused::Stopped { .. } | Refused::Fenced)) => {
                Self::Unavailable(Arc::new(other))
            }
        }
    }
}

impl OpenStack {
    /// The current token of a tenant, or a new one. Whoever comes while a sign-in is under way shares its outcome.
    pub(super) async fn current_token(
        &self,
        whose: impl Into<Whose<'_>>,
    ) -> Result<Token, TokenError> {
        let whose = whose.into();
        let tenant = whose.tenant;
        let seat = self.seat(tenant).ok_or(TokenError::Unconfigured)?;
        let before = seat.flights();
        if let Some(known) = self.known(seat, whose) {
            return known;
        }
        let _flight = seat.flight.lock().await;
        if let Some(failed) = seat.failed_since(before) {
            return Err(failed.into());
        }
        if let Some(known) = self.known(seat, whose) {
            return known;
        }
        let result = self.sign_in(whose, &seat.account).await;
        seat.landed(&result, self.suspect_until());
        if let Err(failed) = &result {
            tracing::warn!(%tenant, ?failed, "no token");
        }
        result.map_err(TokenError::from)
    }

    /// What needs no sign-in: a good token, or a refusal that still stands. A call for everybody takes the token in spite of a refusal, which was of
    /// something else. Without one it signs in, unless that was refused: Keystone may lock an account that tries again and again.
    fn known(&self, seat: &Seat, whose: Whose<'_>) -> Option<Result<Token, TokenError>> {
        let now = self.process.clock.mono();
        let current = seat.current(now);
        let refusal = match whose.heeds {
            Scope::Tenant => seat.suspicion(now),
            Scope::Colo if current.is_some() => None,
            Scope::Colo => seat.refusal(now),
        };
        match refusal {
            Some(words) => Some(Err(TokenError::Refused(words))),
            None => current.map(Ok),
        }
    }

    /// Where tokens are made and ended.
    pub(super) fn tokens_url(&self) -> String {
        let keystone = self.settings.keystone.trim_end_matches('/');
        let keystone = keystone.strip_suffix("/v3").unwrap_or(keystone);
        format!("{keystone}/v3/auth/tokens")
    }

    pub(super) async fn sign_in(
        &self,
        whose: Whose<'_>,
        account: &Account,
    ) -> Result<Token, Failed> {
        // Before Keystone is asked: it would sign the account in at every try, for a token that nobody may use.
        let last = self.last_noted(whose.tenant)?;
        let request = Request {
            method: Method::Post,
            url: self.tokens_url(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: credentials(account),
            timeout: self.settings.timeouts.auth,
            connection: Connection::Pooled,
        };
        let answer = self.ask(Call::Auth, whose, request).await?;
        let secret = match answer.status {
            200 | 201 => answer
                .header("x-subject-token")
                .and_then(|token| Secret::new(token.to_owned()).ok())
                .ok_or(Nothing::Unreadable { what: "the token" })?,
            _ if classify::is_refused(&answer) => {
                return Err(Failed::Refused(classify::words(&answer)));
            }
            status => {
                return Err(
                    match classify::wait(&answer, self.process.clock.unix_ms()) {
                        Some(wait) => Failed::Throttled(wait),
                        None => Nothing::Status {
                            what: "sign-in",
                            status,
                        }
                        .into(),
                    },
                );
            }
        };
        let received = self.process.clock.mono();
        let about = catalog::sign_in(&answer.body, &self.settings.region, self.settings.interface)
            .map_err(|useless| match useless {
                Useless::Unreadable => Nothing::Unreadable {
                    what: "the sign-in",
                }
                .into(),
                Useless::NoEndpoint(what) => Failed::NoEndpoint(what),
            })?;
        self.same_place(whose.tenant, last.as_ref(), &about.project)?;
        let highest = self.highest(whose, &about.compute, &secret).await?;
        Ok(Token {
            tenant: whose.tenant.clone(),
            project: about.project,
            user: about.user,
            serial: self.serials.fetch_add(1, Ordering::Relaxed),
            inner: Arc::new(
                TokenInner::new(secret, about.compute, highest, (received, about.life))
                    .with_images(about.image),
            ),
        })
    }

    /// The highest microversion of a compute API: asked once.
    async fn highest(
        &self,
        whose: Whose<'_>,
        compute: &str,
        secret: &Secret,
    ) -> Result<Microversion, Failed> {
        if let Some(known) = self.versions().get(compute) {
            return Ok(*known);
        }
        let request = Request {
            method: Method::Get,
            url: format!("{compute}/"),
            headers: vec![
                ("accept", "application/json".to_owned()),
                ("x-auth-token", secret.expose().to_owned()),
            ],
            body: Bytes::new(),
            timeout: self.settings.timeouts.get,
            connection: Connection::Pooled,
        };
        let what = "the versions of the compute API";
        let answer = self.ask(Call::Get, whose, request).await?;
        if answer.status != 200 {
            let status = answer.status;
            return Err(Nothing::Status { what, status }.into());
        }
        let highest = catalog::highest(&answer.body).ok_or(Nothing::Unreadable { what })?;
        self.versions().insert(compute.to_owned(), highest);
        Ok(highest)
    }

    /// One exchange outside the queue, in the budget of its class.
    pub(super) async fn ask(
        &self,
        call: Call,
        whose: impl Into<Whose<'_>>,
        request: Request,
    ) -> Result<Response, Nothing> {
        let whose = whose.into();
        let began = self.process.clock.mono();
        let deadline = began + request.timeout;
        self.guard
            .charge(call, whose, deadline)
            .await
            .map_err(Nothing::Guard)?;
        let sent = self.process.clock.mono();
        let exchange = self.transport.exchange(request).await;
        let heard = match classify::heard(&exchange, self.process.clock.unix_ms()) {
            // Keystone serves more than this colo's Nova: its wish concerns who asked.
            Heard::Throttled(_, wait) if call == Call::Auth => {
                Heard::Throttled(Scope::Tenant, wait)
            }
            other @ (Heard::Served | Heard::Sick | Heard::Silent | Heard::Throttled(..)) => other,
        };
        self.guard.heard(call, whose, heard, sent);
        exchange.map_err(Nothing::Transport)
    }
}

/// The body of a sign-in.
fn credentials(account: &Account) -> Bytes {
    let auth = match account {
        Account::Password {
            user,
            user_domain,
            password,
            project,
        } => json!({
            "identity": {
                "methods": ["password"],
                "password": { "user": {
                    "name": user,
                    "domain": { "name": user_domain },
                    "password": password.expose(),
                } },
            },
            "scope": { "project": scope(project) },
        }),
        Account::ApplicationCredential { id, secret } => json!({
            "identity": {
                "methods": ["application_credential"],
                "application_credential": { "id": id, "secret": secret.expose() },
            },
        }),
    };
    json!({ "auth": auth }).to_string().into()
}

fn scope(project: &Project) -> Value {
    match project {
        Project::Id { id } => json!({ "id": id }),
        Project::Name { name, domain } => json!({ "name": name, "domain": { "name": domain } }),
    }
}
