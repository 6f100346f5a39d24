//! What a process used, as the kernel tells it: user and system time of all its threads, dead ones too, and its resident memory.
use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// The kernel shows times to programs in hundredths of a second, on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process since its start.
pub fn time_of(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    ticks(&stat)
        .map(|ticks| TICK * ticks)
        .context("/proc/PID/stat has another shape")
}

/// Fields 14 and 15, counted after the name, which may hold spaces and brackets.
fn ticks(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Resident memory of a process, in KiB.
pub fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix("kB"));
    number
        .context("/proc/PID/status has another shape")?
        .trim()
        .parse()
        .context("VmRSS")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_with_brackets_does_not_move_the_fields() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0 20";
        assert_eq!(super::ticks(stat), Some(42));
    }
}
