//! `holt hook`.
use std::path::PathBuf;

use clap::Subcommand;

use super::Server;

#[derive(Debug, Subcommand)]
pub(crate) enum Hook {
    /// Make or replace a hook from a file; a new secret is shown once
    Put {
        /// The group's id
        group: String,
        /// The hook's id, of one's own choice
        hook: String,
        /// JSON, as PUT /v2/TENANT/groups/GROUP/hooks/HOOK takes it; - reads standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
    /// Show the hooks of a group
    List {
        /// The group's id
        group: String,
        #[command(flatten)]
        server: Server,
    },
    /// Remove a hook; what waits for it goes on
    Delete {
        /// The group's id
        group: String,
        /// The hook's id
        hook: String,
        #[command(flatten)]
        server: Server,
    },
    /// Give a hook a new key, shown once; the old one signs too for a while
    Rotate {
        /// The group's id
        group: String,
        /// The hook's id
        hook: String,
        /// Sign with Ed25519: receivers need a public key only
        #[arg(long)]
        ed25519: bool,
        /// Seconds for which the old key is used too
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
        overlap: u32,
        #[command(flatten)]
        server: Server,
    },
    /// Show what was sent, what was not and why, and which servers wait
    Deliveries {
        /// The group's id
        group: String,
        /// How many, newest first
        #[arg(long, default_value_t = 30)]
        limit: u32,
        #[command(flatten)]
        server: Server,
    },
    /// Send a message once more
    Redeliver {
        /// The group's id
        group: String,
        /// The message's number
        delivery: u64,
        #[command(flatten)]
        server: Server,
    },
    /// Let a server go on without waiting for a step
    Skip {
        /// The group's id
        group: String,
        /// The message's number
        delivery: u64,
        #[command(flatten)]
        server: Server,
    },
}
