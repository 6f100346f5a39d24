//! Nova: the four calls on servers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chassis::Mono;
use domain::evidence::Extent;
use domain::ids::{ServerId, SlotId, TenantId};
use domain::mutant::{Rule, off};
use domain::slot::FailWhy;
use zeroize::Zeroize as _;

use super::launch;
use super::microversion::Microversion;
use super::model::{One, ROWS_MAX, Rows};
use super::seat::Rejected;
use super::{OpenStack, classify, tag};
use crate::error::{CallError, CreateError, TokenError};
use crate::guard::{Call, Scope, Whose};
use crate::port::{Create, Deleted, List, Server, Token};
use crate::proof::{Mint, Owned, ProofKeys};
use crate::transport::{Connection, Method, Request, Response};

/// A tenant may tag as many servers of his own as a page shows: so many pages are asked for before a list by tag is left unfinished.
const TAGGED_PAGES_MAX: u32 = 5;

/// A delete goes out within this or not at all, a sign-in and the second try after a 401 included: the read that it rests on may be 20 s old when it
/// begins, and at most 60 s when it ends, 30 s later (safety 3.7).
const DELETE_WITHIN: Duration = Duration::from_secs(10);

/// Larger bodies of lists are read off the thread that everything else runs on: some fifty rows.
const READ_HERE_MAX: usize = 64 << 10;

/// What a list leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Nothing.
    None,
    /// There may be further pages.
    Pages,
    /// A row was not understood.
    Unread,
}

/// What one exchange needs, apart from the token.
struct Ask {
    call: Call,
    method: Method,
    /// After `.../v2.1`.
    path: String,
    body: Bytes,
    microversion: Microversion,
}

impl Ask {
    fn new(call: Call, method: Method, path: String, token: &Token) -> Self {
        Self {
            call,
            method,
            path,
            body: Bytes::new(),
            microversion: token.inner.highest.for_reads(),
        }
    }
}

impl OpenStack {
    pub(super) async fn create_server(
        &self,
        token: &Token,
        create: &Create,
    ) -> Result<ServerId, CreateError> {
        let mint = Mint {
            group: create.group,
            slot: create.slot,
            nonce: create.nonce,
        };
        let stamp = self.keys.stamp(&token.project, &create.tenant, &mint);
        let ready = launch::ready(create, &stamp, token.inner.highest)
            .map_err(|error| CreateError::Not(FailWhy::Refused(error.to_string())))?;
        let ask = Ask {
            body: ready.body,
            microversion: ready.microversion,
            ..Ask::new(Call::Create, Method::Post, "/servers".to_owned(), token)
        };
        let whose = Whose::from(&token.tenant);
        let exchange = self.exchange(token, whose, ask).await;
        let result = classify::create(&exchange, self.process.clock.unix_ms());
        if let Ok(answer) = exchange {
            self.weigh_create(token, &answer);
            wipe(answer.body);
        }
        match result {
            Err(CreateError::Not(FailWhy::Token)) => {
                Err(CreateError::Not(self.create_rejected(token)))
            }
            other => other,
        }
    }

    /// Takes note of what a create's answer says about the token or the service.
    fn weigh_create(&self, token: &Token, answer: &Response) {
        match answer.status {
            200..=299 => self.honoured(&token.tenant),
            406 => self.forget_versions(token),
            _ => {}
        }
    }

    fn create_rejected(&self, token: &Token) -> FailWhy {
        match self.rejected(token) {
            Rejected::Once => FailWhy::Token,
            Rejected::Again => FailWhy::Credential("a fresh token was not accepted".to_owned()),
        }
    }

    pub(super) async fn list_servers(&self, tenant: &TenantId) -> Result<List, CallError> {
        let path = || "/servers/detail".to_owned();
        let (token, answer) = self.read(tenant, Call::List, path).await?;
        let (servers, rest) = self.rows(&token, answer).await?;
        let complete = rest == Rest::None
            && (token.inner.highest.for_reads() >= Microversion::COMPLETE
                || off(Rule::CompleteLists));
        let extent = if complete {
            Extent::Complete
        } else {
            Extent::Partial
        };
        Ok(List { extent, servers })
    }

