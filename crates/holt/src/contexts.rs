//! Contexts: addresses, tenants and tokens kept under names, in a file that only its owner reads.
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use domain::ids::ColoId;
use serde::{Deserialize, Serialize};
use wire::client::Client;

use crate::{args, out, session};

/// Where the API is if nobody says.
const URL: &str = "http://127.0.0.1:8070";

/// The file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    #[serde(default)]
    contexts: BTreeMap<String, Kept>,
}

/// What is kept under one name.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// Address, token and tenant of a command; arguments and environment go over the context.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) tenant: Option<String>,
    colo: Option<ColoId>,
}

impl Resolved {
    /// A client of that api.
    ///
    /// # Errors
    /// As [`session::client`].
    pub(crate) fn client(&self, timeout: Duration) -> anyhow::Result<Client> {
        let client = session::client(self.url.clone(), self.token.clone(), timeout)?;
        Ok(client.in_colo(self.colo))
    }
}

/// Fills in from the context what the command line does not say.
///
/// # Errors
/// The file cannot be read, has no such context, or nobody says the token.
pub(crate) fn resolve(api: &args::Api) -> anyhow::Result<Resolved> {
    let file = match path(&api.file) {
        Some(path) => read(&path)?,
        None => File::default(),
    };
    let name = api.context.as_ref().or(file.current.as_ref());
    let kept = match name {
        Some(name) => file
            .contexts
            .get(name)
            .with_context(|| format!("there is no context {name} (`holt context list`)"))?
            .clone(),
        None => Kept::default(),
    };
    let token = api.token.clone().or(kept.token);
    Ok(Resolved {
        url: api
            .url
            .clone()
            .or(kept.url)
            .unwrap_or_else(|| URL.to_owned()),
        token: token.context("a token is needed: --token, HOLT_TOKEN or a context")?,
        tenant: kept.tenant,
        colo: api.in_colo.map(ColoId),
    })
}

/// `holt context`.
///
/// # Errors
/// The file cannot be read or written, or there is no such context.
pub(crate) fn run(command: args::Context) -> anyhow::Result<()> {
    match command {
        args::Context::Set { name, tenant, api } => change(&api.file, |file| {
            let kept = file.contexts.entry(name.clone()).or_default();
            kept.url = api.url.clone().or_else(|| kept.url.take());
            kept.token = api.token.clone().or_else(|| kept.token.take());
            kept.tenant = tenant.clone().or_else(|| kept.tenant.take());
            file.current = Some(name.clone());
            Ok(())
        }),
        args::Context::Use { name, file } => change(&file, |file| {
            if !file.contexts.contains_key(&name) {
                bail!("there is no context {name} (`holt context list`)");
            }
            file.current = Some(name.clone());
            Ok(())
        }),
        args::Context::Delete { name, file } => change(&file, |file| {
            let kept = file.contexts.remove(&name);
            kept.with_context(|| format!("there is no context {name} (`holt context list`)"))?;
            file.current.take_if(|current| *current == name);
            Ok(())
        }),
        args::Context::List { file } => {
            let file = read(&path(&file).context("no home folder: name a file with --contexts")?)?;
            for (name, kept) in &file.contexts {
                let mark = if file.current.as_ref() == Some(name) {
                    "*"
                } else {
                    " "
                };
                let url = kept.url.as_deref().unwrap_or(URL);
                let tenant = kept.tenant.as_deref().unwrap_or("-");
                let token = if kept.token.is_some() {
                    "token kept"
                } else {
                    "no token"
                };
                out::say(&format!("{mark} {name}  {url}  {tenant}  {token}"))?;
            }
            Ok(())
        }
    }
}

fn path(file: &args::ContextFile) -> Option<PathBuf> {
    let in_home = || Some(file.home.as_ref()?.join(".config/holt/contexts.json"));
    file.contexts.clone().or_else(in_home)
}

/// What is kept; nothing, if there is no file.
fn read(path: &Path) -> anyhow::Result<File> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("{} is not a file of contexts", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(File::default()),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Changes the file as a whole: whoever reads it sees the old one or the new one.
fn change(
    file: &args::ContextFile,
    edit: impl FnOnce(&mut File) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let path = path(file).context("no home folder: name a file with --contexts")?;
    let mut kept = read(&path)?;
    edit(&mut kept)?;
    let written = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&beside)?
            .write_all(&serde_json::to_vec_pretty(&kept)?)?;
        fs::rename(&beside, &path)
    };
    written().with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests;
