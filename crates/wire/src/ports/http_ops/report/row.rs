//! Rows of lists as they travel.

use domain::evidence::{Extent, Fault, Proof, Row, Status};
use domain::ids::{GroupId, ServerId, SlotId};
use serde::{Deserialize, Serialize};
use serde_with::serde_as;

use crate::ports::http::Text;

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RowMessage {
    #[serde_as(as = "Text")]
    server: ServerId,
    proof: ProofMessage,
    ours: bool,
    status: StatusMessage,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExtentWord {
    Complete,
    Partial,
    Tagged,
}

#[serde_as]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ProofMessage {
    Valid {
        #[serde_as(as = "Text")]
        group: GroupId,
        #[serde_as(as = "Text")]
        slot: SlotId,
    },
    None,
    Unreadable,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusMessage {
    Building,
    Up,
    Error { fault: FaultWord, text: String },
    Held,
    Leaving,
    Unknown,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultWord {
    NoCapacity,
    Quota,
    Other,
}

impl From<Row> for RowMessage {
    fn from(row: Row) -> Self {
        let proof = match row.proof {
            Proof::Valid { group, slot } => ProofMessage::Valid { group, slot },
            Proof::None => ProofMessage::None,
            Proof::Unreadable => ProofMessage::Unreadable,
        };
        let status = match row.status {
            Status::Building => StatusMessage::Building,
            Status::Up => StatusMessage::Up,
            Status::Error(fault, text) => StatusMessage::Error {
                fault: match fault {
                    Fault::NoCapacity => FaultWord::NoCapacity,
                    Fault::Quota => FaultWord::Quota,
                    Fault::Other => FaultWord::Other,
                },
                text,
            },
            Status::Held => StatusMessage::Held,
            Status::Leaving => StatusMessage::Leaving,
            Status::Unknown => StatusMessage::Unknown,
        };
        Self {
            server: row.server,
            proof,
            ours: row.ours,
            status,
        }
    }
}

impl From<RowMessage> for Row {
    fn from(message: RowMessage) -> Self {
        let proof = match message.proof {
            ProofMessage::Valid { group, slot } => Proof::Valid { group, slot },
            ProofMessage::None => Proof::None,
            ProofMessage::Unreadable => Proof::Unreadable,
        };
        let status = match message.status {
            StatusMessage::Building => Status::Building,
            StatusMessage::Up => Status::Up,
            StatusMessage::Error { fault, text } => {
                let fault = match fault {
                    FaultWord::NoCapacity => Fault::NoCapacity,
                    FaultWord::Quota => Fault::Quota,
                    FaultWord::Other => Fault::Other,
                };
                Status::Error(fault, text)
            }
            StatusMessage::Held => Status::Held,
            StatusMessage::Leaving => Status::Leaving,
            StatusMessage::Unknown => Status::Unknown,
        };
        Self {
            server: message.server,
            proof,
            ours: message.ours,
            status,
        }
    }
}

impl From<Extent> for ExtentWord {
    fn from(extent: Extent) -> Self {
        match extent {
            Extent::Complete => Self::Complete,
            Extent::Partial | Extent::TaggedInPart => Self::Partial,
            Extent::Tagged => Self::Tagged,
        }
    }
}

impl From<ExtentWord> for Extent {
    fn from(word: ExtentWord) -> Self {
        match word {
            ExtentWord::Complete => Self::Complete,
            ExtentWord::Partial => Self::Partial,
            ExtentWord::Tagged => Self::Tagged,
        }
    }
}