    pub(super) async fn list_of_slot(
        &self,
        tenant: &TenantId,
        slot: SlotId,
    ) -> Result<List, CallError> {
        let mut servers: Vec<Server> = Vec::new();
        let mut rest = Rest::Pages;
        for page in 0..TAGGED_PAGES_MAX {
            if page > 0 {
                let now = self.process.clock.mono();
                self.leave(Call::List, tenant.into(), (now, true)).await?;
            }
            let after = servers.last().map(|last| format!("&marker={}", last.id));
            let after = after.unwrap_or_default();
            let path = || format!("/servers/detail?tags={}{after}", tag::of(slot));
            let (token, answer) = self.read(tenant, Call::List, path).await?;
            let (more, left) = self.rows(&token, answer).await?;
            servers.extend(more);
            rest = left;
            if rest != Rest::Pages {
                break;
            }
        }
        let extent = match rest {
            Rest::None => Extent::Tagged,
            Rest::Pages | Rest::Unread => Extent::Partial,
        };
        Ok(List { extent, servers })
    }

    /// The rows of a list, and what it leaves out. Hundreds of rows with their proofs take milliseconds, in which nobody's event should wait.
    async fn rows(
        &self,
        token: &Token,
        answer: Option<Response>,
    ) -> Result<(Vec<Server>, Rest), CallError> {
        let answer = answer.ok_or_else(|| CallError::Unclear("HTTP 404 for a list".to_owned()))?;
        let list_max = self.settings.list_max;
        if answer.body.len() <= READ_HERE_MAX {
            return rows(&answer, token, &self.keys, list_max);
        }
        let (token, keys) = (token.clone(), Arc::clone(&self.keys));
        let read = move || rows(&answer, &token, &keys, list_max);
        let read = self.process.tasks.blocking(read).await;
        read.map_err(|_ended| CallError::Unclear("nobody was left to read the list".to_owned()))?
    }

    pub(super) async fn get_server(
        &self,
        tenant: &TenantId,
        server: ServerId,
    ) -> Result<Option<Server>, CallError> {
        let path = || format!("/servers/{server}");
        let (token, answer) = self.read(tenant, Call::Get, path).await?;
        let Some(answer) = answer else {
            return Ok(None);
        };
        let one: One<'_> = serde_json::from_slice(&answer.body).map_err(unreadable)?;
        one.server
            .server(&token, &self.keys)
            .filter(|shown| shown.id == server)
            .map(Some)
            .ok_or_else(|| CallError::Unclear("the answer is about another server".to_owned()))
    }

    pub(super) async fn delete_server(
        &self,
        tenant: &TenantId,
        owned: Owned,
    ) -> Result<Deleted, CallError> {
        let path = || format!("/servers/{}", owned.server());
        let whose = Whose {
            group: Some(owned.group()),
            ..Whose::from(tenant)
        };
        let (_, exchange) = self
            .with_token(whose, Call::Delete, (Method::Delete, Bytes::new()), path)
            .await?;
        classify::delete(exchange, self.process.clock.unix_ms())
    }

    /// A GET; none for 404. OpenStack's own 403 to a read of the tenant's makes the account suspect: reading is the least it must be able to do.
    pub(super) async fn read(
        &self,
        whose: impl Into<Whose<'_>>,
        call: Call,
        path: impl Fn() -> String + Send,
    ) -> Result<(Token, Option<Response>), CallError> {
        let whose = whose.into();
        let asked = (Method::Get, Bytes::new());
        let (token, exchange) = self.with_token(whose, call, asked, path).await?;
        if let Ok(answer) = &exchange {
            let is_own = whose.heeds == Scope::Tenant;
            match answer.status {
                // One of something on the way may mean this one request.
                403 if is_own && classify::is_openstacks(answer) => {
                    self.suspect(whose.tenant, classify::words(answer));
                }
                406 => self.forget_versions(&token),
                _ => {}
            }
        }
        let answer = classify::read(exchange, self.process.clock.unix_ms())?;
        Ok((token, answer))
    }

    /// The last look before an exchange: what was admitted when the call began may be stopped by now. One beyond the first of a call takes a place in
    /// the budget, too.
    async fn leave(
        &self,
        call: Call,
        whose: Whose<'_>,
        (began, second): (Mono, bool),
    ) -> Result<(), CallError> {
        let deadline = match call {
            Call::Delete => began + DELETE_WITHIN,
            Call::Create | Call::Get | Call::List | Call::Auth => {
                self.process.clock.mono() + self.time_limit(call)
            }
        };
        let leave = if second {
            self.guard.charge(call, whose, deadline).await
        } else {
            self.guard.recheck(call, whose, deadline)
        };
        leave.map_err(|refused| CallError::Unclear(refused.to_string()))
    }

