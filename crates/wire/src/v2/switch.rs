//! Kill switches: what stands, what is asked for, and what was done.

use domain::control;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Invalid;
use super::time::Moment;

/// Characters of a reason at most.
const WHY_CHARS_MAX: usize = 500;

/// What a switch does to the calls in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing is stopped; at a colo or everywhere, the surge guard is overruled too.
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

/// What to set a switch to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchSpec {
    /// What it does.
    pub mode: Mode,
    /// Why, for whoever comes next: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub why: String,
    /// It ends by itself then; without it, it stays until somebody takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

/// A switch that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Switch {
    /// Where: `global`, `colo:NUMBER`, `tenant:ID` or `group:ID`.
    pub scope: String,
    /// What it does.
    pub mode: Mode,
    /// Who set it: the subject of the token.
    pub who: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Moment,
    /// It ends by itself then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

/// One thing that somebody did to a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Throw {
    /// Its number; later ones are larger.
    pub number: u64,
    /// Where.
    pub scope: String,
    /// What it was set to; absent: it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Who did it.
    pub who: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Moment,
    /// When it was to end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

impl From<control::Mode> for Mode {
    fn from(mode: control::Mode) -> Self {
        match mode {
            control::Mode::Run => Self::Run,
            control::Mode::Slow => Self::Slow,
            control::Mode::NoCreate => Self::NoCreate,
            control::Mode::NoDelete => Self::NoDelete,
            control::Mode::Freeze => Self::Freeze,
        }
    }
}

impl From<Mode> for control::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Run => Self::Run,
            Mode::Slow => Self::Slow,
            Mode::NoCreate => Self::NoCreate,
            Mode::NoDelete => Self::NoDelete,
            Mode::Freeze => Self::Freeze,
        }
    }
}

impl From<&control::Switch> for Switch {
    fn from(switch: &control::Switch) -> Self {
        Self {
            scope: switch.scope.text(),
            mode: switch.mode.into(),
            who: switch.who.clone(),
            why: switch.why.clone(),
            at: Moment(switch.at),
            until: switch.until.map(Moment),
        }
    }
}

impl SwitchSpec {
    /// The switch that is asked for.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn parse(
        &self,
        scope: control::Scope,
        who: &str,
        now: Timestamp,
    ) -> Result<control::Switch, Invalid> {
        let why = why(&self.why).ok_or_else(|| Invalid::new("why", RULE))?;
        let until = self.until.map(|until| until.0);
        if until.is_some_and(|until| until <= now) {
            return Err(Invalid::new("until", "must be in the future"));
        }
        Ok(control::Switch {
            scope,
            mode: self.mode.into(),
            who: who.to_owned(),
            why,
            at: now,
            until,
        })
    }
}

/// The rule of a reason, to be read after the field's name.
pub const RULE: &str = "must have 1 to 500 characters";

/// A reason as it is kept; none if it breaks its [`RULE`].
#[must_use]
pub fn why(text: &str) -> Option<String> {
    let text = text.trim();
    let is_fine = !text.is_empty() && text.chars().count() <= WHY_CHARS_MAX;
    is_fine.then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
