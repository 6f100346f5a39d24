//! `bench -- api`: what a request costs at the edge, beside a bare handler in the same run; and G12, schedules that are all due at once.
//!
//! Refusals are what a flood is made of: they may cost one and a half bare requests, no more. What does work (a read, an event, a webhook) is shown with
//! its figures and no bar of its own here: G1 has it.
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;
use domain::time::Timestamp;
use rusqlite::{Connection as File, OpenFlags};
use serde_json::Value;

use super::EVENT;
use super::beside::{Figure, Kind, Turns, compare};
use super::exchange::{Connection, request};
use super::figures::say;
use super::floor::Floor;
use super::load::Requests;
use super::seed::Seed;
use super::service::{CloudAt, Conduct, Service, Site};
use super::stats::Milli;

/// Groups that take events in turn.
const GROUPS: usize = 20_000;
/// Groups whose webhooks are used in turn.
const HOOKS: usize = 64;
/// A refusal costs at most so many bare requests.
const REFUSAL_BAR: Milli = Milli(1_500);
/// G12: 99 of 100 are at most so much later, in times of what one core needs to append them.
const LATE_BAR: Milli = Milli(2_000);
/// How long the last schedule may be awaited.
const LATE_MAX: Duration = Duration::from_secs(300);

/// No limit holds requests back, and webhooks neither.
const OPEN: Conduct = Conduct {
    api: "requests = \"1000000/s\"\nburst = 1000000\n[api.v1]\nexecutions = 1000000\ngroups = 1000000",
    ..Conduct::UNBOUND
};
/// The second request of a tenant is one too many.
const CLOSED: Conduct = Conduct {
    api: "requests = \"1/h\"\nburst = 1",
    ..Conduct::UNBOUND
};

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Of each kind.
    pub turns: Turns,
    /// Schedules that are due in one second; 0 leaves them out.
    pub schedules: usize,
}

/// Measures all of it; true if every bar is held. The last line is JSON.
///
/// # Errors
/// When nothing was measured.
pub async fn run(process: &Process, extent: Extent) -> anyhow::Result<bool> {
    let floor = Floor::start()?;
    let mut figures = open(process, &floor, extent).await?;
    figures.extend(closed(process, &floor, extent).await?);
    let event = figures.iter().find(|figure| figure.name == "event");
    let event_us = event.map_or(Milli(0), |figure| figure.cpu_us);
    let mut ok = true;
    let mut members = Vec::new();
    for figure in &figures {
        let refusal = figure.name.starts_with("refused");
        let held = !refusal || figure.ratio.median <= REFUSAL_BAR;
        ok &= held;
        let word = if held { "within" } else { "ABOVE" };
        let bar = if refusal {
            format!("; {word} {REFUSAL_BAR}")
        } else {
            String::new()
        };
        say(format_args!("{}{bar}", figure.line()))?;
        members.push(figure.member());
    }
    if extent.schedules > 0 {
        let late = schedules(process, extent.schedules).await?;
        let appended = event_us.0 * u64::try_from(extent.schedules)? / 1_000;
        let ratio = Milli::ratio(late.as_micros(), u128::from(appended));
        let held = ratio <= LATE_BAR;
        ok &= held;
        let word = if held { "within" } else { "ABOVE" };
        let count = extent.schedules;
        let ms = late.as_millis();
        say(format_args!(
            "G12: {count} schedules due at once: p99 {ms} ms late, {ratio} of what one core needs to append them; {word} {LATE_BAR}"
        ))?;
        members.push(format!(
            "\"g12\":{{\"count\":{count},\"p99_late_ms\":{ms},\"over_append\":{ratio}}}"
        ));
    }
    members.push(format!("\"ok\":{ok}"));
    say(format_args!("{{{}}}", members.join(",")))?;
    Ok(ok)
}

/// Where nothing is held back: what works, and what has no good token.
async fn open(process: &Process, floor: &Floor, extent: Extent) -> anyhow::Result<Vec<Figure>> {
    let site = Site::of(8, OPEN)?;
    let seed = Seed::open(process, &site.store())?;
    let groups = seed.groups(&site.tenants(), GROUPS).await?;
    seed.close().await;
    let (service, _) = site.start(process, CloudAt::Nowhere).await?;
    service.quiet(process).await?;
    let first = groups.first().context("a group")?;
    let bearer = site.token(first.tenant.as_str(), "read")?;
    let path = format!("/v2/{}/groups/{}", first.tenant, first.id);
    let headers = format!("authorization: Bearer {bearer}\r\n");
    let forged = headers.replace("Bearer ", "Bearer x");
    let same = |bytes: Vec<u8>| Requests::Same(bytes.into());
    let kind = |name, status| Kind {
        name,
        bare: floor.event(),
        status,
    };
    let forged = request("POST", &format!("{path}/events"), &forged, EVENT);
    let mut kinds = vec![
        (kind("read", 200), same(request("GET", &path, &headers, ""))),
        (kind("refused_401", 401), same(forged)),
    ];
    let hooks = webhooks(&site, &service).await?;
    let posts = (0..GROUPS).filter_map(|at| hooks.get(at % HOOKS)).cloned();
    kinds.push((kind("webhook", 202), Requests::Each(posts.collect())));
    let (both, turns) = ((floor, &service), extent.turns);
    let mut figures = Vec::new();
    for (kind, requests) in &kinds {
        figures.push(compare(process, both, turns, |_| Ok(requests.clone()), kind).await?);
    }
    let events = |turn: usize| {
        let each = groups
            .iter()
            .map(|key| site.event(key, &format!("turn-{turn}")));
        Ok(Requests::Each(
            each.collect::<anyhow::Result<Vec<_>>>()?.into(),
        ))
    };
    figures.push(compare(process, both, turns, events, &kind("event", 200)).await?);
    service.kill()?;
    Ok(figures)
}

