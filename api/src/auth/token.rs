//! Tokens: from text to [`Caller`], with a short memory for those that were verified (dependencies 4: a signature costs as much as
//! three requests).
//!
//! `jsonwebtoken` checks form, signature, issuer and audience; time is checked here, by the process's own clock, also for what is
//! remembered.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Clock, Mono};
use domain::access::{Right, Rights};
use domain::ids::{GroupId, TenantId};
use domain::time::Timestamp;
use jsonwebtoken::Validation;
use moka::sync::Cache;
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest, Sha256};

use super::Caller;
use super::keys::Keys;
use super::revoked::Revoked;
use crate::settings::{StartError, Tokens};

/// A longer token is refused unread: headers of this size are no token of ours.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Tenants or groups in one token.
const NAMES_MAX: usize = 1_000;

/// Why a token is refused. Callers learn no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Wrong in form, signature, algorithm, key, issuer, audience or claims, or not valid yet.
    #[error("the token is not valid here")]
    Invalid,
    /// It was valid.
    #[error("the token has expired")]
    Expired,
    /// An operator has ended it.
    #[error("the token was revoked")]
    Revoked,
    /// Nobody can say now: who made it gives no answer, or the store was never read.
    #[error("it cannot be found out whether the token is valid")]
    Unavailable,
}

/// Verifies tokens; cheap to clone, every clone shares the memory.
#[derive(Clone)]
pub struct Verifier {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Clock,
    keys: Keys,
    revoked: Revoked,
    issuer: String,
    audience: String,
    leeway: Duration,
    believed: Duration,
    remembered: Cache<[u8; 32], Arc<Verified>>,
}

/// A token whose signature was checked.
#[derive(Debug)]
struct Verified {
    caller: Arc<Caller>,
    /// Seconds since 1970.
    expires: u64,
    not_before: Option<u64>,
    until: Mono,
    epoch: Epoch,
}

/// Of the keys and of what is revoked: what was verified in another one is verified again.
type Epoch = (u64, u64);

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.shared.issuer)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Takes the keys, what is revoked, and the rules.
    ///
    /// # Errors
    /// [`StartError::OutOfRange`], when a time is longer than what can be called safe.
    pub fn new(
        clock: Clock,
        keys: Keys,
        revoked: Revoked,
        settings: &Tokens,
    ) -> Result<Self, StartError> {
        let half_a_minute = Duration::from_secs(30);
        for (key, value) in [
            ("tokens.leeway", settings.leeway),
            ("tokens.believed", settings.believed),
        ] {
            if value > half_a_minute {
                let rule = "must not be longer than 30s";
                return Err(StartError::OutOfRange { key, rule });
            }
        }
        Ok(Self {
            shared: Arc::new(Shared {
                clock,
                keys,
                revoked,
                issuer: settings.issuer.clone(),
                audience: settings.audience.clone(),
                leeway: settings.leeway,
                believed: settings.believed,
                remembered: Cache::builder()
                    .max_capacity(settings.remembered)
                    .time_to_live(half_a_minute)
                    .build(),
            }),
        })
    }

    /// Whom the token speaks for.
    ///
    /// # Errors
    /// [`Refused`]: answer 401.
    pub fn verify(&self, token: &[u8]) -> Result<Arc<Caller>, Refused> {
        let shared = &*self.shared;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Refused::Invalid);
        }
        let name: [u8; 32] = Sha256::digest(token).into();
        let known = shared
            .remembered
            .get(&name)
            .filter(|known| shared.clock.mono() < known.until && known.epoch == shared.epoch());
        let verified = match known {
            Some(known) => known,
            None => {
                let fresh = Arc::new(shared.check(token)?);
                shared.in_time(&fresh)?;
                shared.remembered.insert(name, Arc::clone(&fresh));
                fresh
            }
        };
        shared.in_time(&verified)?;
        Ok(Arc::clone(&verified.caller))
    }
}

impl Shared {
    fn epoch(&self) -> Epoch {
        (self.keys.generation(), self.revoked.epoch())
    }