    /// Sends with the current token; after a 401 once more with a fresh one.
    pub(super) async fn with_token(
        &self,
        whose: impl Into<Whose<'_>>,
        call: Call,
        (method, body): (Method, Bytes),
        path: impl Fn() -> String + Send,
    ) -> Result<(Token, classify::Exchange), CallError> {
        let whose = whose.into();
        let began = self.process.clock.mono();
        let mut second = false;
        loop {
            let token = self.current_token(whose).await;
            let token = token.map_err(no_token)?;
            let ask = Ask {
                body: body.clone(),
                ..Ask::new(call, method, path(), &token)
            };
            self.leave(call, whose, (began, second)).await?;
            let exchange = self.exchange(&token, whose, ask).await;
            match exchange.as_ref().map(|answer| answer.status) {
                Ok(401) => match self.rejected(&token) {
                    Rejected::Once if !second => second = true,
                    Rejected::Once | Rejected::Again => return Err(CallError::Credential),
                },
                Ok(200..=299) => {
                    self.honoured(whose.tenant);
                    return Ok((token, exchange));
                }
                Ok(_) | Err(_) => return Ok((token, exchange)),
            }
        }
    }

    /// One exchange with the compute API, exactly one.
    async fn exchange(&self, token: &Token, whose: Whose<'_>, ask: Ask) -> classify::Exchange {
        let Ask {
            call,
            method,
            path,
            body,
            microversion,
        } = ask;
        let mut headers = Vec::with_capacity(6);
        headers.push(("x-auth-token", token.inner.secret.expose().to_owned()));
        headers.push(("openstack-api-version", format!("compute {microversion}")));
        headers.push(("x-openstack-nova-api-version", microversion.to_string()));
        headers.push(("x-openstack-request-id", self.request_id()));
        headers.push(("accept", "application/json".to_owned()));
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let connection = match call {
            Call::Create => Connection::Fresh,
            Call::Delete | Call::Get | Call::List | Call::Auth => Connection::Pooled,
        };
        let request = Request {
            method,
            url: format!("{}{path}", token.inner.compute),
            headers,
            body,
            timeout: self.time_limit(call),
            connection,
        };
        let sent = self.process.clock.mono();
        let exchange = self.transport.exchange(request).await;
        let heard = classify::heard(&exchange, self.process.clock.unix_ms());
        self.guard.heard(call, whose, heard, sent);
        self.log(call, &exchange);
        exchange
    }

    fn log(&self, call: Call, exchange: &classify::Exchange) {
        let call = call.word();
        match exchange {
            Ok(answer) if answer.status < 400 || classify::is_missing(answer) => {}
            Ok(answer) => {
                let request_id = answer.header("x-openstack-request-id").unwrap_or_default();
                let words = classify::words(answer);
                tracing::info!(
                    call,
                    status = answer.status,
                    request_id,
                    words,
                    "the cloud says no"
                );
            }
            Err(error) => {
                let error = chassis::telemetry::chain(error);
                tracing::warn!(call, %error, "no answer from the cloud");
            }
        }
    }
}

pub(super) fn no_token(error: TokenError) -> CallError {
    match error {
        TokenError::Refused(_) => CallError::Credential,
        TokenError::Throttled(wait) => CallError::Throttled(wait),
        TokenError::Unconfigured | TokenError::NoEndpoint(_) | TokenError::Unavailable(_) => {
            CallError::Token(error.to_string())
        }
    }
}

pub(super) fn unreadable(error: serde_json::Error) -> CallError {
    CallError::Unclear(format!(
        "a body that cannot be read, at line {} column {}",
        error.line(),
        error.column()
    ))
}

/// The answer to a create carries the server's administrator password; it does not stay in memory (safety S22).
fn wipe(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body.as_mut().zeroize();
    }
}

fn rows(
    answer: &Response,
    token: &Token,
    keys: &ProofKeys,
    list_max: u32,
) -> Result<(Vec<Server>, Rest), CallError> {
    let rows: Rows<'_> = serde_json::from_slice(&answer.body).map_err(unreadable)?;
    if rows.servers.len() > ROWS_MAX {
        return Err(CallError::Unclear(format!(
            "a list of more than {ROWS_MAX} servers"
        )));
    }
    let known: Vec<Server> = rows
        .servers
        .iter()
        .filter_map(|row| row.server(token, keys))
        .collect();
    let below_max = u32::try_from(rows.servers.len()).is_ok_and(|rows| rows < list_max);
    if u64::from(list_max) * 9 <= u64::try_from(rows.servers.len()).unwrap_or(u64::MAX) * 10 {
        tracing::warn!(tenant = %token.tenant, rows = rows.servers.len(), "the project has nearly more servers than one list shows");
    }
    let rest = if known.len() != rows.servers.len() {
        Rest::Unread
    } else if rows.goes_on() || !below_max {
        Rest::Pages
    } else {
        Rest::None
    };
    Ok((known, rest))
}
