//! Reading the logs of all processes: one reader at a time, how far it is in a note.
//!
//! The note is written conditionally and also says who reads. Who finds it unchanged for [`LEASE`], on its own clock, takes it over; who finds
//! that another wrote it stops. Two readers at once do no harm: everything is given at least once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chassis::Mono;
use domain::ids::{GroupKey, Rev};
use domain::time::Timestamp;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use store::Error;
use store::feed::{Batch, Feed, Mark, Next};
use store::group::CommitRecord;
use store::note::{Note, Notes, Shelf};
use store::search::Found;
use tokio::sync::Mutex;

use crate::batch::{key, record_id};
use crate::driver::{blob, int, long, tiny, unsigned};
use crate::feed::PART;
use crate::read::{each, group_key, records};
use crate::{Cassandra, Inner};

/// A note that nobody wrote for so long is taken over.
const LEASE: Duration = Duration::from_secs(30);
/// The reader writes its note at least this often.
const BEAT: Duration = Duration::from_secs(8);
/// Between two looks for logs that are new.
const LOGS: Duration = Duration::from_secs(5);
/// A log that gave nothing for so long belongs to a process that is gone or idle, and is looked at less often: logs are named for 16 days.
const QUIET: Duration = Duration::from_secs(60);
/// Between two looks at a quiet log.
const QUIET_LOOK: Duration = Duration::from_secs(10);
/// A line whose commit did not come within this has none: longer than an unclear commit takes to surface.
const NEVER: Duration = Duration::from_secs(60);
/// Groups whose records are read at once.
const AT_ONCE: usize = 32;

/// Names of logs, as hexadecimal digits.
type Name = String;
/// A line: its log and number.
type Line = (Name, u64);

/// What the note says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Place {
    /// Who reads.
    who: String,
    /// Counts writes, so that each shows.
    beat: u64,
    /// The last line of each log before which all are in the index.
    logs: BTreeMap<Name, u64>,
}

/// What a reader knows.
#[derive(Debug, Default)]
struct Known {
    /// The note as this reader wrote it last; none: another reads, as far as is known.
    own: Option<(Place, String, Option<Mono>)>,
    /// The note of another as it was seen, and since when.
    seen: Option<(String, Mono)>,
    /// Logs with the partition that each writes, and when they were looked for.
    logs: BTreeMap<Name, u64>,
    looked: Option<Mono>,
    /// Logs that gave nothing, since when, and when they were looked at last.
    quiet: BTreeMap<Name, (Mono, Mono)>,
    /// Lines beyond the place of their log that are in the index.
    done: BTreeSet<Line>,
    /// Lines whose commit has not come, and since when.
    waits: BTreeMap<Line, Mono>,
    /// The batch that was given last, and what it covers.
    given: (u64, Vec<Line>),
}

#[derive(Debug)]
struct Reading {
    inner: Arc<Inner>,
    who: String,
    name: Vec<u8>,
    known: Mutex<Known>,
}

/// Who reads, if not this one.
#[derive(Debug, thiserror::Error)]
#[error("another process reads the feed now")]
struct Lost;

impl Cassandra {
    /// What was committed since logs are written, for a reader of that name (1 to 64 bytes).
    #[must_use]
    pub fn feed(&self, name: &str) -> Arc<dyn Feed> {
        let who = format!("{:032x}", self.inner.process.entropy.u128());
        Arc::new(Reading {
            inner: Arc::clone(&self.inner),
            who,
            name: name.as_bytes().to_vec(),
            known: Mutex::default(),
        })
    }
}

#[async_trait]
impl Feed for Reading {
    async fn next(&self, limit: u32) -> Result<Next, Error> {
        let mut known = self.known.lock().await;
        if !self.leads(&mut known).await? {
            return Ok(Next::Elsewhere);
        }
        self.look(&mut known).await?;
        let lines = self.lines(&mut known, limit).await?;
        let (items, covered) = self.commits(&mut known, lines).await?;
        known.given = (known.given.0 + 1, covered);
        let mark = Mark(known.given.0.to_string());
        Ok(Next::Changes(Batch { items, mark }))
    }

