//! The command line.
mod edit;
mod history;
pub(crate) mod hook;
pub(crate) mod input;
mod operate;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

pub(crate) use history::{Across, Filters, History, Index};
pub(crate) use operate::{Colo, Operator, Revoke, Switch};

pub(crate) use edit::{
    Apply, Complete, Context, Launch, Policy, Schedule, SetPolicy, Webhook, Why,
};

/// Autoscaling as a service.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, max_term_width = 120)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run all roles in one process
    Serve(Serve),
    /// Show the life of a group against a simulated cloud, faults included
    Demo(Demo),
    /// Send alerts of every format and play an incident against a simulated cloud, and print the timeline
    Drill(Demo),
    /// Run a simulated OpenStack
    Cloudsim(Cloudsim),
    /// Sign a token for the API, or make keys
    Token(Token),
    /// Create, list, show, pause, resume or delete groups
    #[command(subcommand)]
    Group(Group),
    /// List, show, set or delete the policies of a group
    #[command(subcommand)]
    Policy(Policy),
    /// Show when the scheduled policies of a group run
    #[command(subcommand)]
    Schedule(Schedule),
    /// List, make, rotate or delete the webhooks of a policy
    #[command(subcommand)]
    Webhook(Webhook),
    /// Show or replace what a group launches
    #[command(subcommand)]
    Launch(Launch),
    /// Ask a group to scale, or watch what it is asked
    #[command(subcommand, visible_alias = "events")]
    Event(Event),
    /// Say in sentences why a group did or did not scale at a time
    Why(Why),
    /// Show why a group scaled or did not
    Verdicts(Verdicts),
    /// Show every server that a group ever caused
    Ledger(Ledger),
    /// Show who changed groups, and what was before and after
    History(Box<History>),
    /// Make hooks, and see what became of their messages
    #[command(subcommand)]
    Hook(hook::Hook),
    /// Make inputs for alerts, try them, and see what could not be read
    #[command(subcommand)]
    Input(input::Input),
    /// Make groups what a file says; their size stays what events made it
    Apply(Apply),
    /// Show what `apply` would change
    Diff(Apply),
    /// Keep addresses and tokens under names
    #[command(subcommand)]
    Context(Context),
    /// Print a script that completes commands in a shell
    Completion(Complete),
    /// Stop, slow or free calls to the cloud: the kill switches (for operators)
    #[command(subcommand)]
    Switch(Switch),
    /// See which control plane serves a colo, take one over, hand one back (for operators)
    #[command(subcommand)]
    Colo(Colo),
    /// End tokens before their time, or list what was ended (for operators)
    #[command(subcommand)]
    Revoke(Revoke),
    /// See whether the service user of each tenant can do what Holt needs, and what is missing
    Doctor(Doctor),
    /// Make, upgrade or check the tables of a Cassandra cluster
    #[command(subcommand)]
    Schema(Schema),
    /// See whether the history in a store is whole (for support)
    #[command(subcommand)]
    Audit(Audit),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Walk the chain of commit records of every group; a changed, removed or added one is named
    Verify {
        /// The file of an embedded store; it is only read, and a running service goes on
        #[arg(
            long,
            value_name = "FILE",
            default_value = "holt.db",
            conflicts_with = "config"
        )]
        store: PathBuf,
        /// Configuration file with the section store: of a cluster, or of an embedded store
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Lines of JSON
        #[arg(long)]
        json: bool,
    },
}

/// The tables of a cluster (`store.cassandra`). The embedded store brings its file up to date by itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Schema {
    /// Make the keyspace and its tables, or bring them to this version
    Apply(SchemaArgs),
    /// Say which version the tables have; fails if it is not this one
    Check(SchemaArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Configuration file with the section store.cassandra
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Configuration file of `holt serve`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Only this tenant
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Lines of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Configuration file
    #[arg(
        long,
        value_name = "FILE",
        help = "Configuration file (TOML); the environment (HOLT__SECTION__KEY) goes over it"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Print what is in force, secrets masked, and end
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Print every key with its default and its meaning, and end
    #[arg(long, conflicts_with = "print_config")]
    pub(crate) print_defaults: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Chooses which creates faults hit (demo), and the cloud's delays
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// End with one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cloudsim {
    /// Where to listen; port 0 takes a free one. The address is printed
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8774")]
    pub(crate) listen: SocketAddr,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// End when standard input does: when the process that started this one is gone
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Configuration file with the sections token and api
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Make a signing key pair and a proof key in this folder, print what the configuration needs, and end
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["tenant", "rights"])]
    pub(crate) new_key: Option<PathBuf>,
    /// The tenant that the token is for
    #[arg(long, required_unless_present = "new_key")]
    pub(crate) tenant: Option<String>,
    /// read, crud, trigger, exceed-limits, audit; for staff: support, operate
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "RIGHT,..",
        required_unless_present = "new_key"
    )]
    pub(crate) rights: Vec<String>,
    /// Who will use it: shown in every verdict
    #[arg(long, default_value = "cli")]
    pub(crate) subject: String,
    /// How long it lives
    #[arg(long, default_value = "1h", value_parser = human)]
    pub(crate) ttl: Duration,
}

