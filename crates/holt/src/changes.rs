//! `holt history GROUP`, `search` and `export`: who changed groups, as the api tells it.
use anyhow::Context as _;
use wire::client::FoundOf;
use wire::v2::Page;

use crate::{args, out, session::Session, show};

/// Changes that an export asks for at once: what the api gives at most.
const PAGE: u32 = 500;

/// Changes of one group, newest first.
///
/// # Errors
/// The API's.
pub(crate) async fn of_group(command: Box<args::History>) -> anyhow::Result<()> {
    let session = Session::new(command.server)?;
    let group = command.group.unwrap_or_default();
    let page = session
        .client
        .history(&session.tenant, &group, None, Some(command.limit))
        .await?;
    session.print(&page, || show::history(&page.items))
}

/// The newest changes of all groups of the tenant that fit.
///
/// # Errors
/// The API's.
pub(crate) async fn search(
    filters: args::Filters,
    limit: u32,
    server: args::Server,
) -> anyhow::Result<()> {
    let session = Session::new(server)?;
    let mut of = FoundOf {
        limit: Some(limit),
        ..wanted(filters)
    };
    let mut items = Vec::new();
    // A page may have fewer than asked for while there is a next one.
    let next = loop {
        let page = session.client.search_history(&session.tenant, &of).await?;
        items.extend(page.items);
        let found = u32::try_from(items.len()).unwrap_or(u32::MAX);
        if page.next.is_none() || found >= limit {
            break page.next;
        }
        (of.after, of.limit) = (page.next, Some(limit - found));
    };
    let page = Page { items, next };
    session.print(&page, || show::found(&page.items))
}

/// Everything that fits, a line each: as much as a person wants to keep, so it is held in no memory.
///
/// # Errors
/// The API's, with the place to go on from: every line that was printed is whole, and none is missing before that place.
pub(crate) async fn export(
    filters: args::Filters,
    after: Option<String>,
    server: args::Server,
) -> anyhow::Result<()> {
    let session = Session::new(server)?;
    let mut of = FoundOf {
        after,
        limit: Some(PAGE),
        ..wanted(filters)
    };
    loop {
        let page = session.client.search_history(&session.tenant, &of).await;
        let page = page.with_context(|| match &of.after {
            Some(after) => format!("the export is not complete; go on with --after {after}"),
            None => "nothing was exported".to_owned(),
        })?;
        for found in &page.items {
            out::line(found)?;
        }
        if page.next.is_none() {
            return Ok(());
        }
        of.after = page.next;
    }
}

fn wanted(filters: args::Filters) -> FoundOf {
    FoundOf {
        group: filters.group,
        cause: filters.cause,
        actor: filters.actor,
        request: filters.request,
        server: filters.of_server,
        verdict: filters.verdict,
        text: filters.text,
        from: filters.from,
        to: filters.to,
        after: None,
        limit: None,
    }
}
