//! What goes wrong, and how long things take: set at run time.

use serde::{Deserialize, Serialize};

/// The conduct of one region. The default is a healthy cloud with small delays; [`Faults::instant`] has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// From arrival to answer; the execution happens somewhere within.
    pub latency: Span,
    /// From the 202 until the server is in a cell and counts against quota (Nova writes it after scheduling).
    pub record: Span,
    /// From then until the second look at the quota, which finds out too late.
    pub judge: Span,
    /// From then until ACTIVE (or ERROR, for a build that fails).
    pub boot: Span,
    /// From the 204 of a delete until the server is no longer shown.
    pub vanish: Span,
    /// Instances per project; `None` is unlimited.
    pub quota_instances: Option<u64>,
    /// Most rows of one list (Nova's `max_limit`).
    pub page_rows_max: usize,
    /// Cells that do not answer.
    pub dead_cells: Vec<u32>,
    /// What each list costs more while a cell is dead (Nova waits up to 60 s).
    pub dead_cell_delay_ms: u64,
    /// Requests of Nova executed per second; what is above waits in a queue, and executes even if nobody waits for it any more.
    pub capacity_per_s: Option<u32>,
    /// Random faults. Of those about the exchange the first that hits counts; likewise of those about the build.
    pub rates: Vec<Rate>,
    /// Faults of certain requests; they go before random ones.
    pub planned: Vec<Planned>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency: Span::between(2, 20),
            record: Span::between(20, 150),
            judge: Span::between(10, 60),
            boot: Span::between(500, 1_500),
            vanish: Span::between(1_500, 3_000),
            quota_instances: None,
            page_rows_max: 1_000,
            dead_cells: Vec::new(),
            dead_cell_delay_ms: 0,
            capacity_per_s: None,
            rates: Vec::new(),
            planned: Vec::new(),
        }
    }
}

impl Faults {
    /// Healthy, and everything takes no time: a server is ACTIVE when its 202 leaves.
    pub fn instant() -> Self {
        Self {
            latency: Span::NONE,
            record: Span::NONE,
            judge: Span::NONE,
            boot: Span::NONE,
            vanish: Span::NONE,
            ..Self::default()
        }
    }

    /// The same with one more random fault.
    #[must_use]
    pub fn with_rate(mut self, per_mille: u16, call: Option<Call>, fault: Fault) -> Self {
        self.rates.push(Rate {
            per_mille,
            call,
            fault,
        });
        self
    }

    /// The same with a fault of the n-th create (from 1, in order of arrival since the faults were set).
    #[must_use]
    pub fn with_nth_create(mut self, nth: u64, fault: Fault) -> Self {
        self.planned.push(Planned {
            pick: Pick::nth(Call::Create, nth),
            fault,
        });
        self
    }
}

/// A random length of time, ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Least.
    pub min_ms: u64,
    /// Most.
    pub max_ms: u64,
}

impl Span {
    /// No time.
    pub const NONE: Self = Self::between(0, 0);

    /// From `min_ms` to `max_ms`.
    pub const fn between(min_ms: u64, max_ms: u64) -> Self {
        Self { min_ms, max_ms }
    }

    /// Always the same.
    pub const fn exactly(ms: u64) -> Self {
        Self::between(ms, ms)
    }
}

/// Kinds of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Anything of Keystone.
    Token,
    /// `POST /servers`.
    Create,
    /// `GET /servers` and `GET /servers/detail`.
    List,
    /// `GET /servers/{id}` and below.
    Read,
    /// `DELETE /servers/{id}`.
    Delete,
    /// Other changes: metadata, tags, actions.
    Edit,
    /// `/os-keypairs` and below.
    KeyPair,
    /// Flavors, images, limits and the rest.
    LookUp,
}

/// A random fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many of 1000.
    pub per_mille: u16,
    /// Of which calls; `None` means all.
    #[serde(default)]
    pub call: Option<Call>,
    /// What happens.
    pub fault: Fault,
}

