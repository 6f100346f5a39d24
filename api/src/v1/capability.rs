//! Capability URLs: a text that lets whoever has it run one policy, derived from the group and the webhook's serial number, and stored nowhere (design 11).
//!
//! Deterministic authenticated encryption, the tag as the mask's seed:
//!
//! ```text
//! plain = group id (16 bytes), serial (4)     tag = MAC(key, plain), 12 bytes     text = hex(plain XOR MAC(mask key, tag)), hex(tag)
//! ```
//! So it says nothing about the group, 2^96 guesses do not find one, and a wrong one is known as wrong before anything is read. The serial of a
//! deleted webhook is never used again, so its URL dies with it; taking a key out of the configuration ends all URLs that it made.

use std::fmt;
use std::sync::Arc;

use domain::ids::{GroupId, InputId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::settings::{Capabilities, StartError};

type HmacSha256 = Hmac<Sha256>;

/// Shorter keys are surely not meant.
const KEY_BYTES_MIN: usize = 32;
const PLAIN: usize = 20;
const TAG: usize = 12;

/// Derives and verifies capability texts. Cheap to clone.
#[derive(Clone)]
pub struct Seal {
    /// The one by which texts are made first.
    keys: Arc<[Key]>,
    /// The same for the URLs of inputs, which no capability of a policy fits.
    inputs: Arc<[Key]>,
    secrets: Arc<[HmacSha256]>,
}

struct Key {
    tag: HmacSha256,
    mask: HmacSha256,
}

/// What a text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    /// The group.
    pub group: GroupId,
    /// The webhook's serial number in the group.
    pub serial: u32,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal")
            .field("keys", &self.keys.len())
            .finish()
    }
}

impl Seal {
    /// Takes the keys.
    ///
    /// # Errors
    /// [`StartError::OutOfRange`]: a key is too short, or the current one is not among them.
    pub fn new(settings: &Capabilities) -> Result<Self, StartError> {
        let wrong = |rule| StartError::OutOfRange {
            key: "v1.capabilities",
            rule,
        };
        let short = settings
            .keys
            .values()
            .any(|key| key.expose().len() < KEY_BYTES_MIN);
        if short {
            return Err(wrong("must have keys of at least 32 characters"));
        }
        let unknown = !settings.keys.is_empty() && !settings.keys.contains_key(&settings.current);
        if unknown {
            return Err(wrong("must name one of its keys as `current`"));
        }
        let current = settings.keys.get(&settings.current).into_iter();
        let others = settings
            .keys
            .iter()
            .filter(|(name, _)| **name != settings.current);
        let all: Vec<&chassis::Secret> = current.chain(others.map(|(_, key)| key)).collect();
        let derived = |tag: &[u8], mask: &[u8]| {
            let key = |key: &&chassis::Secret| {
                Some(Key {
                    tag: derive(key, tag)?,
                    mask: derive(key, mask)?,
                })
            };
            let keys: Option<Vec<Key>> = all.iter().map(key).collect();
            keys.ok_or_else(|| wrong("has a key that cannot be used"))
        };
        let secrets: Option<Vec<HmacSha256>> = all
            .iter()
            .map(|key| derive(key, b"holt input secret"))
            .collect();
        Ok(Self {
            keys: derived(b"holt capability tag", b"holt capability mask")?.into(),
            inputs: derived(b"holt input tag", b"holt input mask")?.into(),
            secrets: secrets
                .ok_or_else(|| wrong("has a key that cannot be used"))?
                .into(),
        })
    }

    /// The text of a capability; none without keys.
    #[must_use]
    pub fn text(&self, capability: Capability) -> Option<String> {
        let id = capability.group.as_u128();
        text(&self.keys, plain(id, capability.serial))
    }

    /// What a text stands for; none if no key made it. The comparison takes a time that does not tell how much of the text was right (safety S39).
    #[must_use]
    pub fn open(&self, text: &str) -> Option<Capability> {
        let (id, serial) = opened(&self.keys, text)?;
        Some(Capability {
            group: GroupId::from_u128(id),
            serial,
        })
    }

    /// The text of an input's URL; none without keys.
    #[must_use]
    pub(crate) fn input_text(&self, input: InputId, serial: u32) -> Option<String> {
        text(&self.inputs, plain(input.as_u128(), serial))
    }

    /// The input of a URL's text and its serial; none if no key made it.
    #[must_use]
    pub(crate) fn open_input(&self, text: &str) -> Option<(InputId, u32)> {
        let (id, serial) = opened(&self.inputs, text)?;
        Some((InputId::from_u128(id), serial))
    }

    /// What a sender proves itself with, by the current key first: 32 bytes each.
    pub(crate) fn input_secrets(
        &self,
        input: InputId,
        serial: u32,
    ) -> impl Iterator<Item = [u8; 32]> {
        let plain = plain(input.as_u128(), serial);
        self.secrets.iter().map(move |key| {
            key.clone()
                .chain_update(plain)
                .finalize()
                .into_bytes()
                .into()
        })
    }
}

fn derive(key: &chassis::Secret, use_: &[u8]) -> Option<HmacSha256> {
    let master = HmacSha256::new_from_slice(key.expose().as_bytes()).ok()?;
    let derived = master.chain_update(use_).finalize().into_bytes();
    HmacSha256::new_from_slice(&derived).ok()
}

fn text(keys: &[Key], plain: [u8; PLAIN]) -> Option<String> {
    let key = keys.first()?;
    let tag = tag(key, &plain);
    let bytes: Vec<u8> = masked(key, &tag, plain).into_iter().chain(tag).collect();
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn opened(keys: &[Key], text: &str) -> Option<(u128, u32)> {
    let bytes = bytes(text)?;
    let (hidden, shown) = bytes.split_at(PLAIN);
    let hidden: [u8; PLAIN] = hidden.try_into().ok()?;
    let found = keys.iter().find_map(|key| {
        let plain = masked(key, shown, hidden);
        bool::from(tag(key, &plain).ct_eq(shown)).then_some(plain)
    })?;
    let (id, serial) = found.split_at(16);
    Some((
        u128::from_be_bytes(id.try_into().ok()?),
        u32::from_be_bytes(serial.try_into().ok()?),
    ))
}

fn plain(id: u128, serial: u32) -> [u8; PLAIN] {
    let mut plain = [0; PLAIN];
    plain[..16].copy_from_slice(&id.to_be_bytes());
    plain[16..].copy_from_slice(&serial.to_be_bytes());
    plain
}

fn tag(key: &Key, plain: &[u8; PLAIN]) -> [u8; TAG] {
    let whole = key.tag.clone().chain_update(plain).finalize().into_bytes();
    let mut tag = [0; TAG];
    tag.copy_from_slice(&whole[..TAG]);
    tag
}

fn masked(key: &Key, tag: &[u8], mut text: [u8; PLAIN]) -> [u8; PLAIN] {
    let mask = key.mask.clone().chain_update(tag).finalize().into_bytes();
    for (byte, mask) in text.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    text
}

fn bytes(text: &str) -> Option<[u8; PLAIN + TAG]> {
    let hex = text.len() == 2 * (PLAIN + TAG) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let mut bytes = [0; PLAIN + TAG];
    for (at, byte) in bytes.iter_mut().enumerate().filter(|_| hex) {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    hex.then_some(bytes)
}

#[cfg(test)]
mod tests;
