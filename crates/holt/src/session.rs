//! Commands that speak with an API: one request each, shown as a table or as the API's own JSON.
use std::{fs, io, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use chassis::{Process, Secret, http::Trust};
use domain::ids::Nonce;
use serde::Serialize;
use wire::{
    client::{Answer, Client, Settings, SlotsOf, VerdictsOf},
    v2::{
        Page,
        event::{EventRequest, Grant},
        group::{Group, GroupSpec, Status},
        ledger::Slot,
        verdict::Verdict,
    },
};

use crate::{
    args, contexts, edits, out, show,
    watch::{self, Ended},
};

/// Longer than any answer of an api takes, its own wait for the group's owner included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest page that is asked for.
const PAGE: u32 = 100;
/// Verdicts that are shown without a wish for more: what fits a screen.
const VERDICTS: u32 = 30;

/// What is done with a group as a whole.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Pause,
    Resume,
}

/// An API, and who asks it.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) tenant: String,
    pub(crate) json: bool,
}

impl Session {
    /// From address, token and tenant, or from a context.
    ///
    /// # Errors
    /// One of them is missing, or certificates cannot be used.
    pub(crate) fn new(server: args::Server) -> anyhow::Result<Self> {
        let resolved = contexts::resolve(&server.api)?;
        let client = resolved.client(TIMEOUT)?;
        let tenant = server.tenant.or(resolved.tenant);
        Ok(Self {
            client,
            tenant: tenant.context("a tenant is needed: --tenant, HOLT_TENANT or a context")?,
            json: server.api.json,
        })
    }

    /// At this address, whatever contexts there are.
    ///
    /// # Errors
    /// As [`client`].
    pub(crate) fn at(url: String, token: String, tenant: &str) -> anyhow::Result<Self> {
        Ok(Self {
            client: client(url, token, TIMEOUT)?,
            tenant: tenant.to_owned(),
            json: false,
        })
    }

    /// Prints the API's own JSON, or what is made of it for people.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(crate) fn print(
        &self,
        answer: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        if self.json {
            out::json(answer)
        } else {
            out::say(&text())
        }
    }

    /// Every slot of a group, in order of id.
    ///
    /// # Errors
    /// The API's.
    pub(crate) async fn slots(&self, group: &str, mut of: SlotsOf) -> anyhow::Result<Vec<Slot>> {
        let mut slots = Vec::new();
        of.limit = Some(PAGE);
        loop {
            let page = self.client.ledger(&self.tenant, group, &of).await?;
            slots.extend(page.items);
            match page.next {
                Some(next) => of.after = Some(next),
                None => return Ok(slots),
            }
        }
    }

    /// Every verdict of a group, newest first.
    ///
    /// # Errors
    /// The API's.
    pub(crate) async fn all_verdicts(&self, group: &str) -> anyhow::Result<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        let mut of = VerdictsOf {
            limit: Some(PAGE),
            ..VerdictsOf::default()
        };
        loop {
            let page = self.client.verdicts(&self.tenant, group, &of).await?;
            verdicts.extend(page.items);
            match page.next {
                Some(next) => of.before = Some(next),
                None => return Ok(verdicts),
            }
        }
    }

    /// Every group of the tenant, in order of id.
    ///
    /// # Errors
    /// The API's.
    pub(crate) async fn groups(&self) -> anyhow::Result<Vec<Group>> {
        let (mut groups, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .client
                .groups(&self.tenant, after.as_deref(), Some(PAGE))
                .await?;
            groups.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(groups),
            }
        }
    }

    /// Pauses or resumes one group, or all that are there.
    async fn turn(&self, id: Option<String>, all: bool, turn: Turn) -> anyhow::Result<()> {
        let one = async |id: &str| match turn {
            Turn::Pause => self.client.pause(&self.tenant, id).await,
            Turn::Resume => self.client.resume(&self.tenant, id).await,
        };
        if let Some(id) = id.filter(|_| !all) {
            return self.show_group(&one(&id).await?);
        }
        let mut turned = Vec::new();
        for group in self.groups().await? {
            if group.status != Status::Deleting {
                turned.push(one(&group.id).await?);
            }
        }
        let page = Page {
            items: turned,
            next: None,
        };
        self.print(&page, || show::groups(&page.items))
    }

    fn show_group(&self, group: &Group) -> anyhow::Result<()> {
        if self.json {
            out::json(group)
        } else {
            out::say(&show::group(group))
        }
    }
}

/// A client of an api.
///
/// # Errors
/// The token is empty, or certificates cannot be used.
pub(crate) fn client(url: String, token: String, timeout: Duration) -> anyhow::Result<Client> {
    let trust = if url.starts_with("http:") {
        Trust::Only(Vec::new())
    } else {
        Trust::Machine
    };
    Ok(Client::new(&Settings {
        url,
        token: Some(Secret::parse(token).context("token")?),
        timeout,
        trust,
    })?)
}

