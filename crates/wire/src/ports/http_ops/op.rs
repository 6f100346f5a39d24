//! Offers and operations as they travel.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::{
    GroupId, GroupKey, HomeEpoch, Incarnation, Nonce, OpId, ServerId, SlotId, TenantId, WorkerName,
};
use domain::trace::Trace;
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::ports::http::{Micros, Text};
use crate::ports::ops::{Call, CreateCall, Names, Offer, Op, Priority, Subject};

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OfferMessage {
    #[serde_as(as = "Text")]
    worker: WorkerName,
    #[serde_as(as = "Text")]
    incarnation: Incarnation,
    creates: u32,
    others: u32,
    #[serde_as(as = "BTreeMap<Text, Micros>")]
    tokens_left_us: BTreeMap<TenantId, Duration>,
    #[serde_as(as = "Micros")]
    wait_us: Duration,
}

impl From<Offer> for OfferMessage {
    fn from(offer: Offer) -> Self {
        Self {
            worker: offer.worker,
            incarnation: offer.incarnation,
            creates: offer.creates,
            others: offer.others,
            tokens_left_us: offer.tokens,
            wait_us: offer.wait,
        }
    }
}

impl From<OfferMessage> for Offer {
    fn from(message: OfferMessage) -> Self {
        Self {
            worker: message.worker,
            incarnation: message.incarnation,
            creates: message.creates,
            others: message.others,
            tokens: message.tokens_left_us,
            wait: message.wait_us,
        }
    }
}

