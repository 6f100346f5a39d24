//! The break-glass file: a kill switch that needs neither api nor store (design 7). Workers and supervisors look at it every second.

use std::io;
use std::path::{Path, PathBuf};

use domain::control::{Switch, break_glass, broken_glass};
use domain::time::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

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

/// The key of a configuration that names the file (`deserialize_with`).
///
/// # Errors
/// The path is relative. A file that is not there is no switch, so nobody would see that it names nothing until the day that it is needed.
pub fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(from)?;
    match path {
        Some(path) if path.is_relative() => Err(D::Error::custom(
            "the break-glass file must have an absolute path",
        )),
        path => Ok(path),
    }
}
