//! Who changed groups, and the index that finds it.
use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::ids::GroupId;

use super::Server;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct History {
    #[command(subcommand)]
    pub(crate) across: Option<Across>,
    /// The group's id
    #[arg(required = true)]
    pub(crate) group: Option<String>,
    /// How many changes, newest first
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// More than one group's.
#[derive(Debug, Subcommand)]
pub(crate) enum Across {
    /// Find changes of all groups of the tenant, newest first (right audit)
    Search {
        #[command(flatten)]
        filters: Filters,
        /// How many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        #[command(flatten)]
        server: Server,
    },
    /// Print every change that fits, newest first, each as JSON on a line of its own (right audit)
    Export {
        #[command(flatten)]
        filters: Filters,
        /// Go on from here, which an export that ended early named
        #[arg(long, value_name = "PLACE")]
        after: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    #[command(flatten)]
    Index(Index),
}

/// All that is given must apply.
#[derive(Debug, Args)]
pub(crate) struct Filters {
    /// Of this group
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// For this reason: create, configure, pause, delete, events, queue or converge
    #[arg(long)]
    pub(crate) cause: Option<String>,
    /// By this subject of a token, webhook or policy
    #[arg(long)]
    pub(crate) actor: Option<String>,
    /// In this request
    #[arg(long)]
    pub(crate) request: Option<String>,
    /// That moved the slot of this server (its uuid in the cloud)
    #[arg(long = "of-server", value_name = "UUID")]
    pub(crate) of_server: Option<String>,
    /// With a verdict of this outcome, as applied or cooldown
    #[arg(long)]
    pub(crate) verdict: Option<String>,
    /// With this in what was before and after
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// At this moment or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Before this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

/// The index of history outside of the store (`history.elasticsearch`).
#[derive(Debug, Subcommand)]
pub(crate) enum Index {
    /// Make the template of the indices, or bring it to this version
    Apply(IndexArgs),
    /// Say which version the template has; fails if it is not this one
    Check(IndexArgs),
    /// Put everything that the journal holds into the index; what is there stays. A service may run meanwhile
    Rebuild {
        #[command(flatten)]
        args: IndexArgs,
        /// Go on after this group, which an earlier run named last
        #[arg(long, value_name = "GROUP")]
        after: Option<GroupId>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    /// Configuration file with the sections store and history
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}
