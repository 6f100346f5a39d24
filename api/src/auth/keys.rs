//! The keys that may sign tokens, each with the one algorithm that it is for (safety S1, S3).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use chassis::Secret;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::settings::{StartError, Tokens};

/// A JWKS file larger than this is not one.
pub(super) const JWKS_BYTES_MAX: u64 = 256 * 1024;
/// Smaller RSA keys are refused.
const RSA_BYTES_MIN: usize = 2048 / 8;

/// A public key with the one algorithm that it is for: what the token's header says is compared with it, never followed.
#[derive(Debug, Clone)]
pub struct Key {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

type Set = BTreeMap<String, Arc<Key>>;

/// All keys; cheap to clone, and every clone sees a reload.
#[derive(Debug, Clone)]
pub struct Keys {
    shared: Arc<RwLock<Current>>,
}

#[derive(Debug)]
struct Current {
    fixed: Set,
    file: Set,
    /// Counts reloads: what was verified under an older one is verified again.
    generation: u64,
}

impl Keys {
    /// Takes the configured keys and reads the JWKS file.
    ///
    /// # Errors
    /// [`StartError`], above all when there is no key: nothing is open by default.
    pub fn load(settings: &Tokens) -> Result<Self, StartError> {
        let mut fixed = Set::new();
        for (id, pem) in &settings.keys {
            let key = from_pem(pem).map_err(|rule| StartError::BadKey {
                id: id.clone(),
                rule,
            })?;
            fixed.insert(id.clone(), Arc::new(key));
        }
        let file = match &settings.jwks_file {
            Some(path) => {
                let text = read(path).map_err(|source| StartError::Jwks {
                    path: path.clone(),
                    source,
                })?;
                from_jwks(&text).ok_or_else(|| StartError::BadJwks { path: path.clone() })?
            }
            None => Set::new(),
        };
        // What an address says is read when the api runs: an identity service that is away must not keep it from starting.
        let asked = settings.jwks_url.is_some() || settings.keystone.url.is_some();
        if fixed.is_empty() && file.is_empty() && !asked {
            return Err(StartError::NoKeys);
        }
        Ok(Self {
            shared: Arc::new(RwLock::new(Current {
                fixed,
                file,
                generation: 0,
            })),
        })
    }

    /// The key that a token names. Without a name there must be only one to choose from.
    #[must_use]
    pub fn find(&self, kid: Option<&str>) -> Option<Arc<Key>> {
        let current = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        match kid {
            Some(kid) => current
                .fixed
                .get(kid)
                .or_else(|| current.file.get(kid))
                .cloned(),
            None => {
                let mut all = current.fixed.values().chain(current.file.values());
                all.next().filter(|_| all.next().is_none()).cloned()
            }
        }
    }

    /// Counts reloads.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .generation
    }

    /// Puts another set in place of what the file said before; false if the text is no key set, and then nothing changes.
    pub fn replace(&self, jwks: &str) -> bool {
        let Some(file) = from_jwks(jwks) else {
            return false;
        };
        let mut current = self.shared.write().unwrap_or_else(PoisonError::into_inner);
        current.file = file;
        current.generation += 1;
        true
    }
}

pub(super) fn read(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > JWKS_BYTES_MAX {
        return Err(std::io::Error::other("larger than 256 KiB"));
    }
    std::fs::read_to_string(path)
}

/// The text itself, or `file:/path`.
fn from_pem(text: &str) -> Result<Key, &'static str> {
    let text = Secret::parse(text.to_owned())
        .map_err(|_refused| "is empty, or its file cannot be read")?;
    let pem = text.expose();
    if pem.contains("PRIVATE KEY") {
        return Err("is a private key: give the public one");
    }
    if !pem.contains("PUBLIC KEY") {
        return Err("is not a public key in PEM");
    }
    if let Ok(key) = DecodingKey::from_ed_pem(pem.as_bytes()) {
        return Ok(Key {
            algorithm: Algorithm::EdDSA,
            key,
        });
    }
    let key = DecodingKey::from_rsa_pem(pem.as_bytes())
        .map_err(|_other| "is neither an Ed25519 nor an RSA key")?;
    let long_enough = key
        .try_get_as_bytes()
        .is_ok_and(|der| der.len() > RSA_BYTES_MIN);
    long_enough
        .then_some(Key {
            algorithm: Algorithm::RS256,
            key,
        })
        .ok_or("has fewer than 2048 bits")
}

/// The keys of a JWKS that can be used here; others (encryption, other algorithms, symmetric ones) are passed over.
fn from_jwks(text: &str) -> Option<Set> {
    let set: JwkSet = serde_json::from_str(text).ok()?;
    Some(set.keys.iter().filter_map(from_jwk).collect())
}

fn from_jwk(jwk: &Jwk) -> Option<(String, Arc<Key>)> {
    let common = &jwk.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|it| *it == PublicKeyUse::Signature);
    let kid = common.key_id.clone().filter(|_| signs)?;
    let (algorithm, named) = if let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm
        && pair.curve == EllipticCurve::Ed25519
    {
        (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
    } else if let AlgorithmParameters::RSA(rsa) = &jwk.algorithm
        // 4 base64 characters hold 3 bytes.
        && rsa.n.len() * 3 / 4 >= RSA_BYTES_MIN
    {
        (Algorithm::RS256, KeyAlgorithm::RS256)
    } else {
        return None;
    };
    if common.key_algorithm.is_some_and(|given| given != named) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    Some((kid, Arc::new(Key { algorithm, key })))
}

#[cfg(test)]
mod tests;
