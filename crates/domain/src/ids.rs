//! Every id of the system in one registry. Text forms are what wire, rows and logs show; there is one per id.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Why a text is not the id it was given for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}: {rule}")]
pub struct ParseIdError {
    /// Name of the id that was expected.
    pub what: &'static str,
    /// The rule that the text breaks.
    pub rule: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal, $rule:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Longest text form in bytes.
            pub const BYTES_MAX: usize = $max;
            /// The text form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(s: &str) -> Result<Self, ParseIdError> {
                let ok: fn(u8) -> bool = $ok;
                if s.is_empty() || s.len() > $max || !s.bytes().all(ok) {
                    return Err(ParseIdError { what: $what, rule: $rule });
                }
                Ok(Self(s.into()))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A customer account; in `OpenStack`, one project per colo stands behind it.
    TenantId, "tenant id", 64, "1 to 64 of letters, digits, '-', '_', '.'",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')
);
text_id!(
    /// Names one scale event for ever: the caller's Idempotency-Key, an alert's id, or one that we made (safety 3.8).
    EventId, "event id", 128, "1 to 128 visible ASCII characters",
    |b| b.is_ascii_graphic()
);
text_id!(
    /// The name that an operator gave a worker. A restarted worker keeps it; its [`Incarnation`] changes.
    WorkerName, "worker name", 64, "1 to 64 of letters, digits, '-', '_', '.'",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')
);
text_id!(
    /// A supervisor among those of its colo: the address at which the other roles reach it.
    MemberName, "member name", 256, "1 to 256 visible ASCII characters",
    |b| b.is_ascii_graphic()
);
text_id!(
    /// One of the control planes that may serve a colo.
    PlaneName, "control plane name", 40, "1 to 40 of letters, digits, '-', '_', '.'",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')
);
text_id!(
    /// Names a policy within its group.
    PolicyId, "policy id", 64, "1 to 64 of letters, digits, '-', '_'",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
);

text_id!(
    /// Names a hook within its group.
    HookId, "hook id", 64, "1 to 64 of letters, digits, '-', '_'",
    |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(uuid::Uuid);
        impl $name {
            /// From its 128 bits.
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(uuid::Uuid::from_u128(bits))
            }
            /// Its 128 bits.
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0.as_u128()
            }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(s: &str) -> Result<Self, ParseIdError> {
                uuid::Uuid::try_parse(s).map(Self).map_err(|_e| ParseIdError { what: $what, rule: "a UUID" })
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// A group of servers: a UUID of version 8 whose first 16 bits name the colo that is its home (design 9).
    GroupId, "group id"
);
uuid_id!(
    /// A capability URL of a policy. Its id is no secret; the URL is.
    WebhookId, "webhook id"
);
uuid_id!(
    /// Where alerts come in. Its id is no secret; its URL is.
    InputId, "input id"
);
uuid_id!(
    /// A server, as the cloud names it.
    ServerId, "server id"
);
uuid_id!(
    /// One life of a worker or supervisor process. An operation names the incarnation that may begin it, and no other may.
    Incarnation, "incarnation"
);
uuid_id!(
    /// Marks one attempt to commit, so that an unclear answer can be settled by what the store shows (safety 3.3).
    Nonce, "nonce"
);
uuid_id!(
    /// One hand-out of an operation to a worker. Only for correlation; nothing is deduplicated by it.
    OpId, "operation id"
);

/// The text of a random UUID (version 4) out of 128 random bits.
#[must_use]
pub fn uuid4(random: u128) -> String {
    let bytes = random.to_be_bytes();
    let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
    uuid.to_string()
}

impl WebhookId {
    /// A new id out of 128 random bits.
    #[must_use]
    pub fn random(random: u128) -> Self {
        Self(uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid())
    }
}

impl InputId {
    /// Makes the id of a new input from its home colo and 128 random bits.
    #[must_use]
    pub fn new(colo: ColoId, random: u128) -> Self {
        Self(naming(colo, random))
    }

    /// The colo that is the input's home; none for ids of version 4, which name no colo.
    #[must_use]
    pub fn home(self) -> Option<ColoId> {
        named(self.0)
    }
}

