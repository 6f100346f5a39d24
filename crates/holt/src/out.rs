//! What a command says: text on standard output, errors on standard error.
use std::{
    error::Error,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use chassis::telemetry::chain;
use serde::Serialize;
use wire::{client, problem::Problem};

/// Prints text, with a line end.
///
/// # Errors
/// Nobody reads any more (`holt ledger .. | head`).
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    written.context("write to standard output")
}

/// Prints a value as JSON.
///
/// # Errors
/// As [`say`].
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(value).context("write JSON")?)
}

/// Prints a value as JSON on one line, for programs that read line by line.
///
/// # Errors
/// As [`say`].
pub(crate) fn line(value: &impl Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string(value).context("write JSON")?)
}

/// Shows why a command failed, with a hint for what to quote to support.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    let problem = error
        .chain()
        .find_map(|cause| match cause.downcast_ref::<client::Error>() {
            Some(client::Error::Refused(problem)) => Some(problem),
            _ => None,
        });
    let nobody_reads = |cause: &(dyn Error + 'static)| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        kind == Some(io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(nobody_reads) {
        return ExitCode::FAILURE;
    }
    let text = match problem {
        Some(problem) => refused(problem),
        None => format!("error: {}", chain(error.as_ref())),
    };
    // Nothing is left to tell it to, if that fails.
    drop(writeln!(io::stderr(), "{text}"));
    ExitCode::FAILURE
}

fn refused(problem: &Problem) -> String {
    let mut lines = vec![format!("error: {}: {}", problem.code, problem.detail)];
    if let Some(field) = &problem.field {
        // The detail often says the rule already.
        let rule = problem.rule.as_deref();
        let rule = rule.filter(|rule| !problem.detail.contains(rule));
        let line = format!("  field      {field} {}", rule.unwrap_or_default());
        lines.push(line.trim_end().to_owned());
    }
    if !problem.request_id.is_empty() {
        lines.push(format!("  request id {}", problem.request_id));
    }
    lines.join("\n")
}

/// A part of the screen that is drawn again and again. Without a terminal every change of the summary is a line.
#[derive(Debug, Default)]
pub(crate) struct Live {
    drawn: usize,
    last: String,
}

impl Live {
    /// Shows the summary, and the details below it where there is a terminal.
    ///
    /// # Errors
    /// As [`say`].
    pub(crate) fn show(&mut self, summary: &str, details: &str) -> anyhow::Result<()> {
        if io::stdout().is_terminal() {
            let text = format!("{summary}\n{details}");
            let up = match self.drawn {
                0 => String::new(),
                lines => format!("\x1b[{lines}A\x1b[J"),
            };
            self.drawn = text.lines().count();
            // Lines that are too long are cut off: wrapped ones would not be counted.
            say(&format!("{up}\x1b[?7l{}\x1b[?7h", text.trim_end()))
        } else if summary == self.last {
            Ok(())
        } else {
            summary.clone_into(&mut self.last);
            say(summary)
        }
    }
}

#[cfg(test)]
mod tests;
