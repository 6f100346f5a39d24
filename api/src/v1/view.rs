//! Groups, policies and webhooks as the old surface shows them (contract 1.3).

use domain::group::{Group, HoldWhy, Phase};
use domain::hold::is_held;
use domain::ids::{GroupKey, PolicyId, WebhookId};
use domain::policy::{Adjust, Policy, Trigger, Webhook};
use domain::schedule::Schedule;
use domain::slot::{Slot, State};
use wire::v1::json::Json;
use wire::v1::launch::UNVALIDATED;
use wire::v2::time::Moment;

use super::service::Service;
use crate::context::Context;

/// Members of a server that may hold passwords and keys: only those who may change them see them (safety S23).
const SECRETS: [&str; 3] = ["user_data", "personality", "adminPass"];

/// A link.
pub(super) fn link(rel: &str, href: &str) -> Json {
    Json::object([("href", Json::of(href)), ("rel", Json::of(rel))])
}

fn links(rel: &str, href: &str) -> Json {
    Json::List(vec![link(rel, href)])
}

/// How policies are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inline {
    /// By themselves.
    Alone,
    /// With their webhooks, and the URLs of those only for those who may have them.
    Webhooks { urls: bool },
}

/// A group in a list.
pub(super) fn in_list(context: &Context, group: &Group) -> Json {
    let key = &group.key;
    Json::object([
        ("id", Json::of(key.id.to_string())),
        ("links", links("self", &group_link(&context.v1, key, ""))),
        ("state", state(context, group)),
    ])
}

/// Everything of a group (rows B013, B026 to B029).
pub(super) fn manifest(
    context: &Context,
    group: &Group,
    launch: Json,
    shown: &[PolicyId],
    inline: Inline,
) -> Json {
    let key = &group.key;
    let config = &group.config.policies;
    let policies = shown.iter().filter_map(|id| config.get(id));
    let listed = policies
        .map(|one| policy(context, key, one, inline))
        .collect();
    Json::object([
        ("id", Json::of(key.id.to_string())),
        ("links", links("self", &group_link(&context.v1, key, ""))),
        ("groupConfiguration", configuration(group)),
        ("launchConfiguration", launch),
        ("scalingPolicies", Json::List(listed)),
        (
            "scalingPolicies_links",
            links("policies", &group_link(&context.v1, key, "policies/")),
        ),
        ("state", state(context, group)),
    ])
}

/// The address of a group, or below it.
pub(super) fn group_link(service: &Service, key: &GroupKey, below: &str) -> String {
    service.link(&key.tenant, &format!("{}/{below}", key.id))
}

/// The configuration, defaults included (row B002).
pub(super) fn configuration(group: &Group) -> Json {
    let config = &group.config;
    Json::object([
        ("name", Json::of(&config.name)),
        ("cooldown", Json::count(config.cooldown.as_secs())),
        ("minEntities", Json::count(config.bounds.min())),
        ("maxEntities", Json::count(config.bounds.max())),
        ("metadata", Json::texts(&config.metadata)),
    ])
}

/// The state (rows B023 to B025). Pending is what desired lacks, negative while it is too much (contract 9.2 row 14).
pub(super) fn state(context: &Context, group: &Group) -> Json {
    let active: Vec<&Slot> = group
        .slots
        .open()
        .filter(|slot| matches!(slot.state, State::Active(_)))
        .collect();
    let count = i64::try_from(active.len()).unwrap_or(i64::MAX);
    let pending = i64::from(group.state.desired.0) - count;
    let listed = active
        .iter()
        .filter_map(|slot| server(context, group, slot));
    let errors = errors(context, group);
    let status = if errors.is_empty() { "ACTIVE" } else { "ERROR" };
    let mut state = Json::object([
        ("active", Json::List(listed.collect())),
        ("activeCapacity", Json::count(count)),
        ("pendingCapacity", Json::count(pending)),
        ("desiredCapacity", Json::count(group.state.desired)),
        ("name", Json::of(&group.config.name)),
        ("paused", Json::Bool(group.state.phase == Phase::Paused)),
        ("status", Json::of(status)),
    ]);
    if !errors.is_empty() {
        let message = |text: &String| Json::object([("message", Json::of(text))]);
        state.put("errors", Json::List(errors.iter().map(message).collect()));
    }
    state
}

fn server(context: &Context, group: &Group, slot: &Slot) -> Option<Json> {
    let id = slot.state.server()?;
    let links = context
        .v1
        .compute_url
        .as_ref()
        .map_or_else(Vec::new, |url| {
            let tenant = &group.key.tenant;
            vec![
                link("self", &format!("{url}/v2.1/{tenant}/servers/{id}")),
                link("bookmark", &format!("{url}/{tenant}/servers/{id}")),
            ]
        });
    let id = Json::of(id.to_string());
    Some(Json::object([("id", id), ("links", Json::List(links))]))
}

