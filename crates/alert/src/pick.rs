//! Taking fields out of JSON as tools write them: numbers as texts, times in many forms, names in several places.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::calendar;
use domain::time::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::decimal::Milli;
use crate::{Broken, LABELS_MAX, Severity, TEXT_MAX};

/// The text of a plain value; none for null, lists, objects and blanks.
pub(crate) fn plain(value: &Value) -> Option<Cow<'_, str>> {
    let text = match value {
        Value::String(text) => Cow::Borrowed(text.trim()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Bool(yes) => Cow::Borrowed(if *yes { "true" } else { "false" }),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The text at the first of these pointers that has one.
pub(crate) fn text<'a>(value: &'a Value, pointers: &[&str]) -> Option<Cow<'a, str>> {
    let mut at = pointers.iter().filter_map(|pointer| value.pointer(pointer));
    at.find_map(plain)
}

/// The same, where it is needed.
pub(crate) fn need<'a>(value: &'a Value, pointers: &[&str]) -> Result<Cow<'a, str>, Broken> {
    let first = pointers.first().copied().unwrap_or_default();
    text(value, pointers).ok_or_else(|| Broken::Missing(first.to_owned()))
}

/// The same, cut to what is kept.
pub(crate) fn kept(value: &Value, pointers: &[&str]) -> Option<String> {
    text(value, pointers).map(|text| cut(&text))
}

/// A text without control characters, cut at a character.
pub(crate) fn cut(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(TEXT_MAX));
    for c in text.chars().filter(|c| !c.is_control()) {
        if out.len() + c.len_utf8() > TEXT_MAX {
            break;
        }
        out.push(c);
    }
    out
}

/// A fingerprint: as it is where it is short, else its digest, so that two long ones differ.
pub(crate) fn fingerprint(text: &str) -> String {
    if text.len() <= TEXT_MAX && !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    let digest = Sha256::digest(text.as_bytes());
    let hex = digest.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", hex.collect::<String>())
}

/// An object as labels: plain values only, the first in order of name.
pub(crate) fn labels(value: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = value.and_then(Value::as_object).into_iter().flatten();
    let texts = pairs.filter_map(|(key, value)| Some((cut(key), cut(&plain(value)?))));
    let all: BTreeMap<String, String> = texts.filter(|(key, _)| !key.is_empty()).collect();
    all.into_iter().take(LABELS_MAX).collect()
}

/// `name:value`, as tags are written.
pub(crate) fn tags<'a>(tags: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let pairs = tags.filter_map(|tag| {
        let (key, value) = tag.trim().split_once(':')?;
        Some((cut(key.trim()), cut(value.trim())))
    });
    let all: BTreeMap<String, String> = pairs.filter(|(key, _)| !key.is_empty()).collect();
    all.into_iter().take(LABELS_MAX).collect()
}

/// The moment at the first of these pointers that has one.
pub(crate) fn moment(value: &Value, pointers: &[&str]) -> Option<Timestamp> {
    let mut at = pointers.iter().filter_map(|pointer| value.pointer(pointer));
    at.find_map(|value| moment_of(&plain(value)?))
}

/// RFC 3339, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970. The year 1 means "not yet".
pub(crate) fn moment_of(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<u64>() {
        return Some(Timestamp::from_unix_ms(match number {
            0 => return None,
            1..100_000_000_000 => number.checked_mul(1_000)?,
            100_000_000_000..100_000_000_000_000 => number,
            100_000_000_000_000..100_000_000_000_000_000 => number / 1_000,
            _ => number / 1_000_000,
        }));
    }
    if let Some((whole, _)) = text.split_once('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        && let Ok(Milli(milli)) = text.parse()
        && whole.len() <= 11
    {
        // Seconds with a fraction: thousandths of them are milliseconds.
        return u64::try_from(milli)
            .ok()
            .filter(|ms| *ms > 0)
            .map(Timestamp::from_unix_ms);
    }
    let colon = with_colon(text);
    let ms = calendar::moment(colon.as_deref().unwrap_or(text))?;
    Some(Timestamp::from_unix_ms(ms))
}

/// `+0000` as `+00:00`, which some clouds leave out.
fn with_colon(text: &str) -> Option<String> {
    let at = text.len().checked_sub(5)?;
    let (start, zone) = (text.get(..at)?, text.get(at..)?);
    let digits = zone.get(1..)?.bytes().all(|byte| byte.is_ascii_digit());
    (digits && zone.starts_with(['+', '-']) && start.contains(':'))
        .then(|| format!("{start}{}:{}", &zone[..3], &zone[3..]))
}

/// The number at the first of these pointers that has one.
pub(crate) fn number(value: &Value, pointers: &[&str]) -> Option<Milli> {
    let mut at = pointers.iter().filter_map(|pointer| value.pointer(pointer));
    at.find_map(|value| plain(value)?.parse().ok())
}

/// A host without its port.
pub(crate) fn host(text: &str) -> String {
    let text = text.trim();
    let bare = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => inside,
        // More than one colon: an address of IPv6, which has no port without brackets.
        None if text.matches(':').count() == 1 => text.split(':').next().unwrap_or_default(),
        None => text,
    };
    cut(bare)
}

/// Labels by which tools name an application, the most exact first.
pub(crate) const APPLICATION: [&str; 4] = ["application", "app", "service", "app_name"];
/// Labels by which tools name a host.
pub(crate) const HOST: [&str; 5] = ["host", "hostname", "instance", "node", "server"];

/// The first of these labels that is there.
pub(crate) fn label(labels: &BTreeMap<String, String>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| labels.get(*name)).cloned()
}

/// How bad a word is, in the words of many tools.
pub(crate) fn severity(word: &str) -> Option<Severity> {
    let word = word.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "critical" | "crit" | "error" | "err" | "fatal" | "page" | "emergency" | "emerg"
        | "alert" | "high" | "disaster" | "downtime" | "major" | "p1" | "p2" | "5" | "4" => {
            Severity::Critical
        }
        "warning" | "warn" | "medium" | "moderate" | "minor" | "average" | "normal" | "p3"
        | "3" | "2" => Severity::Warning,
        "info" | "information" | "informational" | "notice" | "low" | "debug" | "none"
        | "success" | "ok" | "p4" | "p5" | "1" | "0" | "not classified" => Severity::Info,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form_that_tools_write() {
        let expected = Some(Timestamp::from_unix_ms(1_795_269_900_000));
        for text in [
            "2026-11-21T14:05:00Z",
            "2026-11-21T14:05:00.000000000Z",
            "2026-11-21T15:05:00.000+0100",
            "2026-11-21T14:05:00.000+00:00",
            "1795269900",
            "1795269900.000",
            "1795269900000",
            "1795269900000000",
            "1795269900000000000",
        ] {
            assert_eq!(moment_of(text), expected, "{text}");
        }
        for text in [
            "",
            "0",
            "0001-01-01T00:00:00Z",
            "yesterday",
            "-5",
            "1e9",
            "99999999999999999999",
        ] {
            assert_eq!(moment_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_host_loses_its_port_and_an_address_keeps_its_colons() {
        for (text, bare) in [
            ("web-1:9100", "web-1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("a.b", "a.b"),
        ] {
            assert_eq!(host(text), bare);
        }
    }

    #[test]
    fn long_fingerprints_stay_different() {
        let long = |end: &str| fingerprint(&format!("{}{end}", "x".repeat(1_000)));
        assert_ne!(long("a"), long("b"));
        assert!(long("a").len() <= TEXT_MAX);
        assert_eq!(cut(&"\u{e9}".repeat(200)).len(), 254);
    }
}
