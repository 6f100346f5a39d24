//! Where each tenant's account was last. A complete list of another project, or of the same one in another region, shows none of the tenant's
//! servers, and would prove every one of them gone.

use std::fmt::{self, Debug};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::TenantId;

use super::OpenStack;
use super::seat::Failed;

/// After a note could not be written, nobody signs in for the tenant for so long: Keystone would serve each try, and each would come to nothing.
const UNNOTED: Duration = Duration::from_secs(60);

/// Where an account was: what has to be the same for its lists to show the same servers.
///
/// Not by which address: that may change, and regions that share a Keystone share the ids of projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The project's id.
    pub project: String,
    /// The region's name. None: it was noted by a version that did not note regions.
    pub region: Option<String>,
}

impl fmt::Display for Noted {
    /// As `moved_from` names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.region {
            Some(region) => write!(f, "{}@{region}", self.project),
            None => f.write_str(&self.project),
        }
    }
}

impl Noted {
    /// Whether `moved_from` names this as where the account was before it came to `here`. A project by itself says nothing of another region.
    fn is_named(&self, moved_from: &str, here: &Self) -> bool {
        moved_from == self.to_string() || (moved_from == self.project && self.region == here.region)
    }
}

/// Remembers, beyond the life of a process, where each tenant's account was last.
///
/// Called where nothing may wait long: a small file is read at each sign-in, and written when a tenant is met for the first time or has moved.
pub trait Projects: Debug + Send + Sync {
    /// Where that was. None: nothing is noted of the tenant.
    ///
    /// # Errors
    /// When it cannot be known: the account is not used then.
    fn last(&self, tenant: &TenantId) -> io::Result<Option<Noted>>;

    /// Notes that it is somewhere else now. When this returns, the note outlives the process and a crash of the machine.
    ///
    /// # Errors
    /// When it was not noted: what was noted before stands, whole.
    fn note(&self, tenant: &TenantId, here: &Noted) -> io::Result<()>;
}

impl OpenStack {
    /// What is remembered of a tenant's account, if anything is. Fails at once for a while after a note could not be written.
    pub(super) fn last_noted(&self, tenant: &TenantId) -> Result<Option<Noted>, Failed> {
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

    /// Has the project that a sign-in led to, and our region, be those that are remembered. Of a tenant that nobody remembers, they are noted.
    ///
    /// Others are refused, unless the configuration says that the account has moved from those that are remembered.
    pub(super) fn same_place(
        &self,
        tenant: &TenantId,
        last: Option<&Noted>,
        project: &str,
    ) -> Result<(), Failed> {
        let Some(projects) = &self.projects else {
            return Ok(());
        };
        let here = Noted {
            project: project.to_owned(),
            region: Some(self.settings.region.clone()),
        };
        if last == Some(&here) {
            return Ok(());
        }
        let lacks_region = |last: &Noted| last.region.is_none() && last.project == here.project;
        let moved_from = self.settings.moved_from.get(tenant);
        let is_meant = |last: &Noted| moved_from.is_some_and(|from| last.is_named(from, &here));
        if let Some(last) = last
            && !lacks_region(last)
            && !is_meant(last)
        {
            return Err(elsewhere(tenant, last, &here));
        }
        if let Err(error) = projects.note(tenant, &here) {
            let failed = unknown(tenant, error);
            if let Some(seat) = self.seat(tenant) {
                seat.hold_back(self.process.clock.mono() + UNNOTED, failed.clone());
            }
            return Err(failed);
        }
        match last {
            Some(last) if !lacks_region(last) => {
                tracing::warn!(%tenant, %last, now = %here, "the account has moved, as `moved_from` says");
            }
            Some(_) | None => {
                tracing::info!(%tenant, now = %here, "the account's project and region are noted")
            }
        }
        Ok(())
    }
}

fn elsewhere(tenant: &TenantId, last: &Noted, here: &Noted) -> Failed {
    let (what, slip) = if last.project == here.project {
        ("region", "the configured region")
    } else {
        ("project", "the account")
    };
    let (project, region) = (&here.project, here.region.as_deref());
    tracing::error!(
        %tenant,
        %last,
        project,
        region,
        "the account is in another {what} than it was, and is refused: mend {slip}, or confirm with `{last}` as the tenant's `moved_from`"
    );
    // Without the ids: one of them may be another customer's.
    Failed::Refused(format!("the account is in another {what} than it was"))
}

fn unknown(tenant: &TenantId, error: io::Error) -> Failed {
    tracing::error!(%tenant, error = &error as &dyn std::error::Error, "the note of the account's project cannot be read or written: it is not used");
    Failed::Unavailable(Arc::new(error))
}
