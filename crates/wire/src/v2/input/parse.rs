//! Checking an input.

use super::*;

/// The longest time that counts in a rule.
const SECONDS_MAX: u32 = 86_400;

/// A checked [`InputSpec`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The format of bodies; none: recognised.
    pub format: Option<Format>,
    /// A mapping; then it is read by this.
    pub mapping: Option<Mapping>,
    /// What a sender must prove.
    pub verify: Option<Verify>,
    /// Which groups alerts are for.
    pub routes: Vec<Route>,
    /// What is done about open alerts: info, warning, critical.
    pub actions: [Action; 3],
    /// How bad an alert is that does not say.
    pub otherwise: AlertSeverity,
    /// What holds while nobody knows.
    pub missing: Missing,
    /// How metrics are judged.
    pub rule: Option<Rule>,
}

/// What a sender must prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// How.
    pub by: VerifyBy,
    /// The header with the signature, in small letters.
    pub header: String,
    /// The header with the time, in small letters.
    pub timestamp_header: Option<String>,
}

impl Parsed {
    /// How bad an alert is.
    #[must_use]
    pub fn severity(&self, alert: &alert::Alert) -> AlertSeverity {
        alert.severity.unwrap_or(self.otherwise)
    }

    /// What is done about an open alert that is as bad as this.
    #[must_use]
    pub const fn action(&self, severity: AlertSeverity) -> Action {
        match severity {
            AlertSeverity::Info => self.actions[0],
            AlertSeverity::Warning => self.actions[1],
            AlertSeverity::Critical => self.actions[2],
        }
    }
}

impl InputSpec {
    /// Checks it.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule it breaks.
    pub fn parse(&self) -> Result<Parsed, Invalid> {
        let length = self.name.chars().count();
        if self.name.trim().is_empty()
            || length > NAME_MAX
            || self.name.chars().any(char::is_control)
        {
            return Err(Invalid::new(
                "name",
                "must be 1 to 255 characters, not all blank, no control characters",
            ));
        }
        let format = match self.format.as_str() {
            "recognised" | "mapped" => None,
            word => Some(Format::parse(word).ok_or_else(|| {
                let names: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
                Invalid::new(
                    "format",
                    format!("must be recognised, mapped, or one of {}", names.join(", ")),
                )
            })?),
        };
        if (self.format == "mapped") != self.mapping.is_some() {
            return Err(Invalid::new(
                "mapping",
                "must be given with the format mapped, and only then",
            ));
        }
        let mapping = self.mapping.as_ref().map(MappingSpec::parse).transpose();
        let severities = &self.severities;
        let missing = match (self.missing, self.floor) {
            (MissingSpec::OutOnly, None) => Missing::OutOnly,
            (MissingSpec::Hold, None) => Missing::Hold,
            (MissingSpec::Floor, Some(size)) if size <= Size::LIMIT.0 => Missing::Floor(Size(size)),
            (MissingSpec::Floor, _) => return Err(Invalid::new("floor", "must be 0 to 10000")),
            (MissingSpec::OutOnly | MissingSpec::Hold, Some(_)) => {
                return Err(Invalid::new(
                    "floor",
                    "must be given only where missing is floor",
                ));
            }
        };
        Ok(Parsed {
            format,
            mapping: mapping.map_err(|invalid| invalid.within("mapping"))?,
            verify: self
                .verify
                .as_ref()
                .map(VerifySpec::parse)
                .transpose()
                .map_err(|invalid| invalid.within("verify"))?,
            routes: routes(&self.routes)?,
            actions: [
                severities.info.parse("severities.info")?,
                severities.warning.parse("severities.warning")?,
                severities.critical.parse("severities.critical")?,
            ],
            otherwise: match Severity::from(severities.otherwise) {
                Severity::Info => AlertSeverity::Info,
                Severity::Warning => AlertSeverity::Warning,
                Severity::Critical => AlertSeverity::Critical,
            },
            missing,
            rule: self
                .metrics
                .as_ref()
                .map(MetricSpec::parse)
                .transpose()
                .map_err(|invalid| invalid.within("metrics"))?,
        })
    }
}

