//! The break-glass file: a kill switch that needs neither api nor store (design 7). Workers and supervisors look at it every second.

use std::io;
use std::path::Path;

use domain::control::{Switch, break_glass, broken_glass};
use domain::time::Timestamp;

/// A larger file is no list of switches.
const BYTES_MAX: u64 = 64 * 1024;

/// What the file says now; blocks on the disk. No file: nothing. A file that cannot be read: everything is frozen.
#[must_use]
pub fn read(path: &Path, at: Timestamp) -> Vec<Switch> {
    let text = std::fs::metadata(path).and_then(|found| {
        if found.len() > BYTES_MAX {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        std::fs::read_to_string(path)
    });
    match text {
        Ok(text) => break_glass(&text, at),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, path = %path.display(), "the break-glass file cannot be read: frozen");
            vec![broken_glass("the file cannot be read", at)]
        }
    }
}
