//! Secrets of hooks: sealed by the api, opened by the hooks lane alone.
//!
//! And the addresses by which a receiver answers, each good for one message, derived from the same key and stored nowhere.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chassis::Secret;
use domain::ids::{DeliveryId, GroupId, GroupKey, HookId};

/// Shorter keys are surely not meant.
const KEY_BYTES_MIN: usize = 32;
/// What `AES-GCM` takes as a nonce, in bytes.
pub const NONCE_BYTES: usize = 12;
const PLAIN: usize = 24;
const TAG: usize = 16;

/// How a symmetric secret begins (Standard Webhooks).
pub const SECRET: &str = "whsec_";
/// How a private key begins.
pub const PRIVATE: &str = "whsk_";
/// How a public key begins.
pub const PUBLIC: &str = "whpk_";

/// A new symmetric secret out of 32 random bytes: shown to the customer once.
#[must_use]
pub fn symmetric(random: &[u8; 32]) -> String {
    format!("{SECRET}{}", STANDARD.encode(random))
}

/// A new key pair out of 32 random bytes: the private text, which nobody is shown, and the public one. None: the bytes make no key.
#[must_use]
pub fn pair(random: &[u8; 32]) -> Option<(String, String)> {
    let pair = Ed25519KeyPair::from_seed_unchecked(random).ok()?;
    let private = format!("{PRIVATE}{}", STANDARD.encode(random));
    let public = format!("{PUBLIC}{}", STANDARD.encode(pair.public_key().as_ref()));
    Some((private, public))
}

/// Whether a text is a symmetric secret as the standard has it: 24 to 64 bytes.
#[must_use]
pub fn is_symmetric(text: &str) -> bool {
    let bytes = text.strip_prefix(SECRET).map(|text| STANDARD.decode(text));
    matches!(bytes, Some(Ok(bytes)) if (24..=64).contains(&bytes.len()))
}

/// Why the keys cannot be used: stop the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// There must be one.
    #[error("there is no key")]
    None,
    /// A key is too short.
    #[error("keys must have at least 32 characters")]
    Short,
}

/// The keys of one installation. The first is used for what is new, all for what is old. Cheap to clone.
#[derive(Clone)]
pub struct HookKeys {
    keys: Arc<[Derived]>,
}

struct Derived {
    seal: [u8; 32],
    make: hmac::Key,
    mask: hmac::Key,
    tag: hmac::Key,
}

impl fmt::Debug for HookKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookKeys")
            .field("keys", &self.keys.len())
            .finish()
    }
}

/// Whom a sealed secret belongs to: sealed for one hook, it opens for no other.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The group.
    pub group: &'a GroupKey,
    /// The hook.
    pub hook: &'a HookId,
}

impl Owner<'_> {
    fn text(&self) -> String {
        format!("{} {} {}", self.group.tenant, self.group.id, self.hook)
    }
}

impl HookKeys {
    /// Takes the keys, the newest first.
    ///
    /// # Errors
    /// [`BadKeys`].
    pub fn new(keys: &[Secret]) -> Result<Self, BadKeys> {
        if keys.is_empty() {
            return Err(BadKeys::None);
        }
        if keys.iter().any(|key| key.expose().len() < KEY_BYTES_MIN) {
            return Err(BadKeys::Short);
        }
        let derive = |key: &Secret| {
            let master = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
            let of = |what: &[u8]| hmac::sign(&master, what);
            let mut seal = [0; 32];
            seal.copy_from_slice(of(b"holt hooks seal").as_ref());
            Derived {
                seal,
                make: hmac::Key::new(hmac::HMAC_SHA256, of(b"holt hooks make").as_ref()),
                mask: hmac::Key::new(hmac::HMAC_SHA256, of(b"holt hooks mask").as_ref()),
                tag: hmac::Key::new(hmac::HMAC_SHA256, of(b"holt hooks answer").as_ref()),
            }
        };
        Ok(Self {
            keys: keys.iter().map(derive).collect(),
        })
    }

    /// 32 bytes for a new secret of one hook, which nobody else can tell: the same whenever the same write asks, another one for each other write.
    #[must_use]
    pub fn bytes(&self, owner: Owner<'_>, write: u128) -> Option<[u8; 32]> {
        let text = format!("{write:032x} {}", owner.text());
        let made = hmac::sign(&self.keys.first()?.make, text.as_bytes());
        made.as_ref().try_into().ok()
    }