    /// Everything but time.
    fn check(&self, token: &[u8]) -> Result<Verified, Refused> {
        // Read before the key is looked up: a reload in between must make this look old.
        let epoch = self.epoch();
        let header = jsonwebtoken::decode_header(token).map_err(|_error| Refused::Invalid)?;
        if header.crit.is_some() {
            return Err(Refused::Invalid);
        }
        // The key is found by its id alone; `jku`, `x5u` and `jwk` of the header are never read (safety S3).
        let key = self
            .keys
            .find(header.kid.as_deref())
            .ok_or(Refused::Invalid)?;
        let mut rules = Validation::new(key.algorithm);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        // By our own clock, in `in_time`.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let claims: Claims = jsonwebtoken::decode(token, &key.key, &rules)
            .map_err(|_error| Refused::Invalid)?
            .claims;
        let issued = claims.iat.as_ref();
        let issued = issued.map(|iat| Timestamp::from_unix_ms(iat.0.saturating_mul(1_000)));
        let (expires, not_before) = (claims.exp.0, claims.nbf.as_ref().map(|nbf| nbf.0));
        let caller = Arc::new(claims.caller()?);
        self.revoked.check(&caller, issued)?;
        Ok(Verified {
            expires,
            not_before,
            caller,
            until: self.clock.mono() + self.believed,
            epoch,
        })
    }

    fn in_time(&self, verified: &Verified) -> Result<(), Refused> {
        let now = Duration::from_millis(self.clock.unix_ms());
        if now >= Duration::from_secs(verified.expires).saturating_add(self.leeway) {
            return Err(Refused::Expired);
        }
        let early = |from: u64| now.saturating_add(self.leeway) < Duration::from_secs(from);
        if verified.not_before.is_some_and(early) {
            return Err(Refused::Invalid);
        }
        Ok(())
    }
}

/// What is read of a token.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: Seconds,
    #[serde(default)]
    nbf: Option<Seconds>,
    #[serde(default)]
    iat: Option<Seconds>,
    holt_tenant: OneOrMore,
    #[serde(default)]
    holt_rights: Vec<String>,
    #[serde(default)]
    holt_groups: Option<Vec<String>>,
}

impl Claims {
    fn caller(self) -> Result<Caller, Refused> {
        let invalid = |_error| Refused::Invalid;
        // An empty list is a limit too: to none.
        let limited = self.holt_groups.is_some();
        let groups = self.holt_groups.unwrap_or_default();
        if self.sub.is_empty()
            || self.sub.len() > 255
            || self.holt_tenant.0.len() > NAMES_MAX
            || groups.len() > NAMES_MAX
        {
            return Err(Refused::Invalid);
        }
        let tenants: BTreeSet<TenantId> = self
            .holt_tenant
            .0
            .iter()
            .map(|t| t.parse())
            .collect::<Result<_, _>>()
            .map_err(invalid)?;
        let groups: BTreeSet<GroupId> = groups
            .iter()
            .map(|g| g.parse())
            .collect::<Result<_, _>>()
            .map_err(invalid)?;
        Ok(Caller {
            // It goes into logs and rows for people.
            subject: self
                .sub
                .chars()
                .map(|c| if c.is_control() { '\u{fffd}' } else { c })
                .collect::<String>()
                .into(),
            tenants,
            // A word that is not known grants nothing.
            rights: self
                .holt_rights
                .iter()
                .filter_map(|word| Right::parse(word))
                .collect::<Rights>(),
            groups: limited.then_some(groups),
        })
    }
}

/// A `NumericDate` (RFC 7519): whole seconds since 1970; a fraction is cut off, text is refused (CVE-2026-25537).
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let text = number.to_string();
        let whole = text
            .split_once('.')
            .map_or(text.as_str(), |(whole, _)| whole);
        whole
            .parse()
            .map(Self)
            .map_err(|_error| de::Error::custom("not a NumericDate"))
    }
}

/// A text, or a list of texts.
#[derive(Deserialize)]
#[serde(from = "OneOrMoreForm")]
struct OneOrMore(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMoreForm {
    One(String),
    More(Vec<String>),
}

impl From<OneOrMoreForm> for OneOrMore {
    fn from(form: OneOrMoreForm) -> Self {
        match form {
            OneOrMoreForm::One(one) => Self(vec![one]),
            OneOrMoreForm::More(more) => Self(more),
        }
    }
}

#[cfg(test)]
mod tests;
