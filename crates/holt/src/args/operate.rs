//! What operators ask.
use std::time::Duration;

use clap::{Args, Subcommand};
use wire::v2::time::Moment;

use super::{Api, human};

#[derive(Debug, Subcommand)]
pub(crate) enum Switch {
    /// Set the switch of a scope; it holds within 5 s
    Set {
        /// global, colo:NUMBER, tenant:ID or group:ID
        scope: String,
        /// run, slow (a tenth of the budget), no-create, no-delete or freeze
        mode: String,
        /// Why, for whoever comes next
        #[arg(long)]
        why: String,
        /// It ends by itself after this, as 30m; without it, it stays until it is cleared
        #[arg(long = "for", value_name = "TIME", value_parser = human)]
        within: Option<Duration>,
        #[command(flatten)]
        operator: Operator,
    },
    /// Show the switches that stand
    List {
        #[command(flatten)]
        operator: Operator,
    },
    /// Take the switch of a scope back
    Clear {
        /// global, colo:NUMBER, tenant:ID or group:ID
        scope: String,
        /// Why
        #[arg(long)]
        why: Option<String>,
        #[command(flatten)]
        operator: Operator,
    },
    /// Show who threw which switch, and why
    History {
        #[command(flatten)]
        operator: Operator,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Revoke {
    /// End the tokens that fit all that is named; new ones are good again
    Tokens {
        /// Of this subject
        #[arg(long)]
        subject: Option<String>,
        /// That may act for this tenant
        #[arg(long = "of", value_name = "TENANT")]
        tenant: Option<String>,
        /// Issued before this moment (RFC 3339); before now if absent
        #[arg(long, value_name = "TIME")]
        before: Option<Moment>,
        /// Why, for whoever comes next
        #[arg(long)]
        why: String,
        #[command(flatten)]
        operator: Operator,
    },
    /// Show what was ended, newest first
    List {
        #[command(flatten)]
        operator: Operator,
    },
}

/// Which operator asks: a token with the right operate.
#[derive(Debug, Args)]
pub(crate) struct Operator {
    #[command(flatten)]
    pub(crate) api: Api,
}

/// Each of these asks one control plane about itself: `--url` names its api.
#[derive(Debug, Subcommand)]
pub(crate) enum Colo {
    /// Show what a control plane knows of its colo
    Show {
        /// The colo's number
        colo: u16,
        #[command(flatten)]
        operator: Operator,
    },
    /// Make a control plane take the colo over, whether the one that has it lives or not
    Takeover {
        /// The colo's number
        colo: u16,
        /// Why, for whoever comes next
        #[arg(long)]
        why: String,
        #[command(flatten)]
        operator: Operator,
    },
    /// Make the control plane that is asked take back what another took over
    Handback {
        /// The colo's number
        colo: u16,
        /// Why, for whoever comes next
        #[arg(long)]
        why: String,
        #[command(flatten)]
        operator: Operator,
    },
}
