//! Planted mistakes, one per rule, so that a property can be shown to notice when its rule is missing (safety 4.2).
//!
//! Without the cargo feature `mutants` no mistake can be switched on and the switches compile to nothing; no shipped binary has
//! the feature. With it, `cargo test -p domain --features mutants` plants each [`Mutant`] in turn and demands that a property breaks, and
//! `sim mutants` switches each safety [`Rule`] of the whole system off and demands that a schedule does.

macro_rules! mutants {
    ($(#[$what:meta])* $kind:ident: $($(#[$doc:meta])* $name:ident,)+) => {
        $(#[$what])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $kind {
            $($(#[$doc])* $name,)+
        }
        impl $kind {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

mutants!(
    /// A rule of this crate that can be switched off, or its opposite switched on: a property notices.
    Mutant:
    /// `policy`: percentages are cut, not rounded away from zero.
    PercentTruncates,
    /// `decide`: bounds do not cap what is asked.
    ClampMissing,
    /// `decide`: the group's cooldown does not stop an event.
    CooldownMissing,
    /// `decide`: a cooldown stops an event after it has passed, not before.
    CooldownReversed,
    /// `decide`: a policy's own cooldown stops other policies too.
    PolicyCooldownShared,
    /// `decide`: refused events move the clocks.
    RefusalMovesClock,
    /// `decide`: the same id twice in one batch is judged twice.
    DoubleJudged,
    /// `decide`: force passes a paused group.
    ForcePassesPause,
    /// `decide`: a verdict names the size before as the size after.
    VerdictForgetsChange,
    /// `decide`: debounce does nothing.
    DebounceMissing,
    /// `decide`: an override passes every bound, not only to its size.
    OverrideUnbounded,
    /// `decide`: a grant never ends.
    OverrideEternal,
    /// `circle`: an alert that is open already makes the group step again at once.
    AlertActsAgain,
    /// `circle`: stepping up has no window.
    WindowMissing,
    /// `circle`: the group gives servers up while an alert is open.
    DeflateWhileOpen,
    /// `circle`: the end of the last alert is not noted.
    EndUnheard,
    /// `circle`: a scale-out does not postpone scale-in.
    GrowthPostponesNothing,
    /// `circle`: servers are given up before whoever was asked has said that it is over.
    AskedForNothing,
    /// `plan`: slots are issued beyond max.
    IssueBeyondMax,
    /// `plan`: every permit is used, wanted or not.
    IssueUnwanted,
    /// `plan`: fewer slots are issued than are missing.
    DeficitShort,
    /// `slot`: a lapsed slot stops counting against max at once.
    LapsedUncounted,
    /// `plan`: slots are issued while the group is held.
    IssueWhileHeld,
    /// `plan`: a paused group launches.
    IssueWhilePaused,
    /// `plan`: a slot that is in the ledger already is issued once more.
    IssueAgain,
    /// `draft`: a commit has room for any number of slots.
    BatchUnbounded,
    /// `group`: a slot that ends is not taken out of the census.
    CensusForgets,
    /// `group`: folding a change forgets the state.
    FoldForgetsState,
    /// `slot`: an ended slot can be bound again.
    EndedReopens,
    /// `slot`: a server that vanished by itself is said to be deleted by us.
    GoneUnexplained,
    /// `plan`: a server whose cell is down is replaced at once.
    CellGraceMissing,
    /// `plan`: scale-in has no cap.
    ShrinkUncapped,
    /// `plan`: what left within the last minute is not counted.
    ShrinkAnyTime,
    /// `plan`: victims need not have been seen.
    VictimUnseen,
    /// `plan`: a server whose cell is down may be a victim.
    VictimUnknown,
    /// `plan`: a disowned server may be a victim.
    VictimDisowned,
    /// `plan`: the newest server in service leaves first, whatever the configuration says.
    OrderReversed,
    /// `plan`: servers in service leave before building ones.
    BuildingLast,
    /// `plan`: a group in deletion becomes a tombstone with slots open.
    TombstoneEarly,
    /// `evidence`: a list with gaps adopts.
    AdoptFromPartial,
    /// `evidence`: a server of somebody else with our proof is adopted.
    AdoptForeign,
    /// `evidence`: a server that has a role in another group is adopted.
    AdoptTaken,
    /// `evidence`: the highest of several candidates is adopted.
    AdoptHighest,
    /// `evidence`: a doubt lapses before quiesce.
    LapseEarly,
    /// `evidence`: one list lapses a doubt.
    LapseOnOneList,
    /// `evidence`: a list with gaps lapses a doubt.
    LapseFromPartial,
    /// `evidence`: a lapsed slot is released while the token lives.
    ReleaseEarly,
    /// `evidence`: a token that is revoked counts as revoked since its call.
    RevokedSinceTheCall,
    /// `evidence`: absence from a list with gaps counts.
    GoneFromPartial,
    /// `evidence`: one absence is enough.
    GoneAtOnce,
    /// `evidence`: a server whose cell is down counts as absent.
    UnknownIsAbsent,
    /// `evidence`: a server of an ended slot is left alone.
    LateForgotten,
    /// `evidence`: an older list overwrites what a newer one said.
    StaleOverwrites,
    /// `evidence`: a row without metadata disowns.
    UnreadableDisowns,
    /// `settle`: a call that had begun is taken for one that never did.
    VoidBegun,
    /// `settle`: an unknown outcome is taken for a failure.
    UnknownIsFailed,
    /// `settle`: a late 202 is bound although the server has a role already.
    LateRebinds,
    /// `due`: a disowned server is deleted.
    DeleteDisowned,
    /// `due`: a delete is sent in every pass.
    DeleteUnpaced,
    /// `due`: a group is woken at once, always.
    WakeAlways,
    /// `hold`: failed builds are replaced without end.
    FailuresUnlimited,
    /// `hold`: every failure of one wave raises the back-off.
    StrikePerSlot,
    /// `outbox`: a wait has no end.
    WaitForEver,
    /// `outbox`: heartbeats stretch a wait without end.
    HeartbeatUnbounded,
    /// `outbox`: a server goes into service whatever waits.
    NobodyWaits,
    /// `outbox`: an answer after the deadline counts.
    LateAnswerCounts,
    /// `outbox`: messages about one server are sent in any order.
    HooksOutOfOrder,
    /// `outbox`: a message is tried for ever.
    RetryForEver,
);

mutants!(
    /// A safety rule of the whole system that can be switched off: the simulator notices (`sim mutants`).
    Rule:
    /// `worker`: a create whose outcome is unknown is not sent again.
    OneCallPerSlot,
    /// `worker`: a create that was refused with 401 is not sent again with a fresh token.
    NoCallAfter401,
    /// `worker`: a create is marked in the begun-log before it is sent.
    MarkBeforeCall,
    /// `worker`: what the begun-log shows as begun is not begun again.
    BegunOnce,
    /// `worker`: a life answers for its own calls only; for a dead one its log does.
    VoidByIncarnation,
    /// `worker`: the time to begin counts from the start of the poll, not from its reply.
    BeginDeadline,
    /// `cloud`: a list counts as complete only from the microversion on that shows dead cells.
    CompleteLists,
    /// `cloud`: a delete needs our proof in a fresh read.
    DeleteNeedsProof,
    /// `cloud`: that proof must name the slot that is being deleted.
    ProofNamesSlot,
    /// `cloud`: nobody calls while the cloud asked to wait.
    RetryAfter,
    /// `evidence`: an UNKNOWN row is older than a call only for the owner that issued the slot.
    UnknownRowBeforeCall,
    /// `store`: an unclear commit was applied only if the next record carries one of its nonces.
    SuccessByNonce,
    /// `store`: nothing is done before its commit is known to be applied.
    ActAfterCommit,
    /// `store`: a nonce that was tried stays outstanding when another attempt follows.
    OutstandingNonces,
    /// `store`: a commit is refused when the revision moved on.
    RevisionGuard,
    /// `store`: a second verdict for an event is refused.
    OneVerdict,
    /// `store`: an owner under a lower fence stops.
    FenceRead,
    /// `supervisor`: a doubled event in the inbox is taken out (interleaving H8).
    TakeDecided,
    /// `supervisor`: rules count monotonic time.
    MonotonicClock,
    /// `supervisor`: ids come from randomness that nobody else draws from.
    OwnIds,
    /// `api`: only an owner decides; an api that cannot reach it queues.
    OwnerDecides,
    /// `api`: an event is acknowledged only when it is durable.
    AckWhenDurable,
);

#[cfg(feature = "mutants")]
mod planted {
    use std::cell::Cell;

    use super::{Mutant, Rule};

    thread_local! {
        static PLANTED: Cell<Option<Mutant>> = const { Cell::new(None) };
        static OFF: Cell<Option<Rule>> = const { Cell::new(None) };
    }

    /// Switches a rule off for this thread, or all on again.
    pub fn switch_off(rule: Option<Rule>) {
        OFF.set(rule);
    }

    /// Whether a rule is switched off.
    #[must_use]
    pub fn off(rule: Rule) -> bool {
        OFF.get() == Some(rule)
    }

    /// Plants a mistake for this thread, or takes it out again.
    pub fn plant(mutant: Option<Mutant>) {
        PLANTED.set(mutant);
    }

    pub(crate) fn on(mutant: Mutant) -> bool {
        PLANTED.get() == Some(mutant)
    }
}

#[cfg(feature = "mutants")]
pub(crate) use planted::on;
#[cfg(feature = "mutants")]
pub use planted::{off, plant, switch_off};

/// No rule can be switched off in a shipped binary.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn off(_rule: Rule) -> bool {
    false
}

/// No mistake is ever planted in a shipped binary.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn on(_mutant: Mutant) -> bool {
    false
}
