//! `holt input`: where alerts come in, and what could not be read of them.
use std::path::Path;

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use wire::v2::input::{Rejected, Rotate, Trial};

use crate::{args::input::Input, out, session, session::Session, show};

/// Makes, changes, shows, tries, rotates or takes away inputs.
///
/// # Errors
/// The API's, or the file cannot be read.
pub(crate) async fn run(command: Input) -> anyhow::Result<()> {
    match command {
        Input::Create { file, server } => {
            let spec = read(&file)?;
            let s = Session::new(server)?;
            let made = s.client.create_input(&s.tenant, &spec).await?;
            s.print(&made, || show::inputs(std::slice::from_ref(&made)))
        }
        Input::Replace { id, file, server } => {
            let spec = read(&file)?;
            let s = Session::new(server)?;
            let input = s.client.replace_input(&s.tenant, &id, &spec).await?;
            s.print(&input, || show::inputs(std::slice::from_ref(&input)))
        }
        Input::List { server } => {
            let s = Session::new(server)?;
            let page = s.client.inputs(&s.tenant).await?;
            s.print(&page, || show::inputs(&page.items))
        }
        Input::Show { id, server } => {
            let s = Session::new(server)?;
            let input = s.client.input(&s.tenant, &id).await?;
            s.print(&input, || show::inputs(std::slice::from_ref(&input)))
        }
        Input::Test { id, file, server } => {
            let body = read(&file)?;
            let s = Session::new(server)?;
            let trial = s.client.test_input(&s.tenant, &id, &body).await?;
            s.print(&trial, || tried(&trial))
        }
        Input::Rejected { id, server } => {
            let s = Session::new(server)?;
            let page = s.client.rejected(&s.tenant, &id).await?;
            s.print(&page, || kept(&page.items))
        }
        Input::Rotate { id, grace, server } => {
            let rotate = Rotate {
                grace_seconds: grace,
            };
            let s = Session::new(server)?;
            let input = s.client.rotate_input(&s.tenant, &id, rotate).await?;
            s.print(&input, || show::inputs(std::slice::from_ref(&input)))
        }
        Input::Delete { id, server } => {
            let s = Session::new(server)?;
            s.client.delete_input(&s.tenant, &id).await?;
            out::say(&format!("the input {id} is gone"))
        }
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let text = session::text(file)?;
    serde_json::from_str(&text).with_context(|| format!("{} does not fit", file.display()))
}

fn tried(trial: &Trial) -> String {
    let mut lines = vec![format!("read as {}", trial.format)];
    for alert in &trial.alerts {
        let (name, state) = (&alert.alert["name"], &alert.alert["state"]);
        lines.push(format!(
            "alert {name} is {state}, {}: {}",
            alert.severity, alert.action
        ));
        for group in &alert.groups {
            let wanted = &group.wanted;
            lines.push(match (&group.id, &group.verdict) {
                (Some(id), Some(verdict)) => {
                    let (outcome, before, after) =
                        (show::word(&verdict.outcome), verdict.before, verdict.after);
                    format!("  {wanted} ({id}): {outcome}, desired {before} to {after}")
                }
                (Some(id), None) => format!("  {wanted} ({id})"),
                (None, _) => format!("  {wanted}: there is no such group"),
            });
        }
        if alert.groups.is_empty() {
            lines.push("  no route fits: for no group".to_owned());
        }
    }
    let samples = trial.samples.iter();
    lines.extend(samples.map(|sample| format!("server {} says {}", sample.host, sample.value)));
    lines.extend(
        trial
            .passed_over
            .iter()
            .map(|why| format!("passed over: {why}")),
    );
    lines.extend(trial.broken.iter().map(|why| format!("broken: {why}")));
    lines.join("\n")
}

fn kept(items: &[Rejected]) -> String {
    let one = |one: &Rejected| {
        let start: String = one.body.chars().take(200).collect();
        format!("{}  {}\n  {start}", one.at, one.why)
    };
    items.iter().map(one).collect::<Vec<_>>().join("\n")
}
