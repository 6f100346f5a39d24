//! Which groups an alert is for: anchored patterns over its fields, and names of groups made of them (feature 46).

use std::fmt;
use std::str::FromStr;

use domain::ids::GroupId;

use crate::template::Template;
use crate::{Alert, Severity};

/// The longest pattern.
pub const PATTERN_MAX: usize = 255;

/// One rule: an alert that fits every condition is for these groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Conditions; none: every alert fits.
    pub when: Vec<(Field, Pattern)>,
    /// The groups.
    pub to: Vec<Target>,
}

/// A field of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// What sent it.
    Source,
    /// What people call it.
    Name,
    /// The application.
    Application,
    /// The host.
    Host,
    /// `critical`, `warning` or `info`; the input's word where the body has none.
    Severity,
    /// A label.
    Label(String),
}

/// A text with `*` for any text and `?` for one character, from its beginning to its end. Everything else, dots too, is itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// A group, or the groups of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By its id.
    Id(GroupId),
    /// By its whole name, which may be made of fields of the alert. Several groups may have it.
    Named(Template),
}

/// A group that an alert is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// By its id.
    Id(GroupId),
    /// By its whole name.
    Named(String),
}

/// The text names no field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be source, name, application, host, severity or labels.NAME")]
pub struct NoField;

impl FromStr for Field {
    type Err = NoField;

    fn from_str(text: &str) -> Result<Self, NoField> {
        Ok(match text {
            "source" => Self::Source,
            "name" => Self::Name,
            "application" => Self::Application,
            "host" => Self::Host,
            "severity" => Self::Severity,
            _ => match text.strip_prefix("labels.") {
                Some(label) if !label.is_empty() => Self::Label(label.to_owned()),
                Some(_) | None => return Err(NoField),
            },
        })
    }
}

impl Field {
    fn of(&self, alert: &Alert, severity: Severity) -> Option<String> {
        match self {
            Self::Source => Some(alert.source.clone()),
            Self::Name => Some(alert.name.clone()),
            Self::Application => alert.application.clone(),
            Self::Host => alert.host.clone(),
            Self::Severity => Some(severity.as_str().to_owned()),
            Self::Label(label) => alert.labels.get(label).cloned(),
        }
    }
}

impl Severity {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The text is too long for a pattern, or empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 bytes")]
pub struct BadPattern;

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, BadPattern> {
        if text.is_empty() || text.len() > PATTERN_MAX {
            return Err(BadPattern);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    /// Whether the whole text fits. Takes at most the product of both lengths.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) =
            (self.0.chars().collect(), text.chars().collect());
        let (mut p, mut t) = (0, 0);
        // Where the last `*` was, and up to where it reaches.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(c) if *c == '?' || *c == text[t] => {
                    p += 1;
                    t += 1;
                }
                Some(_) | None => {
                    let Some((at, reached)) = star else {
                        return false;
                    };
                    star = Some((at, reached + 1));
                    p = at + 1;
                    t = reached + 1;
                }
            }
        }
        pattern[p..].iter().all(|c| *c == '*')
    }
}

impl Route {
    /// Whether every condition holds.
    #[must_use]
    pub fn fits(&self, alert: &Alert, severity: Severity) -> bool {
        let holds = |(field, pattern): &(Field, Pattern)| {
            field
                .of(alert, severity)
                .is_some_and(|text| pattern.fits(&text))
        };
        self.when.iter().all(holds)
    }
}

/// The groups that an alert is for, each once. A name with a hole that the alert cannot fill is for nobody.
#[must_use]
pub fn wanted(routes: &[Route], alert: &Alert, severity: Severity) -> Vec<Wanted> {
    let mut all = Vec::new();
    for target in routes
        .iter()
        .filter(|route| route.fits(alert, severity))
        .flat_map(|route| &route.to)
    {
        let one = match target {
            Target::Id(id) => Some(Wanted::Id(*id)),
            Target::Named(name) => {
                let of = |hole: &str| hole.parse::<Field>().ok()?.of(alert, severity);
                name.fill(of).map(Wanted::Named)
            }
        };
        all.extend(one);
    }
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests;
