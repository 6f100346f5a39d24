//! Errors of the old surface: one object below the one key `error` (contract 1.4).

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use domain::event::Actor;
use store::apply::Refused;
use wire::problem::Code;
use wire::v1::Invalid;
use wire::v1::json::{Json, NotJson};

use super::extract::Names;
use crate::edit::{CONFIG_BYTES_MAX, NotEdited};
use crate::failure::Failure;

/// A refused request.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    kind: String,
    text: String,
    retry_after: Option<Duration>,
    allow: Option<String>,
    /// What it counts as.
    pub(crate) code: Code,
}

impl Error {
    fn new(status: StatusCode, kind: &str, code: Code, text: impl Into<String>) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            text: text.into(),
            retry_after: None,
            allow: None,
            code,
        }
    }

    fn missing(kind: &str, text: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, kind, Code::NotFound, text)
    }

    /// No such group.
    pub(super) fn no_group(names: &Names) -> Self {
        let Names { tenant, group, .. } = names;
        Self::missing(
            "NoSuchScalingGroupError",
            format!("No such scaling group {group} for tenant {tenant}"),
        )
    }

    /// No such policy.
    pub(super) fn no_policy(names: &Names) -> Self {
        let Names {
            tenant,
            group,
            policy,
            ..
        } = names;
        let text = format!("No such scaling policy {policy} for group {group} for tenant {tenant}");
        Self::missing("NoSuchPolicyError", text)
    }

    /// No such webhook.
    pub(super) fn no_webhook(names: &Names) -> Self {
        let Names {
            tenant,
            group,
            policy,
            webhook,
            ..
        } = names;
        let text = format!(
            "No such webhook {webhook} for policy {policy} in group {group} for tenant {tenant}"
        );
        Self::missing("NoSuchWebhookError", text)
    }

    /// An edit that was not made.
    pub(super) fn not_edited(why: NotEdited, names: &Names) -> Self {
        let Names {
            tenant,
            group,
            policy,
            ..
        } = names;
        match why {
            NotEdited::NoPolicy => Self::no_policy(names),
            NotEdited::NoWebhook => Self::no_webhook(names),
            // Its id was made here, out of 122 random bits.
            NotEdited::Exists(_) => Self::unavailable("The id was taken."),
            NotEdited::TooManyPolicies(there, new, most) => Self::over(
                "PoliciesOverLimitError",
                format!(
                    "Currently there are {there} policies for tenant {tenant}, scaling group {group}. Creating {new} new policies would exceed the policy limit of {most} per group."
                ),
            ),
            NotEdited::TooManyWebhooks(there, count, most) => Self::over(
                "WebhooksOverLimitError",
                format!(
                    "Currently there are {there} webhooks for tenant {tenant}, scaling group {group}, policy {policy}. Creating {count} new webhooks would exceed the webhook limit of {most} per policy."
                ),
            ),
            // A limit that the old service had not: the word for a group that is over one.
            NotEdited::TooLarge(bytes) => Self::over(
                "ScalingGroupOverLimitError",
                format!(
                    "With its policies, webhooks and metadata, the scaling group of tenant {tenant} would have {bytes} bytes. Allowed are {CONFIG_BYTES_MAX} bytes per group."
                ),
            ),
        }
    }

    /// No such server in the group.
    pub(super) fn no_server(names: &Names) -> Self {
        let Names {
            tenant,
            group,
            server,
            ..
        } = names;
        let text = format!("Active server {server} not found in tenant {tenant}'s group {group}");
        Self::missing("ServerNotFoundError", text)
    }

    /// A query parameter that cannot be read.
    pub(super) fn query(text: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "InvalidQueryArgument",
            Code::InvalidParameter,
            text,
        )
    }

    /// A rule of the body that only the group can tell.
    pub(super) fn validation(text: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "ValidationError",
            Code::InvalidField,
            text,
        )
    }

    /// Something about the group's state forbids it.
    pub(super) fn forbidden(kind: &str, text: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, kind, Code::GroupNotEmpty, text)
    }

    /// The group is paused; `what` cannot be done.
    pub(super) fn paused(names: &Names, what: &str) -> Self {
        let Names { tenant, group, .. } = names;
        let text =
            format!("Cannot {what} for group {group} for tenant {tenant} because group is paused");
        Self::forbidden("GroupPausedError", text)
    }

    /// The tenant's account is suspended.
    pub(super) fn suspended(names: &Names) -> Self {
        Self::forbidden(
            "TenantSuspendedError",
            format!("Tenant {} is SUSPENDED.", names.tenant),
        )
    }

    /// A quota is used up.
    pub(super) fn over(kind: &str, text: String) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            kind,
            Code::InvalidField,
            text,
        )
    }

    /// Not offered.
    pub(super) fn absent() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplementedError",
            Code::NotFound,
            "",
        )
    }

    /// More than may be asked for now.
    pub(super) fn too_much(wait: Duration) -> Self {
        let text = "This request was rate-limited.";
        let mut error = Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "overLimit",
            Code::TooManyRequests,
            text,
        );
        error.retry_after = Some(wait);
        error
    }

    /// Nothing was stored; the same request may be sent again.
    pub(super) fn unavailable(text: &str) -> Self {
        let mut error = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            Code::Unavailable,
            text,
        );
        error.retry_after = Some(Duration::from_secs(1));
        error
    }

    /// As the answer.
    pub(crate) fn answer(&self) -> HttpResponse {
        let error = Json::object([
            ("type", Json::of(&self.kind)),
            ("code", Json::count(self.status.as_u16())),
            ("message", Json::of(&self.text)),
            ("details", Json::of("")),
        ]);
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CONTENT_TYPE, "application/json"));
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(allow) = &self.allow {
            answer.insert_header((header::ALLOW, allow.as_str()));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            answer.insert_header((header::RETRY_AFTER, seconds.max(1).to_string()));
        }
        answer.body(Json::object([("error", error)]).to_ascii())
    }
}

