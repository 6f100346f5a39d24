//! `cargo run --release -p holt-tests --bin bench -- core|idle|counts|api|inputs|scale|fleet|search|brownout|surge|fairness|kill-switch|hooks`: figures with their floors. docs/performance.md explains them.
//!
//! Exit code 0: every figure is within its bar. 1: one is not. 2: nothing was measured.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use chassis::Process;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use holt_tests::bench::beside::Turns;
use holt_tests::bench::{api, cloud, figures, fleet, floor, guard, hooks, inputs, scale, search};

#[derive(Debug, Parser)]
#[command(about = "Figures of the running service, each with its floor from the same run.")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// G1, G3, G5 to G8
    Core {
        /// One repetition of a load, on each side
        #[arg(long, default_value_t = 3)]
        seconds: u64,
        /// Repetitions, five at least
        #[arg(long, default_value_t = 5, value_parser = RangedU64ValueParser::<usize>::new().range(5..))]
        repetitions: usize,
    },
    /// Memory at rest and time to start
    Idle,
    /// G5 to G8 only: counted, not timed
    Counts,
    /// What a request costs at the edge, refusals beside a bare handler; and G12
    Api {
        /// One repetition of a load, on each side
        #[arg(long, default_value_t = 2)]
        seconds: u64,
        /// Repetitions
        #[arg(long, default_value_t = 3)]
        repetitions: usize,
        /// Schedules that are due in one second; 0 leaves them out
        #[arg(long, default_value_t = 100_000)]
        schedules: usize,
    },
    /// What an alert costs beside a handler that only parses it, and what a storm of one fingerprint commits
    Inputs {
        /// One repetition of a load, on each side
        #[arg(long, default_value_t = 2)]
        seconds: u64,
        /// Repetitions
        #[arg(long, default_value_t = 3)]
        repetitions: usize,
        /// Alerts of the storm
        #[arg(long, default_value_t = 100_000)]
        storm: usize,
    },
    /// Four kinds of bad day, beside a naive client and a fixed pace
    Brownout {
        /// How long each is bad
        #[arg(long, default_value_t = 120)]
        seconds: u64,
        /// Where the picture goes (SVG)
        #[arg(long)]
        picture: Option<PathBuf>,
    },
    /// The surge guard at work
    Surge,
    /// G13: a quiet tenant beside one that floods
    Fairness {
        /// Of each kind, in all
        #[arg(long, default_value_t = 140)]
        seconds: u64,
        /// Turns of each kind
        #[arg(long, default_value_t = 7)]
        rounds: u64,
    },
    /// How long until the last call, after the kill switch was thrown
    KillSwitch {
        /// How often
        #[arg(long, default_value_t = 20)]
        throws: usize,
    },
    /// Whole lives of servers with hooks: bad receivers, and kill -9 of the service
    Hooks {
        /// Servers
        #[arg(long, default_value_t = 10_000)]
        servers: u32,
        /// How often the service is killed
        #[arg(long, default_value_t = 6)]
        kills: u32,
    },
    /// Typical searches over many changes, in both indexes; and a corpus of escapes, with which no tenant may see another's
    Search {
        /// Changes
        #[arg(long, default_value_t = 1_000_000)]
        documents: u64,
        /// A node of Elasticsearch, as `http://127.0.31.1:9200`, once for each; none: the embedded index alone, which is half of it and not `ok`
        #[arg(
            long = "node",
            value_name = "URL",
            env = "ELASTICSEARCH_NODES",
            value_delimiter = ','
        )]
        nodes: Vec<String>,
        /// Searches of each kind
        #[arg(long, default_value_t = 200)]
        searches: u64,
    },
    /// G10, G11, G15: very many idle groups
    Scale(Scale),
    /// Events a second of a fleet beside raw conditional batches, on a cluster that is up
    Fleet(Fleet),
    /// The bare HTTP handler (started by the others)
    #[command(hide = true)]
    FloorHttp,
    /// The simulated cloud with instant answers (started by the others)
    #[command(hide = true)]
    Cloud {
        /// Where to listen
        #[arg(long)]
        listen: SocketAddr,
        /// What its catalog tells; empty: where it listens
        #[arg(long, default_value = "")]
        catalog: String,
        /// Take the cores that nobody else wants
        #[arg(long)]
        humble: bool,
    },
}

