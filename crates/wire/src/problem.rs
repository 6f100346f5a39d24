//! Errors of the new surfaces: problem+json (RFC 9457) from one table.
//!
//! A code is stable for ever, has one status and one title, and a page in `docs/errors/`. Details are written for the caller; causes,
//! stacks and the words of other systems stay in our logs (safety S33).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $case:ident $word:literal $status:literal $title:literal,)+) => {
        /// The stable name of a problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $case),+ }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$case),+];

            /// The word on the wire, and the name of its page.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word),+ }
            }
            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$case => $status),+ }
            }
            /// Its page for people (markdown), as published in `docs/errors/`.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$case => include_str!(concat!("../../../docs/errors/", $word, ".md"))),+
                }
            }
            /// Where its page is served: the `type` of its problems.
            #[must_use]
            pub const fn kind(self) -> &'static str {
                match self { $(Self::$case => concat!("/errors/", $word)),+ }
            }
            /// What it means, in one line.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$case => $title),+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson "malformed-json" 400 "The body is not JSON",
    /// The body nests too deep.
    TooDeep "too-deep" 400 "The body nests too deep",
    /// A query parameter breaks a rule.
    InvalidParameter "invalid-parameter" 400 "A query parameter is unknown or breaks a rule",
    /// A header breaks a rule.
    InvalidHeader "invalid-header" 400 "A header breaks a rule",
    /// There is no token.
    TokenMissing "token-missing" 401 "The request carries no token",
    /// The token proves nothing.
    TokenInvalid "token-invalid" 401 "The token is not valid here",
    /// The token is past its end.
    TokenExpired "token-expired" 401 "The token has expired",
    /// The sender of alerts did not prove itself.
    SignatureInvalid "signature-invalid" 401 "The sender did not prove itself",
    /// The token lacks a right.
    MissingRight "missing-right" 403 "The token lacks a right",
    /// The token is for certain groups only.
    GroupsLimited "groups-limited" 403 "The token is limited to certain groups",
    /// The tenant's account is suspended.
    TenantSuspended "tenant-suspended" 403 "The tenant's account is suspended",
    /// As many are there as may be.
    LimitReached "limit-reached" 403 "There are as many as there may be",
    /// There is nothing, or nothing that this token may see.
    NotFound "not-found" 404 "There is nothing here for this token",
    /// The path has other methods.
    MethodNotAllowed "method-not-allowed" 405 "The method is not allowed here",
    /// The body came too slowly.
    BodyTimeout "body-timeout" 408 "The body did not arrive in time",
    /// The group still wants servers.
    GroupNotEmpty "group-not-empty" 409 "The group still wants servers",
    /// The group is being deleted.
    GroupDeleting "group-deleting" 409 "The group is being deleted",
    /// The name is taken.
    AlreadyExists "already-exists" 409 "There is one of that id already",
    /// The same write is at work.
    KeyInUse "idempotency-key-in-use" 409 "The same write is at work",
    /// The writer has seen something else.
    PreconditionFailed "precondition-failed" 412 "What is there is not what the writer has seen",
    /// Nothing waits for this answer.
    NotWaiting "not-waiting" 409 "Nothing waits for this",
    /// The body is too large.
    BodyTooLarge "body-too-large" 413 "The body is too large",
    /// The body is of another media type.
    UnsupportedMediaType "unsupported-media-type" 415 "The body is of the wrong media type",
    /// The body has a field that is not known.
    UnknownField "unknown-field" 422 "The body has an unknown field",
    /// Another colo is its home.
    Misdirected "misdirected" 421 "What the path names has its home in another colo",
    /// A field is missing, of the wrong type, or breaks a rule.
    InvalidField "invalid-field" 422 "A field of the body is missing or breaks a rule",
    /// Nothing of a sender's body could be read.
    AlertUnreadable "alert-unreadable" 422 "The body is no alert that this input can read",
    /// The key came with another request before.
    KeyReused "idempotency-key-reused" 422 "The idempotency key was used with another request",
    /// More requests than the tenant may make.
    TooManyRequests "too-many-requests" 429 "The tenant makes too many requests",
    /// Too much waits for the group.
    Busy "busy" 429 "Too many events wait for the group",
    /// Something here is wrong.
    Internal "internal" 500 "Something went wrong here",
    /// The operator has not set this up.
    NotConfigured "not-configured" 501 "This service is not set up for it",
    /// More alerts than this input may send; send them again.
    Overloaded "overloaded" 503 "Too many alerts at once",
    /// The home of what the path names cannot be reached.
    ColoUnreachable "colo-unreachable" 503 "The colo that it belongs to cannot be reached",
    /// The store gives no answer; nothing was done.
    Unavailable "unavailable" 503 "The service cannot store anything at the moment",
    /// The store gave no answer; it may have been done.
    OutcomeUnknown "outcome-unknown" 503 "It is not known whether the change was made",
}

impl Code {
    /// The code of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }

    /// Whether the same request may be sent again, later.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Overloaded
                | Self::TooManyRequests
                | Self::Busy
                | Self::KeyInUse
                | Self::Unavailable
                | Self::ColoUnreachable
                | Self::OutcomeUnknown
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text of a problem: most are the same for all problems of a code, so that a refusal copies nothing.
type Text = Cow<'static, str>;

/// The body of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{status} {code}: {detail}")]
pub struct Problem {
    /// The page of the code.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Text,
    /// What the code means; the same for every problem of this code.
    #[schema(value_type = String)]
    pub title: Text,
    /// The HTTP status, again.
    pub status: u16,
    /// What is wrong with this request.
    #[schema(value_type = String)]
    pub detail: Text,
    /// The stable name of the problem.
    #[schema(value_type = String)]
    pub code: Text,
    /// The field of the body, the parameter or the header at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub field: Option<Text>,
    /// The rule that it breaks; with `missing-right` the right that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub rule: Option<Text>,
    /// The request, for support; also in the header `X-Request-Id`.
    pub request_id: String,
}

impl Problem {
    /// A problem of this code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Text>) -> Self {
        Self {
            kind: Text::Borrowed(code.kind()),
            title: Text::Borrowed(code.title()),
            status: code.status(),
            detail: detail.into(),
            code: Text::Borrowed(code.as_str()),
            field: None,
            rule: None,
            request_id: String::new(),
        }
    }

    /// The same, with the field and the rule that it breaks.
    #[must_use]
    pub fn at(mut self, field: impl Into<Text>, rule: impl Into<Text>) -> Self {
        self.field = Some(field.into());
        self.rule = Some(rule.into());
        self
    }
}

#[cfg(test)]
mod tests;
