//! Benches of what protects the cloud: bad days, the kill switch, fairness between tenants. docs/guard.md has their last runs.
//!
//! Everything is real processes over HTTP, and everything about calls is counted in the cloud's own log. Each ends with one line of JSON
//! whose `ok` says whether its own limits held.

pub mod brownout;
mod clients;
pub mod fairness;
pub mod kill_switch;
mod picture;
pub mod surge;
mod watch;

use crate::bench::service::Conduct;

/// The budgets that `holt serve` comes with; the surge guard is set aside, because a thousand groups that want servers are what is measured.
const SHIPPED: Conduct = Conduct {
    api: "requests = \"100000/s\"\nburst = 100000",
    budgets: "",
    supervisor: "surge_guard = false",
};

/// `a / b` in thousandths.
fn permille(a: u64, b: u64) -> u64 {
    a.saturating_mul(1_000) / b.max(1)
}

/// Thousandths as a decimal number.
fn decimal(permille: u64) -> String {
    format!("{}.{:03}", permille / 1_000, permille % 1_000)
}
