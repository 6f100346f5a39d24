//! The day itself: groups grow, the service is killed, groups are deleted, the service is killed, and at the end everything is asked for.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::Process;
use chassis::Secret;
use chassis::http::Trust;
use wire::client::{Client, Settings, SlotsOf};
use wire::v2::delivery::{Delivery, State};
use wire::v2::ledger::Slot;

use super::receiver::{Came, Rude};
use super::{DEADLINE_S, OF_GROUP};
use crate::bench::cloud::Cloud;
use crate::bench::service::{CloudAt, Conduct, Service, Site};

/// Tenants that share the groups: none has as many servers as one list of its project shows at most, also when there are 10 000.
const TENANTS: usize = 50;
/// A day that is longer has failed.
const DAY: Duration = Duration::from_secs(1_500);

/// What happened.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) came: Vec<Came>,
    pub(crate) codes: std::collections::BTreeMap<u16, u64>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) slots: Vec<Slot>,
}

struct Day<'a> {
    process: &'a Process,
    site: &'a Site,
    cloud: &'a Cloud,
    rude: &'a Rude,
    service: Option<Service>,
    groups: Vec<(String, String)>,
}

fn conduct() -> Conduct {
    Conduct {
        supervisor: "surge_guard = false\nhint_pass = \"1s\"\n[supervisor.rules]\napart = \"1s\"\n[hooks]\nallow = [\"127.0.0.0/8\"]\nplain_http = true\ndeadline = \"2s\"",
        api: "requests = \"100000/s\"\nburst = 100000\n[api.v1]\nexecutions = 100000",
        ..Conduct::UNBOUND
    }
}

