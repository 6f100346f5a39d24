//! The lock and the begun-logs as files of one folder: `<name>.lock`, `<name>.<incarnation>.begun`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use domain::ids::{Incarnation, WorkerName};

use super::{Error, LOG_AGE_MAX, LOG_BYTES_MAX};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// One name's lock and logs.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    name: WorkerName,
    boot: String,
    /// Locked as long as it is open; the operating system lets it go when the process dies, however it dies.
    _lock: File,
}

/// An open log.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    /// Bytes of whole lines. What is beyond was left by a write that failed.
    whole: u64,
    torn: bool,
}

/// One log of this name, as the folder shows it.
struct Found {
    path: PathBuf,
    modified_ms: u64,
    bytes: u64,
}

impl Disk {
    pub(super) fn take(folder: &Path, name: &WorkerName) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|source| failed("make folder", folder, source))?;
        let path = folder.join(format!("{name}.lock"));
        let lock = lock(&path, name)?;
        let boot_id = Path::new(BOOT_ID);
        let boot = fs::read_to_string(boot_id)
            .map_err(|source| failed("read boot id", boot_id, source))?;
        Ok(Self {
            folder: folder.to_owned(),
            name: name.clone(),
            boot: boot.trim().to_owned(),
            _lock: lock,
        })
    }

    pub(super) fn boot(&self) -> &str {
        &self.boot
    }

    pub(super) fn create(&self, incarnation: Incarnation) -> Result<Log, Error> {
        let path = self.path(incarnation);
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| failed("start begun-log", &path, source))?;
        Ok(Log {
            file,
            whole: 0,
            torn: false,
        })
    }

    pub(super) fn read(&self, incarnation: Incarnation) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(incarnation)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn prune(&self, unix_ms: u64) {
        let mut found = match self.logs() {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old begun-logs cannot be looked for: they stay"
                );
                return;
            }
        };
        // The latest first, so that what is beyond the bound is the oldest.
        found.sort_by(|a, b| (b.modified_ms, &b.path).cmp(&(a.modified_ms, &a.path)));
        let mut bytes: u64 = 0;
        for (place, log) in found.iter().enumerate() {
            bytes = bytes.saturating_add(log.bytes);
            let age = Duration::from_millis(unix_ms.saturating_sub(log.modified_ms));
            if age <= LOG_AGE_MAX && (place == 0 || bytes <= LOG_BYTES_MAX) {
                continue;
            }
            match fs::remove_file(&log.path) {
                Ok(()) => tracing::info!(path = %log.path.display(), "old begun-log thrown away"),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, path = %log.path.display(), "old begun-log stays")
                }
            }
        }
    }

    fn path(&self, incarnation: Incarnation) -> PathBuf {
        self.folder
            .join(format!("{}.{incarnation}.begun", self.name))
    }

    fn logs(&self) -> io::Result<Vec<Found>> {
        let mut logs = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let file_name = entry.file_name();
            if !file_name.to_str().is_some_and(|text| self.is_own(text)) {
                continue;
            }
            let metadata = entry.metadata()?;
            let since = metadata
                .modified()?
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            logs.push(Found {
                path: entry.path(),
                modified_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
                bytes: metadata.len(),
            });
        }
        Ok(logs)
    }

    /// Whether a file is a log of this name. Names may contain dots, so what stands between name and ending must be an incarnation.
    fn is_own(&self, file_name: &str) -> bool {
        file_name
            .strip_prefix(self.name.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.strip_suffix(".begun"))
            .is_some_and(|rest| rest.parse::<Incarnation>().is_ok())
    }
}

impl Log {
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.whole)?;
            self.torn = false;
        }
        if let Err(error) = self.file.write_all(line) {
            // A part of the line may be there. The next line must not stand behind it.
            self.torn = self.file.set_len(self.whole).is_err();
            return Err(error);
        }
        self.whole += u64::try_from(line.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

fn lock(path: &Path, name: &WorkerName) -> Result<File, Error> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|source| failed("open lock", path, source))?;
    let taken = || Error::Taken {
        name: name.to_string(),
        place: path.display().to_string(),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(taken()),
        Err(TryLockError::Error(source)) => return Err(failed("lock", path, source)),
    }
    // A lock on a file that was removed meanwhile keeps nobody out.
    let held = file
        .metadata()
        .map_err(|source| failed("look at lock", path, source))?;
    let shown = fs::metadata(path).map_err(|source| failed("look at lock", path, source))?;
    if (held.dev(), held.ino()) == (shown.dev(), shown.ino()) {
        Ok(file)
    } else {
        Err(taken())
    }
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io {
        what,
        place: path.display().to_string(),
        source,
    }
}
