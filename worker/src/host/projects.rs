//! Where each tenant's account was last, as files of one folder: `<name>.projects/<tenant>.project` holds the project's id, and below it the region.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cloud::openstack::{Noted, Projects};
use domain::ids::{TenantId, WorkerName};

/// What the second line begins with.
const REGION: &str = "region ";

/// The notes of one name.
#[derive(Debug)]
pub(super) struct Notes {
    folder: PathBuf,
}

impl Notes {
    pub(super) fn new(folder: &Path, name: &WorkerName) -> Self {
        Self {
            folder: folder.join(format!("{name}.projects")),
        }
    }

    fn path(&self, tenant: &TenantId) -> PathBuf {
        self.folder.join(format!("{tenant}.project"))
    }
}

/// Two lines that a person can read, and mend with an editor or `echo`: the project's id, and `region` with its name.
fn written(noted: &Noted) -> String {
    match &noted.region {
        Some(region) => format!("{}\n{REGION}{region}\n", noted.project),
        None => format!("{}\n", noted.project),
    }
}

/// The same back. What is left of a line that was mistyped is no note: a note that only lacks its region would be completed with any.
fn read(text: &str) -> Option<Noted> {
    let lines = text.lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.is_empty());
    let project = lines.next()?.to_owned();
    let region = match lines.next() {
        Some(line) => Some(line.strip_prefix(REGION)?.trim().to_owned()),
        None => None,
    };
    lines.next().is_none().then_some(Noted { project, region })
}

fn damaged(path: &Path) -> io::Error {
    let path = path.display();
    let words = format!("{path} is not a project's id with `{REGION}NAME` in the line below");
    io::Error::new(io::ErrorKind::InvalidData, words)
}

impl Projects for Notes {
    fn last(&self, tenant: &TenantId) -> io::Result<Option<Noted>> {
        let path = self.path(tenant);
        match fs::read_to_string(&path) {
            Ok(text) => read(&text).map(Some).ok_or_else(|| damaged(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn note(&self, tenant: &TenantId, here: &Noted) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let beside = self.folder.join(format!("{tenant}.new"));
        let mut file = File::create(&beside)?;
        file.write_all(written(here).as_bytes())?;
        // Unlike the begun-log, it counts after a crash of the machine, too: a half of it would refuse the account.
        file.sync_all()?;
        fs::rename(&beside, self.path(tenant))?;
        File::open(&self.folder)?.sync_all()
    }
}
