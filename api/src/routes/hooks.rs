//! Hooks of a group: whom it tells, and for whom its servers wait. Secrets come in or are made here, are sealed at once, and are shown once.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::draft::Draft;
use domain::group::{Cause, Group};
use domain::hook::{self, HOOKS_MAX, KEYS_MAX, KeyKind};
use domain::ids::HookId;
use domain::time::Timestamp;
use store::group::Level;
use wire::hooks::secret::{self, HookKeys, NONCE_BYTES, Owner};
use wire::problem::Code;
use wire::v2::hook::{Format, Hook, HookMade, HookSpec, Rotation, Signature};
use wire::v2::{Invalid, Page};

use crate::auth::right::{Crud, InGroup, Read};
use crate::body::Body;
use crate::change::{NotChanged, edit, read};
use crate::context::Context;
use crate::failure::Failure;
use crate::openapi::{Keyed, OfBody, OfChange, OfMake, OfWrite, PathOfGroup, PathOfHook, Refusals};
use crate::told::Told;
use crate::write::{Answer, Seed, no_body, once};

type Names = web::Path<(String, String, String)>;

/// The longest bearer token of a probe.
const BEARER_BYTES_MAX: usize = 4096;

/// The hooks of a group.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/hooks", operation_id = "listHooks", tag = "hooks",
    params(PathOfGroup),
    responses((status = 200, description = "All of them: at most 8", body = Page<Hook>), Refusals),
    security(("token" = [])),
)]
pub async fn list(
    within: InGroup<Read>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Failure> {
    let group = read(&context, &within.key, Level::Serial).await?;
    let hooks = group.config.hooks.iter();
    Ok(HttpResponse::Ok().json(Page {
        items: hooks
            .map(|(id, hook)| Hook::new(id, hook))
            .collect::<Vec<_>>(),
        next: None,
    }))
}

/// One hook.
#[utoipa::path(
    get, path = "/v2/{tenant}/groups/{group}/hooks/{hook}", operation_id = "showHook", tag = "hooks",
    params(PathOfHook),
    responses((status = 200, description = "The hook", body = Hook), Refusals),
    security(("token" = [])),
)]
pub async fn show(
    within: InGroup<Read>,
    context: web::Data<Context>,
    path: Names,
) -> Result<HttpResponse, Failure> {
    let id = named(&path)?;
    let group = read(&context, &within.key, Level::Serial).await?;
    let hook = group.config.hooks.get(&id).ok_or_else(Failure::not_found)?;
    Ok(HttpResponse::Ok().json(Hook::new(&id, hook)))
}

/// Makes a hook, or replaces it.
///
/// A new hook's secret is in the answer, once. A hook that is replaced keeps its keys, unless the request brings a secret of its own; the token of a
/// probe must come again with another address.
#[utoipa::path(
    put, path = "/v2/{tenant}/groups/{group}/hooks/{hook}", operation_id = "putHook", tag = "hooks",
    params(PathOfGroup, ("hook" = String, Path, description = "The hook's id: 1 to 64 of letters, digits, '-', '_'"), Keyed),
    request_body = HookSpec,
    responses((status = 200, description = "The hook, and its secret if one was made", body = HookMade), Refusals, OfBody, OfChange, OfWrite, OfMake),
    security(("token" = [])),
)]
pub async fn put(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<HookSpec>,
    path: Names,
) -> Result<HttpResponse, Failure> {
    let id = named(&path)?;
    let spec = body.value;
    let parsed = spec.parse()?;
    let key = &within.key;
    let owner = Owner {
        group: key,
        hook: &id,
    };
    let asked = (&request, body.hash);
    once(&context, Some(&key.tenant), asked, async |seed| {
        let made = fresh(&context, owner, (&spec, seed))?;
        let place = |draft: &mut Draft<'_>| {
            let mut config = draft.config().clone();
            let before = config.hooks.get(&id);
            if before.is_none() && config.hooks.len() >= HOOKS_MAX {
                return Err(Invalid::new("hooks", "of a group are at most 8").into());
            }
            let mut hook = parsed.clone();
            let kept =
                before.filter(|before| before.format == hook.format && spec.secret.is_none());
            hook.keys = match kept {
                // The address itself is the key, and comes with every request.
                Some(_) if hook.format == hook::Format::Slack => made.keys.clone(),
                Some(before) => carried(before, &hook)?,
                None => made.keys.clone(),
            };
            config.hooks.insert(id.clone(), hook);
            draft.configure(config);
            Ok(())
        };
        let by = (key, within.allowed.actor());
        let group = edit(&context, by, Cause::Configure, place).await?;
        answer(&group, owner, &made)
    })
    .await
}

/// The keys of the hook before. A bearer token goes to the address that it was given for and to no other: who may change a hook could else have
/// it sent to himself. Keys that sign give nothing away.
fn carried(before: &hook::Hook, hook: &hook::Hook) -> Result<Vec<hook::Key>, Invalid> {
    let is_sent = hook.format == hook::Format::Probe && !before.keys.is_empty();
    if is_sent && before.url != hook.url {
        let rule = "must come with another url: a probe's token is not sent to a new address";
        return Err(Invalid::new("secret", rule));
    }
    Ok(before.keys.clone())
}

