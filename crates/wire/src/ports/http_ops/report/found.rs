//! What was looked up, as it travels.

use serde::{Deserialize, Serialize};

use crate::ports::ops::{Found, LookedUp};

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::ports) struct LookedUpMessage {
    flavor: FoundWord,
    image: Option<FoundWord>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FoundWord {
    Usable,
    Inactive,
    Missing,
}

impl From<LookedUp> for LookedUpMessage {
    fn from(found: LookedUp) -> Self {
        Self {
            flavor: found.flavor.into(),
            image: found.image.map(FoundWord::from),
        }
    }
}

impl From<LookedUpMessage> for LookedUp {
    fn from(message: LookedUpMessage) -> Self {
        Self {
            flavor: message.flavor.into(),
            image: message.image.map(FoundWord::into),
        }
    }
}

impl From<Found> for FoundWord {
    fn from(found: Found) -> Self {
        match found {
            Found::Usable => Self::Usable,
            Found::Inactive => Self::Inactive,
            Found::Missing => Self::Missing,
        }
    }
}

impl From<FoundWord> for Found {
    fn from(word: FoundWord) -> Self {
        match word {
            FoundWord::Usable => Self::Usable,
            FoundWord::Inactive => Self::Inactive,
            FoundWord::Missing => Self::Missing,
        }
    }
}
