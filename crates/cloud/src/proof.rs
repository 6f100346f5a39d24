//! Proof of ownership: a MAC in the server's metadata, and the token that only its verifier makes (safety 3.7, design 4).
//!
//! The MAC proves that *we minted the slot*, not that this server is the one: a tenant can copy metadata. Hence the second factor of
//! every delete, the uuid bound in the ledger, which [`verify`] compares.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::Secret;
use domain::ids::{GroupId, Nonce, ServerId, SlotId, TenantId};
use domain::mutant::{Rule, off};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a row's metadata proves, checked against the row's own project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proven {
    /// A valid proof for this slot of this group.
    Valid {
        /// The group.
        group: GroupId,
        /// The slot.
        slot: SlotId,
    },
    /// No proof, or one that does not verify here.
    No,
    /// A proof of the right form, by a key that this process does not have: it says nothing either way. Keys come to workers one after the other, and
    /// a server that one of them gives up is given up for good.
    NoKey {
        /// The key's version.
        version: u32,
    },
    /// The row carries no metadata (status UNKNOWN).
    Unreadable,
}

/// A server that a fresh read (at most 60 s ago) has shown to be ours: valid proof for that very slot, our service user, the right project.
///
/// Only [`verify`] makes it, and a delete needs it; both factors of design 4 thus hold for every delete.
#[derive(Debug)]
pub struct Owned {
    server: ServerId,
    group: GroupId,
}

impl Owned {
    /// The server.
    #[must_use]
    pub const fn server(&self) -> ServerId {
        self.server
    }

    /// The group whose slot it has.
    #[must_use]
    pub const fn group(&self) -> GroupId {
        self.group
    }
}

/// Checks a freshly read server against what the ledger says is bound: none if it is not provably ours for that slot.
#[must_use]
pub fn verify(
    fresh: &crate::port::Server,
    bound: ServerId,
    group: GroupId,
    slot: SlotId,
) -> Option<Owned> {
    let proven = fresh.proven == Proven::Valid { group, slot }
        || off(Rule::DeleteNeedsProof)
        || (off(Rule::ProofNamesSlot) && matches!(fresh.proven, Proven::Valid { .. }));
    (proven && fresh.ours && fresh.id == bound).then_some(Owned {
        server: bound,
        group,
    })
}

/// What one server is minted for: what the MAC covers, with the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mint {
    /// The group.
    pub group: GroupId,
    /// The slot.
    pub slot: SlotId,
    /// The nonce of the slot.
    pub nonce: Nonce,
}

/// The metadata of a row that concerns proofs, as the cloud shows it. Whatever is missing is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shown<'row> {
    /// `as.v`.
    pub version: Option<&'row str>,
    /// `as.g`.
    pub group: Option<&'row str>,
    /// `as.s`.
    pub slot: Option<&'row str>,
    /// `as.n`.
    pub nonce: Option<&'row str>,
    /// `as.p`.
    pub mac: Option<&'row str>,
}

/// Names of the metadata that a proof is made of, and the tenant's hash. A customer's own metadata of these names is overwritten.
pub const METADATA_NAMES: [&str; 6] = ["as.v", "as.t", "as.g", "as.s", "as.n", "as.p"];

/// Why there are no proof keys. Stop the start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The version that new proofs are to be made with is not among the keys.
    #[error("there is no proof key of version {0}, which is the current one")]
    NoCurrent(u32),
    /// A version is not a whole number.
    #[error("`{0}` is not the version of a proof key, a whole number")]
    NotAVersion(String),
    /// A key is too short to be one.
    #[error("proof key of version {0} is shorter than {KEY_BYTES_MIN} bytes")]
    Short(u32),
}

/// The keys, as a configuration states them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The version that new proofs are made with.
    pub current: u32,
    /// The keys by version: at least [`KEY_BYTES_MIN`] random bytes each, as text.
    pub keys: BTreeMap<String, Secret>,
}

impl TryFrom<Settings> for ProofKeys {
    type Error = KeysError;

    fn try_from(settings: Settings) -> Result<Self, KeysError> {
        let keys = settings
            .keys
            .into_iter()
            .map(|(version, key)| match exact(&version) {
                Some(number) => Ok((number, key)),
                None => Err(KeysError::NotAVersion(version)),
            })
            .collect::<Result<Vec<_>, KeysError>>()?;
        Self::new(settings.current, keys)
    }
}

/// A key of fewer bytes is refused.
pub const KEY_BYTES_MIN: usize = 32;

