//! `holt colo`: the operator's hand on who serves a colo.
use std::time::Duration;

use anyhow::ensure;
use wire::client::Client;
use wire::v2::colo::TakeoverSpec;

use crate::args::{Colo, Operator};
use crate::{contexts, out, show};

/// An operator in a hurry is told soon that the api does not answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Shows who serves a colo, or makes the control plane that is asked take it over.
///
/// # Errors
/// The API's; a colo that nobody took over is not handed back.
pub(crate) async fn run(command: Colo) -> anyhow::Result<()> {
    let (view, json) = match command {
        Colo::Show { colo, operator } => (client(&operator)?.colo(colo).await?, operator.api.json),
        Colo::Takeover {
            colo,
            why,
            operator,
        } => {
            let spec = TakeoverSpec { why };
            let view = client(&operator)?.take_over(colo, &spec).await?;
            (view, operator.api.json)
        }
        Colo::Handback {
            colo,
            why,
            operator,
        } => {
            let client = client(&operator)?;
            let before = client.colo(colo).await?;
            ensure!(
                before.epoch > 0,
                "colo {colo} was never taken over: there is nothing to hand back"
            );
            let view = client.take_over(colo, &TakeoverSpec { why }).await?;
            (view, operator.api.json)
        }
    };
    if json {
        out::json(&view)
    } else {
        out::say(&show::colo(&view))
    }
}

fn client(operator: &Operator) -> anyhow::Result<Client> {
    let resolved = contexts::resolve(&operator.api)?;
    resolved.client(TIMEOUT)
}
