//! The JSON of `/v1.0`, as clients of the old service write and read it.
//!
//! Requests are checked by hand, member by member, because the old rules are not those of `/v2`: a number is what its text says (an integer of any
//! length is one, `1.0` is none), of doubled keys the last counts, and what is stored is shown as it was written. Rules and their
//! places: behaviour rows B001 to B222, named at each check's test; docs/v1.md has the table.
//!
//! Deliberately absent: stacks (refused with the reason).

pub mod at;
pub mod group;
pub mod json;
pub mod launch;
pub mod policy;
pub mod webhook;

use json::Json;

/// A body that breaks a rule: answered as 400 with this type and text. Clients read status and type; the text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Invalid {
    /// The word of the error.
    pub kind: Kind,
    /// What is wrong, with the member named.
    pub text: String,
}

/// Words of errors that a body can cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The body is not JSON.
    Json,
    /// A member breaks a rule.
    Validation,
    /// Min is above max.
    Bounds,
    /// Nova would not take the launch configuration.
    Launch,
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Json => "InvalidJsonError",
            Self::Validation => "ValidationError",
            Self::Bounds => "InvalidMinEntities",
            Self::Launch => "InvalidLaunchConfiguration",
        }
    }
}

impl Invalid {
    /// A member and the rule that it breaks.
    pub(crate) fn of(member: &str, rule: &str) -> Self {
        Self {
            kind: Kind::Validation,
            text: format!("{member} {rule}"),
        }
    }

    /// The same, found inside `outer`.
    pub(crate) fn within(mut self, outer: &str) -> Self {
        self.text = format!("{outer}.{}", self.text);
        self
    }
}

/// The members of an object, each known, the required ones there.
pub(crate) struct Members<'a>(&'a [(String, Json)]);

impl<'a> Members<'a> {
    /// Reads `value` as an object with these members and no others.
    pub(crate) fn of(
        value: &'a Json,
        place: &str,
        required: &[&str],
        optional: &[&str],
    ) -> Result<Self, Invalid> {
        let Json::Object(members) = value else {
            return Err(Invalid::of(place, "must be an object"));
        };
        let known = |name: &str| required.contains(&name) || optional.contains(&name);
        if let Some((name, _)) = members.iter().find(|(name, _)| !known(name)) {
            let shown: String = name.chars().take(64).collect();
            return Err(Invalid::of(
                &format!("{place}.{shown}"),
                "is not known here",
            ));
        }
        let all = Self(members);
        match required.iter().find(|name| all.get(name).is_none()) {
            Some(name) => Err(Invalid::of(&format!("{place}.{name}"), "is missing")),
            None => Ok(all),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Json> {
        json::member(self.0, name)
    }

    /// A required member: `of` has seen that it is there.
    pub(crate) fn need(&self, name: &str) -> &'a Json {
        self.get(name).unwrap_or(&Json::Null)
    }
}

/// A whole number from `least` to `most`.
pub(crate) fn whole(value: &Json, member: &str, least: u32, most: u32) -> Result<u32, Invalid> {
    let number = value
        .integer()
        .and_then(|number| u32::try_from(number).ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| {
            Invalid::of(
                member,
                &format!("must be a whole number from {least} to {most}"),
            )
        })
}

/// Characters of names, and of metadata keys and values (contract 2.2).
const TEXT_MAX: usize = 256;

/// The name of a group, policy or webhook.
pub(crate) fn name(value: &Json) -> Result<String, Invalid> {
    let named = value.text().filter(|name| {
        let length = name.chars().count();
        (1..=TEXT_MAX).contains(&length) && !name.trim().is_empty()
    });
    named.map(str::to_owned).ok_or_else(|| {
        Invalid::of(
            "name",
            "must be a text of 1 to 256 characters, not all blank",
        )
    })
}

/// Metadata: texts by text.
pub(crate) fn metadata(
    value: &Json,
) -> Result<std::collections::BTreeMap<String, String>, Invalid> {
    let rule = "must be an object of texts, keys and values of at most 256 characters";
    let invalid = || Invalid::of("metadata", rule);
    let Json::Object(members) = value else {
        return Err(invalid());
    };
    let fits = |text: &str| text.chars().count() <= TEXT_MAX;
    let pair = |(key, value): &(String, Json)| {
        let value = value.text().filter(|value| fits(value))?;
        (fits(key) && !key.contains('\n')).then(|| (key.clone(), value.to_owned()))
    };
    members
        .iter()
        .map(|member| pair(member).ok_or_else(invalid))
        .collect()
}
