//! The roles as they know each other: by a key that all share, by certificates that name them, or by both.

use std::path::Path;

use chassis::http::Trust;
use chassis::tls::{self, Identity, Names};
use chassis::{Process, Secret};

use super::PeerError;

/// What a process of an installation is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes requests, and submits events to supervisors.
    Api,
    /// Owns groups: the others call it.
    Supervisor,
    /// Calls the cloud, and gets its operations from supervisors.
    Worker,
    /// Calls receivers of customers, and gets their messages from supervisors.
    Hooks,
}

/// Shorter keys are surely not meant: whoever guesses one calls every port.
const KEY_BYTES_MIN: usize = 32;

const API: &str = "api.holt.internal";
const SUPERVISOR: &str = "supervisor.holt.internal";
const WORKER: &str = "worker.holt.internal";
const HOOKS: &str = "hooks.holt.internal";

impl Role {
    /// Every name that a certificate between the roles can carry.
    pub const NAMES: &[&str] = &[API, SUPERVISOR, WORKER, HOOKS];

    /// The DNS name that says in a certificate that its holder has this role. It is a label and no host: nobody looks it up.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => API,
            Self::Supervisor => SUPERVISOR,
            Self::Worker => WORKER,
            Self::Hooks => HOOKS,
        }
    }
}

/// With what a process shows the other roles that it belongs to them, and by what it knows them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(super) key: Option<Secret>,
    pub(super) identity: Option<Identity>,
}

/// Why the roles could not know each other.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Neither a key nor certificates.
    #[error("the key of the roles or the section `[tls]` is required, and neither is set")]
    Neither,
    /// The key can be guessed.
    #[error("the key of the roles must have at least 32 characters")]
    Short,
    /// Certificates of somebody else are to be believed as well.
    #[error("`ca_file` has no use beside the section `[tls]`, whose CAs alone are believed")]
    OtherCa,
    /// The section `[tls]` cannot be used.
    #[error("section `[tls]`")]
    Tls(#[from] tls::Error),
}

impl From<Secret> for Credentials {
    fn from(key: Secret) -> Self {
        Self {
            key: Some(key),
            identity: None,
        }
    }
}

impl Credentials {
    /// Whether a configuration has at least one of the two, a key that nobody guesses, and names no other CA beside certificates. Reads no file.
    ///
    /// # Errors
    /// [`CredentialsError::Neither`], [`CredentialsError::Short`] or [`CredentialsError::OtherCa`]: stop the start.
    pub fn check(
        key: Option<&Secret>,
        tls: Option<&tls::Settings>,
        ca_file: Option<&Path>,
    ) -> Result<(), CredentialsError> {
        match (key, tls, ca_file) {
            (None, None, _) => Err(CredentialsError::Neither),
            (Some(key), _, _) if key.expose().len() < KEY_BYTES_MIN => Err(CredentialsError::Short),
            (_, Some(_), Some(_)) => Err(CredentialsError::OtherCa),
            (Some(_), None, _) | (_, Some(_), None) => Ok(()),
        }
    }

    /// Reads the certificates of a process of that role, and from now on again and again. With both, both are shown and asked for.
    ///
    /// # Errors
    /// [`CredentialsError`]: stop the start.
    pub fn load(
        process: &Process,
        own: Role,
        key: Option<Secret>,
        tls: Option<&tls::Settings>,
    ) -> Result<Self, CredentialsError> {
        Self::check(key.as_ref(), tls, None)?;
        let names = Names {
            all: Role::NAMES,
            own: own.name(),
            serves: own == Role::Supervisor,
        };
        let identity = tls.map(|settings| Identity::load(process, settings, names));
        Ok(Self {
            key,
            identity: identity.transpose()?,
        })
    }

    /// The certificates, if there are any.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Whom a client of supervisors believes: with certificates those of that role alone, else whom `otherwise` says.
    ///
    /// # Errors
    /// [`PeerError::Tls`]: stop the start.
    pub fn trust(&self, otherwise: Trust) -> Result<Trust, PeerError> {
        match &self.identity {
            Some(identity) => Ok(Trust::Mutual(identity.client(Role::Supervisor.name())?)),
            None => Ok(otherwise),
        }
    }

    /// The key that is shown, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<Secret> {
        self.key.clone()
    }
}
