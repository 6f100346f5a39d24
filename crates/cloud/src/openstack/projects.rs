//! In which project each tenant's account was last. A complete list of another project shows none of the tenant's servers, and would prove every one
//! of them gone.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::TenantId;

use super::OpenStack;
use super::seat::Failed;

/// After a note could not be written, nobody signs in for the tenant for so long: Keystone would serve each try, and each would come to nothing.
const UNNOTED: Duration = Duration::from_secs(60);

/// Remembers, beyond the life of a process, in which project each tenant's account was last.
///
/// Called where nothing may wait long: a small file is read at each sign-in, and written when a tenant is met for the first time or has moved.
pub trait Projects: Debug + Send + Sync {
    /// The id of that project. None: nothing is noted of the tenant.
    ///
    /// # Errors
    /// When it cannot be known: the account is not used then.
    fn last(&self, tenant: &TenantId) -> io::Result<Option<String>>;

    /// Notes the id of another project in its place. When this returns, the note outlives the process and a crash of the machine.
    ///
    /// # Errors
    /// When it was not noted: what was noted before stands, whole.
    fn note(&self, tenant: &TenantId, project: &str) -> io::Result<()>;
}

impl OpenStack {
    /// What is remembered of a tenant's account, if anything is. Fails at once for a while after a note could not be written.
    pub(super) fn last_project(&self, tenant: &TenantId) -> Result<Option<String>, Failed> {
        let Some(projects) = &self.projects else {
            return Ok(None);
        };
        let now = self.process.clock.mono();
        if let Some(failed) = self.seat(tenant).and_then(|seat| seat.held_back(now)) {
            return Err(failed);
        }
        let last = projects.last(tenant);
        last.map_err(|error| unknown(tenant, error))
    }

    /// Has the project that a sign-in led to be the one that is remembered. Of a tenant that nobody remembers, it is noted as it is.
    ///
    /// Another one is refused, unless the configuration says that the account has moved from the one that is remembered.
    pub(super) fn same_project(
        &self,
        tenant: &TenantId,
        last: Option<&str>,
        project: &str,
    ) -> Result<(), Failed> {
        let Some(projects) = &self.projects else {
            return Ok(());
        };
        if last == Some(project) {
            return Ok(());
        }
        if let Some(last) = last
            && self.settings.moved_from.get(tenant).map(String::as_str) != Some(last)
        {
            return Err(elsewhere(tenant, last, project));
        }
        if let Err(error) = projects.note(tenant, project) {
            let failed = unknown(tenant, error);
            if let Some(seat) = self.seat(tenant) {
                seat.hold_back(self.process.clock.mono() + UNNOTED, failed.clone());
            }
            return Err(failed);
        }
        match last {
            Some(last) => {
                tracing::warn!(%tenant, last, project, "the account has moved to another project, as `moved_from` says");
            }
            None => tracing::info!(%tenant, project, "the account's project is noted"),
        }
        Ok(())
    }
}

fn elsewhere(tenant: &TenantId, last: &str, project: &str) -> Failed {
    tracing::error!(
        %tenant,
        last,
        project,
        "the account is in another project than it was, and is refused: mend the account, or confirm with the last project's id as the tenant's `moved_from`"
    );
    // Without the ids: one of them may be another customer's.
    Failed::Refused("the account is in another project than it was".to_owned())
}

fn unknown(tenant: &TenantId, error: io::Error) -> Failed {
    tracing::error!(%tenant, error = &error as &dyn std::error::Error, "the note of the account's project cannot be read or written: it is not used");
    Failed::Unavailable(Arc::new(error))
}
