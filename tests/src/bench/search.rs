//! Searches over many changes, in the embedded index and in Elasticsearch: how long typical ones take, whether both answer the same, and
//! whether any text leads a tenant to what is another's.
//!
//! The changes are real commits in an embedded store, spread over a year; Elasticsearch is fed from that store by the feeder that ships. Times are
//! told, and are no bar: what fails the bench is a wrong answer.

mod corpus;
mod fill;

use std::time::Duration;

use anyhow::Context as _;
use chassis::Process;
use domain::time::Timestamp;
use serde_json::{Value, json};
use store::embedded::{self, Embedded};
use store::search::{Place, Search, Wanted};
use store_elasticsearch::{Elastic, Settings, feeder, template};

use fill::Filled;

use super::figures::say;
use super::stats::quantile;

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Changes.
    pub documents: u64,
    /// Searches of each kind.
    pub searches: u64,
}

/// Rows of a page.
const LIMIT: u32 = 50;

/// Fills both, searches in both, and prints; false if an answer was wrong.
///
/// # Errors
/// Nothing could be measured.
pub async fn run(process: &Process, extent: Extent, nodes: Vec<String>) -> anyhow::Result<bool> {
    let folder = tempfile::tempdir()?;
    let settings = embedded::Settings::default();
    let store = embedded::open(&folder.path().join("holt.db"), process, settings)?;
    let stopwatch = Stopwatch::start(process);
    let filled = fill::fill(process, &store.stores(), extent.documents).await?;
    say(format_args!(
        "{} changes committed in {}",
        filled.documents,
        stopwatch.shown()
    ))?;
    let stopwatch = Stopwatch::start(process);
    store.index().await?;
    say(format_args!(
        "embedded index: filled in {}",
        stopwatch.shown()
    ))?;
    let elastic = elastic(process, &store, nodes).await?;
    let own = store.stores().search;
    let mut indices: Vec<(&str, &dyn Search)> = vec![("embedded", &*own)];
    indices.extend(
        elastic
            .iter()
            .map(|index| ("elasticsearch", index as &dyn Search)),
    );
    let mut told = Told::default();
    for kind in KINDS {
        told.kind(process, &indices, (kind, &filled), extent.searches)
            .await?;
    }
    let corpus = corpus::run(&indices, &filled).await?;
    say(format_args!(
        "escapes: {} searches, {} foreign rows, {} unequal answers",
        corpus.searches, corpus.foreign, corpus.unequal
    ))?;
    let refused = told.wrong + corpus.foreign + corpus.unequal;
    if let Some(elastic) = &elastic {
        // Later than all of it is kept.
        drop(
            elastic
                .drop_old(Timestamp::from_unix_ms(process.clock.unix_ms() * 2))
                .await?,
        );
    }
    store.close().await;
    if elastic.is_none() {
        say("only the embedded index was asked: name a node of the other one with --node")?;
    }
    let ok = refused == 0 && corpus.searches > 0 && elastic.is_some();
    say(format_args!(
        "{}",
        json!({"ok": ok, "documents": filled.documents, "indices": indices.len(), "micros": told.figures, "unequal": told.wrong + corpus.unequal,
               "escapes": corpus.searches, "foreign_rows": corpus.foreign})
    ))?;
    Ok(ok)
}

/// An index on that cluster with everything that the store holds.
async fn elastic(
    process: &Process,
    store: &Embedded,
    nodes: Vec<String>,
) -> anyhow::Result<Option<Elastic>> {
    if nodes.is_empty() {
        return Ok(None);
    }
    let settings = Settings {
        nodes,
        index: format!("bench{:016x}", process.entropy.u64()),
        copies: 0,
        search_timeout: Duration::from_secs(30),
        request_timeout: Duration::from_secs(120),
        ..Settings::default()
    };
    let index = store_elasticsearch::open(process, &settings)?;
    let (_, version) = index.apply().await?;
    anyhow::ensure!(
        version == template::VERSION,
        "the template is of version {version}"
    );
    let stopwatch = Stopwatch::start(process);
    let feed = store.feed(feeder::NAME);
    let fed = feeder::catch_up(process, index.clone(), feed).await;
    fed.map_err(|why| anyhow::anyhow!("feed Elasticsearch: {why}"))?;
    index.refresh().await?;
    say(format_args!(
        "elasticsearch: filled in {}",
        stopwatch.shown()
    ))?;
    Ok(Some(index))
}

