//! Child processes: started by us, ended by us, by their own handle.
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

/// A child that is killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts a program.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_owned();
        let child = command.stdin(Stdio::null()).spawn();
        Ok(Self {
            child: child.with_context(|| format!("start {}", name.display()))?,
        })
    }

    /// Starts this executable again and reads the first line that it prints.
    pub fn again(arguments: &[&str]) -> anyhow::Result<(Self, String)> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments).stdout(Stdio::piped());
        let mut running = Self::start(&mut command)?;
        let output = running.child.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.trim().is_empty() {
            bail!("`{}` ended at once", arguments.join(" "));
        }
        Ok((running, line.trim().to_owned()))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it ended by itself.
    pub fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Ends it without a chance to tidy up (SIGKILL), and waits for the end.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; nothing else can be done about either failure here.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// The `holt` executable.
///
/// # Errors
/// As [`beside`].
pub fn holt() -> anyhow::Result<PathBuf> {
    beside("holt")
}

/// An executable of the workspace, which cargo puts beside this one.
///
/// # Errors
/// When it is not there, with the command that builds it.
pub fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.parent().map(Path::to_owned).unwrap_or_default();
    let path = folder.join(name);
    if !path.is_file() {
        bail!(
            "{} is missing: build it with `cargo build --release --workspace --bin {name}`",
            path.display()
        );
    }
    Ok(path)
}