/// Very many idle groups.
#[derive(Debug, Args)]
struct Scale {
    /// Groups
    #[arg(long, default_value_t = 1_000_000)]
    groups: usize,
    /// Which store
    #[arg(long, value_enum, default_value_t = Store::Embedded)]
    store: Store,
    #[command(flatten)]
    cluster: Cluster,
    /// How long a process rests before its memory is read, in seconds
    #[arg(long, default_value_t = 60)]
    rest: u64,
    /// Starts of each kind
    #[arg(long, default_value_t = 3)]
    starts: usize,
    /// Passes on each side
    #[arg(long, default_value_t = 100)]
    passes: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Store {
    Embedded,
    Cassandra,
}

impl Scale {
    async fn run(self, process: &Process) -> anyhow::Result<bool> {
        let extent = scale::Extent {
            groups: self.groups,
            rest: Duration::from_secs(self.rest),
            starts: self.starts,
            passes: self.passes,
        };
        match self.store {
            Store::Embedded => scale::embedded(process, extent).await,
            Store::Cassandra => scale::cluster(process, &self.cluster.place()?, extent).await,
        }
    }
}

/// A fleet beside raw batches.
#[derive(Debug, Args)]
struct Fleet {
    #[command(flatten)]
    cluster: Cluster,
    /// One repetition of a load, on each side
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Repetitions
    #[arg(long, default_value_t = 3)]
    repetitions: usize,
    /// Supervisors that share the groups
    #[arg(long, default_value_t = 2)]
    supervisors: usize,
}

impl Fleet {
    async fn run(self, process: &Process) -> anyhow::Result<bool> {
        let extent = fleet::Extent {
            during: Duration::from_secs(self.seconds),
            repetitions: self.repetitions,
            supervisors: self.supervisors,
        };
        fleet::run(process, &self.cluster.place()?, extent).await
    }
}

/// A Cassandra cluster, as the conformance suite is told of it.
#[derive(Debug, Args)]
struct Cluster {
    /// Nodes to begin with, each `host:port`
    #[arg(long = "point", env = "CASSANDRA_POINTS", value_delimiter = ',')]
    points: Vec<String>,
    /// Copies of every row
    #[arg(long, env = "CASSANDRA_COPIES", default_value_t = 1)]
    copies: u32,
    /// Its data centre
    #[arg(long, default_value = "dc1")]
    datacenter: String,
}

impl Cluster {
    fn place(self) -> anyhow::Result<fleet::Place> {
        let Self {
            points,
            copies,
            datacenter,
        } = self;
        ensure!(
            !points.is_empty(),
            "no cluster is named: `--point host:port`, or CASSANDRA_POINTS"
        );
        Ok(fleet::Place {
            points,
            datacenter,
            copies,
        })
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let done = chassis::spawn::run(async move {
        let process = Process::system();
        run(&process, arguments.what).await
    })?;
    Ok(match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            use std::io::Write as _;
            writeln!(std::io::stderr(), "bench: {error:#}")?;
            ExitCode::from(2)
        }
    })
}

/// True if every figure is within its bar.
async fn run(process: &Process, what: What) -> anyhow::Result<bool> {
    match what {
        What::Core {
            seconds,
            repetitions,
        } => figures::core(process, seconds, repetitions).await,
        What::Idle => figures::idle(process).await,
        What::Api {
            seconds,
            repetitions,
            schedules,
        } => {
            let turns = Turns {
                seconds,
                repetitions,
            };
            let extent = api::Extent { turns, schedules };
            api::run(process, extent).await
        }
        What::Inputs {
            seconds,
            repetitions,
            storm,
        } => {
            let turns = Turns {
                seconds,
                repetitions,
            };
            inputs::run(process, turns, storm).await
        }
        What::Counts => figures::counts(process).await,
        What::Brownout { seconds, picture } => {
            guard::brownout::run(process, seconds, picture).await
        }
        What::Fairness { seconds, rounds } => guard::fairness::run(process, seconds, rounds).await,
        What::Surge => guard::surge::run(process).await,
        What::KillSwitch { throws } => guard::kill_switch::run(process, throws).await,
        What::Hooks { servers, kills } => hooks::run(process, servers, kills).await,
        What::Search {
            documents,
            nodes,
            searches,
        } => {
            let extent = search::Extent {
                documents,
                searches,
            };
            search::run(process, extent, nodes).await
        }
        What::Scale(scale) => scale.run(process).await,
        What::Fleet(fleet) => fleet.run(process).await,
        What::FloorHttp => floor::serve().await.map(|()| true),
        What::Cloud {
            listen,
            catalog,
            humble,
        } => {
            if humble {
                // Its threads, which come later, have it from this one.
                rustix::process::nice(19)?;
            }
            cloud::serve(process, listen, catalog).await.map(|()| true)
        }
    }
}