struct Stopwatch {
    clock: chassis::Clock,
    began: chassis::Mono,
}

impl Stopwatch {
    fn start(process: &Process) -> Self {
        let clock = process.clock.clone();
        Self {
            began: clock.mono(),
            clock,
        }
    }

    fn took(&self) -> Duration {
        self.clock.mono().saturating_since(self.began)
    }

    fn shown(&self) -> String {
        format!("{} ms", self.took().as_millis())
    }
}

/// A kind of search: its name, and the `n`th of it.
type Kind = (&'static str, fn(&Filled, u64) -> Wanted);

const KINDS: [Kind; 9] = [
    ("newest", |filled, n| filled.of_tenant(n)),
    ("group", |filled, n| Wanted {
        group: Some(filled.group(n)),
        ..filled.of_tenant_of(n)
    }),
    ("server", |filled, n| Wanted {
        server: Some(filled.sample(n).server),
        ..filled.of_sample(n)
    }),
    ("actor", |filled, n| Wanted {
        actor: Some(filled.sample(n).actor.clone()),
        ..filled.of_sample(n)
    }),
    ("request", |filled, n| Wanted {
        request: Some(filled.sample(n).request.clone()),
        ..filled.of_sample(n)
    }),
    ("text", |filled, n| Wanted {
        text: Some(filled.sample(n).server.to_string()),
        ..filled.of_sample(n)
    }),
    ("day", |filled, n| Wanted {
        from: Some(filled.sample(n).at),
        to: Some(filled.sample(n).at.plus(Duration::from_secs(24 * 3600))),
        ..filled.of_sample(n)
    }),
    ("verdict and cause", |filled, n| Wanted {
        outcome: Some(domain::verdict::Outcome::Cooldown),
        cause: Some(domain::group::Cause::Events),
        ..filled.of_tenant(n)
    }),
    ("deep page", |filled, n| Wanted {
        after: Some(Place {
            at: filled.sample(n).at,
            group: filled.sample(n).group,
            rev: filled.sample(n).rev,
        }),
        ..filled.of_sample(n)
    }),
];

#[derive(Debug, Default)]
struct Told {
    figures: serde_json::Map<String, Value>,
    wrong: u64,
}

impl Told {
    /// Searches of one kind in every index, and whether all found the same.
    async fn kind(
        &mut self,
        process: &Process,
        indices: &[(&str, &dyn Search)],
        ((name, wanted), filled): (Kind, &Filled),
        searches: u64,
    ) -> anyhow::Result<()> {
        let mut found = Vec::new();
        for (index, search) in indices {
            let (mut times, mut pages, mut rows) = (Vec::new(), Vec::new(), 0);
            for n in 0..searches {
                let wanted = wanted(filled, n);
                let stopwatch = Stopwatch::start(process);
                let page = search.find(&wanted, LIMIT).await;
                times.push(u64::try_from(stopwatch.took().as_micros())?);
                let page = page.with_context(|| format!("{name} in {index}"))?;
                let is_sound = page
                    .items
                    .iter()
                    .all(|one| wanted.fits(&one.key, &one.record));
                self.wrong += u64::from(!is_sound);
                rows += page.items.len();
                pages.push(page);
            }
            times.sort_unstable();
            let (half, most) = (
                quantile(&times, 50).unwrap_or(0),
                quantile(&times, 99).unwrap_or(0),
            );
            say(format_args!(
                "{name:18} {index:14} p50 {half:>8} us  p99 {most:>8} us  of {searches}, {rows} rows"
            ))?;
            self.figures
                .insert(format!("{name}, {index}"), json!([half, most]));
            found.push(pages);
        }
        let unequal = found.windows(2).flat_map(|two| two[0].iter().zip(&two[1]));
        self.wrong += u64::try_from(unequal.filter(|(a, b)| a != b).count())?;
        Ok(())
    }
}
