//! Keystone: the end of one token before its time (safety 3.6).

use bytes::Bytes;

use super::OpenStack;
use super::auth::Nothing;
use super::classify;
use crate::error::{CallError, TokenError};
use crate::guard::{Call, Refused};
use crate::port::{Revoked, Token};
use crate::transport::{Connection, Method, Request};

impl OpenStack {
    /// Signs in anew while the present token stays, and does nothing if it has a successor already.
    pub(super) async fn another_token(&self, token: &Token) -> Result<(), TokenError> {
        let tenant = &token.tenant;
        let seat = self.seat(tenant).ok_or(TokenError::Unconfigured)?;
        let _flight = seat.flight.lock().await;
        if let Some(words) = seat.suspicion(self.process.clock.mono()) {
            return Err(TokenError::Refused(words));
        }
        if seat.has_other_than(token) {
            return Ok(());
        }
        let result = self.sign_in(tenant.into(), &seat.account).await;
        seat.landed(&result, self.suspect_until());
        result.map(drop).map_err(TokenError::from)
    }

    /// By a token of the same user: one that is revoked already could not say so of itself.
    pub(super) async fn revoke_token(&self, token: &Token) -> Result<Revoked, CallError> {
        let by = self.current_token(&token.tenant).await;
        let by = by.map_err(|error| CallError::Token(error.to_string()))?;
        if by.serial == token.serial {
            return Err(CallError::Token("it has no successor yet".to_owned()));
        }
        let request = Request {
            method: Method::Delete,
            url: self.tokens_url(),
            headers: vec![
                ("x-auth-token", by.inner.secret.expose().to_owned()),
                ("x-subject-token", token.inner.secret.expose().to_owned()),
            ],
            body: Bytes::new(),
            timeout: self.settings.timeouts.auth,
            connection: Connection::Pooled,
        };
        let answer = match self.ask(Call::Auth, &token.tenant, request).await {
            Ok(answer) => answer,
            Err(Nothing::Guard(Refused::Paused(wait) | Refused::Open(wait))) => {
                return Err(CallError::Throttled(wait));
            }
            Err(nothing) => return Err(CallError::Unclear(nothing.to_string())),
        };
        match answer.status {
            204 => Ok(Revoked::Now),
            // Of anything before Keystone it says nothing.
            404 if classify::is_refused(&answer) => Ok(Revoked::NotFound),
            401 | 403 => Err(CallError::Credential),
            _ => match classify::wait(&answer, self.process.clock.unix_ms()) {
                Some(wait) => Err(CallError::Throttled(wait)),
                None => Err(CallError::Unclear(classify::words(&answer))),
            },
        }
    }
}
