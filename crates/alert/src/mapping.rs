//! A customer's own reading of a body: JSON pointers in templates, and tables of words.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde_json::Value;

use crate::pick::{cut, fingerprint, host, moment_of, plain};
use crate::template::Template;
use crate::{Alert, Broken, Dated, Found, LABELS_MAX, Severity, State};

/// How to read a body. A hole `{/a/b}` is a JSON pointer into one item, `{^/a/b}` into the whole body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Where the list of items is, as a JSON pointer; none: the body is the one item.
    pub each: Option<String>,
    /// Names the thing that is wrong.
    pub fingerprint: Template,
    /// Whether it is wrong.
    pub state: Words<State>,
    /// How bad it is.
    pub severity: Option<Words<Severity>>,
    /// What people call it.
    pub name: Option<Template>,
    /// Which application.
    pub application: Option<Template>,
    /// Which host.
    pub host: Option<Template>,
    /// What was measured.
    pub value: Option<Template>,
    /// When it came to be in this state.
    pub at: Option<Template>,
    /// Labels by name.
    pub labels: BTreeMap<String, Template>,
}

/// A text, and what its words mean. Case does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words<T> {
    /// The text.
    pub of: Template,
    /// Words in small letters; none: an item with this word is passed over.
    pub words: BTreeMap<String, Option<T>>,
    /// For every other word, and where there is none. Not given: the item is broken.
    pub otherwise: Option<T>,
}

impl<T: Copy> Words<T> {
    fn mean(&self, field: &str, of: impl Fn(&str) -> Option<String>) -> Result<Option<T>, Broken> {
        let text = self.of.fill(of).map(|text| text.trim().to_owned());
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return self
                .otherwise
                .map(Some)
                .ok_or_else(|| missing(field, &self.of));
        };
        match self.words.get(&text.to_lowercase()) {
            Some(meaning) => Ok(*meaning),
            None => self
                .otherwise
                .map(Some)
                .ok_or_else(|| Broken::unknown(field, &text)),
        }
    }
}

fn missing(field: &str, template: &Template) -> Broken {
    Broken::Missing(format!("{field} ({template})"))
}

impl Mapping {
    /// Reads what a body holds.
    pub(crate) fn read(&self, body: &Value, now: Timestamp) -> Result<Vec<Found>, Broken> {
        let items: Vec<&Value> = match &self.each {
            None => vec![body],
            Some(pointer) => {
                let list = body.pointer(pointer).and_then(Value::as_array);
                list.ok_or_else(|| Broken::Missing(pointer.clone()))?
                    .iter()
                    .collect()
            }
        };
        Ok(items
            .into_iter()
            .map(|item| self.one(body, item, now).unwrap_or_else(Found::Broken))
            .collect())
    }

    fn one(&self, body: &Value, item: &Value, now: Timestamp) -> Result<Found, Broken> {
        let of = |hole: &str| {
            let (value, pointer) = match hole.strip_prefix('^') {
                Some(pointer) => (body, pointer),
                None => (item, hole),
            };
            value
                .pointer(pointer)
                .and_then(plain)
                .map(std::borrow::Cow::into_owned)
        };
        let fill =
            |template: &Option<Template>| template.as_ref().and_then(|template| template.fill(of));
        let Some(state) = self.state.mean("state", of)? else {
            return Ok(Found::PassedOver("the mapping passes this state over"));
        };
        let severity = match &self.severity {
            Some(words) => words.mean("severity", of)?,
            None => None,
        };
        let named = self
            .fingerprint
            .fill(of)
            .filter(|text| !text.trim().is_empty());
        let named = named.ok_or_else(|| missing("fingerprint", &self.fingerprint))?;
        let at = fill(&self.at).and_then(|text| moment_of(text.trim()));
        let labels = self.labels.iter().take(LABELS_MAX);
        let labels =
            labels.filter_map(|(name, template)| Some((cut(name), cut(&template.fill(of)?))));
        Ok(Found::Alert(Box::new(Alert {
            source: "mapped".to_owned(),
            name: fill(&self.name).map_or_else(|| cut(&named), |name| cut(&name)),
            fingerprint: fingerprint(&named),
            state,
            severity,
            application: fill(&self.application).map(|text| cut(&text)),
            host: fill(&self.host).map(|text| host(&text)),
            labels: labels.collect(),
            value: fill(&self.value).and_then(|text| text.parse().ok()),
            at: at.unwrap_or(now),
            dated: Dated::said(at),
        })))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{How, MediaType, read};

    const NOW: Timestamp = Timestamp::from_unix_ms(1_000);

    fn mapping() -> Mapping {
        let template = |text: &str| text.parse::<Template>().unwrap();
        Mapping {
            each: Some("/incidents".to_owned()),
            fingerprint: template("{^/account}/{/number}"),
            state: Words {
                of: template("{/phase}"),
                words: [
                    ("begun".into(), Some(State::Open)),
                    ("over".into(), Some(State::Closed)),
                    ("draft".into(), None),
                ]
                .into(),
                otherwise: None,
            },
            severity: Some(Words {
                of: template("{/level}"),
                words: [("red".into(), Some(Severity::Critical))].into(),
                otherwise: Some(Severity::Warning),
            }),
            name: None,
            application: Some(template("{/app}")),
            host: Some(template("{/box}")),
            value: Some(template("{/load}")),
            at: Some(template("{/when}")),
            labels: [("team".to_owned(), template("{^/team}"))].into(),
        }
    }

    fn content(body: &Value) -> Result<crate::Content, Broken> {
        read(
            How::Mapped(&mapping()),
            MediaType::Json,
            body.to_string().as_bytes(),
            NOW,
        )
    }

    #[test]
    fn a_mapping_reads_a_body_that_no_format_knows() {
        let body = json!({"account": 7, "team": "blue", "incidents": [
            {"number": 12, "phase": "Begun", "level": "red", "app": "shop", "box": "web-1:80", "load": 97.5, "when": 1_795_269_900},
            {"number": 13, "phase": "over", "level": "pink"},
            {"number": 14, "phase": "draft"},
            {"number": 15, "phase": "?"},
            {"phase": "over"},
        ]});
        let content = content(&body).unwrap();
        let [first, second] = &content.alerts[..] else {
            panic!("{content:?}")
        };
        assert_eq!(
            (first.fingerprint.as_str(), first.state, first.severity),
            ("7/12", State::Open, Some(Severity::Critical))
        );
        assert_eq!(
            (first.application.as_deref(), first.host.as_deref()),
            (Some("shop"), Some("web-1"))
        );
        assert_eq!(first.at, Timestamp::from_unix_ms(1_795_269_900_000));
        assert_eq!(first.labels["team"], "blue");
        assert_eq!(
            (second.state, second.severity, second.dated),
            (State::Closed, Some(Severity::Warning), Dated::No)
        );
        assert_eq!(content.passed_over.len(), 1);
        assert_eq!(content.broken.len(), 2, "{:?}", content.broken);
    }

    #[test]
    fn a_body_without_the_list_is_broken() {
        assert_eq!(
            content(&json!({})),
            Err(Broken::Missing("/incidents".to_owned()))
        );
    }
}
