//! Raw conditional batches of the shape of Holt's commit of one event, on Holt's own table: a guarded head, a verdict that must be new, a commit
//! record. The texts in them are those that a commit of one event has.
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::{Mono, Process};
use domain::group::Group;
use domain::ids::{ColoId, EventId, GroupId, GroupKey, HomeEpoch, Nonce, Rev};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use scylla::client::session::Session;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, MaybeUnset, Row};
use store::conformance::sample;
use store::{parts, record};

use super::colo::Keyspace;
use crate::bench::load::Tally;

const KEY: &str = "tenant = ? AND gid = ? AND home_epoch = ?";
/// Partitions in the making at a time.
const AT_ONCE: usize = 64;
/// Verdicts are kept so long, in seconds: 25 h.
const VERDICTS: i32 = 90_000;
/// Commit records: 13 months.
const RECORDS: i32 = 34_214_400;

type Value = MaybeUnset<Option<CqlValue>>;

/// A session, and what it sends.
#[derive(Debug)]
pub(super) struct Raw {
    session: Session,
    head: PreparedStatement,
    verdict: PreparedStatement,
    record: PreparedStatement,
    create: PreparedStatement,
    texts: Texts,
}

/// What stands in every batch.
#[derive(Debug)]
struct Texts {
    state: String,
    config: String,
    verdict: String,
    record: String,
    detail: String,
}

impl Texts {
    fn new() -> anyhow::Result<Self> {
        let key = GroupKey {
            tenant: sample::text("acme"),
            id: GroupId::new(ColoId(1), 1),
            epoch: HomeEpoch(0),
        };
        let group = Group::new(key, sample::config());
        let verdict = sample::verdict(&sample::text("event-000001"), Rev(1), sample::NOON);
        let mut change = sample::desired(&group, 4);
        change.verdicts = vec![verdict.clone()];
        let before = parts::Previous {
            desired: group.state.desired,
            config: None,
            hash: record::GENESIS,
        };
        let sealed = parts::sealed(&change, Rev(2), Nonce::from_u128(1), before);
        Ok(Self {
            state: parts::state(&change.state)?,
            config: parts::config(&group.config)?,
            verdict: parts::verdict(&verdict)?,
            record: parts::record(&sealed)?,
            detail: sealed.detail,
        })
    }
}

/// A group of its own, as far as a raw client has one.
#[derive(Debug, Clone)]
struct Partition {
    key: [Value; 3],
    rev: i64,
}

impl Raw {
    /// Prepares the statements.
    pub(super) async fn new(keyspace: &Keyspace) -> anyhow::Result<Self> {
        let session = keyspace.session().await?;
        let head = format!(
            "UPDATE grp SET rev = ?, fence = ?, desired = ?, hash = ?, state = ?, cfg = ?, wake = ? WHERE {KEY} AND kind = 0 AND id = 0x IF"
        );
        let insert = "INSERT INTO grp (tenant, gid, home_epoch, kind, id, at, body";
        let record = format!(
            "{insert}, detail, hash, events) VALUES (?, ?, ?, 4, ?, ?, ?, ?, ?, ?) USING TTL ?"
        );
        let verdict = format!("{insert}) VALUES (?, ?, ?, 3, ?, ?, ?) IF NOT EXISTS USING TTL ?");
        Ok(Self {
            head: session
                .prepare(format!("{head} rev = ? AND fence <= ?"))
                .await?,
            create: session.prepare(format!("{head} rev = null")).await?,
            verdict: session.prepare(verdict).await?,
            record: session.prepare(record).await?,
            texts: Texts::new()?,
            session,
        })
    }

    /// So many clients at once for so long, each with partitions of its own that it goes around, one batch at a time.
    pub(super) async fn load(
        self: &Arc<Self>,
        process: &Process,
        (clients, each): (usize, usize),
        during: Duration,
    ) -> anyhow::Result<Tally> {
        let made = (0..clients * each).map(|_| self.partition(process));
        let made: Vec<Partition> = stream::iter(made).buffered(AT_ONCE).try_collect().await?;
        let partitions = made.chunks(each).map(<[Partition]>::to_vec);
        let start = process.clock.mono();
        let running: Vec<_> = partitions
            .map(|one| {
                let client = Arc::clone(self).client(process.clone(), one, start + during);
                process.tasks.spawn("raw", client)
            })
            .collect();
        Tally::gather(process, start, running).await
    }

