//! The row of one throw of a kill switch.

use domain::control::{Mode, Scope};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::corrupt;
use crate::Error;
use crate::control::Throw;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ThrowRow {
    s: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<String>,
    w: String,
    y: String,
    t: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    u: Option<u64>,
}

impl From<&Throw> for ThrowRow {
    fn from(throw: &Throw) -> Self {
        Self {
            s: throw.scope.text(),
            m: throw.mode.map(|mode| mode.as_str().to_owned()),
            w: throw.who.clone(),
            y: throw.why.clone(),
            t: throw.at.unix_ms(),
            u: throw.until.map(Timestamp::unix_ms),
        }
    }
}

impl TryFrom<ThrowRow> for Throw {
    type Error = Error;

    fn try_from(row: ThrowRow) -> Result<Self, Error> {
        let scope = Scope::parse(&row.s);
        let mode = row.m.as_deref().map(|word| {
            Mode::parse(word).ok_or_else(|| corrupt("a kill switch", &format!("mode {word}")))
        });
        Ok(Self {
            scope: scope.ok_or_else(|| corrupt("a kill switch", &format!("scope {}", row.s)))?,
            mode: mode.transpose()?,
            who: row.w,
            why: row.y,
            at: Timestamp::from_unix_ms(row.t),
            until: row.u.map(Timestamp::from_unix_ms),
        })
    }
}
