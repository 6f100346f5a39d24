//! Signatures as Standard Webhooks defines them: over id, time of the attempt and body, one for each live key.

use std::fmt;

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chassis::Secret;
use domain::hook::KeyKind;
use wire::hooks::secret::{PRIVATE, SECRET};

/// A key that signs, opened.
pub enum Signer {
    /// HMAC-SHA256.
    Hmac(Box<aws_lc_rs::hmac::Key>),
    /// Ed25519.
    Ed25519(Box<Ed25519KeyPair>),
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "Hmac",
            Self::Ed25519(_) => "Ed25519",
        })
    }
}

impl Signer {
    /// A signer out of an opened secret; none if it is not one of that kind.
    #[must_use]
    pub fn new(kind: KeyKind, secret: &Secret) -> Option<Self> {
        let text = secret.expose();
        match kind {
            KeyKind::Hmac => {
                let bytes = STANDARD.decode(text.strip_prefix(SECRET)?).ok()?;
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &bytes);
                Some(Self::Hmac(Box::new(key)))
            }
            KeyKind::Ed25519 => {
                let seed = STANDARD.decode(text.strip_prefix(PRIVATE)?).ok()?;
                let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
                Some(Self::Ed25519(Box::new(pair)))
            }
            KeyKind::Address | KeyKind::Routing | KeyKind::Bearer => None,
        }
    }

    /// One signature, with its version.
    #[must_use]
    pub fn sign(&self, content: &[u8]) -> String {
        match self {
            Self::Hmac(key) => {
                let tag = aws_lc_rs::hmac::sign(key, content);
                format!("v1,{}", STANDARD.encode(tag.as_ref()))
            }
            Self::Ed25519(pair) => {
                format!("v1a,{}", STANDARD.encode(pair.sign(content).as_ref()))
            }
        }
    }
}

/// The header `webhook-signature`: one signature for each key, so that a receiver that knows the old one or the new one believes it.
#[must_use]
pub fn header(signers: &[Signer], id: &str, unix_s: u64, body: &str) -> String {
    let content = format!("{id}.{unix_s}.{body}");
    let all: Vec<String> = signers
        .iter()
        .map(|signer| signer.sign(content.as_bytes()))
        .collect();
    all.join(" ")
}

#[cfg(test)]
mod tests;
