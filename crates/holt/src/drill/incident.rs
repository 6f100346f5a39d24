//! An incident: more is demanded of an application than its servers can do, a check of its health raises an alert, the group circles back until
//! the application is well, and gives the servers up again.
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;
use serde_json::json;
use wire::v2::{
    circle::Standing,
    group::Group,
    input::Input,
    verdict::{Outcome, Verdict},
};

use crate::{
    demo::stage::Stage,
    drill::{
        app::{OF_ONE, Sample},
        timeline::Timeline,
    },
    show,
};

/// Servers on a calm day.
pub(crate) const MIN: u32 = 2;
/// Servers that the incident needs.
pub(crate) const ENOUGH: u32 = 4;
const MAX: u32 = 8;
/// Requests a second on a calm day, and in the incident.
const CALM: u32 = 150;
const RUSH: u32 = ENOUGH * OF_ONE - 10;
/// The whole incident is shorter, or something is wrong.
const LENGTH_MAX: Duration = Duration::from_secs(120);
const PERIOD: Duration = Duration::from_millis(200);

/// What was seen of it.
#[derive(Debug)]
pub(crate) struct Incident {
    /// The most that the group wanted.
    pub(crate) peak: u32,
    pub(crate) steps_up: u32,
    pub(crate) steps_down: u32,
    pub(crate) escalations: u32,
    /// Nothing was given up before the alert was over.
    pub(crate) calm_first: bool,
    pub(crate) well_at_end: bool,
}

/// What goes on while it lasts.
struct Scene<'a> {
    stage: &'a Stage,
    timeline: &'a Timeline,
    app: Sample,
    group: Group,
    input: Input,
    /// What the check said last.
    well: bool,
    servers: u32,
    verdicts: Vec<Verdict>,
}

/// Plays it to its end.
///
/// # Errors
/// Something does not answer, or it does not end.
pub(crate) async fn play(
    process: &Process,
    stage: &Stage,
    timeline: &Timeline,
) -> anyhow::Result<Incident> {
    let mut scene = Scene::build(process, stage, timeline).await?;
    scene.app.demand(CALM);
    scene
        .until(process, "the servers of a calm day", |scene, group| {
            scene.servers == MIN && group.active == MIN && scene.well
        })
        .await?;
    scene.app.demand(RUSH);
    timeline.say("load", &format!("{CALM} to {RUSH} requests a second"))?;
    scene
        .until(process, "the application fails", |scene, _| !scene.well)
        .await?;
    scene
        .until(process, "the application is well again", |scene, _| {
            scene.well
        })
        .await?;
    scene.app.demand(CALM);
    timeline.say("load", &format!("back to {CALM} requests a second"))?;
    scene
        .until(process, "the group is back at min", |scene, group| {
            group.desired == MIN && group.circling.is_none() && scene.servers == MIN
        })
        .await?;
    Ok(scene.tally())
}

impl<'a> Scene<'a> {
    async fn build(
        process: &Process,
        stage: &'a Stage,
        timeline: &'a Timeline,
    ) -> anyhow::Result<Self> {
        let app = Sample::start(process)?;
        let spec = json!({
            "name": "shop", "min": MIN, "max": MAX,
            "launch": {"server": {
                "imageRef": "11111111-1111-4111-8111-111111111111", "flavorRef": "1", "networks": "auto"
            }},
            "alerts": {
                "expand_by": 1, "expand_delay_seconds": 10, "deflate_by": 1, "deflate_delay_seconds": 2,
                "report_delay_seconds": 2, "escalate_after_seconds": 5,
            },
        });
        let (client, tenant) = (&stage.session.client, &stage.session.tenant);
        let spec = serde_json::from_value(spec).context("write the group")?;
        let group = client.create_group(tenant, &spec).await?;
        let input = json!({"name": "health check", "format": "plain", "routes": [{"to": ["{application}"]}]});
        let input = serde_json::from_value(input).context("write the input")?;
        let input = client.create_input(tenant, &input).await?;
        timeline.say(
            "app",
            &format!(
                "http://{}/health: each server can do {OF_ONE} requests a second",
                app.address
            ),
        )?;
        Ok(Self {
            stage,
            timeline,
            app,
            group,
            input,
            well: true,
            servers: 0,
            verdicts: Vec::new(),
        })
    }