/// The hook as it is now, and the key that this write made, also if a try of it that died did. Older ones are not told: whoever may change a hook
/// may not read its keys.
fn answer(group: &Group, owner: Owner<'_>, made: &Made) -> Result<Answer, Failure> {
    let hook = group.config.hooks.get(owner.hook);
    let hook = hook.ok_or_else(Failure::not_found)?;
    let (secret, told) = match &made.shown {
        Some(Shown::Public) => (made.among(&hook.keys).and_then(|k| k.public.clone()), None),
        Some(Shown::Secret) => (None, made.among(&hook.keys)),
        None => (None, None),
    };
    let hook = Hook::new(owner.hook, hook);
    let answer = Answer::of(StatusCode::OK, &HookMade { hook, secret });
    Ok(match told {
        Some(key) => answer.telling(Told::hook(owner, &key.sealed)),
        None => answer,
    })
}

/// Removes a hook. Servers that wait for it go on; messages that were not sent are dead letters.
#[utoipa::path(
    delete, path = "/v2/{tenant}/groups/{group}/hooks/{hook}", operation_id = "deleteHook", tag = "hooks",
    params(PathOfHook, Keyed),
    responses((status = 204, description = "It is gone"), Refusals, OfChange, OfWrite),
    security(("token" = [])),
)]
pub async fn delete(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: Names,
) -> Result<HttpResponse, Failure> {
    let id = named(&path)?;
    let key = &within.key;
    let asked = (&request, no_body());
    once(&context, Some(&key.tenant), asked, async |seed| {
        let remove = |draft: &mut Draft<'_>| {
            let mut config = draft.config().clone();
            match config.hooks.remove(&id) {
                Some(_) => draft.configure(config),
                None if seed.is_repeated => {}
                None => return Err(NotChanged::Gone),
            }
            Ok(())
        };
        let by = (key, within.allowed.actor());
        edit(&context, by, Cause::Configure, remove).await?;
        Ok(Answer::empty())
    })
    .await
}

/// Gives a hook a new key. Until the overlap ends, messages carry a signature of each, so that receivers can change over at their leisure.
#[utoipa::path(
    post, path = "/v2/{tenant}/groups/{group}/hooks/{hook}/rotate", operation_id = "rotateHook", tag = "hooks",
    params(PathOfHook, Keyed),
    request_body = Rotation,
    responses((status = 200, description = "The hook and its new secret, shown once", body = HookMade), Refusals, OfBody, OfChange, OfWrite, OfMake),
    security(("token" = [])),
)]
pub async fn rotate(
    within: InGroup<Crud>,
    context: web::Data<Context>,
    request: HttpRequest,
    body: Body<Rotation>,
    path: Names,
) -> Result<HttpResponse, Failure> {
    let id = named(&path)?;
    let overlap = body.value.overlap()?;
    let key = &within.key;
    let owner = Owner {
        group: key,
        hook: &id,
    };
    let asked = (&request, body.hash);
    once(&context, Some(&key.tenant), asked, async |seed| {
        let made = signing(&context, owner, (body.value.signature, seed))?;
        let turn = |draft: &mut Draft<'_>| {
            let now = draft.now().wall;
            let mut config = draft.config().clone();
            let hook = config.hooks.get_mut(&id).ok_or(NotChanged::Gone)?;
            is_signed(hook.format)?;
            if made.among(&hook.keys).is_some() {
                // A try of this write that died has done it: once more would end the key before it, which receivers still have.
                return Ok(());
            }
            let before = std::mem::take(&mut hook.keys);
            hook.keys = turned(&made.keys, before, now.plus(overlap), now);
            draft.configure(config);
            Ok(())
        };
        let by = (key, within.allowed.actor());
        let group = edit(&context, by, Cause::Configure, turn).await?;
        answer(&group, owner, &made)
    })
    .await
}

/// Only these forms have keys that can be changed.
fn is_signed(format: hook::Format) -> Result<(), Invalid> {
    match format {
        hook::Format::Webhook | hook::Format::CloudEvents => Ok(()),
        hook::Format::Slack | hook::Format::PagerDuty | hook::Format::Probe => {
            let rule = "must be webhook or cloudevents: other forms are not signed";
            Err(Invalid::new("format", rule))
        }
    }
}

/// The new key first, then the one before until the overlap ends; what had ended already goes.
fn turned(
    new: &[hook::Key],
    before: Vec<hook::Key>,
    until: Timestamp,
    now: Timestamp,
) -> Vec<hook::Key> {
    let live = before
        .into_iter()
        .filter(|key| key.until.is_none_or(|end| end > now));
    let old = live.map(|key| hook::Key {
        until: Some(key.until.map_or(until, |end| end.min(until))),
        ..key
    });
    let old = old.filter(|key| key.until > Some(now));
    new.iter().cloned().chain(old).take(KEYS_MAX).collect()
}

