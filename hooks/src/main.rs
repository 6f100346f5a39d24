//! `holt-hooks [CONFIG]`: a hooks lane as a process of its own. `config/defaults.toml` lists every key.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use chassis::Process;

/// As the other roles (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let file = arguments.next().map(PathBuf::from);
    ensure!(arguments.next().is_none(), "usage: holt-hooks [CONFIG]");
    let ended = chassis::spawn::run(async move {
        let process = Process::system();
        holt_hooks::serve::run(&process, file.as_deref()).await
    });
    ended.context("start the runtime")?
}
