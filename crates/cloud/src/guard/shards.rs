//! Shuffle-sharded lanes: what is under way is dealt to eight lanes, and each tenant may use two of them (safety 3.11). Pure.
//!
//! A tenant whose calls all hang fills its two lanes, which is half of what may be under way at most; another tenant shares both lanes
//! with it once in 28 times.

use domain::ids::TenantId;

/// Lanes of one class.
const LANES: usize = 8;
/// A lane takes a quarter of what may be under way: two lanes take half.
const PART: u32 = 4;

/// The lane that a call occupies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shard(usize);

/// How many calls are under way in each lane.
#[derive(Debug, Default)]
pub(super) struct Shards {
    under_way: [u32; LANES],
}

impl Shards {
    /// The emptier of the tenant's two lanes; none when both are full for a class that may have `limit` calls under way.
    pub(super) fn find(&self, tenant: &TenantId, limit: u32) -> Option<Shard> {
        let room = limit.div_ceil(PART);
        let [one, other] = of(tenant);
        let emptier = if self.under_way[other.0] < self.under_way[one.0] {
            other
        } else {
            one
        };
        (self.under_way[emptier.0] < room).then_some(emptier)
    }

    pub(super) fn begin(&mut self, shard: Shard) {
        self.under_way[shard.0] += 1;
    }

    pub(super) fn end(&mut self, shard: Shard) {
        self.under_way[shard.0] = self.under_way[shard.0].saturating_sub(1);
    }
}

/// A tenant's two lanes, the same in every process.
fn of(tenant: &TenantId) -> [Shard; 2] {
    // FNV-1a: short, and the same everywhere, which a process's own hasher is not.
    let hash = tenant
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    // The upper bits: the lower ones of short names are alike.
    let pick = |below: usize, from: u32| usize::try_from(hash >> from).unwrap_or_default() % below;
    let one = pick(LANES, 40);
    let other = (one + 1 + pick(LANES - 1, 20)) % LANES;
    [Shard(one), Shard(other)]
}

#[cfg(test)]
mod tests;