/// Keys that were just sealed, and what the customer is shown of them.
struct Made {
    keys: Vec<hook::Key>,
    shown: Option<Shown>,
    /// What the key is sealed with, if it was made here.
    nonce: Option<[u8; NONCE_BYTES]>,
}

impl Made {
    /// The key that this write made, if it is among these.
    fn among<'a>(&self, keys: &'a [hook::Key]) -> Option<&'a hook::Key> {
        let nonce = self.nonce?;
        let mut keys = keys.iter();
        keys.find(|key| secret::is_sealed_with(nonce, &key.sealed))
    }
}

/// What a customer is shown of a key that was made.
enum Shown {
    /// The key itself, by which receivers verify.
    Secret,
    /// The public half of it.
    Public,
}

/// The keys that a request brings, or that are made for it.
fn fresh(
    context: &Context,
    owner: Owner<'_>,
    (spec, seed): (&HookSpec, Seed),
) -> Result<Made, Failure> {
    let one = |kind, secret: &str| {
        let mut nonce = [0; NONCE_BYTES];
        context.process.entropy.fill(&mut nonce);
        Ok(Made {
            keys: vec![sealed(context, owner, (kind, secret, nonce))?],
            shown: None,
            nonce: None,
        })
    };
    match (spec.format, &spec.secret) {
        (Format::Slack, None) => {
            let address = spec.address()?.unwrap_or_default();
            one(KeyKind::Address, address)
        }
        (Format::Slack, Some(_)) => Err(Invalid::new("secret", "is in the url for slack").into()),
        (Format::PagerDuty, Some(routing)) if (1..=64).contains(&routing.len()) => {
            one(KeyKind::Routing, routing)
        }
        (Format::PagerDuty, _) => {
            let rule = "must be the routing key of PagerDuty, up to 64 characters";
            Err(Invalid::new("secret", rule).into())
        }
        (Format::Probe, None) => Ok(Made {
            keys: Vec::new(),
            shown: None,
            nonce: None,
        }),
        (Format::Probe, Some(token))
            if (1..=BEARER_BYTES_MAX).contains(&token.len())
                && token.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            one(KeyKind::Bearer, token)
        }
        (Format::Probe, Some(_)) => {
            let rule = "must be a bearer token of 1 to 4096 visible characters";
            Err(Invalid::new("secret", rule).into())
        }
        (Format::Webhook | Format::CloudEvents, None) => {
            signing(context, owner, (spec.signature, seed))
        }
        (Format::Webhook | Format::CloudEvents, Some(secret)) => {
            if !secret::is_symmetric(secret) || spec.signature != Signature::Hmac {
                let rule = "must be whsec_ and 24 to 64 bytes in base64, for hmac";
                return Err(Invalid::new("secret", rule).into());
            }
            one(KeyKind::Hmac, secret)
        }
    }
}

/// A new signing key: each try of one write makes the same.
fn signing(
    context: &Context,
    owner: Owner<'_>,
    (how, seed): (Signature, Seed),
) -> Result<Made, Failure> {
    let no_key = || Failure::new(Code::Internal, "no key");
    let nonce = secret::nonce(seed.write());
    let bytes = keys(context)?.bytes(owner, seed.write());
    let bytes = bytes.ok_or_else(no_key)?;
    let (key, shown) = match how {
        Signature::Hmac => {
            let secret = secret::symmetric(&bytes);
            let key = sealed(context, owner, (KeyKind::Hmac, &secret, nonce))?;
            (key, Shown::Secret)
        }
        Signature::Ed25519 => {
            let (private, public) = secret::pair(&bytes).ok_or_else(no_key)?;
            let key = hook::Key {
                public: Some(public),
                ..sealed(context, owner, (KeyKind::Ed25519, &private, nonce))?
            };
            (key, Shown::Public)
        }
    };
    Ok(Made {
        keys: vec![key],
        shown: Some(shown),
        nonce: Some(nonce),
    })
}

fn sealed(
    context: &Context,
    owner: Owner<'_>,
    (kind, secret, nonce): (KeyKind, &str, [u8; NONCE_BYTES]),
) -> Result<hook::Key, Failure> {
    let sealed = keys(context)?.seal(owner, secret, nonce);
    Ok(hook::Key {
        kind,
        sealed: sealed
            .ok_or_else(|| Failure::new(Code::Internal, "the secret cannot be sealed"))?,
        public: None,
        until: None,
    })
}

/// The keys of this installation's hooks.
pub(super) fn keys(context: &Context) -> Result<&HookKeys, Failure> {
    context.hooks.as_ref().ok_or_else(|| {
        let detail = "the operator has configured no keys for hooks";
        Failure::new(Code::NotConfigured, detail)
    })
}

fn named(path: &Names) -> Result<HookId, Failure> {
    path.2.parse().map_err(|_error| Failure::not_found())
}
