//! Texts that could mean something to a parser, put into every field that takes a text, by every kind of caller.

use store::conformance::HOSTILE;
use store::search::{Search, Wanted};

use super::fill::{Filled, of};

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    pub(super) searches: u64,
    /// Rows of another tenant than the one that asked, or that do not hold what was asked for.
    pub(super) foreign: u64,
    /// Searches that two indices answered differently.
    pub(super) unequal: u64,
}

/// Rows of a page.
const LIMIT: u32 = 20;

/// Asks all of it of all indices.
pub(super) async fn run(
    indices: &[(&str, &dyn Search)],
    filled: &Filled,
) -> anyhow::Result<Corpus> {
    let mut corpus = Corpus::default();
    let others = filled.tenants.iter().cycle().skip(1);
    for (tenant, other) in filled.tenants.iter().take(3).zip(others) {
        for text in HOSTILE
            .iter()
            .map(|text| (*text).to_owned())
            .chain(about(other.as_str()))
        {
            for wanted in ways(&text).map(|way| Wanted {
                tenant: Some(tenant.clone()),
                ..way
            }) {
                let mut pages = Vec::new();
                for (_, search) in indices {
                    let page = search.find(&wanted, LIMIT).await?;
                    let sound = |found: &&store::search::Found| {
                        found.key.tenant == *tenant && wanted.fits(&found.key, &found.record)
                    };
                    let all = page.items.len();
                    let foreign = all - page.items.iter().filter(sound).count();
                    corpus.foreign += u64::try_from(foreign)?;
                    corpus.searches += 1;
                    pages.push(page);
                }
                corpus.unequal +=
                    u64::from(pages.windows(2).any(|two| two[0].items != two[1].items));
            }
        }
    }
    // That there was something to be found: the same texts are names of actors.
    let known = HOSTILE
        .first()
        .map_or(String::new(), |text| (*text).to_owned());
    let mut seen = 0;
    for tenant in &filled.tenants {
        for (_, search) in indices {
            let wanted = Wanted {
                actor: Some(known.clone()),
                ..of(tenant)
            };
            seen += search.find(&wanted, LIMIT).await?.items.len();
        }
    }
    anyhow::ensure!(seen > 0, "no change has an actor named {known:?}");
    Ok(corpus)
}

/// A text in each field that takes one.
fn ways(text: &str) -> impl Iterator<Item = Wanted> {
    let text = || Some(text.to_owned());
    let ways = [
        Wanted {
            text: text(),
            ..Wanted::default()
        },
        Wanted {
            actor: text(),
            ..Wanted::default()
        },
        Wanted {
            request: text(),
            ..Wanted::default()
        },
    ];
    ways.into_iter()
}

/// Texts that name another tenant in the languages of queries.
fn about(tenant: &str) -> impl Iterator<Item = String> {
    let texts = [
        format!("tenant:{tenant}"),
        format!("tenant:\"{tenant}\" OR *"),
        format!("' OR h.tenant = '{tenant}' --"),
        format!("\" OR tenant : \"{tenant}"),
        format!("{{\"term\":{{\"tenant\":\"{tenant}\"}}}}"),
        format!("\"}}}}]}}}},\"post_filter\":{{\"term\":{{\"tenant\":\"{tenant}\"}}}}"),
        tenant.to_owned(),
    ];
    texts.into_iter()
}
