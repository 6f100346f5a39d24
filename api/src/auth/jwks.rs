//! Key sets that change while the api runs: read again from their file or address, so that keys rotate without a restart (safety S4).
//!
//! What cannot be read or understood leaves the last good set in use. Tokens that were verified under an older set are verified
//! again ([`Keys::generation`]), so a key that is taken out ends its tokens within one reload.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chassis::http::{self, Connections, Transit, Trust};
use chassis::{Process, Tasks};

use super::keys::{JWKS_BYTES_MAX, Keys, read};
use crate::settings::{StartError, Tokens};

/// Least time between two looks.
const RELOAD_MIN: Duration = Duration::from_millis(100);
/// An address has so long to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Where a key set is.
enum Source {
    File(PathBuf),
    Address(http::Client, String),
}

/// Reads the key set again and again until `process` stops: until no request is served.
///
/// # Errors
/// [`StartError`]: the address may not be used, or its certificates cannot be read.
pub(crate) fn watch(keys: &Keys, process: &Process, settings: &Tokens) -> Result<(), StartError> {
    let source = match (&settings.jwks_file, &settings.jwks_url) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => {
            let rule = "must not be given beside `jwks_file`";
            return Err(StartError::OutOfRange {
                key: "tokens.jwks_url",
                rule,
            });
        }
        (Some(path), None) => Source::File(path.clone()),
        (None, Some(url)) => {
            let client = client(url, settings.jwks_ca_file.as_deref())?;
            Source::Address(client, url.clone())
        }
    };
    let (keys, clock, stop) = (keys.clone(), process.clock.clone(), process.stop.clone());
    // Never so often that looking is all that happens.
    let every = settings.jwks_reload.max(RELOAD_MIN);
    let tasks = process.tasks.clone();
    let check = process.health.check("token-keys");
    let mut wait = match source {
        // It was read at the start.
        Source::File(_) => {
            check.ready();
            every
        }
        Source::Address(..) => {
            check.failing("the address of the key set was not asked yet");
            Duration::ZERO
        }
    };
    drop(process.tasks.spawn("token-keys", async move {
        let mut last = None;
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => return,
                () = clock.sleep(wait) => {}
            }
            wait = every;
            let Some(text) = source.read(&tasks).await else {
                check.failing("the key set cannot be read; the last good keys are in use");
                continue;
            };
            if last.as_ref() != Some(&text) {
                if !keys.replace(&text) {
                    check.failing("what was read is no key set; the last good keys are in use");
                    continue;
                }
                tracing::info!("token keys loaded again");
            }
            check.ready();
            last = Some(text);
        }
    }));
    Ok(())
}

impl Source {
    async fn read(&self, tasks: &Tasks) -> Option<String> {
        match self {
            Self::File(path) => {
                let from = path.clone();
                tasks.blocking(move || read(&from)).await.ok()?.ok()
            }
            Self::Address(client, url) => {
                let most = usize::try_from(JWKS_BYTES_MAX).unwrap_or(usize::MAX);
                let answer = client.get(url).send().await.ok()?;
                // A redirect is no answer either: it leads to whom nobody checked.
                let answer = Some(answer).filter(|answer| answer.status().is_success())?;
                let body = http::body(answer, most).await.ok()?;
                String::from_utf8(body.to_vec()).ok()
            }
        }
    }
}

/// Only HTTPS, or loopback: who can change the answer can sign tokens.
fn client(url: &str, ca_file: Option<&Path>) -> Result<http::Client, StartError> {
    let key = "tokens.jwks_url";
    let transit = http::transit(url);
    let is_local = transit == Some(Transit::Loopback);
    if !is_local && transit != Some(Transit::Encrypted) {
        let rule = "must begin with https://, or be on loopback";
        return Err(StartError::OutOfRange { key, rule });
    }
    let trust = match ca_file {
        Some(path) => {
            let unreadable = |source| StartError::Jwks {
                path: path.to_owned(),
                source,
            };
            Trust::MachineAnd(std::fs::read(path).map_err(unreadable)?)
        }
        // Plain HTTP works on a machine without a certificate store.
        None if is_local => Trust::Only(Vec::new()),
        None => Trust::Machine,
    };
    let settings = http::Settings {
        total_timeout: ANSWER,
        connections: Connections::Fresh,
        trust,
        user_agent: "holt-api",
        ..http::Settings::default()
    };
    let rule = "cannot be asked: the client cannot be built";
    http::client(&settings).map_err(|_error| StartError::OutOfRange { key, rule })
}
