//! `holt switch`: the operator's hand on the kill switches.
use std::time::Duration;

use anyhow::Context as _;
use chassis::Process;
use domain::time::Timestamp;
use wire::{
    client::Client,
    v2::{
        switch::{Mode, SwitchSpec},
        time::Moment,
    },
};

use crate::{args, contexts, out, show};

/// An operator in a hurry is told soon that the api does not answer: the break-glass file needs none.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Throws that are shown.
const HISTORY: u32 = 50;

/// Sets, lists or takes back switches, or shows who threw them.
///
/// # Errors
/// The API's.
pub(crate) async fn run(process: &Process, command: args::Switch) -> anyhow::Result<()> {
    match command {
        args::Switch::Set {
            scope,
            mode,
            why,
            within,
            operator,
        } => {
            let until = within.map(|within| {
                let now = Timestamp::from_unix_ms(process.clock.unix_ms());
                Moment(now.plus(within))
            });
            let spec = SwitchSpec {
                mode: self::mode(&mode)?,
                why,
                until,
            };
            let switch = client(&operator)?.set_switch(&scope, &spec).await?;
            if operator.api.json {
                out::json(&switch)
            } else {
                out::say(&show::switches(&[switch]))
            }
        }
        args::Switch::List { operator } => {
            let page = client(&operator)?.switches().await?;
            if operator.api.json {
                out::json(&page)
            } else {
                out::say(&show::switches(&page.items))
            }
        }
        args::Switch::Clear {
            scope,
            why,
            operator,
        } => {
            client(&operator)?.clear_switch(&scope, why).await?;
            out::say(&format!("no switch stands at {scope}"))
        }
        args::Switch::History { operator } => {
            let page = client(&operator)?.throws(HISTORY).await?;
            if operator.api.json {
                out::json(&page)
            } else {
                out::say(&show::throws(&page.items))
            }
        }
    }
}

fn client(operator: &args::Operator) -> anyhow::Result<Client> {
    let resolved = contexts::resolve(&operator.api)?;
    resolved.client(TIMEOUT)
}

fn mode(word: &str) -> anyhow::Result<Mode> {
    let known = domain::control::Mode::parse(word);
    let known = known.with_context(|| {
        format!("`{word}` is no mode: run, slow, no-create, no-delete or freeze")
    })?;
    Ok(known.into())
}
