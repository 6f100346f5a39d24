//! `holt revoke`: an operator ends tokens before their time.
use std::time::Duration;

use wire::client::Client;
use wire::v2::revocation::RevocationSpec;

use crate::args::{Operator, Revoke};
use crate::{contexts, out, show};

/// An operator in a hurry is told soon that the api does not answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Those that are shown.
const SHOWN: u32 = 50;

/// Ends tokens, or lists what was ended.
///
/// # Errors
/// The API's.
pub(crate) async fn run(command: Revoke) -> anyhow::Result<()> {
    match command {
        Revoke::Tokens {
            subject,
            tenant,
            before,
            why,
            operator,
        } => {
            let spec = RevocationSpec {
                subject,
                tenant,
                before,
                why,
            };
            let ended = client(&operator)?.revoke(&spec).await?;
            if operator.api.json {
                out::json(&ended)
            } else {
                out::say(&show::revocations(&[ended]))
            }
        }
        Revoke::List { operator } => {
            let page = client(&operator)?.revocations(SHOWN).await?;
            if operator.api.json {
                out::json(&page)
            } else {
                out::say(&show::revocations(&page.items))
            }
        }
    }
}

fn client(operator: &Operator) -> anyhow::Result<Client> {
    let resolved = contexts::resolve(&operator.api)?;
    resolved.client(TIMEOUT)
}
