//! `holt token`: signs bearer tokens with the operator's own key, and makes such keys.
use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use chassis::Process;
use domain::{
    access::{Right, Rights},
    ids::TenantId,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::{
    args,
    config::{self, Config},
    keys::{self, Made},
    out,
};

/// What a token says (docs/ARCHITECTURE.md, who may do what).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) tenant: String,
    pub(crate) rights: Rights,
    pub(crate) subject: String,
    pub(crate) ttl: Duration,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    holt_tenant: &'a str,
    holt_rights: Vec<&'static str>,
}

/// Prints a token, or makes keys.
///
/// # Errors
/// A right is unknown, the key is missing or is none, or a key file is there already.
pub(crate) fn run(process: &Process, args: args::Token) -> anyhow::Result<()> {
    if let Some(folder) = &args.new_key {
        let made = keys::make(folder, &process.entropy)?;
        return out::say(&snippet(&made));
    }
    let config = config::load(args.config.as_deref())?;
    let wish = Wish {
        tenant: args.tenant.context("--tenant is required")?,
        rights: rights(&args.rights)?,
        subject: args.subject,
        ttl: args.ttl,
    };
    out::say(&sign(&config, &wish, process.clock.unix_ms())?)
}

/// Signs what is wished for, at `now_ms`.
///
/// # Errors
/// The configuration names no key, or the file holds none.
pub(crate) fn sign(config: &Config, wish: &Wish, now_ms: u64) -> anyhow::Result<String> {
    let path = config
        .token
        .key_file
        .as_ref()
        .ok_or_else(|| anyhow!("configuration key `token.key_file` is required and not set: `holt token --new-key FOLDER` makes one"))?;
    let pem =
        fs::read(path).with_context(|| format!("`token.key_file`: read {}", path.display()))?;
    let key = EncodingKey::from_ed_pem(&pem).with_context(|| {
        format!(
            "`token.key_file`: {} is not an Ed25519 private key in PEM",
            path.display()
        )
    })?;
    let tenant: TenantId = wish.tenant.parse().context("--tenant")?;
    let iat = now_ms / 1_000;
    let claims = Claims {
        iss: &config.api.issuer,
        aud: &config.api.audience,
        sub: &wish.subject,
        iat,
        exp: iat.saturating_add(wish.ttl.as_secs()),
        holt_tenant: tenant.as_str(),
        holt_rights: Right::ALL
            .into_iter()
            .filter(|right| wish.rights.has(*right))
            .map(Right::as_str)
            .collect(),
    };
    let header = Header {
        kid: config.token.key_id.clone(),
        ..Header::new(Algorithm::EdDSA)
    };
    jsonwebtoken::encode(&header, &claims, &key).context("sign the token")
}

fn rights(words: &[String]) -> anyhow::Result<Rights> {
    let all = Right::ALL.map(Right::as_str).join(", ");
    let mut rights = Rights::NONE;
    for word in words {
        match Right::parse(word.trim()) {
            Some(right) => rights = rights.with(right),
            None => bail!("`{word}` is not a right; rights are {all}"),
        }
    }
    Ok(rights)
}

/// What the configuration needs for the new keys. Paths are made absolute where that is possible.
fn snippet(made: &Made) -> String {
    let absolute = |path: &std::path::Path| {
        path.canonicalize()
            .unwrap_or_else(|_missing| path.to_path_buf())
            .display()
            .to_string()
    };
    let (private, public, proof) = (
        absolute(&made.private),
        absolute(&made.public),
        absolute(&made.proof),
    );
    let key_id = "key-1";
    let public_keys = BTreeMap::from([(key_id, format!("file:{public}"))]);
    let proof_keys = BTreeMap::from([("1", format!("file:{proof}"))]);
    let lines = |keys: BTreeMap<&str, String>| -> String {
        keys.iter()
            .map(|(id, file)| format!("{id} = {file:?}\n"))
            .collect()
    };
    format!(
        "# For `holt serve`: whose tokens it believes, and what marks its servers. Keep a copy of {proof}.\n\
         [api.keys]\n{}\n[proof.keys]\n{}\n# Only where `holt token` runs:\n[token]\nkey_file = {private:?}\nkey_id = {key_id:?}",
        lines(public_keys),
        lines(proof_keys),
    )
}

#[cfg(test)]
mod tests;