/// `holt group`.
///
/// # Errors
/// The API's, or the file cannot be read.
pub(crate) async fn group(process: &Process, command: args::Group) -> anyhow::Result<()> {
    match command {
        args::Group::Create { file, server } => {
            let spec: GroupSpec = edits::read(&file, "a group")?;
            let session = Session::new(server)?;
            session.show_group(&session.client.create_group(&session.tenant, &spec).await?)
        }
        args::Group::List { server } => {
            let session = Session::new(server)?;
            let groups = session.groups().await?;
            if session.json {
                out::json(&Page {
                    items: groups,
                    next: None,
                })
            } else {
                out::say(&show::groups(&groups))
            }
        }
        args::Group::Show { id, watch, server } => {
            let session = Session::new(server)?;
            if watch && watch::until_converged(process, &session, &id).await? == Ended::Gone {
                return out::say("the group is gone");
            }
            session.show_group(&session.client.group(&session.tenant, &id).await?)
        }
        args::Group::Pause { id, all, server } => {
            let session = Session::new(server)?;
            session.turn(id, all, Turn::Pause).await
        }
        args::Group::Resume { id, all, server } => {
            let session = Session::new(server)?;
            session.turn(id, all, Turn::Resume).await
        }
        args::Group::Delete { id, force, server } => {
            let session = Session::new(server)?;
            session.show_group(
                &session
                    .client
                    .delete_group(&session.tenant, &id, force)
                    .await?,
            )
        }
    }
}

/// The text of a file, or of standard input for `-`.
///
/// # Errors
/// It cannot be read.
pub(crate) fn text(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        io::read_to_string(io::stdin()).context("read standard input")
    } else {
        fs::read_to_string(file).with_context(|| format!("read {}", file.display()))
    }
}

/// `holt event send`.
///
/// # Errors
/// The API's. Its text names the id under which the event can be sent again.
pub(crate) async fn send(process: &Process, send: args::Send) -> anyhow::Result<()> {
    let event = request(&send)?;
    let fresh = || Nonce::from_u128(process.entropy.u128()).to_string();
    let id = send.id.unwrap_or_else(fresh);
    let session = Session::new(send.server)?;
    if send.dry_run {
        let (client, tenant) = (&session.client, &session.tenant);
        let dry = client.dry_run(tenant, &send.group, &event).await?;
        return session.print(&dry, || show::dry_run(&dry));
    }
    let answer = session
        .client
        .send(&session.tenant, &send.group, Some(&id), &event)
        .await;
    match answer.with_context(|| format!("send event {id} (to send it again, add --id {id})"))? {
        Answer::Decided(verdict) if session.json => out::json(&verdict),
        Answer::Queued(queued) if session.json => out::json(&queued),
        Answer::Decided(verdict) => out::say(&show::verdicts(&[*verdict])),
        Answer::Queued(queued) => out::say(&format!(
            "accepted as {}; the owner of the group decides it, at the latest at {}",
            queued.event, queued.valid_until
        )),
    }
}

fn request(send: &args::Send) -> anyhow::Result<EventRequest> {
    let percent = match &send.ask.percent {
        None => None,
        Some(text) => Some(
            serde_json::from_str(text)
                .with_context(|| format!("--percent: `{text}` is not a number"))?,
        ),
    };
    let grant = match (send.override_size, &send.override_until) {
        (Some(size), Some(until)) => Some(Grant {
            size,
            until: until.parse().context("--override-until")?,
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            bail!("--override-size and --override-until belong together")
        }
    };
    Ok(EventRequest {
        policy: send.ask.policy.clone(),
        change: send.ask.change,
        change_percent: percent,
        desired: send.ask.desired,
        close_alert: send.ask.close_alert.clone(),
        force: send.force,
        grant,
        ..EventRequest::default()
    })
}

/// `holt verdicts`.
///
/// # Errors
/// The API's, or the time is none.
pub(crate) async fn verdicts(command: args::Verdicts) -> anyhow::Result<()> {
    let at = command
        .at
        .as_deref()
        .map(str::parse)
        .transpose()
        .context("--at")?;
    let session = Session::new(command.server)?;
    let of = VerdictsOf {
        at,
        limit: Some(VERDICTS),
        ..VerdictsOf::default()
    };
    let page = session
        .client
        .verdicts(&session.tenant, &command.group, &of)
        .await?;
    if session.json {
        out::json(&page)
    } else {
        out::say(&show::verdicts(&page.items))
    }
}

/// `holt ledger`.
///
/// # Errors
/// The API's.
pub(crate) async fn ledger(command: args::Ledger) -> anyhow::Result<()> {
    let session = Session::new(command.server)?;
    let of = SlotsOf {
        states: command.state.into_iter().collect(),
        ..SlotsOf::default()
    };
    let slots = session.slots(&command.group, of).await?;
    if session.json {
        out::json(&Page {
            items: slots,
            next: None,
        })
    } else {
        out::say(&show::ledger(&slots))
    }
}

#[cfg(test)]
mod tests;