    async fn passed(&self, mark: &Mark) -> Result<(), Error> {
        let mut known = self.known.lock().await;
        let known = &mut *known;
        let (number, covered) = &mut known.given;
        if mark.0 != number.to_string() || covered.is_empty() {
            return Ok(());
        }
        let covered = std::mem::take(covered);
        known.waits.retain(|line, _| !covered.contains(line));
        known.done.extend(covered);
        let Some((place, _, _)) = &known.own else {
            return Err(Error::Unavailable(Box::new(Lost)));
        };
        let mut place = place.clone();
        for name in known.logs.keys() {
            let at = place.logs.entry(name.clone()).or_default();
            while known.done.remove(&(name.clone(), *at + 1)) {
                *at += 1;
            }
        }
        self.write(known, place).await
    }
}

impl Reading {
    fn mono(&self) -> Mono {
        self.inner.process.clock.mono()
    }

    /// Whether this reader has the note; takes it if nobody has.
    async fn leads(&self, known: &mut Known) -> Result<bool, Error> {
        let now = self.mono();
        if let Some((place, _, at)) = &known.own {
            let fresh = at.is_some_and(|at| now.saturating_since(at) < BEAT);
            let place = place.clone();
            if !fresh {
                self.write(known, place).await?;
            }
            return Ok(known.own.is_some());
        }
        let note = self.inner.find(Shelf::Places, &self.name).await?;
        let Some(note) = note else {
            let place = Place {
                who: self.who.clone(),
                ..Place::default()
            };
            let body = text(&place);
            if self.keep(&body, None).await? {
                known.own = Some((place, body, Some(now)));
            }
            return Ok(known.own.is_some());
        };
        let (mine, stale) = match &known.seen {
            Some((seen, since)) if *seen == note.body => {
                (false, now.saturating_since(*since) >= LEASE)
            }
            Some(_) | None => {
                known.seen = Some((note.body.clone(), now));
                (read(&note.body)?.who == self.who, false)
            }
        };
        if mine || stale {
            let mut place = read(&note.body)?;
            place.who.clone_from(&self.who);
            (known.done, known.waits) = Default::default();
            known.own = Some((place.clone(), note.body, None));
            self.write(known, place).await?;
        }
        Ok(known.own.is_some())
    }

    /// Writes the note; who cannot because another did leads no more.
    async fn write(&self, known: &mut Known, mut place: Place) -> Result<(), Error> {
        let Some((_, before, _)) = known.own.take() else {
            return Err(Error::Unavailable(Box::new(Lost)));
        };
        place.beat += 1;
        let body = text(&place);
        // Whatever an error hides, the note says who reads.
        known.seen = None;
        if !self.keep(&body, Some(&before)).await? {
            return Err(Error::Unavailable(Box::new(Lost)));
        }
        known.own = Some((place, body, Some(self.mono())));
        Ok(())
    }

    async fn keep(&self, body: &str, before: Option<&str>) -> Result<bool, Error> {
        let note = Note {
            id: self.name.clone(),
            at: Timestamp::from_unix_ms(0),
            body: body.to_owned(),
        };
        self.inner.keep(Shelf::Places, &note, before).await
    }

    /// Which logs there are. One that is gone was empty for longer than its lines live.
    async fn look(&self, known: &mut Known) -> Result<(), Error> {
        let now = self.mono();
        if known
            .looked
            .is_some_and(|at| now.saturating_since(at) < LOGS)
        {
            return Ok(());
        }
        let statement = &self.inner.statements.feed.names;
        let pages = self.inner.driver.read(statement, vec![tiny(0)]).await?;
        let mut logs = BTreeMap::new();
        each(&pages, |(name, part): (&[u8], i32)| {
            logs.insert(hex(name), unsigned(part.into()));
            Ok(())
        })?;
        (known.logs, known.looked) = (logs, Some(now));
        Ok(())
    }

    /// Lines that are not in the index, of all logs in turn.
    async fn lines(
        &self,
        known: &mut Known,
        limit: u32,
    ) -> Result<Vec<(Line, GroupKey, Rev)>, Error> {
        let Some((place, _, _)) = &known.own else {
            return Ok(Vec::new());
        };
        let (most, mut lines) = (usize::try_from(limit).unwrap_or(usize::MAX), Vec::new());
        let now = self.mono();
        for (name, newest) in &known.logs {
            if known
                .quiet
                .get(name)
                .is_some_and(|quiet| rests(*quiet, now))
            {
                continue;
            }
            let at = place.logs.get(name).copied().unwrap_or(0);
            let done = known.done.iter().filter(|(log, _)| log == name).count() as u64;
            let rows = u64::from(limit) + done;
            let mut part = (at + 1) / PART;
            loop {
                let found = self.part(name, (part, at, rows)).await?;
                let empty = found.is_empty();
                lines.extend(
                    found
                        .into_iter()
                        .filter(|(line, _, _)| !known.done.contains(line)),
                );
                if empty {
                    let (since, _) = known.quiet.get(name).copied().unwrap_or((now, now));
                    known.quiet.insert(name.clone(), (since, now));
                } else {
                    known.quiet.remove(name);
                }
                // What expired unread is no longer waited for.
                if !empty || part >= *newest {
                    break;
                }
                part += 1;
            }
            if lines.len() >= most {
                break;
            }
        }
        lines.truncate(most);
        Ok(lines)
    }

