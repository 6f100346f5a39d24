//! Hooks whose receivers never answer: every third group's servers wait at both ends of their lives, whatever the weather, and nobody comes.
//!
//! That they are in service or gone in the end is what the judge asks of every group; here it is asked that nothing waits past its time.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::group::Group;
use domain::hook::{Answer, Format, Hook, Hooks, Point, Waiting};
use domain::time::Timestamp;

use super::world::World;

/// How long a server waits; no heartbeat ever comes.
const DEADLINE: Duration = Duration::from_secs(20);
/// Clocks that were wrong double a wait at most (I8), and its owner looks again within a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// The hooks of the `n`th group.
pub(super) fn of_group(n: usize) -> Hooks {
    if n % 3 != 1 {
        return Hooks::new();
    }
    let hook = Hook {
        points: BTreeSet::from([Point::BeforeActive, Point::BeforeDelete]),
        format: Format::Webhook,
        url: "https://nobody.example/".to_owned(),
        wait: Some(Waiting {
            deadline: DEADLINE,
            longest: DEADLINE * 2,
            default: Answer::Continue,
        }),
        skippable: true,
        enabled: true,
        keys: Vec::new(),
    };
    let id = "nobody".parse();
    id.map_or_else(|_| Hooks::new(), |id| Hooks::from([(id, hook)]))
}

/// No server is stuck and no delete is blocked past a deadline.
pub(super) fn judge(world: &World, group: &Group, lines: &mut Vec<String>) {
    let now = Timestamp::from_unix_ms(world.root.clock.unix_ms());
    for delivery in group.outbox.values() {
        let Some(wait) = delivery.wait.filter(|wait| wait.ended.is_none()) else {
            continue;
        };
        let waited = now.since(wait.since);
        if waited > wait.terms.longest * 2 + PATIENCE {
            lines.push(format!(
                "hooks: group {} waits for {} since {} s",
                group.key.id,
                delivery.id,
                waited.as_secs()
            ));
        }
    }
}