/// A fault of certain requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Which.
    pub pick: Pick,
    /// What happens.
    pub fault: Fault,
}

/// Chooses requests: all the conditions hold, and of those that match it is the `nth` and the `times - 1` after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    /// The kind of call.
    pub call: Call,
    /// A tag of the create.
    #[serde(default)]
    pub tag: Option<String>,
    /// A part of the path or of the create's body.
    #[serde(default)]
    pub contains: Option<String>,
    /// From 1, in order of arrival since the faults were set.
    #[serde(default = "one")]
    pub nth: u64,
    /// How many in a row.
    #[serde(default = "one")]
    pub times: u64,
}

impl Pick {
    /// The n-th call of a kind (from 1).
    pub fn nth(call: Call, nth: u64) -> Self {
        Self {
            call,
            tag: None,
            contains: None,
            nth,
            times: 1,
        }
    }

    /// The first create with that tag.
    pub fn create_with_tag(tag: &str) -> Self {
        Self {
            tag: Some(tag.to_owned()),
            ..Self::nth(Call::Create, 1)
        }
    }
}

fn one() -> u64 {
    1
}

/// What happens to one request, or to the server that it creates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Executed; the connection dies instead of the answer.
    LoseAnswer,
    /// Not executed; the connection dies.
    LoseRequest,
    /// The connection dies, and the request executes so much later.
    LoseThenExecute {
        /// After arrival.
        by: Span,
    },
    /// Executed so much later, and answered only then.
    Late {
        /// On top of the usual.
        by: Span,
    },
    /// Executed at once, answered so much later.
    AnswerLate {
        /// On top of the usual.
        by: Span,
    },
    /// Answered with that status (an error), executed or not.
    Fail {
        /// 500, 502, 503, 504, 429, 413, 401, 403 and so on. What a proxy says comes as a page: 404, 405, 502, 504, and 503 without a time.
        status: u16,
        /// Whether it took effect all the same.
        executed: bool,
        /// Sent as Retry-After.
        #[serde(default)]
        retry_after_s: Option<u32>,
    },
    /// Never answered.
    Hang {
        /// Whether it took effect.
        executed: bool,
    },
    /// Executed; the second half of the answer's body is missing.
    Garble,
    /// Executed twice, as by something between us and the cloud that repeats requests; answered once.
    Twice,
    /// Answered as if done, but nothing was done (a delete of a server with `disable_terminate`).
    Ignore,
    /// The server goes to ERROR instead of ACTIVE.
    EndInError {
        /// What its fault says.
        reason: BuildError,
    },
    /// The server stays in BUILD for ever.
    StuckInBuild,
    /// The server boots after that time, not the usual.
    Boot {
        /// In place of `Faults::boot`.
        after: Span,
    },
    /// Somebody else does that to the server, so long after it became ACTIVE.
    Dies {
        /// After ACTIVE.
        after: Span,
        /// What is done.
        outside: crate::Outside,
    },
}

impl Fault {
    /// Whether it is about the server's life rather than the exchange: one of each kind can hit one create.
    pub(crate) fn is_about_the_build(&self) -> bool {
        match self {
            Self::EndInError { .. }
            | Self::StuckInBuild
            | Self::Boot { .. }
            | Self::Dies { .. } => true,
            Self::LoseAnswer
            | Self::LoseRequest
            | Self::LoseThenExecute { .. }
            | Self::Late { .. }
            | Self::AnswerLate { .. }
            | Self::Fail { .. }
            | Self::Hang { .. }
            | Self::Garble
            | Self::Twice
            | Self::Ignore => false,
        }
    }
}

/// Why a build failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildError {
    /// No host had room.
    NoValidHost,
    /// No address was left in the network.
    NoFixedIps,
    /// The hypervisor failed.
    BuildFailed,
    /// The quota was found to be passed.
    Quota,
}