/// Length of a MAC in metadata: 32 bytes in base64url without padding.
pub const MAC_CHARS: usize = 43;

type HmacSha256 = Hmac<Sha256>;

/// The keys of the proofs, by version: the current one signs, the older ones verify only.
#[derive(Clone)]
pub struct ProofKeys {
    current: u32,
    // The states after the key block: half the hashing of every proof is done once.
    keys: BTreeMap<u32, HmacSha256>,
}

impl ProofKeys {
    /// Takes the keys; `current` signs.
    ///
    /// # Errors
    /// [`KeysError`]: stop the start.
    pub fn new(
        current: u32,
        keys: impl IntoIterator<Item = (u32, Secret)>,
    ) -> Result<Self, KeysError> {
        let mut states = BTreeMap::new();
        for (version, key) in keys {
            let bytes = key.expose().as_bytes();
            if bytes.len() < KEY_BYTES_MIN {
                return Err(KeysError::Short(version));
            }
            let state = HmacSha256::new_from_slice(bytes)
                .map_err(|_any_length| KeysError::Short(version))?;
            states.insert(version, state);
        }
        if !states.contains_key(&current) {
            return Err(KeysError::NoCurrent(current));
        }
        Ok(Self {
            current,
            keys: states,
        })
    }

    /// The metadata that proves a server to be ours: `as.v`, `as.t`, `as.g`, `as.s`, `as.n`, `as.p` (safety 3.7).
    #[must_use]
    pub fn stamp(
        &self,
        project: &str,
        tenant: &TenantId,
        mint: &Mint,
    ) -> [(&'static str, String); 6] {
        let mac = self
            .keys
            .get(&self.current)
            .map(|key| mac_text(key, project, mint))
            .unwrap_or_default();
        [
            ("as.v", self.current.to_string()),
            ("as.t", tenant_hash(tenant)),
            ("as.g", mint.group.to_string()),
            ("as.s", mint.slot.to_string()),
            ("as.n", mint.nonce.to_string()),
            ("as.p", mac),
        ]
    }

    /// What metadata proves in a project. The comparison takes the same time however much of the MAC is right.
    #[must_use]
    pub fn prove(&self, project: &str, shown: &Shown<'_>) -> Proven {
        let Some((version, mint, mac)) = read(shown) else {
            return Proven::No;
        };
        let Some(key) = self.keys.get(&version) else {
            return Proven::NoKey { version };
        };
        let expected = mac_text(key, project, &mint);
        let same: bool = expected.as_bytes().ct_eq(mac.as_bytes()).into();
        if same {
            Proven::Valid {
                group: mint.group,
                slot: mint.slot,
            }
        } else {
            Proven::No
        }
    }
}

/// What metadata claims, if all of it is there and in the form that we write.
fn read<'row>(shown: &Shown<'row>) -> Option<(u32, Mint, &'row str)> {
    let mint = Mint {
        group: exact(shown.group?)?,
        slot: exact(shown.slot?)?,
        nonce: exact(shown.nonce?)?,
    };
    let mac = shown.mac.filter(|mac| mac.len() == MAC_CHARS)?;
    Some((exact(shown.version?)?, mint, mac))
}

impl fmt::Debug for ProofKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofKeys")
            .field("current", &self.current)
            .field("versions", &self.keys.keys())
            .finish_non_exhaustive()
    }
}

/// Reads a text only in the one form that we write.
fn exact<T: FromStr + fmt::Display>(text: &str) -> Option<T> {
    text.parse::<T>()
        .ok()
        .filter(|value| value.to_string() == text)
}

/// The project is the only part of variable length; its length comes first, so no two different inputs are the same bytes.
fn mac_text(key: &HmacSha256, project: &str, mint: &Mint) -> String {
    let mut mac = key.clone();
    mac.update(b"holt slot proof 1\0");
    let project_bytes = u64::try_from(project.len()).unwrap_or(u64::MAX);
    mac.update(&project_bytes.to_be_bytes());
    mac.update(project.as_bytes());
    mac.update(&mint.group.as_u128().to_be_bytes());
    mac.update(&mint.slot.as_u128().to_be_bytes());
    mac.update(&mint.nonce.as_u128().to_be_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Lets support group servers by tenant without the metadata naming a customer.
fn tenant_hash(tenant: &TenantId) -> String {
    let digest = Sha256::digest(tenant.as_str().as_bytes());
    URL_SAFE_NO_PAD.encode(&digest[..16])
}

#[cfg(test)]
mod tests;