fn routes(specs: &[RouteSpec]) -> Result<Vec<Route>, Invalid> {
    if specs.is_empty() || specs.len() > ROUTES_MAX {
        return Err(Invalid::new("routes", "must be 1 to 50"));
    }
    let numbered = specs.iter().enumerate();
    numbered
        .map(|(at, spec)| {
            spec.parse()
                .map_err(|invalid| invalid.within(&format!("routes[{at}]")))
        })
        .collect()
}

impl RouteSpec {
    fn parse(&self) -> Result<Route, Invalid> {
        if self.to.is_empty() || self.to.len() > TARGETS_MAX || self.when.len() > TARGETS_MAX {
            return Err(Invalid::new(
                "to",
                "must be 1 to 20 groups, and at most 20 conditions",
            ));
        }
        let condition = |(field, text): (&String, &String)| {
            let here = format!("when.{}", short(field));
            let wrong = |rule: String| Invalid::new(here.clone(), rule);
            let pattern = text
                .parse()
                .map_err(|error: alert::route::BadPattern| wrong(error.to_string()))?;
            let field = field
                .parse()
                .map_err(|error: alert::route::NoField| wrong(error.to_string()))?;
            Ok((field, pattern))
        };
        let target = |(at, text): (usize, &String)| {
            if let Ok(id) = text.parse() {
                return Ok(Target::Id(id));
            }
            let template = template(&format!("to[{at}]"), text)?;
            let unknown = template
                .holes()
                .find(|hole| hole.parse::<alert::route::Field>().is_err());
            match unknown {
                Some(_) => Err(Invalid::new(
                    format!("to[{at}]"),
                    format!("has a hole that {}", alert::route::NoField),
                )),
                None => Ok(Target::Named(template)),
            }
        };
        Ok(Route {
            when: self
                .when
                .iter()
                .map(condition)
                .collect::<Result<_, Invalid>>()?,
            to: self
                .to
                .iter()
                .enumerate()
                .map(target)
                .collect::<Result<_, Invalid>>()?,
        })
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

fn template(field: &str, text: &str) -> Result<Template, Invalid> {
    text.parse()
        .map_err(|error: alert::template::BadTemplate| Invalid::new(field, error.to_string()))
}

impl ActionSpec {
    fn parse(&self, field: &str) -> Result<Action, Invalid> {
        let given = self.by.is_some() || self.by_percent.is_some();
        match self.what {
            What::Step if given => {
                let step = step("by", self.by, self.by_percent, false);
                step.map(|by| Action::Step(Some(by)))
                    .map_err(|invalid| invalid.within(field))
            }
            What::Step => Ok(Action::Step(None)),
            What::Notify | What::Nothing if given => Err(Invalid::new(
                format!("{field}.by"),
                "must be given only with step",
            )),
            What::Notify => Ok(Action::Notify),
            What::Nothing => Ok(Action::Nothing),
        }
    }
}

impl VerifySpec {
    fn parse(&self) -> Result<Verify, Invalid> {
        let is_hmac = self.by == VerifyBy::Hmac;
        if !is_hmac && (self.header.is_some() || self.timestamp_header.is_some()) {
            return Err(Invalid::new("header", "must be given only with hmac"));
        }
        let name = |field: &str, name: &str| {
            let lower = name.to_ascii_lowercase();
            let ok = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if lower.is_empty() || lower.len() > 64 || !lower.bytes().all(ok) {
                return Err(Invalid::new(
                    field,
                    "must be the name of a header, at most 64 characters",
                ));
            }
            Ok(lower)
        };
        Ok(Verify {
            by: self.by,
            header: name(
                "header",
                self.header.as_deref().unwrap_or("X-Holt-Signature"),
            )?,
            timestamp_header: self
                .timestamp_header
                .as_deref()
                .map(|text| name("timestamp_header", text))
                .transpose()?,
        })
    }
}

impl MetricSpec {
    fn parse(&self) -> Result<Rule, Invalid> {
        let number = |field: &str, text: &str| {
            text.parse::<Milli>()
                .map_err(|_error| Invalid::new(field, "must be a decimal number as text"))
        };
        let above = number("above", &self.above)?;
        let below = self
            .below
            .as_deref()
            .map(|text| number("below", text))
            .transpose()?;
        if below.is_some_and(|below| below >= above) {
            return Err(Invalid::new("below", "must be less than above"));
        }
        if !(1..=100).contains(&self.share_percent) {
            return Err(Invalid::new("share_percent", "must be 1 to 100"));
        }
        if !(10..=SECONDS_MAX).contains(&self.missing_after_seconds) {
            return Err(Invalid::new("missing_after_seconds", "must be 10 to 86400"));
        }
        if self.lasting_seconds > SECONDS_MAX {
            return Err(Invalid::new("lasting_seconds", "must be 0 to 86400"));
        }
        Ok(Rule {
            idle: self.idle,
            above,
            below,
            lasting: Duration::from_secs(self.lasting_seconds.into()),
            share: self.share_percent,
            missing_after: Duration::from_secs(self.missing_after_seconds.into()),
        })
    }
}

impl MappingSpec {
    fn parse(&self) -> Result<Mapping, Invalid> {
        if self.each.as_ref().is_some_and(|each| !is_pointer(each)) {
            return Err(Invalid::new(
                "each",
                "must be a JSON pointer, as /incidents",
            ));
        }
        let pointed = |field: &str, text: &str| {
            let template = template(field, text)?;
            let wrong = template
                .holes()
                .any(|hole| !is_pointer(hole.strip_prefix('^').unwrap_or(hole)));
            if wrong {
                return Err(Invalid::new(
                    field,
                    "must have JSON pointers in its holes, as {/a/b} or {^/a}",
                ));
            }
            Ok(template)
        };
        let maybe = |field: &str, text: &Option<String>| {
            text.as_ref().map(|text| pointed(field, text)).transpose()
        };
        if self.labels.len() > alert::LABELS_MAX {
            return Err(Invalid::new("labels", "must not be more than 64"));
        }
        let label = |(name, text): (&String, &String)| {
            Ok((
                name.clone(),
                pointed(&format!("labels.{}", short(name)), text)?,
            ))
        };
        let severities = self
            .severity
            .as_ref()
            .map(|words| words.parse("severity", severity, &pointed));
        Ok(Mapping {
            each: self.each.clone(),
            fingerprint: pointed("fingerprint", &self.fingerprint)?,
            state: self.state.parse("state", state, &pointed)?,
            severity: severities.transpose()?,
            name: maybe("name", &self.name)?,
            application: maybe("application", &self.application)?,
            host: maybe("host", &self.host)?,
            value: maybe("value", &self.value)?,
            at: maybe("at", &self.at)?,
            labels: self
                .labels
                .iter()
                .map(label)
                .collect::<Result<_, Invalid>>()?,
        })
    }
}

fn is_pointer(text: &str) -> bool {
    text.is_empty() || text.starts_with('/')
}

/// What a word of a state means; none: it is passed over.
fn state(word: &str) -> Option<Option<State>> {
    Some(match word {
        "open" => Some(State::Open),
        "acknowledged" => Some(State::Acknowledged),
        "closed" => Some(State::Closed),
        "unknown" => Some(State::Unknown),
        "once" => Some(State::Once),
        "pass-over" => None,
        _ => return None,
    })
}

fn severity(word: &str) -> Option<Option<AlertSeverity>> {
    Some(match word {
        "critical" => Some(AlertSeverity::Critical),
        "warning" => Some(AlertSeverity::Warning),
        "info" => Some(AlertSeverity::Info),
        _ => return None,
    })
}

impl WordsSpec {
    fn parse<T: Copy>(
        &self,
        field: &str,
        mean: impl Fn(&str) -> Option<Option<T>>,
        pointed: &impl Fn(&str, &str) -> Result<Template, Invalid>,
    ) -> Result<Words<T>, Invalid> {
        if self.words.is_empty() || self.words.len() > WORDS_MAX {
            return Err(Invalid::new(
                format!("{field}.words"),
                "must be 1 to 64 words",
            ));
        }
        let unknown = |place: String| Invalid::new(place, "has a meaning that is not known here");
        let word = |(word, meaning): (&String, &String)| {
            let meaning =
                mean(meaning).ok_or_else(|| unknown(format!("{field}.words.{}", short(word))))?;
            Ok((word.to_lowercase(), meaning))
        };
        let otherwise = self
            .otherwise
            .as_deref()
            .map(|word| mean(word).ok_or_else(|| unknown(format!("{field}.otherwise"))));
        Ok(Words {
            of: pointed(&format!("{field}.of"), &self.of)?,
            words: self
                .words
                .iter()
                .map(word)
                .collect::<Result<_, Invalid>>()?,
            otherwise: otherwise.transpose()?.flatten(),
        })
    }
}
