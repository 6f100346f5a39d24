//! `holt input`.
use std::path::PathBuf;

use clap::Subcommand;

use super::Server;

#[derive(Debug, Subcommand)]
pub(crate) enum Input {
    /// Make an input from a file; its URL and secret are shown once
    Create {
        /// JSON, as POST /v2/TENANT/inputs takes it; - reads standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
    /// Replace what is configured of an input; its URL stays
    Replace {
        /// The input's id
        id: String,
        /// JSON, as PUT /v2/TENANT/inputs/INPUT takes it; - reads standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
    /// Show the tenant's inputs
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Show an input
    Show {
        /// The input's id
        id: String,
        #[command(flatten)]
        server: Server,
    },
    /// Say what would be done with a body, and do nothing
    Test {
        /// The input's id
        id: String,
        /// JSON as the sender would send it; - reads standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
    /// Show what was not acted on in the last 7 days, and why
    Rejected {
        /// The input's id
        id: String,
        #[command(flatten)]
        server: Server,
    },
    /// Give an input another URL and secret, shown once
    Rotate {
        /// The input's id
        id: String,
        /// Seconds for which the old ones are good, too
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        grace: u32,
        #[command(flatten)]
        server: Server,
    },
    /// Take an input away; alerts that are open stay open in their groups
    Delete {
        /// The input's id
        id: String,
        #[command(flatten)]
        server: Server,
    },
}
