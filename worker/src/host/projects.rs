//! In which project each tenant's account was last, as files of one folder: `<name>.projects/<tenant>.project` holds the project's id.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cloud::openstack::Projects;
use domain::ids::{TenantId, WorkerName};

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

impl Projects for Notes {
    fn last(&self, tenant: &TenantId) -> io::Result<Option<String>> {
        match fs::read_to_string(self.path(tenant)) {
            // Whoever mends a note with `echo` ends it with a line break.
            Ok(project) => Ok(Some(project.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn note(&self, tenant: &TenantId, project: &str) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let beside = self.folder.join(format!("{tenant}.new"));
        let mut file = File::create(&beside)?;
        file.write_all(project.as_bytes())?;
        // Unlike the begun-log, it counts after a crash of the machine, too: a half of it would refuse the account.
        file.sync_all()?;
        fs::rename(&beside, self.path(tenant))?;
        File::open(&self.folder)?.sync_all()
    }
}
