//! Arguments of the commands that edit groups, and of contexts.
use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::{Api, ContextFile, Server, human};

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// List the policies of a group
    List {
        /// The group's id
        group: String,
        #[command(flatten)]
        server: Server,
    },
    /// Show one policy
    Show {
        /// The group's id
        group: String,
        /// The policy's id
        policy: String,
        #[command(flatten)]
        server: Server,
    },
    /// Make a policy, or replace the one of that id; its webhooks stay
    Set(Box<SetPolicy>),
    /// Delete a policy with its webhooks, whose URLs die
    Delete {
        /// The group's id
        group: String,
        /// The policy's id
        policy: String,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SetPolicy {
    /// The group's id
    pub(crate) group: String,
    /// The policy's id: letters, digits, - and _
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) adjust: Adjust,
    /// What people call it
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// It may run again this long after it last acted, as 5m
    #[arg(long, default_value = "0s", value_parser = human)]
    pub(crate) cooldown: Duration,
    /// Further events within this time after the first do nothing, as 10s
    #[arg(long, default_value = "0s", value_parser = human)]
    pub(crate) debounce: Duration,
    /// Run it by itself once, at this moment (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "cron")]
    pub(crate) at: Option<String>,
    /// Run it by itself again and again, in UTC: "0 6 * * mon-fri"
    #[arg(long)]
    pub(crate) cron: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// What a policy asks for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Adjust {
    /// So many more, or fewer (-2)
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) change: Option<i64>,
    /// Exactly so many
    #[arg(long)]
    pub(crate) desired: Option<u32>,
    /// So many percent more, or fewer (-12.5)
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) percent: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Schedule {
    /// List the scheduled policies of a group, the next to run first (`holt policy set --cron` makes one)
    List {
        /// The group's id
        group: String,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// List the webhooks of a policy, without their URLs
    List {
        /// The group's id
        group: String,
        /// The policy's id
        policy: String,
        #[command(flatten)]
        server: Server,
    },
    /// Make a webhook and print its URL, which is told now and never again
    Create {
        /// The group's id
        group: String,
        /// The policy's id
        policy: String,
        /// What people call it
        #[arg(long)]
        name: String,
        #[command(flatten)]
        server: Server,
    },
    /// Give a webhook another URL and print it; the old one dies at once
    Rotate {
        /// The group's id
        group: String,
        /// The policy's id
        policy: String,
        /// The webhook's id
        webhook: String,
        #[command(flatten)]
        server: Server,
    },
    /// Delete a webhook, whose URL dies at once
    Delete {
        /// The group's id
        group: String,
        /// The policy's id
        policy: String,
        /// The webhook's id
        webhook: String,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Launch {
    /// Print what a group launches: the body of Nova's create call
    Show {
        /// The group's id
        group: String,
        #[command(flatten)]
        server: Server,
    },
    /// Replace it; servers that run keep what they were made with
    Set {
        /// The group's id
        group: String,
        /// JSON with the member `server`; - reads standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The group's id
    pub(crate) group: String,
    /// What had been decided by then (RFC 3339); now, if it is not given
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// JSON: one group, or {"groups": [..]}, each as POST /v2/TENANT/groups takes it; groups are told apart by their names. - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Context {
    /// Keep an address, a tenant and a token under a name, and use them from now on
    Set {
        /// The name
        name: String,
        /// The tenant
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        api: Api,
    },
    /// Use what is kept under a name from now on
    Use {
        /// The name
        name: String,
        #[command(flatten)]
        file: ContextFile,
    },
    /// List the names, with the one in use; tokens are not shown
    List {
        #[command(flatten)]
        file: ContextFile,
    },
    /// Forget what is kept under a name
    Delete {
        /// The name
        name: String,
        #[command(flatten)]
        file: ContextFile,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Complete {
    /// bash, zsh, fish, elvish or powershell
    pub(crate) shell: clap_complete::Shell,
}
