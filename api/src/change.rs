//! Changing a group from `/v2`: one guarded commit, the same as everybody's, and the owner is told afterwards.

use domain::draft::Draft;
use domain::event::Actor;
use domain::group::{Cause, Change, Group, Phase};
use domain::ids::{Fence, GroupKey};
use store::apply::{Refused, View, apply};
use store::group::Level;
use wire::problem::Code;
use wire::v2::Invalid;

use crate::context::Context;
use crate::edit::{CONFIG_BYTES_MAX, NotEdited, change_fits};
use crate::etag::IfMatch;
use crate::failure::Failure;
use crate::tenant::is_there;
use crate::write::Seed;

/// Why a group was not changed; nothing was committed.
#[derive(Debug)]
pub(crate) enum NotChanged {
    /// It is being deleted.
    Deleting,
    /// It was deleted.
    Gone,
    /// It wants servers, and force was not asked for.
    NotEmpty,
    /// The writer has seen something else.
    Precondition,
    /// The configuration is not the one from which the change was made.
    Moved,
    /// The change breaks a rule that only the group can tell.
    Invalid(Invalid),
    /// An edit of policies or webhooks was not made.
    NotEdited(NotEdited),
    /// What the request makes of what is there is refused.
    Refused(Failure),
}

impl From<Failure> for NotChanged {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

impl From<NotEdited> for NotChanged {
    fn from(why: NotEdited) -> Self {
        Self::NotEdited(why)
    }
}

impl From<Invalid> for NotChanged {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<NotChanged> for Failure {
    fn from(why: NotChanged) -> Self {
        match why {
            NotChanged::Deleting => Self::new(
                Code::GroupDeleting,
                "a group that is being deleted takes no changes",
            ),
            NotChanged::Gone => Self::not_found(),
            NotChanged::NotEmpty => Self::new(
                Code::GroupNotEmpty,
                "scale the group to zero first, or delete it with force=true",
            ),
            NotChanged::Precondition => Self::new(
                Code::PreconditionFailed,
                "what is there is not what If-Match names: read it again",
            ),
            NotChanged::Moved => Self::new(
                Code::Busy,
                "others keep changing the configuration; nothing was done, try again",
            ),
            NotChanged::Invalid(invalid) => invalid.into(),
            NotChanged::NotEdited(why) => not_edited(&why),
            NotChanged::Refused(failure) => failure,
        }
    }
}

fn not_edited(why: &NotEdited) -> Failure {
    let full = |what: &str, most: u32| {
        Failure::new(
            Code::LimitReached,
            format!("{what} may have {most}, not more"),
        )
        .at("limit", most.to_string())
    };
    match why {
        NotEdited::NoPolicy | NotEdited::NoWebhook => Failure::not_found(),
        NotEdited::Exists(id) => Failure::new(
            Code::AlreadyExists,
            format!("the group has a policy {id} already"),
        )
        .at("id", "must be free"),
        NotEdited::TooManyPolicies(_, _, most) => full("the policies of a group", *most),
        NotEdited::TooManyWebhooks(_, _, most) => full("the webhooks of a policy", *most),
        NotEdited::TooLarge(bytes) => Invalid::new(
            "configuration",
            format!(
                "of a group, with its policies, webhooks and hooks, must not be larger than {CONFIG_BYTES_MAX} bytes; it would have {bytes}"
            ),
        )
        .into(),
    }
}

/// Refuses unless the writer has seen what is there.
pub(crate) fn seen(if_match: &IfMatch, now: &str) -> Result<(), NotChanged> {
    if if_match.holds(now) {
        Ok(())
    } else {
        Err(NotChanged::Precondition)
    }
}

/// The same of a write that may have been done by a try of it that died: then what is there is what that one made, and not what `If-Match` names
/// (RFC 9110, 13.1.1). `is_done` says whether it is.
pub(crate) fn seen_or_done(
    if_match: &IfMatch,
    now: &str,
    seed: Seed,
    is_done: impl FnOnce() -> bool,
) -> Result<(), NotChanged> {
    seen(if_match, now).or_else(|why| match seed.is_repeated && is_done() {
        true => Ok(()),
        false => Err(why),
    })
}

/// Reads a group for a change or for people; one that was deleted is not there any more.
pub(crate) async fn read(
    context: &Context,
    key: &GroupKey,
    level: Level,
) -> Result<Group, Failure> {
    let group = trace(context, key, level).await?;
    match group.state.phase {
        Phase::Running | Phase::Paused | Phase::Deleting => Ok(group),
        Phase::Tombstone => Err(Failure::not_found()),
    }
}

/// Reads what is known of a group, also of one that was deleted: for those who ask what became of it.
pub(crate) async fn trace(
    context: &Context,
    key: &GroupKey,
    level: Level,
) -> Result<Group, Failure> {
    let group = context.stores.groups.read(key, level).await?;
    group.ok_or_else(Failure::not_found)
}

/// Commits what `decide` makes of the group, and tells the owner. `decide` may run several times.
pub(crate) async fn change(
    context: &Context,
    key: &GroupKey,
    decide: impl FnMut(View<'_>) -> Result<Option<Change>, NotChanged> + Send,
) -> Result<Group, Failure> {
    change_or(context, key, decide)
        .await?
        .map_err(Failure::from)
}

/// The same, with the refusal for those who want to look at it.
pub(crate) async fn change_or(
    context: &Context,
    key: &GroupKey,
    mut decide: impl FnMut(View<'_>) -> Result<Option<Change>, NotChanged> + Send,
) -> Result<Result<Group, NotChanged>, Failure> {
    context.mark(key).await;
    let groups = &*context.stores.groups;
    let decide = |view: View<'_>| -> Result<Option<Change>, NotChanged> {
        let group = view.group;
        let change = decide(view)?;
        change_fits(group, change.as_ref())?;
        Ok(change)
    };
    match apply(&context.process, groups, key, Fence(0), None, decide).await {
        Ok(group) => {
            context.poke(key);
            Ok(Ok(group))
        }
        Err(Refused::Decision(why)) => Ok(Err(why)),
        Err(other) => Err(not_committed(&other)),
    }
}

/// Commits what `edit` makes of a group that is there. `edit` may run several times.
pub(crate) async fn edit(
    context: &Context,
    (key, actor): (&GroupKey, Actor),
    cause: Cause,
    mut edit: impl FnMut(&mut Draft<'_>) -> Result<(), NotChanged> + Send,
) -> Result<Group, Failure> {
    let now = context.now();
    let decide = |view: View<'_>| {
        if !is_there(view.group) {
            return Err(match view.group.state.phase {
                Phase::Tombstone => NotChanged::Gone,
                Phase::Running | Phase::Paused | Phase::Deleting => NotChanged::Deleting,
            });
        }
        let mut draft = Draft::new(view.group, now);
        edit(&mut draft)?;
        Ok((!draft.is_empty()).then(|| draft.finish(cause, actor.clone())))
    };
    change(context, key, decide).await
}

/// What to answer after a commit, where what is there now could not be read: never that nothing was done. A key stays bound to the write then.
pub(crate) fn committed(failure: Failure) -> Failure {
    if failure.code != Code::Unavailable {
        return failure;
    }
    Failure::new(
        Code::OutcomeUnknown,
        "it was done, or found done, but what is there now could not be read: look before trying again",
    )
}

/// Why a commit was not made, but for what the decision itself refused.
pub(crate) fn not_committed<E>(refused: &Refused<E>) -> Failure {
    match refused {
        Refused::Missing => Failure::not_found(),
        Refused::Store(error) => error.into(),
        Refused::Unknown => Failure::new(
            Code::OutcomeUnknown,
            "look at the group before trying again",
        ),
        Refused::Decision(_) | Refused::Contended => Failure::new(
            Code::Busy,
            "others keep changing the group; nothing was done, try again",
        ),
    }
}
