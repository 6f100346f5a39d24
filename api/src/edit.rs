//! Edits of the policies and webhooks of a group, as both surfaces make them: inside a commit, on the aggregate as it is there. And how large a
//! configuration may become, whoever changes it.
//!
//! Deliberately absent: bodies, ids of paths and words for refusals, in which the surfaces differ.

use std::collections::BTreeMap;

use domain::draft::Draft;
use domain::group::{Change, Config, Group};
use domain::ids::{PolicyId, WebhookId};
use domain::policy::{Policy, Webhook};

/// Bytes of a group's configuration as stores write it, with its policies, webhooks and hooks. The limits of their numbers multiply to hundreds of
/// megabytes, and all of it is read and written as one.
pub(crate) const CONFIG_BYTES_MAX: usize = 1024 * 1024;

/// What a customer says of a webhook: its name and pairs.
pub(crate) type Words = (String, BTreeMap<String, String>);

/// Why an edit was not made; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotEdited {
    /// The group has no such policy.
    NoPolicy,
    /// The policy has no such webhook.
    NoWebhook,
    /// The group has a policy of that id.
    Exists(PolicyId),
    /// So many policies are there, so many were to come, and so many may be.
    TooManyPolicies(usize, usize, u32),
    /// The same of the webhooks of a policy.
    TooManyWebhooks(usize, usize, u32),
    /// The configuration would have so many bytes, more than [`CONFIG_BYTES_MAX`].
    TooLarge(usize),
}

/// Refuses the configuration of a new group if it is too large.
pub(crate) fn fits(config: &Config) -> Result<(), NotEdited> {
    let bytes = bytes(config);
    if bytes > CONFIG_BYTES_MAX {
        return Err(NotEdited::TooLarge(bytes));
    }
    Ok(())
}

/// Refuses a change that makes the configuration of a group too large. One that was too large before may stay so, and shrink.
pub(crate) fn change_fits(group: &Group, change: Option<&Change>) -> Result<(), NotEdited> {
    let Some(config) = change.and_then(|change| change.config.as_ref()) else {
        return Ok(());
    };
    fits(config).or_else(|why| {
        if bytes(config) <= bytes(&group.config) {
            Ok(())
        } else {
            Err(why)
        }
    })
}

fn bytes(config: &Config) -> usize {
    // What cannot be written is too large for any store.
    store::parts::config(config).map_or(usize::MAX, |text| text.len())
}

/// The policy of that id.
pub(crate) fn policy<'g>(group: &'g Group, id: &PolicyId) -> Result<&'g Policy, NotEdited> {
    group.config.policies.get(id).ok_or(NotEdited::NoPolicy)
}

/// The webhook of that id.
pub(crate) fn webhook(policy: &Policy, id: WebhookId) -> Result<&Webhook, NotEdited> {
    policy.webhooks.get(&id).ok_or(NotEdited::NoWebhook)
}

/// Adds policies: all of them or none.
pub(crate) fn add_policies(
    draft: &mut Draft<'_>,
    new: &[Policy],
    most: u32,
) -> Result<(), NotEdited> {
    let mut config = draft.config().clone();
    let there = config.policies.len();
    if there + new.len() > count(most) {
        return Err(NotEdited::TooManyPolicies(there, new.len(), most));
    }
    for policy in new {
        let before = config.policies.insert(policy.id.clone(), policy.clone());
        if before.is_some() {
            return Err(NotEdited::Exists(policy.id.clone()));
        }
    }
    draft.configure(config);
    Ok(())
}

/// Puts a policy in the place of the one of that id. Its webhooks are those that `new` has.
pub(crate) fn put_policy(draft: &mut Draft<'_>, new: Policy) -> Result<(), NotEdited> {
    let mut config = draft.config().clone();
    let place = config.policies.get_mut(&new.id);
    *place.ok_or(NotEdited::NoPolicy)? = new;
    if config != *draft.config() {
        draft.configure(config);
    }
    Ok(())
}

/// Removes a policy with its webhooks, whose URLs die.
pub(crate) fn remove_policy(draft: &mut Draft<'_>, id: &PolicyId) -> Result<(), NotEdited> {
    let mut config = draft.config().clone();
    config.policies.remove(id).ok_or(NotEdited::NoPolicy)?;
    draft.configure(config);
    Ok(())
}

/// Adds webhooks to a policy, each with the next serial number of the group: all of them or none.
pub(crate) fn add_webhooks(
    draft: &mut Draft<'_>,
    policy: &PolicyId,
    new: &[(WebhookId, Words)],
    most: u32,
) -> Result<(), NotEdited> {
    edit(draft, policy, |config, webhooks| {
        let there = webhooks.len();
        if there + new.len() > count(most) {
            return Err(NotEdited::TooManyWebhooks(there, new.len(), most));
        }
        for (id, (name, metadata)) in new {
            let webhook = Webhook {
                name: name.clone(),
                metadata: metadata.clone(),
                serial: next(config),
            };
            webhooks.insert(*id, webhook);
        }
        Ok(())
    })
}

/// Gives a webhook another name and other pairs; its URL stays.
pub(crate) fn put_webhook(
    draft: &mut Draft<'_>,
    policy: &PolicyId,
    (id, (name, metadata)): (WebhookId, Words),
) -> Result<(), NotEdited> {
    edit(draft, policy, |_config, webhooks| {
        let webhook = webhooks.get_mut(&id).ok_or(NotEdited::NoWebhook)?;
        webhook.name = name;
        webhook.metadata = metadata;
        Ok(())
    })
}

/// Gives a webhook another URL; the old one dies with the commit.
pub(crate) fn rotate_webhook(
    draft: &mut Draft<'_>,
    policy: &PolicyId,
    id: WebhookId,
) -> Result<(), NotEdited> {
    edit(draft, policy, |config, webhooks| {
        let webhook = webhooks.get_mut(&id).ok_or(NotEdited::NoWebhook)?;
        webhook.serial = next(config);
        Ok(())
    })
}

/// Removes a webhook, whose URL dies.
pub(crate) fn remove_webhook(
    draft: &mut Draft<'_>,
    policy: &PolicyId,
    id: WebhookId,
) -> Result<(), NotEdited> {
    edit(draft, policy, |_config, webhooks| {
        webhooks.remove(&id).map(drop).ok_or(NotEdited::NoWebhook)
    })
}

fn edit(
    draft: &mut Draft<'_>,
    policy: &PolicyId,
    change: impl FnOnce(&mut Config, &mut BTreeMap<WebhookId, Webhook>) -> Result<(), NotEdited>,
) -> Result<(), NotEdited> {
    let mut config = draft.config().clone();
    let found = config.policies.get_mut(policy);
    let mut webhooks = std::mem::take(&mut found.ok_or(NotEdited::NoPolicy)?.webhooks);
    change(&mut config, &mut webhooks)?;
    if let Some(policy) = config.policies.get_mut(policy) {
        policy.webhooks = webhooks;
    }
    if config != *draft.config() {
        draft.configure(config);
    }
    Ok(())
}

/// A serial number that no webhook of the group ever had.
fn next(config: &mut Config) -> u32 {
    config.serials = config.serials.saturating_add(1);
    config.serials
}

fn count(most: u32) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
