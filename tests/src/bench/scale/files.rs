//! The store's file: how large it is, how long it takes to read it from front to back, and how the kernel is made to forget it.
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;

use super::site::Loaded;

/// Bytes read at once.
const PIECE: usize = 1 << 20;
/// Of a file that the kernel has forgotten, so much per cent may still be in memory.
const LEFT_PERCENT: u64 = 1;

/// The file of an embedded store that no service has open.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    bytes: u64,
    groups: u64,
}

impl File {
    pub(super) fn of(loaded: &Loaded) -> anyhow::Result<Self> {
        let path = loaded.site.store();
        Ok(Self {
            bytes: fs::metadata(&path)?.len(),
            path,
            groups: u64::try_from(loaded.count)?,
        })
    }

    /// On the disk, for one group; its index of history included.
    pub(super) fn bytes_each(&self) -> u64 {
        self.bytes.div_ceil(self.groups.max(1))
    }

    /// Reads all of it in order, and says how long that took.
    pub(super) fn read(&self, process: &Process) -> anyhow::Result<Duration> {
        let begun = process.clock.mono();
        let mut file = fs::File::open(&self.path)?;
        let mut piece = vec![0; PIECE];
        while file.read(&mut piece)? > 0 {}
        Ok(process.clock.mono().saturating_since(begun))
    }

    /// Has the kernel forget it, and looks whether it did. Needs `dd` and `fincore`.
    pub(super) fn forget(&self) -> anyhow::Result<()> {
        // What is not written back cannot be forgotten.
        fs::File::open(&self.path)?.sync_all()?;
        let mut of = std::ffi::OsString::from("if=");
        of.push(&self.path);
        let done = Command::new("dd")
            .arg(of)
            .args(["iflag=nocache", "count=0", "status=none"])
            .status()
            .context("start dd")?;
        ensure!(done.success(), "dd failed");
        let left = self.in_memory()?;
        ensure!(
            left * 100 <= self.bytes * LEFT_PERCENT,
            "{left} of {} bytes are still in memory: a cold start cannot be measured here",
            self.bytes
        );
        Ok(())
    }

    fn in_memory(&self) -> anyhow::Result<u64> {
        let said = Command::new("fincore")
            .args(["--bytes", "--noheadings", "--output", "RES"])
            .arg(&self.path)
            .output()
            .context("start fincore")?;
        ensure!(said.status.success(), "fincore failed");
        let text = String::from_utf8(said.stdout)?;
        text.trim().parse().context("fincore has another shape")
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes on the disk, {} each",
            self.bytes,
            self.bytes_each()
        )
    }
}