/// Where the tenant's limit is used up.
async fn closed(process: &Process, floor: &Floor, extent: Extent) -> anyhow::Result<Vec<Figure>> {
    let site = Site::of(1, CLOSED)?;
    let (service, _) = site.start(process, CloudAt::Nowhere).await?;
    service.quiet(process).await?;
    let tenant = site.tenants().into_iter().next().context("a tenant")?;
    let token = site.token(tenant.as_str(), "read,trigger")?;
    let path = format!("/v2/{tenant}/groups/00010000-0000-8000-8000-000000000000/events");
    let headers = format!("authorization: Bearer {token}\r\n");
    let bytes = request("POST", &path, &headers, EVENT);
    // The one that is let through finds no group.
    Connection::open(service.address).await?.ask(&bytes).await?;
    let kind = Kind {
        name: "refused_429",
        bare: floor.event(),
        status: 429,
    };
    let requests = Requests::Same(bytes.into());
    let both = (floor, &service);
    let figure = compare(process, both, extent.turns, |_| Ok(requests.clone()), &kind).await?;
    service.kill()?;
    Ok(vec![figure])
}

/// Makes groups with a webhook each, and prepares what runs them.
async fn webhooks(site: &Site, service: &Service) -> anyhow::Result<Vec<Vec<u8>>> {
    let tenant = site.tenants().into_iter().next().context("a tenant")?;
    let token = site.token(tenant.as_str(), "crud")?;
    let headers = format!("authorization: Bearer {token}\r\n");
    let mut connection = Connection::open(service.address).await?;
    let mut posts = Vec::with_capacity(HOOKS);
    for _ in 0..HOOKS {
        let spec = r#"{"name":"hooked","min":0,"max":10000,"policies":[{"id":"up","change":1}],"launch":{"server":{"flavorRef":"1","imageRef":"i"}}}"#;
        let made = request("POST", &format!("/v2/{tenant}/groups"), &headers, spec);
        let group = text(&mut connection, &made, "id").await?;
        let path = format!("/v2/{tenant}/groups/{group}/policies/up/webhooks");
        let hook = request("POST", &path, &headers, r#"{"name":"x"}"#);
        let url = text(&mut connection, &hook, "url").await?;
        let at = url.find("/v1.0/").context("a capability URL")?;
        posts.push(request("POST", &url[at..], "content-length: 0\r\n", ""));
    }
    Ok(posts)
}

/// A member of what is made by a request.
async fn text(connection: &mut Connection, bytes: &[u8], member: &str) -> anyhow::Result<String> {
    let answer = connection.ask(bytes).await?;
    let body: Value = serde_json::from_slice(answer.body)?;
    ensure!(answer.status == 201, "answered {}: {body}", answer.status);
    let text = body[member].as_str();
    Ok(text
        .with_context(|| format!("{member} in {body}"))?
        .to_owned())
}

/// So many groups, each with a schedule at one moment: how late 99 of 100 ran.
async fn schedules(process: &Process, count: usize) -> anyhow::Result<Duration> {
    let site = Site::of(50, OPEN)?;
    // Time to write them all, and for the service to start and come to rest.
    let lead = Duration::from_secs(40) + Duration::from_millis(2) * u32::try_from(count)?;
    let due = Timestamp::from_unix_ms(process.clock.unix_ms()).plus(lead);
    let seed = Seed::open(process, &site.store())?;
    seed.scheduled(&site.tenants(), count, due).await?;
    seed.close().await;
    let (service, _) = site.start(process, CloudAt::Nowhere).await?;
    let left = due.since(Timestamp::from_unix_ms(process.clock.unix_ms()));
    ensure!(
        !left.is_zero(),
        "the schedules were due before the service was ready"
    );
    process.clock.sleep(left).await;
    let begun = process.clock.mono();
    let store = site.store();
    loop {
        let ran = at(&store, count)?;
        if ran.is_some() {
            break;
        }
        ensure!(
            process.clock.mono().saturating_since(begun) < LATE_MAX,
            "not all schedules ran"
        );
        process.clock.sleep(Duration::from_millis(200)).await;
    }
    let ranked = (count * 99).div_ceil(100);
    let late = at(&store, ranked)?.context("a verdict")?.since(due);
    service.kill()?;
    Ok(late)
}

/// When the verdict of that rank in time was decided, if there are so many.
fn at(store: &std::path::Path, rank: usize) -> anyhow::Result<Option<Timestamp>> {
    let file = File::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sql = "SELECT at FROM item WHERE kind = 2 ORDER BY at LIMIT 1 OFFSET ?1";
    let mut statement = file.prepare(sql)?;
    let mut rows = statement.query([i64::try_from(rank)? - 1])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Timestamp::from_unix_ms(u64::try_from(
        row.get::<_, i64>(0)?,
    )?)))
}
