//! A folder with a store that was loaded, in which services can be started one after another.
use std::time::Duration;

use anyhow::ensure;
use chassis::Process;
use domain::ids::GroupKey;

use super::say;
use crate::bench::bulk::{self, Lot};
use crate::bench::service::Site;

/// Groups of a tenant: as many as a tenant may have by default.
const OF_TENANT: usize = 1_000;
/// Tenants that have tokens: the others only have groups.
pub(super) const TENANTS: usize = 50;
/// Groups of each of these that events are for.
const ASKED: usize = 20;

/// A store full of idle groups.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) site: Site,
    /// How many groups it has.
    pub(super) count: usize,
    /// Some of them, whose tenants have tokens.
    pub(super) groups: Vec<GroupKey>,
    /// How long it took to load them, the index of history included.
    pub(super) took: Duration,
}

impl Loaded {
    /// Makes the folder and loads the store.
    pub(super) async fn make(process: &Process, count: usize) -> anyhow::Result<Self> {
        let site = Site::new(TENANTS)?;
        let lot = lot(count, bulk::EMBEDDED_AT_ONCE)?;
        let begun = process.clock.mono();
        let loaded = bulk::fill(process, &site.store(), &lot).await?;
        let took = process.clock.mono().saturating_since(begun);
        say(format_args!(
            "  {count} groups of {} tenants loaded in {} ms, the index of history included",
            lot.tenants.len(),
            took.as_millis()
        ))?;
        let groups = asked(&site, loaded);
        ensure!(!groups.is_empty(), "no group's tenant has a token");
        Ok(Self {
            site,
            count,
            groups,
            took,
        })
    }
}

/// So many groups, and tenants for them.
pub(super) fn lot(count: usize, at_once: usize) -> anyhow::Result<Lot> {
    let tenants = (count / OF_TENANT).max(TENANTS);
    Ok(Lot {
        tenants: bulk::tenants(tenants)?,
        count,
        at_once,
        keep: tenants * ASKED,
    })
}

/// Those of the groups whose tenants have tokens.
pub(super) fn asked(site: &Site, mut groups: Vec<GroupKey>) -> Vec<GroupKey> {
    let tenants = site.tenants();
    groups.retain(|key| tenants.contains(&key.tenant));
    groups
}
