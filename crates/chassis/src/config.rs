//! Configuration in layers: embedded defaults, then a file, then the environment, into one typed value.
//!
//! The defaults are a commented TOML text that lists every key, so it is the reference manual at the same time. Structures
//! should say `#[serde(deny_unknown_fields)]`: a misspelt key then stops the start, and the error names it and where it stands.
//!
//! Deliberately absent: reloading, and any reading of the environment after the start.
mod human;
mod layers;

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

pub use human::{BadDuration, BadRate, Rate, duration, format_duration, parse_duration};
use layers::Merged;

/// What to load from, lowest layer first.
#[derive(Clone, Debug)]
pub struct Layers {
    defaults: &'static str,
    file: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl Layers {
    /// Starts with the embedded defaults (TOML text).
    pub fn new(defaults: &'static str) -> Self {
        Self {
            defaults,
            file: None,
            environment: Vec::new(),
        }
    }

    /// Adds a TOML file, if one was named.
    #[must_use]
    pub fn file(mut self, path: Option<&Path>) -> Self {
        self.file = path.map(Path::to_path_buf);
        self
    }

    /// Adds the process's environment: `PREFIX__SECTION__KEY`, in capitals. Variables that are not valid Unicode are passed over.
    #[must_use]
    pub fn process_environment(self, prefix: &str) -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value.into_string().ok()?))
        });
        self.environment(prefix, variables)
    }

    /// Adds variables given by the caller, in the same form as [`Layers::process_environment`].
    ///
    /// A value takes the type of the default it replaces; where there is none it is read as TOML if that fits, else as plain text.
    #[must_use]
    pub fn environment(
        mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let prefix = format!("{prefix}__");
        self.environment.extend(
            variables
                .into_iter()
                .filter(|(name, _)| name.starts_with(&prefix)),
        );
        // The process's environment has no order; two runs must not differ by it.
        self.environment.sort();
        self
    }

    /// Merges the layers and reads them into `T`.
    ///
    /// # Errors
    /// [`Error`] names the key and where it stands: print its chain and stop the start.
    pub fn load<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let mut merged = Merged::default();
        merged.text(self.defaults, &Origin::Defaults)?;
        if let Some(path) = &self.file {
            let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
                path: path.clone(),
                source,
            })?;
            merged.text(&text, &Origin::File(path.clone()))?;
        }
        for (name, value) in &self.environment {
            merged.variable(name, value)?;
        }
        merged.read()
    }
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The text compiled in.
    Defaults,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defaults => f.write_str("the embedded defaults"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// Why there is no configuration. All of these need a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("read configuration file {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A layer is not TOML. The line itself is not repeated: it may hold a secret.
    #[error("parse {origin}, line {line}: {problem}")]
    Syntax {
        /// Which layer.
        origin: Origin,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A variable addresses something below a value that is not a section.
    #[error("{origin}: `{key}` is not a section")]
    NotASection {
        /// Which variable.
        origin: Origin,
        /// The key that holds a plain value.
        key: String,
    },
    /// A key is unknown, or its value does not fit.
    #[error("configuration key `{key}`, set by {origin}")]
    Value {
        /// The dotted key.
        key: String,
        /// Who set it.
        origin: Origin,
        /// What is wrong with it.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// No single key is to blame; most often one is missing.
    #[error("configuration is incomplete")]
    Incomplete {
        /// What is missing.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The configuration cannot be written as TOML (a program error).
    #[error("print configuration")]
    Print {
        /// Why.
        #[source]
        source: toml::ser::Error,
    },
}

/// The loaded configuration as TOML, for `--print-config`. Secrets mask themselves ([`crate::Secret`]).
///
/// # Errors
/// [`Error::Print`], when `T` has a shape that TOML does not know.
pub fn print<T: Serialize>(config: &T) -> Result<String, Error> {
    toml::to_string_pretty(config).map_err(|source| Error::Print { source })
}

#[cfg(test)]
mod tests;
