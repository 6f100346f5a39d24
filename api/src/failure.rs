//! What a handler answers instead: a problem, rendered in one place ([`crate::envelope`]).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::access::Right;
use wire::problem::{Code, Problem};
use wire::v2::Invalid;

/// Where the caller is told nothing else: when to try again.
const RETRY_DEFAULT: Duration = Duration::from_secs(1);

/// A refused request.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub code: Code,
    /// The body, but for the request id.
    pub problem: Box<Problem>,
    /// When to try again, for what passes by itself.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A problem of this code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            problem: Box::new(Problem::new(code, detail)),
            retry_after: code.is_transient().then_some(RETRY_DEFAULT),
        }
    }

    /// The same, naming the field (parameter, header) and the rule that it breaks.
    #[must_use]
    pub fn at(
        mut self,
        field: impl Into<Cow<'static, str>>,
        rule: impl Into<Cow<'static, str>>,
    ) -> Self {
        *self.problem = self.problem.at(field, rule);
        self
    }

    /// The same, to be tried again after this.
    #[must_use]
    pub const fn after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// 404, in the same words whatever is missing or hidden (safety S6).
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            Code::NotFound,
            "what the path names does not exist, or the token may not see it",
        )
    }

    /// 403 naming the right.
    #[must_use]
    pub fn missing(right: Right) -> Self {
        let mut failure = Self::new(
            Code::MissingRight,
            format!("the token needs the right `{}` for this", right.as_str()),
        );
        failure.problem.rule = Some(Cow::Borrowed(right.as_str()));
        failure
    }

    /// 400 for a query parameter.
    #[must_use]
    pub fn parameter(name: &str, rule: &str) -> Self {
        Self::new(
            Code::InvalidParameter,
            format!("the parameter `{name}` {rule}"),
        )
        .at(name.to_owned(), rule.to_owned())
    }
}

/// The store gave no answer and nothing was done; the cause goes to the log.
impl From<&store::Error> for Failure {
    fn from(error: &store::Error) -> Self {
        match error {
            store::Error::Unavailable(_) | store::Error::Full(_) => {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "the store is not available"
                );
                Self::new(Code::Unavailable, "nothing was done; try again later")
            }
            store::Error::Corrupt(_) => {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    "stored data cannot be read"
                );
                Self::new(
                    Code::Internal,
                    "stored data cannot be read; the request id leads support to the cause",
                )
            }
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::from(&error)
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::new(Code::InvalidField, invalid.to_string()).at(invalid.field, invalid.rule)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        // The body comes with the request id, in `envelope`.
        HttpResponse::new(self.status_code())
    }
}
