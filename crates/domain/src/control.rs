//! The kill switch: what people, or the surge guard, have stopped, and for whom (design 7, safety 3.11).
//!
//! A switch stands at one scope; what holds for a call is the sum of all that stand at its group, tenant, colo and everywhere. Reads of
//! the cloud go on under every mode: without them nothing would be known when the switch is taken back.

use crate::ids::{ColoId, GroupId, TenantId};
use crate::time::Timestamp;

/// What a switch does to the calls in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Nothing is stopped; at a colo or everywhere, the surge guard's own slowing is overruled too.
    Run,
    /// Creates and deletes get a tenth of the budget.
    Slow,
    /// No server is created.
    NoCreate,
    /// No server is deleted.
    NoDelete,
    /// Neither.
    Freeze,
}

impl Mode {
    /// All modes, the mildest first.
    pub const ALL: [Self; 5] = [
        Self::Run,
        Self::Slow,
        Self::NoCreate,
        Self::NoDelete,
        Self::Freeze,
    ];

    /// The word for it on every surface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Slow => "slow",
            Self::NoCreate => "no-create",
            Self::NoDelete => "no-delete",
            Self::Freeze => "freeze",
        }
    }

    /// The mode of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// Where a switch stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything.
    Global,
    /// One colo.
    Colo(ColoId),
    /// One tenant, in every colo.
    Tenant(TenantId),
    /// One group.
    Group(GroupId),
}

impl Scope {
    /// The text for it on every surface: `global`, `colo:1`, `tenant:acme`, `group:<id>`.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Global => "global".to_owned(),
            Self::Colo(colo) => format!("colo:{}", colo.0),
            Self::Tenant(tenant) => format!("tenant:{tenant}"),
            Self::Group(group) => format!("group:{group}"),
        }
    }

    /// The scope of that text; none if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "global" {
            return Some(Self::Global);
        }
        let (kind, name) = text.split_once(':')?;
        match kind {
            "colo" => name.parse().ok().map(|number| Self::Colo(ColoId(number))),
            "tenant" => name.parse().ok().map(Self::Tenant),
            "group" => name.parse().ok().map(Self::Group),
            _ => None,
        }
    }

    /// Whether a call for that group (or for the whole tenant, if none) in that colo is inside.
    #[must_use]
    pub fn covers(&self, colo: ColoId, tenant: &TenantId, group: Option<GroupId>) -> bool {
        match self {
            Self::Global => true,
            Self::Colo(own) => *own == colo,
            Self::Tenant(own) => own == tenant,
            Self::Group(own) => group == Some(*own),
        }
    }
}

/// One switch, as somebody set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Where. There is at most one at each scope: a new one takes the place of the old.
    pub scope: Scope,
    /// What it does.
    pub mode: Mode,
    /// Who set it.
    pub who: String,
    /// Why, in a person's words.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// It ends by itself then; none: it stays until somebody takes it back. For people's convenience only: which clock ends it a second
    /// sooner decides nothing about safety.
    pub until: Option<Timestamp>,
}

impl Switch {
    /// Whether it still stands.
    #[must_use]
    pub fn stands(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What holds for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// No create may begin.
    pub no_create: bool,
    /// No delete may begin.
    pub no_delete: bool,
    /// Only a tenth of the budget.
    pub slow: bool,
}

impl Effect {
    /// Everything that changes the cloud is stopped.
    pub const FROZEN: Self = Self {
        no_create: true,
        no_delete: true,
        slow: false,
    };

    /// The sum of what these switches do to a call. Expired ones are the caller's to leave out.
    #[must_use]
    pub fn of<'a>(
        switches: impl IntoIterator<Item = &'a Switch>,
        colo: ColoId,
        tenant: &TenantId,
        group: Option<GroupId>,
    ) -> Self {
        let covers = |switch: &&Switch| switch.scope.covers(colo, tenant, group);
        Self::sum(switches.into_iter().filter(covers))
    }

    /// The sum of all of these, wherever they stand.
    #[must_use]
    pub fn sum<'a>(switches: impl IntoIterator<Item = &'a Switch>) -> Self {
        let modes = switches.into_iter().map(|switch| switch.mode);
        modes.fold(Self::default(), Self::and)
    }

    const fn and(self, mode: Mode) -> Self {
        match mode {
            Mode::Run => self,
            Mode::Slow => Self { slow: true, ..self },
            Mode::NoCreate => Self {
                no_create: true,
                ..self
            },
            Mode::NoDelete => Self {
                no_delete: true,
                ..self
            },
            Mode::Freeze => Self {
                no_create: true,
                no_delete: true,
                ..self
            },
        }
    }
}

/// Who a switch of the break-glass file is said to be set by.
const GLASS: &str = "break-glass file";

/// The switches of a break-glass file: each line has a mode, a scope and why, as in `freeze global nova is melting`. Empty lines and those
/// that begin with `#` say nothing.
///
/// A line that cannot be read freezes everything: whoever wrote it wanted something stopped, and reads nothing back.
#[must_use]
pub fn break_glass(text: &str, at: Timestamp) -> Vec<Switch> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| glass_line(line, at)).collect()
}

/// What holds when a break-glass file is there and cannot be read.
#[must_use]
pub fn broken_glass(why: &str, at: Timestamp) -> Switch {
    Switch {
        scope: Scope::Global,
        mode: Mode::Freeze,
        who: GLASS.to_owned(),
        why: why.to_owned(),
        at,
        until: None,
    }
}

fn glass_line(line: &str, at: Timestamp) -> Switch {
    let mut words = line.splitn(3, char::is_whitespace);
    let mode = words.next().and_then(Mode::parse);
    let scope = words.next().and_then(Scope::parse);
    let why = words.next().unwrap_or_default().trim();
    match (mode, scope) {
        (Some(mode), Some(scope)) => Switch {
            scope,
            mode,
            ..broken_glass(why, at)
        },
        (None, _) | (_, None) => broken_glass("a line cannot be read", at),
    }
}

#[cfg(test)]
mod tests;
