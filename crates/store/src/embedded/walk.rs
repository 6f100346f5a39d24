//! The full pass over all groups, in the order in which they were made: that is how their rows lie in the file, so that a pass reads it from
//! front to back and not back and forth.

use std::collections::BTreeMap;

use domain::group::{Group, Slots};
use domain::ids::{Fence, GroupKey, Rev};
use domain::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::prepare::int;
use super::read::{explain, key, unsigned};
use super::schema::kind;
use crate::Error;
use crate::group::{Met, Place, Stretch};
use crate::row::{self, config::ConfigRow, state::StateRow};

/// Of each group: its number, its key, its configuration and newest state, and whether it has more than these: slots, an inbox, an outbox.
const SQL: &str = "
SELECT grp.n, grp.id, grp.tenant, grp.epoch, cfg.body, newest.state,
       EXISTS (SELECT 1 FROM item i WHERE i.grp = grp.n AND i.kind = ?3)
    OR EXISTS (SELECT 1 FROM item i WHERE i.grp = grp.n AND i.kind = ?4)
    OR EXISTS (SELECT 1 FROM item i WHERE i.grp = grp.n AND i.kind = ?5)
FROM grp
LEFT JOIN cfg ON cfg.grp = grp.n
LEFT JOIN item newest ON newest.n = (SELECT i.n FROM item i WHERE i.grp = grp.n AND i.kind = ?6 ORDER BY i.id DESC LIMIT 1)
WHERE grp.n > ?1 ORDER BY grp.n LIMIT ?2";

/// The next groups after a place, and whether they rest at `now`.
pub(super) fn stretch(
    db: &Connection,
    (after, limit): (Option<Place>, u32),
    now: Timestamp,
) -> Result<Stretch, Error> {
    let limit = limit.max(1);
    let after = after.map_or(0, |Place(n)| int(u64::try_from(n).unwrap_or(u64::MAX)));
    let values = params![
        after,
        limit,
        kind::SLOT,
        kind::INBOX,
        kind::OUTBOX,
        kind::RECORD
    ];
    let mut statement = db.prepare_cached(SQL).map_err(explain)?;
    let mut rows = statement.query(values).map_err(explain)?;
    let (mut met, mut last) = (Vec::new(), 0);
    while let Some(found) = rows.next().map_err(explain)? {
        last = found.get(0).map_err(explain)?;
        let key = key(found, 1)?;
        met.push(look(found, key, now));
    }
    let is_full = u32::try_from(met.len()).is_ok_and(|count| count == limit);
    Ok(Stretch {
        met,
        next: is_full.then(|| Place(u128::from(unsigned(last)))),
    })
}

/// What the row of a group says of it. One that cannot be read neither rests nor is gone: its owner says so.
fn look(row: &Row<'_>, key: GroupKey, now: Timestamp) -> Met {
    let has_more = row.get(6).unwrap_or(true);
    let group = bare(row, &key);
    let met = Met::new(key, group.as_ref(), now);
    Met {
        rests: met.rests && !has_more,
        ..met
    }
}

/// A group without its slots, inbox and outbox.
fn bare(row: &Row<'_>, key: &GroupKey) -> Option<Group> {
    let text = |column| row.get_ref(column).ok()?.as_str().ok();
    let config: ConfigRow = row::read("configuration", text(4)?).ok()?;
    let state: StateRow = row::read("state", text(5)?).ok()?;
    Some(Group {
        key: key.clone(),
        rev: Rev(0),
        fence: Fence(0),
        config: config.try_into().ok()?,
        state: state.try_into().ok()?,
        slots: Slots::default(),
        inbox: BTreeMap::new(),
        outbox: BTreeMap::new(),
    })
}