/// A UUID of version 8 that names a colo.
fn naming(colo: ColoId, random: u128) -> uuid::Uuid {
    let mut bytes = random.to_be_bytes();
    bytes[..2].copy_from_slice(&colo.0.to_be_bytes());
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The colo that a UUID names, if it is one of ours.
fn named(id: uuid::Uuid) -> Option<ColoId> {
    let b = id.as_bytes();
    let ours = id.get_version_num() == 8;
    ours.then(|| ColoId(u16::from_be_bytes([b[0], b[1]])))
}

impl GroupId {
    /// Makes the id of a new group from its home colo and 128 random bits.
    #[must_use]
    pub fn new(colo: ColoId, random: u128) -> Self {
        Self(naming(colo, random))
    }

    /// The colo that is the group's home; none for an id that was not made here: no group has it.
    #[must_use]
    pub fn home(self) -> Option<ColoId> {
        named(self.0)
    }
}

/// A colo (region) by its number in the fleet's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColoId(pub u16);

/// One place for one server in the ledger: written before the create call, kept after the server is gone.
///
/// Its text form is 26 characters of Crockford's base 32, lower case, so that it fits a Nova tag and a host name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(u128);

const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl SlotId {
    /// From its 128 bits.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }
    /// Its 128 bits.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}
impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 26];
        for (place, digit) in (0..26).rev().zip(&mut text) {
            let value = usize::try_from((self.0 >> (5 * place)) & 31).unwrap_or(0);
            *digit = CROCKFORD[value];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}
impl fmt::Debug for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for SlotId {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, ParseIdError> {
        let bad = ParseIdError {
            what: "slot id",
            rule: "26 characters of Crockford's base 32, lower case",
        };
        if s.len() != 26 || s.as_bytes()[0] > b'7' {
            return Err(bad);
        }
        s.bytes()
            .try_fold(0u128, |acc, b| {
                let digit = CROCKFORD.iter().position(|c| *c == b)?;
                Some((acc << 5) | u128::try_from(digit).ok()?)
            })
            .map(Self)
            .ok_or(bad)
    }
}

/// Which partition of the store holds a group: a group that moved home has a new one with a higher epoch (design 11).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The group. First, so that keys are told apart by numbers before texts.
    pub id: GroupId,
    /// The group's tenant. Every read is keyed by it, never by the group id alone (safety S6).
    pub tenant: TenantId,
    /// Counts the homes that the group has had.
    pub epoch: HomeEpoch,
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);
        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
counter!(
    /// Revision of a group: one for configuration, state and ledger together. Every commit raises it by one.
    Rev
);
counter!(
    /// Epoch of shard ownership that a commit was made under. It saves work and answers; the revision carries safety (safety 6.1).
    Fence
);
counter!(
    /// Counts the homes that a group has had; part of its partition key.
    HomeEpoch
);
counter!(
    /// Numbers what a group sent out by hooks, in the order in which it was caused, with gaps. With the group's id it is the message's id for ever.
    DeliveryId
);

/// SHA-256 of a launch configuration, under which its body is stored out of line (design 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaunchHash(pub [u8; 32]);
/// SHA-256 of the request that carried an event: the same event id with another body is refused (safety 3.8).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestHash(pub [u8; 32]);
/// SHA-256 of a commit record; each record names the one before it (design 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordHash(pub [u8; 32]);

const HEX: &[u8; 16] = b"0123456789abcdef";

macro_rules! hash_text {
    ($name:ident, $what:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // As one text: rows and answers are full of these.
                let mut text = [0; 64];
                for (byte, digits) in self.0.iter().zip(text.chunks_exact_mut(2)) {
                    digits[0] = HEX[usize::from(byte >> 4)];
                    digits[1] = HEX[usize::from(byte & 15)];
                }
                f.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(s: &str) -> Result<Self, ParseIdError> {
                let bad = ParseIdError {
                    what: $what,
                    rule: "64 hexadecimal digits",
                };
                if s.len() != 64 || !s.is_ascii() {
                    return Err(bad);
                }
                let mut out = [0; 32];
                for (i, byte) in out.iter_mut().enumerate() {
                    *byte =
                        u8::from_str_radix(&s[2 * i..2 * i + 2], 16).map_err(|_e| bad.clone())?;
                }
                Ok(Self(out))
            }
        }
    };
}
hash_text!(LaunchHash, "launch hash");
hash_text!(RequestHash, "request hash");
hash_text!(RecordHash, "record hash");

#[cfg(test)]
mod tests;
