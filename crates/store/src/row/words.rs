//! The words of plain enums in rows, each in one place.

use domain::circle::{Severity, Standing};
use domain::event::ActorKind;
use domain::group::{Cause, HoldWhy, Phase, ScaleInOrder};
use domain::hook::{Answer, Format, KeyKind, Point};
use domain::slot::{DeleteWhy, DoubtWhy, Hold};
use domain::verdict::{Gate, Outcome};
use serde::{Deserialize, Serialize};

/// The word that stands for a value outside JSON: in hashes.
pub(crate) trait InWords {
    /// The same word as in JSON.
    fn word(self) -> &'static str;
}

macro_rules! words {
    ($row:ident of $domain:ident { $($variant:ident $word:literal)+ }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) enum $row {
            $(#[serde(rename = $word)] $variant,)+
        }
        impl InWords for $row {
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
        impl From<$domain> for $row {
            fn from(value: $domain) -> Self {
                match value { $($domain::$variant => Self::$variant,)+ }
            }
        }
        impl From<$row> for $domain {
            fn from(row: $row) -> Self {
                match row { $($row::$variant => Self::$variant,)+ }
            }
        }
    };
}

words!(CauseRow of Cause {
    Create "create" Configure "configure" Pause "pause" Delete "delete" Events "events" Queue "queue" Converge "converge"
});
words!(PhaseRow of Phase { Running "running" Paused "paused" Deleting "deleting" Tombstone "tombstone" });
words!(HoldRow of HoldWhy {
    NoCapacity "no-capacity" Quota "quota" Config "config" Credential "credential" Failures "failures" Throttled "throttled" Restored "restored"
});
words!(ScaleInRow of ScaleInOrder { OldestFirst "oldest-first" NewestFirst "newest-first" });
words!(KindRow of ActorKind { Caller "caller" Capability "capability" Schedule "schedule" Input "input" System "system" });
words!(OutcomeRow of Outcome {
    Applied "applied" Clamped "clamped" Unchanged "unchanged" Cooldown "cooldown" Debounced "debounced" Paused "paused"
    NoSuchPolicy "no-such-policy" Deleting "deleting" Expired "expired" Noted "noted" Waiting "waiting" Escalated "escalated"
});
words!(GateRow of Gate {
    Age "age" Lifecycle "lifecycle" Pause "pause" Policy "policy" PolicyCooldown "policy-cooldown" GroupCooldown "group-cooldown"
    Debounce "debounce" Alert "alert" Missing "missing" Window "window" Clamp "clamp" Change "change"
});
words!(DoubtRow of DoubtWhy { Timeout "timeout" Reset "reset" Unclear "unclear" WorkerLost "worker-lost" });
words!(DeleteRow of DeleteWhy {
    ScaleIn "scale-in" NoCapacity "no-capacity" Quota "quota" Failed "failed" Stuck "stuck" Surplus "surplus"
    GroupDeleted "group-deleted" Abandoned "abandoned"
});
words!(PointRow of Point {
    BeforeActive "server.before_active" Active "server.active" BeforeDelete "server.before_delete" Gone "server.gone"
    Scaled "group.scaled" Degraded "group.degraded" Escalated "alert.escalated" Over "alert.over"
});
words!(FormatRow of Format { Webhook "webhook" CloudEvents "cloudevents" Slack "slack" PagerDuty "pagerduty" Probe "probe" });
words!(AnswerRow of Answer { Continue "continue" Abandon "abandon" });
words!(KeyKindRow of KeyKind { Hmac "hmac" Ed25519 "ed25519" Address "address" Routing "routing" Bearer "bearer" });
words!(StandingRow of Standing {
    Open "open" Acknowledged "acknowledged" Steady "steady" Spare "spare" Closed "closed" Unknown "unknown" Once "once"
});
words!(SeverityRow of Severity { Info "info" Warning "warning" Critical "critical" });
words!(LapseRow of Hold { Counted "counted" Released "released" });
