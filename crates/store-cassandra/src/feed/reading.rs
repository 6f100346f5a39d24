//! Reading the logs of all processes: one reader at a time, how far it is in a note.
//!
//! The note is written conditionally and also says who reads. Who finds it unchanged for [`LEASE`], on its own clock, takes it over; who finds
//! that another wrote it stops. Two readers at once do no harm: everything is given at least once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chassis::Mono;
use chassis::metrics::Counter;
use domain::ids::{GroupKey, Rev};
use domain::time::Timestamp;
use futures_util::future::try_join_all;
use store::Error;
use store::feed::{Batch, Feed, Mark, Next};
use store::group::{CommitRecord, Groups, Level};
use store::note::{Note, Notes, Shelf};
use store::search::Found;
use tokio::sync::Mutex;

use crate::batch::{key, record_id};
use crate::driver::{blob, int, long, tiny, unsigned};
use crate::feed::place::{Beyond, Line, Name, Place};
use crate::feed::{PART, lost};
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
/// A line whose commit did not come within this has none, if a serial read finds none either: longer than commits take, so that few lines need one.
const NEVER: Duration = Duration::from_secs(60);
/// Groups whose records are read at once.
const AT_ONCE: usize = 32;

/// A line, and which revision of which group was about to be committed.
type Row = (Line, GroupKey, Rev);

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
    /// What is in the index beyond the places of its logs.
    beyond: Beyond,
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
    lost: Counter,
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
            lost: lost(&self.inner.process.metrics),
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
        known.beyond.done(covered);
        let Some((place, _, _)) = &known.own else {
            return Err(Error::Unavailable(Box::new(Lost)));
        };
        let mut place = place.clone();
        let now = self.mono();
        for name in known.logs.keys() {
            let at = place.logs.entry(name.clone()).or_default();
            known.beyond.advance(name, at, now);
        }
        place.forget(&known.logs, &known.beyond);
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
            (known.beyond, known.waits) = Default::default();
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
    async fn lines(&self, known: &mut Known, limit: u32) -> Result<Vec<Row>, Error> {
        let now = self.mono();
        let Known {
            own,
            logs,
            quiet,
            beyond,
            ..
        } = known;
        let Some((place, _, _)) = own else {
            return Ok(Vec::new());
        };
        let (most, mut lines) = (usize::try_from(limit).unwrap_or(usize::MAX), Vec::new());
        for (name, newest) in &*logs {
            if quiet.get(name).is_some_and(|quiet| rests(*quiet, now)) {
                continue;
            }
            let at = place.logs.entry(name.clone()).or_default();
            let from = beyond.read_on(name, *at, now);
            let (new, first) = self.log(name, (from, *newest), beyond, limit).await?;
            if let Some(jump) = beyond.found(name, (*at, from), first, now) {
                tracing::warn!(log = %name, lost = jump.lost, "lines of the feed of history expired unread");
                self.lost.add(jump.lost);
                *at = jump.to;
            }
            if new.is_empty() {
                let (since, _) = quiet.get(name).copied().unwrap_or((now, now));
                quiet.insert(name.clone(), (since, now));
            } else {
                quiet.remove(name);
            }
            lines.extend(new);
            if lines.len() >= most {
                break;
            }
        }
        lines.truncate(most);
        Ok(lines)
    }

    /// Lines of one log that are not in the index, and the number of the first line that is there at all.
    async fn log(
        &self,
        name: &Name,
        (from, newest): (u64, u64),
        beyond: &Beyond,
        limit: u32,
    ) -> Result<(Vec<Row>, Option<u64>), Error> {
        // Of so many, some are not in the index.
        let rows = u64::from(limit) + beyond.count(name);
        let (mut part, mut first) = ((from + 1) / PART, None);
        loop {
            let found = self.part(name, (part, from, rows)).await?;
            first = first.or_else(|| found.first().map(|((_, n), _, _)| *n));
            let new: Vec<Row> = found
                .into_iter()
                .filter(|(line, _, _)| !beyond.has(line))
                .collect();
            // The rest of a part may have expired unread, or be in the index: then the next one follows.
            if !new.is_empty() || part >= newest {
                return Ok((new, first));
            }
            part += 1;
        }
    }

    async fn part(
        &self,
        name: &Name,
        (part, after, rows): (u64, u64, u64),
    ) -> Result<Vec<Row>, Error> {
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
        lines: Vec<Row>,
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
                    let mut record = found.iter().find(|record| record.rev == *rev).cloned();
                    if record.is_none() {
                        let late = late(&mut known.waits, lines, now);
                        if late.is_empty() {
                            continue;
                        }
                        record = self.settled(group, *rev).await?;
                        // Whatever it says is for good.
                        covered.extend(late);
                    }
                    if let Some(record) = record {
                        covered.extend(lines.iter().cloned());
                        let key = group.clone();
                        items.push(Found { key, record });
                    }
                }
            }
        }
        Ok((items, covered))
    }

    /// The record of a revision, for certain: this read ends what may be in flight of it. A plain one does not see what is accepted and not yet
    /// committed, and would have it missing in the index for ever.
    async fn settled(&self, group: &GroupKey, rev: Rev) -> Result<Option<CommitRecord>, Error> {
        let found = Groups::records(&*self.inner, group, Some(rev), 1, Level::Serial).await?;
        Ok(found.into_iter().find(|record| record.rev == rev))
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

/// Those of the lines that have waited for their commit for long enough.
fn late(waits: &mut BTreeMap<Line, Mono>, lines: &[Line], now: Mono) -> Vec<Line> {
    let mut late = Vec::new();
    for line in lines {
        let since = *waits.entry(line.clone()).or_insert(now);
        if now.saturating_since(since) >= NEVER {
            late.push(line.clone());
        }
    }
    late
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
