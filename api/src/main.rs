//! `holt-api [CONFIG]`: an api as a process of its own. `serve/defaults.toml` lists every key.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use chassis::Process;

/// An event allocates on one thread and is freed on another: the C library's allocator is slow at that (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let file = arguments.next().map(PathBuf::from);
    ensure!(arguments.next().is_none(), "usage: holt-api [CONFIG]");
    let ended = chassis::spawn::run(async move {
        let process = Process::system();
        holt_api::serve::run(&process, file.as_deref()).await
    });
    ended.context("start the runtime")?
}
