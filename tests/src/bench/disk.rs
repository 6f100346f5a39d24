//! The floor of durability: one small write and one `fdatasync`, on the disk that the store is on.
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use chassis::Process;

/// Bytes in one write: about what one event is.
const RECORD: [u8; 256] = [7; 256];

/// A file that is appended to and synced.
#[derive(Debug)]
pub struct Disk {
    file: File,
}

impl Disk {
    /// Makes the file in `folder`.
    pub fn create(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            file: File::create(folder.join("fdatasync.probe"))?,
        })
    }

    /// How long one write and its sync take. Blocks: there is nothing else to measure meanwhile.
    pub fn sync(&mut self, process: &Process) -> anyhow::Result<Duration> {
        let start = process.clock.mono();
        self.file.write_all(&RECORD)?;
        self.file.sync_data()?;
        Ok(process.clock.mono().saturating_since(start))
    }
}
