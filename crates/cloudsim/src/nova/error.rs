//! Nova's error bodies: the outer key says the class of error.

use serde_json::json;

use crate::nova::Refused;
use crate::request::Response;

/// An error as Nova writes it.
pub(crate) fn body(status: u16, message: &str, retry_after_s: Option<u32>) -> Response {
    let key = match status {
        400 => "badRequest",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "itemNotFound",
        405 => "badMethod",
        409 => "conflictingRequest",
        413 | 429 => "overLimit",
        415 => "badMediaType",
        501 => "notImplemented",
        503 => "serviceUnavailable",
        _ => "computeFault",
    };
    let mut inner = json!({"code": status, "message": message});
    if let (413 | 429, Some(seconds)) = (status, retry_after_s) {
        inner["retryAfter"] = json!(seconds.to_string());
    }
    Response::json(status, &json!({key: inner}))
}

/// The same, to return early with.
pub(crate) fn refuse(status: u16, message: &str) -> Refused {
    Box::new(body(status, message, None))
}
