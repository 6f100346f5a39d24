//! The row of a hook, part of a configuration's row.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::hook::{Answer, Hook, Key, Point, Waiting};
use domain::ids::HookId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::ms;
use super::words::{AnswerRow, FormatRow, KeyKindRow, PointRow};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HookRow {
    #[serde_as(as = "DisplayFromStr")]
    i: HookId,
    p: Vec<PointRow>,
    f: FormatRow,
    u: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<WaitingRow>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fixed: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    off: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    k: Vec<KeyRow>,
}

/// Deadline, longest, default.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct WaitingRow(u64, u64, AnswerRow);

#[derive(Debug, Serialize, Deserialize)]
struct KeyRow {
    k: KeyKindRow,
    s: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    u: Option<u64>,
}

impl From<Waiting> for WaitingRow {
    fn from(wait: Waiting) -> Self {
        Self(ms(wait.deadline), ms(wait.longest), wait.default.into())
    }
}

impl From<WaitingRow> for Waiting {
    fn from(WaitingRow(deadline, longest, default): WaitingRow) -> Self {
        Self {
            deadline: Duration::from_millis(deadline),
            longest: Duration::from_millis(longest),
            default: Answer::from(default),
        }
    }
}

impl From<(&HookId, &Hook)> for HookRow {
    fn from((id, hook): (&HookId, &Hook)) -> Self {
        let Hook {
            points,
            format,
            url,
            wait,
            skippable,
            enabled,
            keys,
        } = hook;
        let key = |key: &Key| KeyRow {
            k: key.kind.into(),
            s: key.sealed.clone(),
            p: key.public.clone(),
            u: key.until.map(Timestamp::unix_ms),
        };
        Self {
            i: id.clone(),
            p: points.iter().map(|point| PointRow::from(*point)).collect(),
            f: (*format).into(),
            u: url.clone(),
            w: wait.map(WaitingRow::from),
            fixed: !skippable,
            off: !enabled,
            k: keys.iter().map(key).collect(),
        }
    }
}

impl HookRow {
    /// The hook and its id.
    pub(crate) fn into_hook(self) -> (HookId, Hook) {
        let key = |row: KeyRow| Key {
            kind: row.k.into(),
            sealed: row.s,
            public: row.p,
            until: row.u.map(Timestamp::from_unix_ms),
        };
        let hook = Hook {
            points: self.p.into_iter().map(Point::from).collect::<BTreeSet<_>>(),
            format: self.f.into(),
            url: self.u,
            wait: self.w.map(Waiting::from),
            skippable: !self.fixed,
            enabled: !self.off,
            keys: self.k.into_iter().map(key).collect(),
        };
        (self.i, hook)
    }
}
