//! Heartbeats and orders as they travel.

use std::num::NonZeroU32;
use std::time::Duration;

use domain::control::{Mode, Scope, Switch};
use domain::home::Claim;
use domain::ids::{ColoId, HomeEpoch, Incarnation, PlaneName, WorkerName};
use domain::time::Timestamp;
use domain::turn::ProbeTurn;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::ports::http::Text;
use crate::ports::ops::{Fares, FenceRead, Heartbeat, Orders};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeartbeatMessage {
    #[serde_as(as = "Text")]
    worker: WorkerName,
    #[serde_as(as = "Text")]
    incarnation: Incarnation,
    fares: FaresWord,
    #[serde(default)]
    fence: Option<FenceMessage>,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct FenceMessage {
    epoch: u64,
    #[serde_as(as = "Option<Text>")]
    plane: Option<PlaneName>,
    age_ms: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaresWord {
    Well,
    Recovering,
    Failing,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OrdersMessage {
    colo: u16,
    switches: Vec<SwitchMessage>,
    share: Option<u32>,
    /// What workers go by that know no turns: the first of them alone probes.
    elected: bool,
    #[serde(default)]
    turn: Option<TurnMessage>,
    answered: bool,
    #[serde(default)]
    claim: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct TurnMessage {
    place: u32,
    of: NonZeroU32,
}

#[derive(Debug, Serialize, Deserialize)]
struct SwitchMessage {
    scope: String,
    mode: String,
    who: String,
    why: String,
    at_ms: u64,
    until_ms: Option<u64>,
}

impl From<Heartbeat> for HeartbeatMessage {
    fn from(heartbeat: Heartbeat) -> Self {
        Self {
            worker: heartbeat.worker,
            incarnation: heartbeat.incarnation,
            fares: match heartbeat.fares {
                Fares::Well => FaresWord::Well,
                Fares::Recovering => FaresWord::Recovering,
                Fares::Failing => FaresWord::Failing,
            },
            fence: heartbeat.fence.map(|read| FenceMessage {
                epoch: read.claim.epoch.0,
                plane: read.claim.plane,
                age_ms: u64::try_from(read.age.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }
}

impl From<HeartbeatMessage> for Heartbeat {
    fn from(message: HeartbeatMessage) -> Self {
        Self {
            worker: message.worker,
            incarnation: message.incarnation,
            fares: match message.fares {
                FaresWord::Well => Fares::Well,
                FaresWord::Recovering => Fares::Recovering,
                FaresWord::Failing => Fares::Failing,
            },
            fence: message.fence.map(|read| FenceRead {
                claim: Claim {
                    epoch: HomeEpoch(read.epoch),
                    plane: read.plane,
                },
                age: Duration::from_millis(read.age_ms),
            }),
        }
    }
}

impl From<Orders> for OrdersMessage {
    fn from(orders: Orders) -> Self {
        let switches = orders.switches.into_iter().map(|switch| SwitchMessage {
            scope: switch.scope.text(),
            mode: switch.mode.as_str().to_owned(),
            who: switch.who,
            why: switch.why,
            at_ms: switch.at.unix_ms(),
            until_ms: switch.until.map(Timestamp::unix_ms),
        });
        Self {
            colo: orders.colo.0,
            switches: switches.collect(),
            share: orders.share,
            elected: orders.turn.is_some_and(|turn| turn.place() == 0),
            turn: orders.turn.map(|turn| TurnMessage {
                place: turn.place(),
                of: turn.of(),
            }),
            answered: orders.answered,
            claim: orders.claim.map(|epoch| epoch.0),
        }
    }
}

impl OrdersMessage {
    /// None: a word in it is not known.
    pub(super) fn into_orders(self) -> Option<Orders> {
        let switches = self.switches.into_iter().map(|message| {
            Some(Switch {
                scope: Scope::parse(&message.scope)?,
                mode: Mode::parse(&message.mode)?,
                who: message.who,
                why: message.why,
                at: Timestamp::from_unix_ms(message.at_ms),
                until: message.until_ms.map(Timestamp::from_unix_ms),
            })
        });
        Some(Orders {
            colo: ColoId(self.colo),
            switches: switches.collect::<Option<_>>()?,
            share: self.share,
            // A supervisor that knows no turns elects one.
            turn: match self.turn {
                Some(turn) => Some(ProbeTurn::new(turn.place, turn.of)),
                None => self.elected.then_some(ProbeTurn::ALONE),
            },
            answered: self.answered,
            claim: self.claim.map(HomeEpoch),
        })
    }
}
