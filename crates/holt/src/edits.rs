//! Commands that edit what a group does: policies, webhooks, launch configurations.
use std::{path::Path, time::Duration};

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use wire::client::{Client, Error};
use wire::v2::{
    group::Launch,
    policy::{Policy, Schedule, WebhookSpec},
};

use crate::{
    args, out,
    session::{self, Session},
    show,
};

/// Reads JSON from a file, or from standard input.
///
/// # Errors
/// It cannot be read, or is something else than `what`.
pub(crate) fn read<T: DeserializeOwned>(file: &Path, what: &str) -> anyhow::Result<T> {
    let text = session::text(file)?;
    serde_json::from_str(&text).with_context(|| format!("{} is not {what}", file.display()))
}

/// `holt policy`.
///
/// # Errors
/// The API's.
pub(crate) async fn policy(command: args::Policy) -> anyhow::Result<()> {
    match command {
        args::Policy::List { group, server } => {
            let session = Session::new(server)?;
            let page = session.client.policies(&session.tenant, &group).await?;
            session.print(&page, || show::policies(&page.items))
        }
        args::Policy::Show {
            group,
            policy,
            server,
        } => {
            let session = Session::new(server)?;
            let client = &session.client;
            let policy = client.policy(&session.tenant, &group, &policy).await?;
            session.print(&policy, || show::policies(std::slice::from_ref(&policy)))
        }
        args::Policy::Set(set) => {
            let policy = written(&set)?;
            let session = Session::new(set.server)?;
            let (client, tenant) = (&session.client, &session.tenant);
            let made = put(client, tenant, &set.group, &policy).await?;
            session.print(&made, || show::policies(std::slice::from_ref(&made)))
        }
        args::Policy::Delete {
            group,
            policy,
            server,
        } => {
            let session = Session::new(server)?;
            let client = &session.client;
            client
                .delete_policy(&session.tenant, &group, &policy)
                .await?;
            out::say(&format!("policy {policy} is gone"))
        }
    }
}

/// Makes a policy, or replaces the one that is there.
async fn put(client: &Client, tenant: &str, group: &str, policy: &Policy) -> Result<Policy, Error> {
    match client.create_policy(tenant, group, policy).await {
        Err(Error::Refused(problem)) if problem.code == "already-exists" => {
            client.replace_policy(tenant, group, policy).await
        }
        made => made,
    }
}

fn written(set: &args::SetPolicy) -> anyhow::Result<Policy> {
    let percent = set.adjust.percent.as_ref().map(|text| {
        serde_json::from_str(text).with_context(|| format!("--percent: `{text}` is not a number"))
    });
    let at = set.at.as_ref().map(|text| text.parse().context("--at"));
    let (at, cron) = (at.transpose()?, set.cron.clone());
    let scheduled = at.is_some() || cron.is_some();
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    Ok(Policy {
        id: set.id.clone(),
        name: set.name.clone(),
        change: set.adjust.change,
        change_percent: percent.transpose()?,
        desired: set.adjust.desired,
        cooldown_seconds: seconds(set.cooldown),
        debounce_seconds: seconds(set.debounce),
        schedule: scheduled.then_some(Schedule { at, cron }),
    })
}

/// `holt schedule`.
///
/// # Errors
/// The API's.
pub(crate) async fn schedule(command: args::Schedule) -> anyhow::Result<()> {
    let args::Schedule::List { group, server } = command;
    let session = Session::new(server)?;
    let page = session.client.schedules(&session.tenant, &group).await?;
    session.print(&page, || show::schedules(&page.items))
}

/// `holt webhook`.
///
/// # Errors
/// The API's.
pub(crate) async fn webhook(command: args::Webhook) -> anyhow::Result<()> {
    match command {
        args::Webhook::List {
            group,
            policy,
            server,
        } => {
            let session = Session::new(server)?;
            let client = &session.client;
            let page = client.webhooks(&session.tenant, &group, &policy).await?;
            session.print(&page, || show::webhooks(&page.items))
        }
        args::Webhook::Create {
            group,
            policy,
            name,
            server,
        } => {
            let session = Session::new(server)?;
            let spec = WebhookSpec {
                name,
                metadata: [].into(),
            };
            let place = (group.as_str(), policy.as_str());
            let client = &session.client;
            let made = client.create_webhook(&session.tenant, place, &spec).await?;
            session.print(&made, || show::webhooks(std::slice::from_ref(&made)))
        }
        args::Webhook::Rotate {
            group,
            policy,
            webhook,
            server,
        } => {
            let session = Session::new(server)?;
            let place = (group.as_str(), policy.as_str());
            let client = &session.client;
            let rotated = client
                .rotate_webhook(&session.tenant, place, &webhook)
                .await?;
            session.print(&rotated, || show::webhooks(std::slice::from_ref(&rotated)))
        }
        args::Webhook::Delete {
            group,
            policy,
            webhook,
            server,
        } => {
            let session = Session::new(server)?;
            let place = (group.as_str(), policy.as_str());
            let client = &session.client;
            client
                .delete_webhook(&session.tenant, place, &webhook)
                .await?;
            out::say(&format!("webhook {webhook} is gone, and its URL is dead"))
        }
    }
}

/// `holt launch`.
///
/// # Errors
/// The API's, or the file cannot be read.
pub(crate) async fn launch(command: args::Launch) -> anyhow::Result<()> {
    match command {
        args::Launch::Show { group, server } => {
            let session = Session::new(server)?;
            let (config, _tag) = session.client.config(&session.tenant, &group).await?;
            out::json(&config.launch)
        }
        args::Launch::Set {
            group,
            file,
            server,
        } => {
            let launch: Launch = read(&file, "a launch configuration")?;
            let session = Session::new(server)?;
            // Not patched: what the file leaves out goes.
            let (mut config, tag) = session.client.config(&session.tenant, &group).await?;
            config.launch = Some(launch);
            let (client, tenant) = (&session.client, &session.tenant);
            let group = client.configure_if(tenant, &group, (&config, &tag)).await?;
            session.print(&group, || show::group(&group))
        }
    }
}
