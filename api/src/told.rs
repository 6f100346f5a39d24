//! What is told once: capability URLs and secrets. No note keeps them; an answer that is given again derives them anew ([`crate::write`]).

use domain::ids::{GroupId, GroupKey, HookId, InputId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wire::hooks::secret::Owner;
use wire::v2::input::VerifyBy;

use crate::context::Context;
use crate::intake::shown_secret;

/// What an answer tells besides what its note keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// The body's `url`: of a group's webhook with this serial number.
    Webhook { group: String, serial: u32 },
    /// The body's `url`, and its `secret` if senders must prove theirs.
    Input {
        input: String,
        serial: u32,
        by: Option<VerifyBy>,
    },
    /// The body's `secret`: as the hook has it, sealed.
    Hook {
        group: String,
        hook: String,
        sealed: String,
    },
}

impl Told {
    pub(crate) fn webhook(group: GroupId, serial: u32) -> Self {
        Self::Webhook {
            group: group.to_string(),
            serial,
        }
    }

    pub(crate) fn input(input: InputId, serial: u32, by: Option<VerifyBy>) -> Self {
        Self::Input {
            input: input.to_string(),
            serial,
            by,
        }
    }

    pub(crate) fn hook(owner: Owner<'_>, sealed: &str) -> Self {
        Self::Hook {
            group: owner.group.id.to_string(),
            hook: owner.hook.to_string(),
            sealed: sealed.to_owned(),
        }
    }

    /// Puts it into the body. What cannot be derived any more, because a key was taken away, is left out.
    pub(crate) fn tell(&self, context: &Context, tenant: &TenantId, body: &mut Map<String, Value>) {
        let (url, secret) = self.derive(context, tenant).unwrap_or_default();
        for (member, text) in [("url", url), ("secret", secret)] {
            if let Some(text) = text {
                body.insert(member.to_owned(), text.into());
            }
        }
    }

    fn derive(
        &self,
        context: &Context,
        tenant: &TenantId,
    ) -> Option<(Option<String>, Option<String>)> {
        let key = |group: &GroupId| -> GroupKey { context.key(tenant.clone(), *group) };
        match self {
            Self::Webhook { group, serial } => {
                let url = context.v1.capability(&key(&group.parse().ok()?), *serial);
                Some((url, None))
            }
            Self::Input { input, serial, by } => {
                let input: InputId = input.parse().ok()?;
                let secret = context.v1.seal.input_secrets(input, *serial).next();
                let shown = by.zip(secret).map(|(by, secret)| shown_secret(by, &secret));
                Some((context.v1.input(input, *serial), shown))
            }
            Self::Hook {
                group,
                hook,
                sealed,
            } => {
                let hook: HookId = hook.parse().ok()?;
                let key = key(&group.parse().ok()?);
                let owner = Owner {
                    group: &key,
                    hook: &hook,
                };
                let secret = context.hooks.as_ref()?.open(owner, sealed)?;
                Some((None, Some(secret.expose().to_owned())))
            }
        }
    }
}
