//! An alert of every format: a group grows by it and shrinks when it is over.
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;
use serde_json::json;
use wire::v2::{
    group::Group,
    input::{Input, Received},
    verdict::Outcome,
};

use crate::{
    demo::stage::Stage,
    drill::{
        canned::{CANNED, Canned, sample},
        timeline::Timeline,
    },
    session::Session,
    show::word,
};

/// No wait is longer: something is wrong then.
const WAIT_MAX: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_millis(200);
/// The largest answer of an input.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What became of one format.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) what: String,
    pub(crate) holds: bool,
}

/// One format with a group and an input of its own.
#[derive(Debug)]
struct Try {
    format: &'static str,
    media: &'static str,
    opens: String,
    closes: Option<String>,
    group: Group,
    input: Input,
}

/// Sends everything, sees every group grow, and be back where it was.
///
/// # Errors
/// Something does not answer, or a group does not come to rest.
pub(crate) async fn play(
    process: &Process,
    stage: &Stage,
    timeline: &Timeline,
) -> anyhow::Result<Vec<Told>> {
    let session = &stage.session;
    let mut tries = Vec::new();
    for canned in CANNED {
        tries.push(prepare(session, canned).await?);
    }
    tries.push(metrics(session).await?);
    let mut grown = Vec::new();
    for one in &tries {
        grown.push(opens(stage, timeline, one).await?);
    }
    for one in &tries {
        if let Some(body) = &one.closes {
            let received = stage
                .post(one.input.url.as_deref(), one.media, body)
                .await?;
            ensure!(received.events == 1, "{}: {received:?}", one.format);
        }
    }
    let mut told = Vec::new();
    for (one, grew) in tries.iter().zip(grown) {
        let back = rests(process, session, one).await?;
        let (how, end) = match one.closes {
            Some(_) => ("grew by one when it opened", "shrank when it was over"),
            None => ("grew by one, once", "nothing stayed open"),
        };
        timeline.say(one.format, end)?;
        told.push(Told {
            what: format!("{}: the group {how}, and {end}", one.format),
            holds: grew && back,
        });
    }
    for one in &tries {
        let (tenant, client) = (&session.tenant, &session.client);
        client.delete_group(tenant, &one.group.id, true).await?;
        client.delete_input(tenant, &one.input.id).await?;
    }
    let begun = process.clock.mono();
    while stage.cloud.counts().await?.servers_living > 0 {
        let waited = process.clock.mono().saturating_since(begun);
        ensure!(waited < WAIT_MAX, "servers of deleted groups are left");
        process.clock.sleep(PERIOD).await;
    }
    timeline.say("cloud", "no server is left of them")?;
    Ok(told)
}

async fn prepare(session: &Session, canned: &Canned) -> anyhow::Result<Try> {
    let (group, input) = made(session, canned.format, json!({"format": canned.format})).await?;
    Ok(Try {
        format: canned.format,
        media: canned.media,
        opens: canned.opens.to_owned(),
        closes: canned.closes.map(str::to_owned),
        group,
        input,
    })
}

/// The format of metrics: one server has much to do, and then little.
async fn metrics(session: &Session) -> anyhow::Result<Try> {
    let rule =
        json!({"above": "80", "below": "30", "lasting_seconds": 0, "missing_after_seconds": 600});
    let own = json!({"format": "samples", "metrics": rule});
    let (group, input) = made(session, "samples", own).await?;
    Ok(Try {
        format: "samples",
        media: "application/json",
        opens: sample(93),
        closes: Some(sample(20)),
        group,
        input,
    })
}

/// A group that wants nothing, steps by one and shrinks within seconds, and an input for it alone.
async fn made(
    session: &Session,
    format: &str,
    own: serde_json::Value,
) -> anyhow::Result<(Group, Input)> {
    let spec = json!({
        "name": format!("drill-{format}"), "min": 0, "max": 2,
        "launch": {"server": {
            "imageRef": "11111111-1111-4111-8111-111111111111", "flavorRef": "1", "networks": "auto"
        }},
        "alerts": {"expand_delay_seconds": 600, "deflate_delay_seconds": 1, "report_delay_seconds": 1},
    });
    let spec = serde_json::from_value(spec).context("write a group")?;
    let group = session.client.create_group(&session.tenant, &spec).await?;
    let step = json!({"do": "step"});
    let mut input = json!({
        "name": format, "routes": [{"to": [group.id]}],
        "severities": {"critical": step, "warning": step, "info": step},
    });
    if let (Some(input), Some(own)) = (input.as_object_mut(), own.as_object()) {
        input.extend(own.clone());
    }
    let input = serde_json::from_value(input).context("write an input")?;
    let input = session.client.create_input(&session.tenant, &input).await?;
    Ok((group, input))
}

/// Whether it stepped up at once, by one.
async fn opens(stage: &Stage, timeline: &Timeline, one: &Try) -> anyhow::Result<bool> {
    let received = stage
        .post(one.input.url.as_deref(), one.media, &one.opens)
        .await?;
    let verdicts = stage.session.all_verdicts(&one.group.id).await?;
    let verdict = verdicts.first().context("no verdict")?;
    timeline.say(
        one.format,
        &format!(
            "says that something is wrong: {}, desired {} to {}",
            word(&verdict.outcome),
            verdict.before,
            verdict.after
        ),
    )?;
    let by_one = (verdict.outcome, verdict.before, verdict.after) == (Outcome::Applied, 0, 1);
    Ok(by_one && received.events == 1 && received.format == one.format)
}

/// Whether the group comes to where it was; one step without a state stays.
async fn rests(process: &Process, session: &Session, one: &Try) -> anyhow::Result<bool> {
    let wanted = u32::from(one.closes.is_none());
    let begun = process.clock.mono();
    loop {
        let group = session.client.group(&session.tenant, &one.group.id).await?;
        // Servers that are heard of regularly are remembered also when all is well.
        let forgotten = group.circling.is_none() || one.format == "samples";
        if group.desired == wanted && forgotten {
            return Ok(true);
        }
        if process.clock.mono().saturating_since(begun) > WAIT_MAX {
            return Ok(false);
        }
        process.clock.sleep(PERIOD).await;
    }
}

impl Stage {
    /// Sends a body to an input, as a monitoring tool does.
    ///
    /// # Errors
    /// It is not taken.
    pub(crate) async fn post(
        &self,
        url: Option<&str>,
        media: &'static str,
        body: &str,
    ) -> anyhow::Result<Received> {
        let url = url.context("the URL of an input is shown when it is made")?;
        let request = self.http.post(url).header("content-type", media);
        let answer = request.body(body.to_owned()).send().await;
        let answer = answer.context("send an alert")?;
        let status = answer.status();
        let bytes = chassis::http::body(answer, ANSWER_BYTES_MAX).await?;
        ensure!(
            status.is_success(),
            "an alert is answered {status}: {}",
            String::from_utf8_lossy(&bytes)
        );
        serde_json::from_slice(&bytes).context("read the answer of an input")
    }
}