    /// Seals a secret for one hook. The nonce comes from the caller's randomness or from [`nonce`], and seals no other secret. None: the secret is
    /// out of all bounds.
    #[must_use]
    pub fn seal(&self, owner: Owner<'_>, plain: &str, nonce: [u8; NONCE_BYTES]) -> Option<String> {
        let key = cipher(self.keys.first()?)?;
        let mut sealed = plain.as_bytes().to_vec();
        let aad = Aad::from(owner.text());
        let at = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(at, aad, &mut sealed).ok()?;
        let whole: Vec<u8> = nonce.into_iter().chain(sealed).collect();
        Some(STANDARD.encode(whole))
    }

    /// Opens what was sealed for that very hook; none if it was not, or by no key that is known here.
    #[must_use]
    pub fn open(&self, owner: Owner<'_>, sealed: &str) -> Option<Secret> {
        let whole = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = whole.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        self.keys.iter().find_map(|key| {
            let mut plain = sealed.to_vec();
            let aad = Aad::from(owner.text());
            let at = Nonce::assume_unique_for_key(nonce);
            let plain = cipher(key)?.open_in_place(at, aad, &mut plain).ok()?;
            Secret::new(String::from_utf8(plain.to_vec()).ok()?).ok()
        })
    }

    /// The text that lets whoever has it answer one message: the message, masked, and a tag; stored nowhere.
    #[must_use]
    pub fn token(&self, group: GroupId, id: DeliveryId) -> String {
        let Some(key) = self.keys.first() else {
            return String::new();
        };
        let mut plain = [0; PLAIN];
        plain[..16].copy_from_slice(&group.as_u128().to_be_bytes());
        plain[16..].copy_from_slice(&id.0.to_be_bytes());
        let tag = tag(key, &plain);
        let hidden = masked(key, &tag, plain);
        let whole: Vec<u8> = hidden.into_iter().chain(tag).collect();
        URL_SAFE_NO_PAD.encode(whole)
    }

    /// The message that a text lets answer; none if no key made it, which is known before anything is read (safety S39).
    #[must_use]
    pub fn answers(&self, token: &str) -> Option<(GroupId, DeliveryId)> {
        let whole = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (hidden, shown) = whole.split_at_checked(PLAIN)?;
        let hidden: [u8; PLAIN] = hidden.try_into().ok()?;
        let plain = self.keys.iter().find_map(|key| {
            let plain = masked(key, shown, hidden);
            verify_slices_are_equal(&tag(key, &plain), shown)
                .is_ok()
                .then_some(plain)
        })?;
        let (group, id) = plain.split_at(16);
        let group = u128::from_be_bytes(group.try_into().ok()?);
        let id = u64::from_be_bytes(id.try_into().ok()?);
        Some((GroupId::from_u128(group), DeliveryId(id)))
    }
}

/// The nonce for what is made of [`HookKeys::bytes`] for the same write: it seals that secret and no other, however often that is done.
#[must_use]
pub fn nonce(write: u128) -> [u8; NONCE_BYTES] {
    let bytes = write.to_be_bytes();
    bytes.first_chunk().copied().unwrap_or_default()
}

/// Whether a secret was sealed with that nonce.
#[must_use]
pub fn is_sealed_with(nonce: [u8; NONCE_BYTES], sealed: &str) -> bool {
    sealed.starts_with(&STANDARD.encode(nonce))
}

fn cipher(key: &Derived) -> Option<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, &key.seal).ok()?;
    Some(LessSafeKey::new(key))
}

fn tag(key: &Derived, plain: &[u8; PLAIN]) -> [u8; TAG] {
    let whole = hmac::sign(&key.tag, plain);
    let mut tag = [0; TAG];
    tag.copy_from_slice(&whole.as_ref()[..TAG]);
    tag
}

fn masked(key: &Derived, tag: &[u8], mut text: [u8; PLAIN]) -> [u8; PLAIN] {
    let mask = hmac::sign(&key.mask, tag);
    for (byte, mask) in text.iter_mut().zip(mask.as_ref()) {
        *byte ^= mask;
    }
    text
}

#[cfg(test)]
mod tests;
