//! Logs: one line an event on standard error, as JSON or for people.
use std::{
    error::Error,
    fmt,
    io::{self, IsTerminal as _},
};

use crate::trace;
use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, fmt as lines};

/// The `telemetry` section of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What to log: `info`, or per module as in `info,store=debug`.
    pub level: String,
    /// How to write it.
    pub format: Format,
    /// Where traces go.
    #[serde(default)]
    pub traces: trace::Settings,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Text for a terminal.
    Human,
}

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The level is not one.
    #[error("log level `{level}` cannot be read")]
    Level {
        /// What the configuration says.
        level: String,
        /// Why.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something in this process already logs.
    #[error("logging is already set up in this process")]
    Twice {
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Starts logging for the whole process. Mains only, once: tests and simulated processes install their own subscriber.
///
/// # Errors
/// [`InitError`]: stop the start.
pub fn init(settings: &Settings) -> Result<(), InitError> {
    // Whoever sends what is no HTTP would have the HTTP library log an error, and no person needs to look at that.
    let level = format!("actix_http::h1=off,{}", settings.level);
    let filter = EnvFilter::try_new(level).map_err(|source| InitError::Level {
        level: settings.level.clone(),
        source,
    })?;
    let builder = lines()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // It would be told on standard error too, by a macro that panics: whoever logs would die with the reader of the logs.
        .log_internal_errors(false);
    let started = match settings.format {
        Format::Json => builder.json().flatten_event(true).try_init(),
        Format::Human => builder
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .try_init(),
    };
    started.map_err(|source| InitError::Twice { source })
}

/// An error with all its causes on one line: `read group: query: disk full`. For the place where it is handled, and only there.
pub fn chain<'error>(error: &'error (dyn Error + 'static)) -> Chain<'error> {
    Chain(error)
}

/// See [`chain`].
#[derive(Clone, Copy, Debug)]
pub struct Chain<'error>(&'error (dyn Error + 'static));

/// Deeper chains are cut off: an error type that returns itself as its source must not hang a log line.
const CHAIN_LENGTH_MAX: usize = 16;

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut said = self.0.to_string();
        let causes = std::iter::successors(self.0.source(), |&error| error.source());
        for cause in causes.take(CHAIN_LENGTH_MAX) {
            let text = cause.to_string();
            // Foreign errors often repeat their source in their own text.
            if !said.ends_with(&text) {
                write!(f, ": {}", text.trim_end())?;
            }
            said = text;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
