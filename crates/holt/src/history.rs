//! `holt history apply`, `check` and `rebuild`: the index of history outside of the store.
use anyhow::{Context as _, ensure};
use chassis::Process;
use domain::ids::{GroupId, GroupKey, Rev};
use store::{Stores, embedded::copy::Copy, group::CommitRecord, search::Found};
use store_cassandra::choice::{self, Kind, Opened};
use store_elasticsearch::{Elastic, Put, template};

use crate::{
    args::Index,
    config::{self, Config},
    out, settings,
};

/// Groups, and records of one group, that are read at once.
const PAGE: u32 = 500;
/// Changes that are put at once, at least, but for the last.
const PUT: usize = 2_000;

/// Makes, checks or fills the index.
///
/// # Errors
/// The index or the store cannot be reached or refuses, or the template is not of this version.
pub(crate) async fn run(process: &Process, command: Index) -> anyhow::Result<()> {
    let (Index::Apply(args) | Index::Check(args) | Index::Rebuild { args, .. }) = &command;
    let config = config::load(args.config.as_deref())?;
    let index = config
        .history
        .open(process)
        .context("open the index of history")?;
    let index = index.context("configuration key `history.kind` is not \"elasticsearch\": there is no index outside of the store")?;
    let (name, known) = (&config.history.elasticsearch.index, template::VERSION);
    match command {
        Index::Apply(_) => {
            let (from, to) = index.apply().await.context("apply the template")?;
            out::say(&format!("index {name}: template version {from} -> {to}"))
        }
        Index::Check(_) => {
            let found = index.template().await.context("check the template")?;
            ensure!(
                found == known,
                "index {name} has template version {found}, this build needs {known}: `holt history apply`"
            );
            out::say(&format!("index {name}: template version {found}"))
        }
        Index::Rebuild { after, .. } => {
            let found = index.template().await.context("check the template")?;
            ensure!(
                found == known,
                "index {name} has template version {found}, this build needs {known}: `holt history apply`"
            );
            rebuild(process, &config, &index, after).await
        }
    }
}

/// Where the journal is read.
enum Journal {
    /// The file of an embedded store, beside whoever serves from it.
    File(Copy),
    /// A cluster.
    Cluster(Stores),
}

impl Journal {
    async fn open(process: &Process, config: &Config) -> anyhow::Result<Self> {
        let place = settings::place(config);
        if place.kind == Kind::Embedded {
            let copy = Copy::open(&place.path);
            return Ok(Self::File(
                copy.with_context(|| format!("open {}", place.path.display()))?,
            ));
        }
        // Reads only: nothing is noted.
        let place = place.feeding(false);
        let opened = choice::open(process, &place, settings::store(&config.store)).await?;
        Ok(Self::Cluster(Opened::stores(&opened)))
    }

    async fn groups(&self, after: Option<GroupId>) -> Result<Vec<GroupKey>, store::Error> {
        match self {
            Self::File(copy) => copy.groups(after, PAGE),
            Self::Cluster(stores) => Ok(stores.groups.all(after, PAGE).await?.items),
        }
    }

    async fn records(
        &self,
        key: &GroupKey,
        after: Option<Rev>,
    ) -> Result<Vec<CommitRecord>, store::Error> {
        match self {
            Self::File(copy) => copy.records(key, after, PAGE),
            Self::Cluster(stores) => stores.journal.read(key, after, PAGE).await,
        }
    }
}

/// What is on its way into the index.
struct Filling<'a> {
    index: &'a Elastic,
    waiting: Vec<Found>,
    put: Put,
}

impl Filling<'_> {
    async fn put(&mut self, least: usize) -> anyhow::Result<()> {
        if self.waiting.len() < least {
            return Ok(());
        }
        let put = self
            .index
            .put(&self.waiting)
            .await
            .context("put into the index")?;
        self.waiting.clear();
        self.put.created += put.created;
        self.put.known += put.known;
        self.put.refused += put.refused;
        Ok(())
    }
}

async fn rebuild(
    process: &Process,
    config: &Config,
    index: &Elastic,
    mut after: Option<GroupId>,
) -> anyhow::Result<()> {
    let journal = Journal::open(process, config).await?;
    let mut filling = Filling {
        index,
        waiting: Vec::new(),
        put: Put::default(),
    };
    let mut groups = 0_u64;
    loop {
        let keys = journal.groups(after).await?;
        let Some(last) = keys.last().map(|key| key.id) else {
            break;
        };
        for key in keys {
            groups += 1;
            let mut rev = None;
            loop {
                let records = journal.records(&key, rev).await?;
                let Some(last) = records.last() else { break };
                rev = Some(last.rev);
                let found = |record| Found {
                    key: key.clone(),
                    record,
                };
                filling.waiting.extend(records.into_iter().map(found));
                filling.put(PUT).await.with_context(|| went_so_far(after))?;
            }
        }
        filling.put(0).await.with_context(|| went_so_far(after))?;
        after = Some(last);
        out::say(&format!("{groups} groups, the last one {last}"))?;
    }
    let Put {
        created,
        known,
        refused,
    } = filling.put;
    ensure!(
        refused == 0,
        "{refused} changes were refused by the index; the log names them"
    );
    out::say(&format!(
        "{groups} groups: {created} changes put, {known} were there"
    ))
}

fn went_so_far(after: Option<GroupId>) -> String {
    after.map_or_else(
        || "nothing is known to be in yet: run it again".to_owned(),
        |last| format!("go on with --after {last}"),
    )
}
