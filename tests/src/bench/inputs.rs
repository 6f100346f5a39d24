//! `bench -- inputs`: what an alert costs, beside a bare handler that only parses it, in the same run; and what one storm commits.
//!
//! A storm is one fingerprint, said over and over, with other words each time: what it commits is bounded by how often the alert
//! changed, not by how often it was said.
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;
use domain::ids::TenantId;
use domain::time::Timestamp;
use serde_json::{Value, json};
use wire::v2::time::Moment;

use super::beside::{Kind, Turns, compare};
use super::exchange::{Connection, request};
use super::figures::say;
use super::floor::{ALERTS_PATH, Floor};
use super::ledger;
use super::load::Requests;
use super::service::{CloudAt, Conduct, Service, Site};
use super::stats::Milli;

/// Alerts of one large body.
const BATCH: usize = 100;
/// How often the storm's alert changes: it opens and closes in turn.
const CHANGES: usize = 20;
/// Verdicts that a storm may leave behind for each change.
const VERDICTS_EACH: u64 = 1;
/// Commits of the group for each change: the verdict, and what follows from it.
const COMMITS_EACH: u64 = 2;

/// No limit holds anything back, and no circle turns by itself while it is measured.
const OPEN: Conduct = Conduct {
    api: "requests = \"1000000/s\"\nburst = 1000000\nalerts = 1000000",
    ..Conduct::UNBOUND
};

/// Where alerts go, and who may look.
struct Intake {
    service: Service,
    tenant: TenantId,
    group: String,
    /// The path and headers of an alert.
    path: String,
    headers: String,
    /// Of who may read.
    reader: String,
}

/// Measures all of it; true if the storm stayed within its bounds. The last line is JSON.
///
/// # Errors
/// When nothing was measured.
pub async fn run(process: &Process, turns: Turns, storm: usize) -> anyhow::Result<bool> {
    let floor = Floor::start()?;
    let site = Site::of(1, OPEN)?;
    let intake = Intake::start(process, &site).await?;
    let mut members = Vec::new();
    for (name, alerts) in [("one", 1), ("batch", BATCH)] {
        let body = body(&vec![Said::OPEN; alerts])?;
        let kind = Kind {
            name,
            bare: Requests::Same(request("POST", ALERTS_PATH, "", &body).into()),
            status: 202,
        };
        let same = Requests::Same(intake.post(&body).into());
        let both = (&floor, &intake.service);
        let figure = compare(process, both, turns, |_| Ok(same.clone()), &kind).await?;
        let each = Milli(figure.cpu_us.0 / u64::try_from(alerts)?);
        say(format_args!("{}; {each} us an alert", figure.line()))?;
        members.push(figure.member());
    }
    let (line, ok) = intake.storm(process, &site, storm).await?;
    members.push(line);
    members.push(format!("\"ok\":{ok}"));
    intake.service.kill()?;
    say(format_args!("{{{}}}", members.join(",")))?;
    Ok(ok)
}

impl Intake {
    /// A group that alerts may name, and an input that names it.
    async fn start(process: &Process, site: &Site) -> anyhow::Result<Self> {
        let (service, _) = site.start(process, CloudAt::Nowhere).await?;
        let tenant = site.tenants().into_iter().next().context("a tenant")?;
        let bearer = |rights: &str| -> anyhow::Result<String> {
            let token = site.token(tenant.as_str(), rights)?;
            Ok(format!("authorization: Bearer {token}\r\n"))
        };
        let headers = bearer("read,crud,trigger")?;
        let mut connection = Connection::open(service.address).await?;
        let group = json!({"name": "shop", "min": 0, "max": 1000, "launch": {"server": {"flavorRef": "1", "imageRef": "i"}},
            "alerts": {"expand_delay_seconds": 86400, "deflate_delay_seconds": 86400, "report_delay_seconds": 86400}});
        let input = json!({"name": "storm", "format": "alertmanager", "verify": {"by": "bearer"}, "routes": [{"to": ["shop"]}]});
        let mut make = async |what: &str, spec: &Value| -> anyhow::Result<Value> {
            let path = format!("/v2/{tenant}/{what}");
            let bytes = request("POST", &path, &headers, &spec.to_string());
            let answer = connection.ask(&bytes).await?;
            let made: Value = serde_json::from_slice(answer.body)?;
            ensure!(answer.status == 201, "answered {}: {made}", answer.status);
            Ok(made)
        };
        let group = text(&make("groups", &group).await?, "id")?;
        let made = make("inputs", &input).await?;
        let url = text(&made, "url")?;
        let at = url.find("/in/").context("the address of an input")?;
        service.quiet(process).await?;
        Ok(Self {
            path: url[at..].to_owned(),
            headers: format!("authorization: Bearer {}\r\n", text(&made, "secret")?),
            reader: bearer("read")?,
            service,
            tenant,
            group,
        })
    }