    async fn part(
        &self,
        name: &Name,
        (part, after, rows): (u64, u64, u64),
    ) -> Result<Vec<(Line, GroupKey, Rev)>, Error> {
        let values = vec![blob(&bytes(name)), int(part), long(after), int(rows)];
        let statement = &self.inner.statements.feed.lines;
        let pages = self.inner.driver.read(statement, values).await?;
        let mut lines = Vec::new();
        each(
            &pages,
            |(n, id, tenant, epoch, rev): (i64, &str, &str, i64, i64)| {
                let line = (name.clone(), unsigned(n));
                lines.push((line, group_key(id, tenant, epoch)?, Rev(unsigned(rev))));
                Ok(())
            },
        )?;
        Ok(lines)
    }

    /// The commits of those lines that have come, and the lines that need not be looked at again.
    async fn commits(
        &self,
        known: &mut Known,
        lines: Vec<(Line, GroupKey, Rev)>,
    ) -> Result<(Vec<Found>, Vec<Line>), Error> {
        let mut groups: BTreeMap<GroupKey, BTreeMap<Rev, Vec<Line>>> = BTreeMap::new();
        for (line, group, rev) in lines {
            groups
                .entry(group)
                .or_default()
                .entry(rev)
                .or_default()
                .push(line);
        }
        let (now, mut items, mut covered) = (self.mono(), Vec::new(), Vec::new());
        let groups: Vec<_> = groups.into_iter().collect();
        for some in groups.chunks(AT_ONCE) {
            let asked = some.iter().map(|(group, revs)| self.records(group, revs));
            for ((group, revs), found) in some.iter().zip(try_join_all(asked).await?) {
                for (rev, lines) in revs {
                    let record = found.iter().find(|record| record.rev == *rev);
                    let came = record.is_some();
                    items.extend(record.map(|record| Found {
                        key: group.clone(),
                        record: record.clone(),
                    }));
                    let mut late = |line: &Line| {
                        let since = *known.waits.entry(line.clone()).or_insert(now);
                        now.saturating_since(since) >= NEVER
                    };
                    covered.extend(lines.iter().filter(|&line| came || late(line)).cloned());
                }
            }
        }
        Ok((items, covered))
    }

    /// A group's records from the first of these revisions to the last.
    async fn records(
        &self,
        group: &GroupKey,
        revs: &BTreeMap<Rev, Vec<Line>>,
    ) -> Result<Vec<CommitRecord>, Error> {
        let (Some(first), Some(last)) = (revs.keys().next(), revs.keys().next_back()) else {
            return Ok(Vec::new());
        };
        let count = int(last.0 - first.0 + 1);
        let values = key(group).into_iter().chain([record_id(*first), count]);
        let statement = &self.inner.statements.records_up;
        let pages = self.inner.driver.read(statement, values.collect()).await?;
        records(&pages)
    }
}

/// Whether a quiet log need not be looked at yet.
fn rests((since, looked): (Mono, Mono), now: Mono) -> bool {
    now.saturating_since(since) >= QUIET && now.saturating_since(looked) < QUIET_LOOK
}

fn text(place: &Place) -> String {
    // A struct of strings and numbers always has a JSON form.
    serde_json::to_string(place).unwrap_or_default()
}

fn read(body: &str) -> Result<Place, Error> {
    serde_json::from_str(body).map_err(|e| Error::Corrupt(format!("place in the feed: {e}")))
}

fn hex(bytes: &[u8]) -> Name {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(name: &Name) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(name.get(2 * at..2 * at + 2)?, 16).ok();
    (0..name.len() / 2).filter_map(byte).collect()
}
