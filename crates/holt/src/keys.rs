//! Key files: the pair that signs tokens, and the key that marks servers.
//!
//! Deliberately absent: overwriting. A lost proof key is a fleet of servers that nobody can prove to be ours.
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chassis::Entropy;

/// What stands before the 32 bytes of an Ed25519 public key in its DER form (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// Base64 in PEM stands in lines of so many characters (RFC 7468).
const PEM_LINE: usize = 64;

/// The files that were made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) private: PathBuf,
    pub(crate) public: PathBuf,
    pub(crate) proof: PathBuf,
}

/// Makes a signing key pair and a proof key in `folder`, readable by their owner only.
///
/// # Errors
/// A file exists already, or cannot be written.
pub(crate) fn make(folder: &Path, entropy: &Entropy) -> anyhow::Result<Made> {
    fs::create_dir_all(folder).with_context(|| format!("create folder {}", folder.display()))?;
    let made = Made {
        private: folder.join("token-key.pem"),
        public: folder.join("token-key.pub.pem"),
        proof: folder.join("proof.key"),
    };
    let (private, public) = pair(entropy)?;
    write(&made.private, &private, 0o600)?;
    write(&made.public, &public, 0o644)?;
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    write(&made.proof, &format!("{}\n", STANDARD.encode(bytes)), 0o600)?;
    Ok(made)
}

/// A new Ed25519 pair as PEM: private (PKCS#8) and public (SPKI).
fn pair(entropy: &Entropy) -> anyhow::Result<(String, String)> {
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
        .map_err(|error| anyhow!("make key pair: {error}"))?;
    let private = pair
        .to_pkcs8v1()
        .map_err(|error| anyhow!("write key pair: {error}"))?;
    let mut public = SPKI_PREFIX.to_vec();
    public.extend_from_slice(pair.public_key().as_ref());
    Ok((
        pem("PRIVATE KEY", private.as_ref()),
        pem("PUBLIC KEY", &public),
    ))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(PEM_LINE));
        pem.push_str(line);
        pem.push('\n');
        rest = tail;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests;