pub(crate) async fn play(process: &Process, groups: u32, kills: u32) -> anyhow::Result<Played> {
    let site = Site::of(TENANTS, conduct())?;
    let cloud = Cloud::anywhere()?;
    let rude = Rude::start(process)?;
    let mut day = Day {
        process,
        site: &site,
        cloud: &cloud,
        rude: &rude,
        service: None,
        groups: Vec::new(),
    };
    day.start().await?;
    day.make(groups).await?;
    let grown = format!(r#"{{"desired":{OF_GROUP},"force":true}}"#);
    for n in 0..day.groups.len() {
        let (tenant, group) = day.groups[n].clone();
        let event = serde_json::from_str(&grown)?;
        let client = day.client(&tenant)?;
        client.send(&tenant, &group, Some("grow"), &event).await?;
    }
    day.kill(kills.div_ceil(2)).await?;
    day.until("all servers are in service", async |day| {
        let mut active = 0;
        for (tenant, group) in &day.groups {
            active += u64::from(day.client(tenant)?.group(tenant, group).await?.active);
        }
        Ok(active >= u64::from(groups * OF_GROUP))
    })
    .await?;
    for n in 0..day.groups.len() {
        let (tenant, group) = day.groups[n].clone();
        day.delete(&tenant, &group).await?;
    }
    day.kill(kills / 2).await?;
    day.until(
        "all servers are gone and every message has its end",
        async |day| {
            for (tenant, group) in &day.groups {
                let open = SlotsOf {
                    open: Some(true),
                    limit: Some(1),
                    ..SlotsOf::default()
                };
                if !day
                    .client(tenant)?
                    .ledger(tenant, group, &open)
                    .await?
                    .items
                    .is_empty()
                {
                    return Ok(false);
                }
                let client = day.client(tenant)?;
                let newest = client.deliveries(tenant, group, None, Some(500));
                if newest.await?.items.iter().any(|d| d.state == State::Due) {
                    return Ok(false);
                }
            }
            Ok(true)
        },
    )
    .await?;
    day.end().await
}

impl Day<'_> {
    async fn start(&mut self) -> anyhow::Result<()> {
        let at = CloudAt::Here(self.cloud.address);
        let (service, _) = self.site.start(self.process, at).await?;
        self.rude.service_is_at(service.address);
        self.service = Some(service);
        Ok(())
    }

    /// `kill -9`, and a new start; again and again while things are in full swing.
    async fn kill(&mut self, times: u32) -> anyhow::Result<()> {
        for n in 0..times {
            let swing = Duration::from_millis(2_500 + 1_700 * u64::from(n));
            self.process.clock.sleep(swing).await;
            self.service.take().context("a service")?.kill()?;
            self.start().await?;
        }
        Ok(())
    }

    fn client(&self, tenant: &str) -> anyhow::Result<Client> {
        let address = self.service.as_ref().context("a service")?.address;
        let token = std::fs::read_to_string(self.site.path(&format!("{tenant}.token")))?;
        Ok(Client::new(&Settings {
            url: format!("http://{address}"),
            token: Some(Secret::new(token)?),
            timeout: Duration::from_secs(30),
            trust: Trust::Only(Vec::new()),
        })?)
    }

    /// Asks until it is said; doing it twice changes nothing.
    async fn delete(&self, tenant: &str, group: &str) -> anyhow::Result<()> {
        for _ in 0..5 {
            let client = self.client(tenant)?;
            if client.delete_group(tenant, group, true).await.is_ok() {
                return Ok(());
            }
            self.process.clock.sleep(Duration::from_secs(2)).await;
        }
        anyhow::bail!("a group cannot be deleted")
    }

    async fn make(&mut self, groups: u32) -> anyhow::Result<()> {
        let tenants = self.site.tenants();
        for tenant in &tenants {
            let token = self.site.token(tenant.as_str(), "read,crud,trigger")?;
            std::fs::write(self.site.path(&format!("{tenant}.token")), token)?;
        }
        let spec = serde_json::json!({
            "name": "web", "min": 0, "max": 2 * OF_GROUP,
            "launch": {"server": {"flavorRef": "1", "imageRef": "11111111-1111-4111-8111-111111111111"}},
        });
        let secret = wire::hooks::secret::symmetric(&[42; 32]);
        self.rude.trust(&secret);
        let hook = serde_json::json!({
            "points": ["server.before_active", "server.active", "server.before_delete", "server.gone"],
            "url": format!("http://{}/", self.rude.address),
            "wait": {"deadline_s": DEADLINE_S, "default": "continue"},
            "format": "cloudevents", "secret": secret,
        });
        for tenant in tenants.iter().cycle().take(usize::try_from(groups)?) {
            let client = self.client(tenant.as_str())?;
            let spec = serde_json::from_value(spec.clone())?;
            let group = client.create_group(tenant.as_str(), &spec).await?.id;
            let hook = serde_json::from_value(hook.clone())?;
            client
                .put_hook(tenant.as_str(), &group, "all", &hook)
                .await?;
            self.groups.push((tenant.to_string(), group));
        }
        Ok(())
    }

    async fn until(
        &mut self,
        what: &str,
        mut ask: impl AsyncFnMut(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let begun = self.process.clock.mono();
        // Whatever cannot be asked for right now is asked for again.
        while !ask(self).await.unwrap_or(false) {
            let took = self.process.clock.mono().saturating_since(begun);
            ensure!(took < DAY, "never: {what}");
            self.process.clock.sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    async fn end(&self) -> anyhow::Result<Played> {
        let (mut deliveries, mut slots) = (Vec::new(), Vec::new());
        for (tenant, group) in &self.groups {
            let client = self.client(tenant)?;
            let mut before = None;
            loop {
                let page = client.deliveries(tenant, group, before, Some(500)).await?;
                deliveries.extend(page.items);
                match page.next {
                    Some(next) => before = Some(next),
                    None => break,
                }
            }
            let mut of = SlotsOf {
                limit: Some(100),
                ..SlotsOf::default()
            };
            loop {
                let page = client.ledger(tenant, group, &of).await?;
                slots.extend(page.items);
                match page.next {
                    Some(next) => of.after = Some(next),
                    None => break,
                }
            }
        }
        Ok(Played {
            came: self.rude.came(),
            codes: self.rude.codes(),
            deliveries,
            slots,
        })
    }
}
