//! `holt hook`: hooks, and what became of their messages.
use std::path::Path;

use anyhow::Context as _;
use wire::v2::hook::{HookSpec, Rotation, Signature};

use crate::{args::hook::Hook, out, session, session::Session, show};

/// Puts, lists, removes or rotates hooks; shows, repeats or skips messages.
///
/// # Errors
/// The API's, or the file cannot be read.
pub(crate) async fn run(command: Hook) -> anyhow::Result<()> {
    match command {
        Hook::Put {
            group,
            hook,
            file,
            server,
        } => {
            let spec = spec(&file)?;
            let s = Session::new(server)?;
            let made = s.client.put_hook(&s.tenant, &group, &hook, &spec).await?;
            s.print(&made, || show::hook_made(&made))
        }
        Hook::List { group, server } => {
            let s = Session::new(server)?;
            let page = s.client.hooks(&s.tenant, &group).await?;
            s.print(&page, || show::hooks(&page.items))
        }
        Hook::Delete {
            group,
            hook,
            server,
        } => {
            let s = Session::new(server)?;
            s.client.delete_hook(&s.tenant, &group, &hook).await?;
            out::say(&format!("the hook {hook} is gone"))
        }
        Hook::Rotate {
            group,
            hook,
            ed25519,
            overlap,
            server,
        } => {
            let rotation = rotation(ed25519, overlap);
            let s = Session::new(server)?;
            let rotated = s.client.rotate_hook(&s.tenant, &group, &hook, &rotation);
            let made = rotated.await?;
            s.print(&made, || show::hook_made(&made))
        }
        Hook::Deliveries {
            group,
            limit,
            server,
        } => {
            let s = Session::new(server)?;
            let page = s.client.deliveries(&s.tenant, &group, None, Some(limit));
            let page = page.await?;
            s.print(&page, || show::deliveries(&page.items))
        }
        Hook::Redeliver {
            group,
            delivery,
            server,
        } => {
            let s = Session::new(server)?;
            let due = s.client.redeliver(&s.tenant, &group, delivery).await?;
            s.print(&due, || show::deliveries(std::slice::from_ref(&due)))
        }
        Hook::Skip {
            group,
            delivery,
            server,
        } => {
            let s = Session::new(server)?;
            s.client.skip(&s.tenant, &group, delivery).await?;
            out::say(&format!("nothing waits for {delivery} any more"))
        }
    }
}

const fn rotation(ed25519: bool, overlap_s: u32) -> Rotation {
    let signature = if ed25519 {
        Signature::Ed25519
    } else {
        Signature::Hmac
    };
    Rotation {
        signature,
        overlap_s,
    }
}

fn spec(file: &Path) -> anyhow::Result<HookSpec> {
    let text = session::text(file)?;
    serde_json::from_str(&text).with_context(|| format!("{} is not a hook", file.display()))
}