    async fn client(
        self: Arc<Self>,
        process: Process,
        mut partitions: Vec<Partition>,
        deadline: Mono,
    ) -> anyhow::Result<Vec<u64>> {
        let mut latencies = Vec::new();
        let mut now = process.clock.mono();
        while now < deadline {
            let event: EventId = format!("event-{:032x}", process.entropy.u128()).parse()?;
            let turn = latencies.len() % partitions.len();
            self.commit(&mut partitions[turn], &event).await?;
            let after = process.clock.mono();
            latencies.push(u64::try_from(after.saturating_since(now).as_micros())?);
            now = after;
        }
        Ok(latencies)
    }

    /// A new partition at revision 1.
    async fn partition(&self, process: &Process) -> anyhow::Result<Partition> {
        let id = GroupId::new(ColoId(1), process.entropy.u128());
        let one = Partition {
            key: [text("acme"), text(&id.to_string()), long(0)],
            rev: 1,
        };
        let mut values = self.moved(1, text(&self.texts.config));
        values.extend(one.key.iter().cloned());
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.append_statement(self.create.clone());
        self.send(&batch, vec![values]).await?;
        Ok(one)
    }

    /// The values of the head row.
    fn moved(&self, rev: i64, config: Value) -> Vec<Value> {
        let rest = [text(&self.texts.state), config, MaybeUnset::Unset];
        let first = [long(rev), long(1), long(4), blob(&[7; 32])];
        first.into_iter().chain(rest).collect()
    }

    async fn commit(&self, one: &mut Partition, event: &EventId) -> anyhow::Result<()> {
        let row = |rest: Vec<Value>| one.key.iter().cloned().chain(rest).collect::<Vec<_>>();
        let mut head = self.moved(one.rev + 1, MaybeUnset::Unset);
        head.extend(row(vec![long(one.rev), long(1)]));
        let at = long(1_767_268_800_000);
        let verdict = row(vec![
            blob(event.as_str().as_bytes()),
            at.clone(),
            text(&self.texts.verdict),
            int(VERDICTS),
        ]);
        let events = vec![CqlValue::Text(event.as_str().to_owned())];
        let record = row(vec![
            blob(&(one.rev + 1).to_be_bytes()),
            at,
            text(&self.texts.record),
            text(&self.texts.detail),
            blob(&[7; 64]),
            MaybeUnset::Set(Some(CqlValue::List(events))),
            int(RECORDS),
        ]);
        let mut batch = Batch::new(BatchType::Unlogged);
        for statement in [&self.head, &self.verdict, &self.record] {
            batch.append_statement(statement.clone());
        }
        self.send(&batch, vec![head, verdict, record]).await?;
        one.rev += 1;
        Ok(())
    }

    /// Sends a batch that must be applied: nobody else is on the partition.
    async fn send(&self, batch: &Batch, values: Vec<Vec<Value>>) -> anyhow::Result<()> {
        let rows = self
            .session
            .batch(batch, values)
            .await?
            .into_rows_result()?;
        let column = rows.column_specs().get_by_name("[applied]");
        let (at, _) = column.context("an answer without [applied]")?;
        let row: Row = rows.first_row()?;
        let applied = row.columns.get(at).and_then(Option::as_ref);
        let applied = applied.and_then(CqlValue::as_boolean);
        ensure!(applied == Some(true), "a raw batch was refused");
        Ok(())
    }
}

fn text(value: &str) -> Value {
    MaybeUnset::Set(Some(CqlValue::Text(value.to_owned())))
}

fn blob(value: &[u8]) -> Value {
    MaybeUnset::Set(Some(CqlValue::Blob(value.to_vec())))
}

const fn long(value: i64) -> Value {
    MaybeUnset::Set(Some(CqlValue::BigInt(value)))
}

const fn int(value: i32) -> Value {
    MaybeUnset::Set(Some(CqlValue::Int(value)))
}
