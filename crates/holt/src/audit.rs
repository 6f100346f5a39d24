//! `holt audit`: whether the history in a store is whole.
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use chassis::Process;
use serde_json::json;
use store::audit::Audited;
use store::embedded;
use store_cassandra::choice::{self, Kind, Place};

use crate::{args, config, out, settings};

/// Walks the chain of every group's records, says what is wrong, and ends with a summary. Exit code 1 if anything is.
///
/// # Errors
/// The store cannot be read, or is none.
pub(crate) async fn run(process: &Process, command: args::Audit) -> anyhow::Result<ExitCode> {
    let args::Audit::Verify {
        store,
        config,
        json,
    } = command;
    let mut found = Found::new(json);
    match config {
        None => found.file(&store)?,
        Some(path) => {
            let config = config::load(Some(&path))?;
            // Reads only: nothing is noted.
            let place = settings::place(&config).feeding(false);
            if place.kind == Kind::Embedded {
                found.file(&place.path)?;
            } else {
                let own = settings::store(&config.store);
                found.cluster(process, &place, own).await?;
            }
        }
    }
    found.said?;
    if json {
        let ok = found.faults == 0;
        out::say(
            &json!({"ok": ok, "groups": found.groups, "records": found.records, "faults": found.faults})
                .to_string(),
        )?;
    } else {
        out::say(&format!(
            "{} groups, {} records, {} faults",
            found.groups, found.records, found.faults
        ))?;
    }
    Ok(if found.faults == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Found {
    json: bool,
    groups: u64,
    records: u64,
    faults: u64,
    /// Whether all that was to be said was said.
    said: anyhow::Result<()>,
}

impl Found {
    const fn new(json: bool) -> Self {
        Self {
            json,
            groups: 0,
            records: 0,
            faults: 0,
            said: Ok(()),
        }
    }

    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let walked = embedded::audit::audit(path, |one| self.note(&one));
        walked.with_context(|| format!("audit {}", path.display()))
    }

    async fn cluster(
        &mut self,
        process: &Process,
        place: &Place,
        own: embedded::Settings,
    ) -> anyhow::Result<()> {
        let opened = choice::open(process, place, own).await?;
        let walked = store::audit::audit(&opened.stores(), |one| self.note(&one)).await;
        walked.context("audit the cluster")
    }

    fn note(&mut self, one: &Audited) {
        self.groups += 1;
        self.records += one.records;
        if one.fault.is_some() {
            self.faults += 1;
            if self.said.is_ok() {
                self.said = out::say(&line(one, self.json));
            }
        }
    }
}

fn line(one: &Audited, json: bool) -> String {
    let Audited {
        key,
        first,
        records,
        fault,
    } = one;
    let fault = fault.as_ref().map(ToString::to_string).unwrap_or_default();
    if json {
        let (tenant, group) = (key.tenant.as_str(), key.id.to_string());
        return json!({"tenant": tenant, "group": group, "first": first.0, "records": records, "fault": fault})
            .to_string();
    }
    format!(
        "{} {}: {fault} ({records} records from revision {first} are whole)",
        key.tenant, key.id
    )
}
