//! Texts with holes: `{application}-{labels.env}`, `{/details/state}`. `{{` and `}}` stand for single braces.

use std::fmt;
use std::str::FromStr;

/// The longest template.
pub const TEMPLATE_MAX: usize = 500;

/// A text with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(String),
}

/// The text is no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to 500 characters, with every hole named and closed: {{name}}; write {{{{ for a brace"
)]
pub struct BadTemplate;

impl FromStr for Template {
    type Err = BadTemplate;

    fn from_str(text: &str) -> Result<Self, BadTemplate> {
        if text.is_empty() || text.chars().count() > TEMPLATE_MAX {
            return Err(BadTemplate);
        }
        let (mut parts, mut plain) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            match c {
                '{' | '}' if after.starts_with(c) => {
                    plain.push(c);
                    rest = &after[1..];
                }
                '{' => {
                    let (hole, after) = after.split_once('}').ok_or(BadTemplate)?;
                    if hole.is_empty() || hole.contains('{') {
                        return Err(BadTemplate);
                    }
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                    parts.push(Part::Hole(hole.to_owned()));
                    rest = after;
                }
                '}' => return Err(BadTemplate),
                _ => {
                    plain.push(c);
                    rest = after;
                }
            }
        }
        parts.push(Part::Text(plain));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }
}

impl Template {
    /// The names of its holes.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Hole(name) => Some(name.as_str()),
        })
    }

    /// The text with its holes filled; none if one of them has nothing.
    pub fn fill(&self, of: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Hole(name) => out.push_str(&of(name)?),
            }
        }
        Some(out)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_a_missing_one_leaves_nothing() {
        let template: Template = "{app}-{labels.env} {{x}}".parse().unwrap();
        assert_eq!(template.holes().collect::<Vec<_>>(), ["app", "labels.env"]);
        let full = |name: &str| Some(name.to_uppercase());
        assert_eq!(template.fill(full).as_deref(), Some("APP-LABELS.ENV {x}"));
        assert_eq!(
            template.fill(|name| (name == "app").then(String::new)),
            None
        );
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["", "{", "}", "a{b", "a}b", "{}", "{a{b}}", &"x".repeat(501)] {
            assert_eq!(text.parse::<Template>(), Err(BadTemplate), "{text}");
        }
    }
}
