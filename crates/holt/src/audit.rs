//! `holt audit`: whether the history in a store is whole.
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;
use store::embedded::audit::{Audited, audit};

use crate::{args, out};

/// Walks the chain of every group's records, says what is wrong, and ends with a summary. Exit code 1 if anything is.
///
/// # Errors
/// The file cannot be read, or is no store.
pub(crate) fn run(command: args::Audit) -> anyhow::Result<ExitCode> {
    let args::Audit::Verify { store, json } = command;
    let found = verify(&store, json)?;
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

#[derive(Default)]
struct Found {
    groups: u64,
    records: u64,
    faults: u64,
}

fn verify(store: &Path, json: bool) -> anyhow::Result<Found> {
    let (mut found, mut said) = (Found::default(), Ok(()));
    let walked = audit(store, |one| {
        found.groups += 1;
        found.records += one.records;
        if one.fault.is_some() {
            found.faults += 1;
            if said.is_ok() {
                said = out::say(&line(&one, json));
            }
        }
    });
    walked.with_context(|| format!("audit {}", store.display()))?;
    said.map(|()| found)
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