/// The reply to one poll.
#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReplyMessage {
    /// Who may begin what is in here.
    #[serde_as(as = "Text")]
    incarnation: Incarnation,
    /// Launch configurations, each once. They are JSON, so they are text.
    launches: Vec<String>,
    ops: Vec<OpMessage>,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct OpMessage {
    #[serde_as(as = "Text")]
    id: OpId,
    key: SubjectMessage,
    call: CallMessage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde_as(as = "Option<Text>")]
    trace: Option<Trace>,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SubjectMessage {
    #[serde_as(as = "Text")]
    tenant: TenantId,
    group: Option<GroupMessage>,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
struct GroupMessage {
    #[serde_as(as = "Text")]
    id: GroupId,
    epoch: u64,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum CallMessage {
    Create {
        #[serde_as(as = "Text")]
        slot: SlotId,
        #[serde_as(as = "Text")]
        nonce: Nonce,
        /// Its place in `launches`.
        launch: usize,
        labels: BTreeMap<String, String>,
        priority: PriorityWord,
    },
    Delete {
        #[serde_as(as = "Text")]
        slot: SlotId,
        #[serde_as(as = "Text")]
        proof: SlotId,
        #[serde_as(as = "Text")]
        server: ServerId,
        priority: PriorityWord,
    },
    Void {
        #[serde_as(as = "Text")]
        slot: SlotId,
        #[serde_as(as = "Text")]
        incarnation: Incarnation,
    },
    Read {
        #[serde_as(as = "Text")]
        slot: SlotId,
        #[serde_as(as = "Text")]
        server: ServerId,
    },
    List,
    ListTagged {
        #[serde_as(as = "Text")]
        slot: SlotId,
    },
    SignIn,
    LookUp {
        flavor: String,
        image: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PriorityWord {
    Doubt,
    UserDelete,
    BelowMin,
    ScaleOut,
    Rolling,
    Housekeeping,
}

impl ReplyMessage {
    pub(super) fn new(incarnation: Incarnation, ops: Vec<Op>) -> Self {
        let mut bodies: Vec<Arc<[u8]>> = Vec::new();
        let ops = ops.into_iter().map(|op| OpMessage {
            id: op.id,
            key: SubjectMessage::from(op.key),
            call: call_message(op.call, &mut bodies),
            trace: op.trace,
        });
        let ops = ops.collect();
        let text = |body: &Arc<[u8]>| String::from_utf8_lossy(body).into_owned();
        Self {
            incarnation,
            launches: bodies.iter().map(text).collect(),
            ops,
        }
    }

    /// The operations, if all of them can be read and they are for this incarnation.
    pub(super) fn into_ops(self, incarnation: Incarnation) -> Option<Vec<Op>> {
        if self.incarnation != incarnation {
            return None;
        }
        let bodies = self
            .launches
            .into_iter()
            .map(|text| Arc::from(text.into_bytes()));
        let bodies: Vec<Arc<[u8]>> = bodies.collect();
        let op = |message: OpMessage| {
            Some(Op {
                id: message.id,
                key: message.key.into(),
                call: call(message.call, &bodies)?,
                trace: message.trace,
            })
        };
        self.ops.into_iter().map(op).collect()
    }
}

fn call_message(call: Call, bodies: &mut Vec<Arc<[u8]>>) -> CallMessage {
    match call {
        Call::Create(create) => {
            let create = *create;
            let known = bodies
                .iter()
                .position(|body| Arc::ptr_eq(body, &create.launch));
            let launch = known.unwrap_or_else(|| {
                bodies.push(create.launch);
                bodies.len() - 1
            });
            CallMessage::Create {
                slot: create.slot,
                nonce: create.nonce,
                launch,
                labels: create.labels,
                priority: create.priority.into(),
            }
        }
        Call::Delete {
            slot,
            proof,
            server,
            priority,
        } => CallMessage::Delete {
            slot,
            proof,
            server,
            priority: priority.into(),
        },
        Call::Void { slot, incarnation } => CallMessage::Void { slot, incarnation },
        Call::Read { slot, server } => CallMessage::Read { slot, server },
        Call::List => CallMessage::List,
        Call::ListTagged { slot } => CallMessage::ListTagged { slot },
        Call::SignIn => CallMessage::SignIn,
        Call::LookUp(Names { flavor, image }) => CallMessage::LookUp { flavor, image },
    }
}

fn call(message: CallMessage, bodies: &[Arc<[u8]>]) -> Option<Call> {
    Some(match message {
        CallMessage::Create {
            slot,
            nonce,
            launch,
            labels,
            priority,
        } => Call::Create(Box::new(CreateCall {
            slot,
            nonce,
            launch: Arc::clone(bodies.get(launch)?),
            labels,
            priority: priority.into(),
        })),
        CallMessage::Delete {
            slot,
            proof,
            server,
            priority,
        } => Call::Delete {
            slot,
            proof,
            server,
            priority: priority.into(),
        },
        CallMessage::Void { slot, incarnation } => Call::Void { slot, incarnation },
        CallMessage::Read { slot, server } => Call::Read { slot, server },
        CallMessage::List => Call::List,
        CallMessage::ListTagged { slot } => Call::ListTagged { slot },
        CallMessage::SignIn => Call::SignIn,
        // What is no id is refused here too: it would be another path.
        CallMessage::LookUp { flavor, image } => {
            Call::LookUp(Names::safe(&flavor, image.as_deref())?)
        }
    })
}

impl From<Subject> for SubjectMessage {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Group(key) => Self {
                tenant: key.tenant,
                group: Some(GroupMessage {
                    id: key.id,
                    epoch: key.epoch.0,
                }),
            },
            Subject::Tenant(tenant) => Self {
                tenant,
                group: None,
            },
        }
    }
}

impl From<SubjectMessage> for Subject {
    fn from(message: SubjectMessage) -> Self {
        let tenant = message.tenant;
        match message.group {
            Some(group) => Self::Group(GroupKey {
                tenant,
                id: group.id,
                epoch: HomeEpoch(group.epoch),
            }),
            None => Self::Tenant(tenant),
        }
    }
}

impl From<Priority> for PriorityWord {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Doubt => Self::Doubt,
            Priority::UserDelete => Self::UserDelete,
            Priority::BelowMin => Self::BelowMin,
            Priority::ScaleOut => Self::ScaleOut,
            Priority::Rolling => Self::Rolling,
            Priority::Housekeeping => Self::Housekeeping,
        }
    }
}

impl From<PriorityWord> for Priority {
    fn from(word: PriorityWord) -> Self {
        match word {
            PriorityWord::Doubt => Self::Doubt,
            PriorityWord::UserDelete => Self::UserDelete,
            PriorityWord::BelowMin => Self::BelowMin,
            PriorityWord::ScaleOut => Self::ScaleOut,
            PriorityWord::Rolling => Self::Rolling,
            PriorityWord::Housekeeping => Self::Housekeeping,
        }
    }
}
