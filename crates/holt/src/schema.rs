//! `holt schema`: the tables of a cluster. The only way in which they are ever changed.
use anyhow::{Context as _, ensure};
use chassis::Process;
use store_cassandra::schema;

use crate::{args::Schema, config, out};

/// Changes or checks the tables.
///
/// # Errors
/// The cluster cannot be reached or refuses, or the tables are not of this version.
pub(crate) async fn run(process: &Process, command: Schema) -> anyhow::Result<()> {
    let (Schema::Apply(args) | Schema::Check(args)) = &command;
    let settings = config::load(args.config.as_deref())?.store.cassandra;
    ensure!(
        !settings.contact_points.is_empty(),
        "configuration key `store.cassandra.contact_points` is required and not set"
    );
    let (keyspace, known) = (&settings.keyspace, schema::VERSION);
    match command {
        Schema::Apply(_) => {
            let (from, to) = schema::apply(process, &settings)
                .await
                .context("apply the schema")?;
            out::say(&format!("keyspace {keyspace}: version {from} -> {to}"))
        }
        Schema::Check(_) => {
            let found = schema::check(&settings).await.context("check the schema")?;
            ensure!(
                found == known,
                "keyspace {keyspace} has version {found}, this build needs {known}: `holt schema apply`"
            );
            out::say(&format!("keyspace {keyspace}: version {found}"))
        }
    }
}
