//! Hooks on a bad day: whole lives of servers whose receivers hang, fail, answer twice, late or never, while the service is killed.
//!
//! A real `holt serve`, a simulated cloud and a receiver, over HTTP; `kill -9` takes api, supervisor, worker and hooks lane at once. What counts is what
//! the receiver saw and what the service says of every message.

mod checks;
mod play;
mod receiver;

use std::time::Duration;

use chassis::Process;

use crate::bench::figures::say;

/// Servers of one group.
pub(crate) const OF_GROUP: u32 = 50;
/// Deadline of every wait, in seconds.
pub(crate) const DEADLINE_S: u32 = 20;
/// One attempt of the lane.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(2);

/// So many lives of servers, with so many kills in between. True: no promise was broken.
///
/// # Errors
/// Nothing was measured.
pub async fn run(process: &Process, servers: u32, kills: u32) -> anyhow::Result<bool> {
    let begun = process.clock.mono();
    let played = play::play(process, servers.div_ceil(OF_GROUP), kills).await?;
    let found = checks::check(&played);
    let seconds = process.clock.mono().saturating_since(begun).as_secs();
    for broken in found.broken.iter().take(20) {
        say(format_args!("broken: {broken}"))?;
    }
    let ok = found.broken.is_empty() && found.lives >= u64::from(servers);
    say(format_args!(
        "{{\"ok\":{ok},\"lives\":{},\"kills\":{kills},\"messages\":{},\"taken\":{},\"dead\":{},\"repeated\":{},\"answered\":{},\"by_deadline\":{},\"latest_end_ms\":{},\"broken\":{},\"seconds\":{seconds}}}",
        found.lives,
        found.messages,
        found.taken,
        found.dead,
        found.repeated,
        found.answered,
        found.by_deadline,
        found.latest_ms,
        found.broken.len(),
    ))?;
    Ok(ok)
}