/// What customers have to mend, in the old words (contract 4.7). What the cloud gets over by itself is no error.
fn errors(context: &Context, group: &Group) -> Vec<String> {
    let held = group
        .state
        .hold
        .as_ref()
        .filter(|_| is_held(&group.state, context.wall()));
    let Some(hold) = held else {
        return Vec::new();
    };
    let detail = &hold.detail;
    match hold.why {
        HoldWhy::Config => vec![format!("Server launch configuration is invalid: {detail}")],
        HoldWhy::Quota => vec![format!("Servers cannot be created: {detail}")],
        HoldWhy::Credential => vec![
            "Could not locate service nova in the service catalog. Please check if your account is still active.".to_owned(),
        ],
        HoldWhy::Failures => vec!["Unknown error occurred".to_owned()],
        HoldWhy::Restored => vec![format!("The group is paused: {detail}")],
        HoldWhy::NoCapacity | HoldWhy::Throttled => Vec::new(),
    }
}

/// A launch configuration as it was written; one of `/v2` in the form of this surface.
pub(super) fn launch(body: &[u8], open: bool) -> Json {
    let Ok(mut stored) = Json::parse(body) else {
        return Json::Null;
    };
    if let Json::Object(members) = &mut stored {
        members.retain(|(name, _)| name != UNVALIDATED);
    }
    if stored.get("args").is_none() {
        stored = Json::object([("type", Json::of("launch_server")), ("args", stored)]);
    }
    if !open {
        hide(&mut stored);
    }
    stored
}

fn hide(launch: &mut Json) {
    if let Json::Object(outer) = launch {
        let args = outer.iter_mut().filter(|(name, _)| name == "args");
        for (_, args) in args {
            let Json::Object(args) = args else { continue };
            for (_, server) in args.iter_mut().filter(|(name, _)| name == "server") {
                let Json::Object(server) = server else {
                    continue;
                };
                let secret = |(name, _): &&mut (String, Json)| SECRETS.contains(&name.as_str());
                server
                    .iter_mut()
                    .filter(secret)
                    .for_each(|(_, value)| *value = Json::of("***"));
            }
        }
    }
}

/// A policy: as v1.0 wrote it, or in its words.
pub(super) fn policy(context: &Context, key: &GroupKey, policy: &Policy, inline: Inline) -> Json {
    let here = group_link(&context.v1, key, &format!("policies/{}/", policy.id));
    let written = policy
        .written
        .as_ref()
        .and_then(|text| Json::parse(text.as_bytes()).ok());
    let mut shown = written.unwrap_or_else(|| in_words(policy));
    shown.put("id", Json::of(policy.id.to_string()));
    shown.put("links", links("self", &here));
    if let Inline::Webhooks { urls } = inline {
        let one = |(id, hook)| webhook(context, key, (&policy.id, id, hook), urls);
        shown.put(
            "webhooks",
            Json::List(policy.webhooks.iter().map(one).collect()),
        );
        shown.put(
            "webhooks_links",
            links("webhooks", &format!("{here}webhooks/")),
        );
    }
    shown
}

/// A policy of `/v2` in the words of this surface.
fn in_words(policy: &Policy) -> Json {
    let seconds = policy.cooldown.as_secs();
    let (kind, args) = match &policy.trigger {
        Trigger::Webhook => ("webhook", None),
        Trigger::Monitoring => ("cloud_monitoring", None),
        Trigger::Schedule(Schedule::At(at)) => ("schedule", Some(("at", Moment(*at).to_string()))),
        Trigger::Schedule(Schedule::Cron(cron)) => {
            ("schedule", Some(("cron", cron.text().to_owned())))
        }
    };
    let adjust = match policy.adjust {
        Adjust::Change(by) => ("change", Json::count(by)),
        Adjust::Percent(percent) => (
            "changePercent",
            Json::count(f64::from_bits(percent.double_bits())),
        ),
        Adjust::Desired(size) => ("desiredCapacity", Json::count(size)),
    };
    let mut words = Json::object([
        ("name", Json::of(&policy.name)),
        ("cooldown", Json::count(seconds)),
        ("type", Json::of(kind)),
        adjust,
    ]);
    if let Some((name, value)) = args {
        words.put("args", Json::object([(name, Json::of(value))]));
    }
    words
}

/// A webhook, with its URL for those who may have it.
pub(super) fn webhook(
    context: &Context,
    key: &GroupKey,
    (policy, id, webhook): (&PolicyId, &WebhookId, &Webhook),
    url: bool,
) -> Json {
    let here = group_link(
        &context.v1,
        key,
        &format!("policies/{policy}/webhooks/{id}/"),
    );
    let capability = context.v1.capability(key, webhook.serial).filter(|_| url);
    let capability = capability.map(|href| link("capability", &href));
    let links = std::iter::once(link("self", &here))
        .chain(capability)
        .collect();
    Json::object([
        ("id", Json::of(id.to_string())),
        ("name", Json::of(&webhook.name)),
        ("metadata", Json::texts(&webhook.metadata)),
        ("links", Json::List(links)),
    ])
}