    fn post(&self, body: &str) -> Vec<u8> {
        request("POST", &self.path, &self.headers, body)
    }

    /// The revision of the group: how many commits it has.
    async fn rev(&self) -> anyhow::Result<u64> {
        let mut connection = Connection::open(self.service.address).await?;
        let path = format!("/v2/{}/groups/{}", self.tenant, self.group);
        let answer = connection
            .ask(&request("GET", &path, &self.reader, ""))
            .await?;
        let shown: Value = serde_json::from_slice(answer.body)?;
        shown["rev"].as_u64().context("a revision")
    }

    /// One fingerprint, so many times, changing now and then: what it cost, and whether what it committed stayed within its bounds.
    async fn storm(
        &self,
        process: &Process,
        site: &Site,
        alerts: usize,
    ) -> anyhow::Result<(String, bool)> {
        let held = |before: u64| -> anyhow::Result<u64> {
            Ok(ledger::read(&site.store())?.verdicts.saturating_sub(before))
        };
        let (verdicts, rev) = (held(0)?, self.rev().await?);
        let bodies = alerts.div_ceil(BATCH).max(CHANGES);
        let begun = Timestamp::from_unix_ms(process.clock.unix_ms());
        let (cpu, start) = (self.service.cpu()?, process.clock.mono());
        let mut connection = Connection::open(self.service.address).await?;
        for at in 0..bodies {
            let change = at * CHANGES / bodies;
            let since = begun.plus(Duration::from_secs(u64::try_from(change)?));
            let said = |n: usize| Said {
                is_open: change.is_multiple_of(2),
                since,
                value: at * BATCH + n,
            };
            let said: Vec<_> = (0..BATCH).map(said).collect();
            let answer = connection.ask(&self.post(&body(&said)?)).await?;
            let words = String::from_utf8_lossy(answer.body);
            ensure!(answer.status == 202, "answered {}: {words}", answer.status);
        }
        let (cpu, took) = (
            self.service.cpu()?.saturating_sub(cpu),
            process.clock.mono().saturating_since(start),
        );
        let (verdicts, commits) = (held(verdicts)?, self.rev().await? - rev);
        let changes = u64::try_from(CHANGES)?;
        let ok = verdicts <= changes * VERDICTS_EACH && commits <= changes * COMMITS_EACH;
        let sent = u64::try_from(bodies * BATCH)?;
        let each = Milli::micros_each(cpu, sent);
        let (word, seconds) = (if ok { "within" } else { "ABOVE" }, took.as_secs());
        say(format_args!(
            "storm: {sent} alerts of one fingerprint in {bodies} bodies, {changes} changes, {seconds} s: {verdicts} verdicts, {commits} commits, \
             {word} {VERDICTS_EACH} and {COMMITS_EACH} a change; {each} us CPU an alert"
        ))?;
        let line = format!(
            "\"storm\":{{\"alerts\":{sent},\"changes\":{changes},\"verdicts\":{verdicts},\"commits\":{commits},\"cpu_us\":{each}}}"
        );
        Ok((line, ok))
    }
}

/// One saying of the alert.
#[derive(Clone)]
struct Said {
    is_open: bool,
    since: Timestamp,
    value: usize,
}

impl Said {
    const OPEN: Self = Self {
        is_open: true,
        since: Timestamp::from_unix_ms(1_795_000_000_000),
        value: 0,
    };
}

/// A body of Alertmanager's.
fn body(said: &[Said]) -> anyhow::Result<String> {
    let alert = |said: &Said| {
        let since = Moment(said.since);
        let (status, ends) = if said.is_open {
            ("firing", json!("0001-01-01T00:00:00Z"))
        } else {
            ("resolved", json!(since))
        };
        json!({
            "status": status, "fingerprint": "9b2e4f7a01c3d5e8", "startsAt": since, "endsAt": ends,
            "labels": {"alertname": "QueueTooLong", "severity": "critical", "team": "web", "instance": "web-3"},
            "annotations": {"summary": "the queue grows", "value": said.value.to_string()},
            "generatorURL": "http://prometheus.example:9090/graph"
        })
    };
    let first = said.first().context("an alert")?;
    Ok(json!({
        "version": "4", "groupKey": "{}:{alertname=\"QueueTooLong\"}", "receiver": "holt", "truncatedAlerts": 0,
        "status": if first.is_open { "firing" } else { "resolved" },
        "groupLabels": {"alertname": "QueueTooLong"}, "commonLabels": {"severity": "critical"}, "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": said.iter().map(alert).collect::<Vec<_>>()
    })
    .to_string())
}

fn text(made: &Value, member: &str) -> anyhow::Result<String> {
    let text = made[member].as_str();
    Ok(text
        .with_context(|| format!("{member} in {made}"))?
        .to_owned())
}