/// Where the API is, and who asks. What is not given comes from the context.
#[derive(Debug, Args)]
pub(crate) struct Server {
    #[command(flatten)]
    pub(crate) api: Api,
    /// Tenant
    #[arg(long, env = "HOLT_TENANT")]
    pub(crate) tenant: Option<String>,
}

/// Where the API is, and whose token it gets.
#[derive(Debug, Args)]
pub(crate) struct Api {
    /// Address of the API; `http://127.0.0.1:8070` if no context says another
    #[arg(long, env = "HOLT_URL")]
    pub(crate) url: Option<String>,
    /// Bearer token (`holt token`)
    #[arg(long, env = "HOLT_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// The context to take what is missing from (`holt context`)
    #[arg(long, env = "HOLT_CONTEXT")]
    pub(crate) context: Option<String>,
    /// The colo to list in and to make things in, where there are several; the one that is reached if absent
    #[arg(long = "colo", env = "HOLT_COLO", value_name = "NUMBER")]
    pub(crate) in_colo: Option<u16>,
    #[command(flatten)]
    pub(crate) file: ContextFile,
    /// Print the API's JSON unchanged
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where contexts are kept.
#[derive(Debug, Args)]
pub(crate) struct ContextFile {
    /// File of contexts; .config/holt/contexts.json in the home folder
    #[arg(long, env = "HOLT_CONTEXTS", value_name = "FILE", hide = true)]
    pub(crate) contexts: Option<PathBuf>,
    #[arg(long, env = "HOME", hide = true, hide_env = true)]
    pub(crate) home: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Group {
    /// Create a group from a file
    Create {
        /// JSON, as POST /v2/TENANT/groups takes it; - reads standard input
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
    /// List the tenant's groups
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Show a group
    Show {
        /// The group's id
        id: String,
        /// Keep showing until it has converged
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Stop scaling; servers stay
    Pause {
        /// The group's id
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// All groups of the tenant
        #[arg(long, conflicts_with = "id")]
        all: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Scale again
    Resume {
        /// The group's id
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// All groups of the tenant
        #[arg(long, conflicts_with = "id")]
        all: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Delete a group
    Delete {
        /// The group's id
        id: String,
        /// Delete its servers, too; else a group with servers is not deleted
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Event {
    /// Send one event and print its verdict
    Send(Send),
    /// Print verdicts as they come, until it is interrupted
    Tail {
        /// The group's id
        group: String,
        /// End after this time, as 30s
        #[arg(long = "for", value_name = "TIME", value_parser = human)]
        within: Option<Duration>,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The group's id
    pub(crate) group: String,
    #[command(flatten)]
    pub(crate) ask: Ask,
    /// The event's name: the same name acts once, however often it is sent. Made up if absent
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Only say what would be decided and what would come of it; nothing happens
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skip cooldown, debounce and alert state
    #[arg(long)]
    pub(crate) force: bool,
    /// With --force and --override-until: allow this size beyond the group's bounds
    #[arg(long, value_name = "N", requires_all = ["force", "override_until"])]
    pub(crate) override_size: Option<u32>,
    /// Until when that size is allowed (RFC 3339, as 2026-11-21T14:00:00Z, or milliseconds since 1970)
    #[arg(long, value_name = "TIME", requires_all = ["force", "override_size"])]
    pub(crate) override_until: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// What to ask for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Ask {
    /// What this policy says
    #[arg(long)]
    pub(crate) policy: Option<String>,
    /// So many more, or fewer (-2)
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) change: Option<i64>,
    /// Exactly so many
    #[arg(long)]
    pub(crate) desired: Option<u32>,
    /// So many percent more, or fewer (-12.5)
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) percent: Option<String>,
    /// This alert is over, whatever its source says: its key, as `holt group show` has it
    #[arg(long, value_name = "KEY")]
    pub(crate) close_alert: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Verdicts {
    /// The group's id
    pub(crate) group: String,
    /// What was decided at or before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

#[derive(Debug, Args)]
pub(crate) struct Ledger {
    /// The group's id
    pub(crate) group: String,
    /// Only slots in this state, as active or in-doubt
    #[arg(long)]
    pub(crate) state: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

fn human(text: &str) -> Result<Duration, chassis::config::BadDuration> {
    chassis::config::parse_duration(text)
}

#[cfg(test)]
mod tests;
