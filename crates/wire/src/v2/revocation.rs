//! Tokens that operators end before their time (safety S5).

use domain::access;
use domain::ids::TenantId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Invalid;
use super::switch::{RULE, why};
use super::time::Moment;

/// Characters of a subject at most, as in tokens.
const SUBJECT_MAX: usize = 255;

/// Which tokens to end: those that fit all that is named. At least one of `subject`, `tenant` and `before` must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevocationSpec {
    /// Of this subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255)]
    pub subject: Option<String>,
    /// That may act for this tenant, whatever others they name too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Issued before this moment, which must not lie in the future; now if not given. A token that does not say when it was issued is
    /// ended too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Moment>,
    /// Why, for whoever comes next: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub why: String,
}

/// What an operator has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revocation {
    /// Its id; later ones are larger.
    pub id: String,
    /// Of this subject; absent: of everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// That may act for this tenant; absent: for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Issued before this.
    pub before: Moment,
    /// Who did it: the subject of the token.
    pub who: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Moment,
}

impl RevocationSpec {
    /// What is asked for.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn parse(&self, id: String, who: &str, now: Timestamp) -> Result<Revocation, Invalid> {
        let why = why(&self.why).ok_or_else(|| Invalid::new("why", RULE))?;
        if self.subject.is_none() && self.tenant.is_none() && self.before.is_none() {
            let rule = "must be given, or `subject`, or `tenant`: a revocation names the tokens that it ends";
            return Err(Invalid::new("before", rule));
        }
        if let Some(subject) = &self.subject
            && (subject.is_empty() || subject.chars().count() > SUBJECT_MAX)
        {
            return Err(Invalid::new("subject", "must have 1 to 255 characters"));
        }
        if let Some(Err(_bad)) = self.tenant.as_ref().map(|id| id.parse::<TenantId>()) {
            return Err(Invalid::new("tenant", "must be the id of a tenant"));
        }
        let before = self.before.unwrap_or(Moment(now));
        if before.0 > now {
            return Err(Invalid::new("before", "must not be in the future"));
        }
        Ok(Revocation {
            id,
            subject: self.subject.clone(),
            tenant: self.tenant.clone(),
            before,
            who: who.to_owned(),
            why,
            at: Moment(now),
        })
    }
}

impl Revocation {
    /// As tokens are held against it; none if its tenant is no id.
    #[must_use]
    pub fn kept(self) -> Option<access::Revocation> {
        let tenant = self.tenant.map(|id| id.parse()).transpose();
        Some(access::Revocation {
            subject: self.subject,
            tenant: tenant.ok()?,
            before: self.before.0,
        })
    }
}
