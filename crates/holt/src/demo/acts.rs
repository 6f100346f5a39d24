//! The demo's acts, in order: two servers, fifty posts of one alert, ten other alerts, repairs, and a forced scale-in.
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chassis::Process;
use serde_json::json;
use wire::{
    client::Answer,
    v2::{
        event::EventRequest,
        ledger::{Slot, State},
        verdict::Verdict,
    },
};

use crate::{demo::stage::Stage, out, session::Session, watch::Look};

pub(crate) const MIN: u32 = 2;
pub(crate) const MAX: u32 = 12;
/// Posts of the one alert, all at once.
pub(crate) const POSTS: usize = 50;
/// Other alerts, each with an id of its own.
pub(crate) const OTHERS: usize = 10;
const POLICY: &str = "busy";
/// No wait is longer: something is wrong then.
const WAIT_MAX: Duration = Duration::from_secs(50);
const PERIOD: Duration = Duration::from_millis(200);

/// What was seen from outside while it played.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) group: String,
    /// Answers to the posts of the one alert.
    pub(crate) burst: Vec<Verdict>,
    /// Answers to the other alerts.
    pub(crate) others: Vec<Verdict>,
    /// The answer to the forced scale-in.
    pub(crate) forced: Verdict,
    /// The ledger before the scale-in.
    pub(crate) wide: Vec<Slot>,
    /// Event ids that were sent.
    pub(crate) events: usize,
}

pub(crate) async fn play(process: &Process, stage: &Stage) -> anyhow::Result<Played> {
    let session = &stage.session;
    let group = create(session).await?;
    scene("the group starts with its least servers")?;
    wait(process, session, &group, Look::is_converged).await?;

    scene(&format!(
        "monitoring posts one alert {POSTS} times at once, then {OTHERS} others"
    ))?;
    let ids = std::iter::repeat_n("alert-1".to_owned(), POSTS).collect();
    let burst = send_all(process, session, &group, ids).await?;
    let ids = (0..OTHERS).map(|n| format!("alert-{}", n + 2)).collect();
    let others = send_all(process, session, &group, ids).await?;
    wait(process, session, &group, is_wide).await?;
    let wide = session.slots(&group, Default::default()).await?;

    scene(&format!("an engineer forces the group back to {MIN}"))?;
    let event = EventRequest {
        desired: Some(MIN),
        force: true,
        ..EventRequest::default()
    };
    let forced = send(session, &group, "scale-in-1", &event).await?;
    wait(process, session, &group, Look::is_converged).await?;
    Ok(Played {
        group,
        burst,
        others,
        forced,
        wide,
        events: 1 + OTHERS + 1,
    })
}

async fn create(session: &Session) -> anyhow::Result<String> {
    let spec = json!({
        "name": "web",
        "min": MIN,
        "max": MAX,
        "policies": [{ "id": POLICY, "change": MAX - MIN, "cooldown_seconds": 300 }],
        "launch": { "server": {
            "imageRef": "11111111-1111-4111-8111-111111111111", "flavorRef": "1", "networks": "auto"
        } },
    });
    let spec = serde_json::from_value(spec).context("write the group")?;
    let group = session.client.create_group(&session.tenant, &spec).await?;
    out::say(&format!(
        "group    {} {}: {MIN} to {MAX} servers, policy {POLICY} +{} with 300 s cooldown",
        group.id,
        group.name,
        MAX - MIN
    ))?;
    Ok(group.id)
}

/// Every server that is wanted is in service, and what is not wanted is on its way out.
fn is_wide(look: &Look) -> bool {
    let active = look
        .open
        .iter()
        .filter(|slot| slot.state == State::Active)
        .count();
    let leaving = |slot: &Slot| {
        matches!(
            slot.state,
            State::Deleting | State::Surplus | State::Draining
        )
    };
    let others = look.open.iter().filter(|slot| slot.state != State::Active);
    u32::try_from(active) == Ok(MAX) && others.into_iter().all(leaving)
}

/// Sends events of these ids at the same time.
async fn send_all(
    process: &Process,
    session: &Session,
    group: &str,
    ids: Vec<String>,
) -> anyhow::Result<Vec<Verdict>> {
    let count = ids.len();
    let start = process.clock.mono();
    let mut tasks = Vec::new();
    for id in ids {
        let (session, group) = (session.clone(), group.to_owned());
        let event = EventRequest {
            policy: Some(POLICY.to_owned()),
            ..EventRequest::default()
        };
        let task = async move { send(&session, &group, &id, &event).await };
        tasks.push(process.tasks.spawn("post", task));
    }
    let mut verdicts = Vec::new();
    for task in tasks {
        verdicts.push(task.join().await??);
    }
    let ms = process.clock.mono().saturating_since(start).as_millis();
    ensure!(
        verdicts.len() == count,
        "{count} posts, {} verdicts",
        verdicts.len()
    );
    out::say(&format!("  {count} posts answered in {ms} ms"))?;
    Ok(verdicts)
}

async fn send(
    session: &Session,
    group: &str,
    id: &str,
    event: &EventRequest,
) -> anyhow::Result<Verdict> {
    match session
        .client
        .send(&session.tenant, group, Some(id), event)
        .await?
    {
        Answer::Decided(verdict) => Ok(*verdict),
        Answer::Queued(queued) => bail!("event {} waits for the owner of the group", queued.event),
    }
}

async fn wait(
    process: &Process,
    session: &Session,
    group: &str,
    is_there: fn(&Look) -> bool,
) -> anyhow::Result<()> {
    let mut live = out::Live::default();
    let start = process.clock.mono();
    loop {
        let look = Look::take(session, group)
            .await?
            .context("the group is gone")?;
        live.show(&format!("  {}", look.summary()), &look.details())?;
        if is_there(&look) {
            return Ok(());
        }
        let waited = process.clock.mono().saturating_since(start);
        ensure!(
            waited < WAIT_MAX,
            "not there after {} s: {}",
            waited.as_secs(),
            look.summary()
        );
        process.clock.sleep(PERIOD).await;
    }
}

fn scene(title: &str) -> anyhow::Result<()> {
    out::say(&format!("\n> {title}"))
}