    /// Looks at everything until it is so.
    async fn until(
        &mut self,
        process: &Process,
        what: &str,
        so: fn(&Self, &Group) -> bool,
    ) -> anyhow::Result<()> {
        let begun = process.clock.mono();
        loop {
            let group = self.look().await?;
            if so(self, &group) {
                return Ok(());
            }
            let waited = process.clock.mono().saturating_since(begun);
            ensure!(waited < LENGTH_MAX, "never: {what}");
            process.clock.sleep(PERIOD).await;
        }
    }

    async fn look(&mut self) -> anyhow::Result<Group> {
        let serving = self.stage.cloud.serving().await?;
        if serving != self.servers {
            self.timeline.say(
                "cloud",
                &format!("{} to {serving} servers run", self.servers),
            )?;
            self.servers = serving;
        }
        self.app.run_on(serving);
        // Before its first servers are there nobody checks it.
        if serving >= MIN {
            self.check().await?;
        }
        self.hear().await?;
        let session = &self.stage.session;
        Ok(session
            .client
            .group(&session.tenant, &self.group.id)
            .await?)
    }

    /// The check of a monitoring tool: asks for the health, and tells when it has changed.
    async fn check(&mut self) -> anyhow::Result<()> {
        let url = format!("http://{}/health", self.app.address);
        let answer = self
            .stage
            .http
            .get(url)
            .send()
            .await
            .context("ask for the health")?;
        let well = answer.status().is_success();
        if well == self.well {
            return Ok(());
        }
        self.well = well;
        let (word, state) = if well {
            ("the health is 200 again: the alert is over", "closed")
        } else {
            ("the health is 503: an alert opens", "open")
        };
        self.timeline.say("monitor", word)?;
        let alert = json!({"fingerprint": "health/shop", "state": state, "severity": "critical", "application": "shop"});
        let url = self.input.url.as_deref();
        let received = self
            .stage
            .post(url, "application/json", &alert.to_string())
            .await?;
        ensure!(received.events == 1, "for no group: {received:?}");
        Ok(())
    }

    /// What the group decided since the last look.
    async fn hear(&mut self) -> anyhow::Result<()> {
        let mut all = self.stage.session.all_verdicts(&self.group.id).await?;
        all.reverse();
        for verdict in all.iter().skip(self.verdicts.len()) {
            let size = if verdict.before == verdict.after {
                format!("desired stays {}", verdict.after)
            } else {
                format!("desired {} to {}", verdict.before, verdict.after)
            };
            let asked = show::asked(&verdict.asked, verdict.force);
            let outcome = show::word(&verdict.outcome);
            self.timeline
                .say("group", &format!("{asked}: {outcome}, {size}"))?;
        }
        self.verdicts = all;
        Ok(())
    }

    fn count(&self, which: impl Fn(&Verdict) -> bool) -> u32 {
        let found = self.verdicts.iter().filter(|v| which(v));
        u32::try_from(found.count()).unwrap_or(u32::MAX)
    }

    fn tally(&self) -> Incident {
        let up = |v: &Verdict| v.after > v.before;
        let down = |v: &Verdict| v.after < v.before;
        let closed = |v: &Verdict| {
            let alert = v.asked.alert.as_ref();
            alert.is_some_and(|alert| alert.standing == Standing::Closed)
        };
        let before_end = self.verdicts.iter().take_while(|v| !closed(v));
        Incident {
            peak: self.verdicts.iter().map(|v| v.after).max().unwrap_or(MIN),
            steps_up: self.count(up),
            steps_down: self.count(down),
            escalations: self.count(|v| v.outcome == Outcome::Escalated),
            calm_first: !before_end.into_iter().any(down),
            well_at_end: self.well,
        }
    }
}