/// What the parts that both surfaces share refuse, in the words of this one.
impl From<&Failure> for Error {
    fn from(failure: &Failure) -> Self {
        // The old surface has fewer statuses.
        let status = match failure.code.status() {
            409 => 403,
            415 | 422 => 400,
            429 => 413,
            other => other,
        };
        let kind = match status {
            400 if failure.code == Code::MalformedJson => "InvalidJsonError",
            400 if failure.code == Code::InvalidParameter => "InvalidQueryArgument",
            400 => "ValidationError",
            401 => "unauthorized",
            403 => "forbidden",
            404 => "itemNotFound",
            405 => "badMethod",
            413 => "overLimit",
            421 => "misdirectedRequest",
            503 => "ServiceUnavailable",
            _ => "InternalError",
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = if status == StatusCode::INTERNAL_SERVER_ERROR {
            "An Internal Error was encountered"
        } else {
            failure.problem.detail.as_ref()
        };
        let allow = failure.problem.rule.as_deref().map(str::to_owned);
        Self {
            retry_after: failure.retry_after,
            allow: allow.filter(|_| failure.code == Code::MethodNotAllowed),
            ..Self::new(status, kind, failure.code, text)
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::from(&failure)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::from(Failure::from(error))
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        let (kind, text) = (invalid.kind.word(), invalid.text);
        Self::new(StatusCode::BAD_REQUEST, kind, Code::InvalidField, text)
    }
}

impl From<NotJson> for Error {
    fn from(error: NotJson) -> Self {
        let text = error.to_string();
        Self::new(
            StatusCode::BAD_REQUEST,
            "InvalidJsonError",
            Code::MalformedJson,
            text,
        )
    }
}

impl Error {
    /// Why a change was not committed.
    pub(super) fn refused(refused: Refused<Self>, names: &Names, actor: &Actor) -> Self {
        match refused {
            Refused::Decision(error) => error,
            Refused::Missing => Self::no_group(names),
            Refused::Store(error) => error.into(),
            Refused::Unknown => {
                tracing::warn!(request.id = %actor.request_id, "it is not known whether a change was made");
                Self::unavailable(
                    "It is not known whether the change was made: look before trying again.",
                )
            }
            Refused::Contended => {
                Self::unavailable("Others keep changing the group: nothing was done.")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.kind, self.text)
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.answer()
    }
}
