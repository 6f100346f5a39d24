//! What the answer to a probe says: all is well, or not yet.

use domain::outbox::Sent;
use reqwest::StatusCode;
use serde_json::Value;

/// So much of an answer is read. One that is larger has no empty list worth looking for.
pub(crate) const BYTES_MAX: usize = 256 * 1024;

/// Judges an answer. With a list to look for (a JSON pointer, RFC 6901), all is well when it is there and empty; without one, any 2xx will do.
///
/// What cannot be read says nothing: it is asked again (I9).
pub(crate) fn judge(status: StatusCode, body: Option<&[u8]>, list: Option<&str>) -> Sent {
    if status == StatusCode::GONE {
        return Sent::Refused(format!("the answer is {status}"));
    }
    if !status.is_success() {
        return Sent::Failed(format!("not yet: the answer is {status}"), None);
    }
    let Some(list) = list else {
        return Sent::Taken;
    };
    let why = match body.map(serde_json::from_slice::<Value>) {
        None => format!("the answer broke off or has more than {BYTES_MAX} bytes"),
        Some(Err(_error)) => String::from("the answer is not JSON"),
        Some(Ok(value)) => match value.pointer(list).and_then(Value::as_array) {
            Some(found) if found.is_empty() => return Sent::Taken,
            Some(found) => format!("not yet: {} are in the list {list:?}", found.len()),
            None => format!("the answer has no list {list:?}"),
        },
    };
    Sent::Failed(why, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, body, where the list is, and what is said of it.
    type Row = (
        StatusCode,
        Option<&'static [u8]>,
        Option<&'static str>,
        &'static str,
    );

    #[test]
    fn only_a_clear_answer_says_that_all_is_well() {
        let ok = StatusCode::OK;
        let none = br#"{"status":"success","data":{"result":[]}}"#;
        let some = br#"{"status":"success","data":{"result":[{"metric":{}}]}}"#;
        let table: [Row; 10] = [
            (ok, None, None, "taken"),
            (ok, Some(b"whatever"), None, "taken"),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                Some(none),
                None,
                "not yet: the answer is 503",
            ),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                Some(none),
                Some("/data/result"),
                "not yet",
            ),
            (
                StatusCode::FOUND,
                Some(none),
                None,
                "not yet: the answer is 302",
            ),
            (ok, Some(none), Some("/data/result"), "taken"),
            (ok, Some(b"[]"), Some(""), "taken"),
            (
                ok,
                Some(some),
                Some("/data/result"),
                "not yet: 1 are in the list",
            ),
            (ok, Some(b"{}"), Some("/data/result"), "has no list"),
            (ok, None, Some("/data/result"), "broke off"),
        ];
        for (status, body, list, expected) in table {
            let said = match judge(status, body, list) {
                Sent::Taken => String::from("taken"),
                Sent::Failed(why, None) => why,
                Sent::Failed(_, Some(_)) | Sent::Refused(_) | Sent::Nobody => String::new(),
            };
            assert!(said.contains(expected), "{status} {list:?}: {said}");
        }
        let gone = judge(StatusCode::GONE, None, None);
        assert!(matches!(gone, Sent::Refused(_)), "{gone:?}");
    }
}
