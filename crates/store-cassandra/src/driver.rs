//! The one way to the driver: every request is counted, and its failure is told apart by what it says of a write.

use std::sync::Arc;

use chassis::metrics::Counter;
use chassis::{Metrics, Process};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::batch::Batch;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{CqlValue, MaybeUnset};

use crate::{OpenError, Settings, SettingsError};
use store::Error;

/// One value of a statement: something, null, or not to be touched.
pub(crate) type Value = MaybeUnset<Option<CqlValue>>;
/// The values of one statement.
pub(crate) type Values = Vec<Value>;

/// A session, and what was asked through it.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) session: Session,
    pub(crate) keyspace: String,
    counters: Counters,
}

#[derive(Debug)]
struct Counters {
    requests: Counter,
    commits: Counter,
    conflicts: Counter,
    unknown: Counter,
}

/// What the counts stood at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests that the driver sent, pages and hints too; none of them is repeated behind our back but reads and plain writes.
    pub requests: u64,
    /// Conditional batches that were applied.
    pub commits: u64,
    /// Conditional batches that were refused.
    pub conflicts: u64,
    /// Conditional batches whose answer said nothing.
    pub unknown: u64,
}

impl Counters {
    fn new(metrics: &Metrics) -> Self {
        let outcome = |outcome, help| {
            metrics.counter_with("store_batches_total", help, &[("outcome", outcome)])
        };
        let help = "Conditional batches, by what became of them.";
        Self {
            requests: metrics.counter(
                "store_driver_requests_total",
                "Requests that the driver sent to the cluster.",
            ),
            commits: outcome("applied", help),
            conflicts: outcome("refused", help),
            unknown: outcome("unknown", help),
        }
    }
}

/// What became of a conditional batch.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Applied.
    Applied,
    /// Refused; why, only a read can say: what a refusal shows varies with the condition that failed.
    Refused,
    /// Nobody knows.
    Unknown,
}

impl Driver {
    /// A session that asks only the nodes of the settings' data centre.
    pub(crate) async fn connect(process: &Process, settings: &Settings) -> Result<Self, OpenError> {
        let keyspace = &settings.keyspace;
        let session = builder(settings)?.use_keyspace(keyspace, false);
        Ok(Self {
            session: session.build().await?,
            keyspace: keyspace.clone(),
            counters: Counters::new(&process.metrics),
        })
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            requests: self.counters.requests.get(),
            commits: self.counters.commits.get(),
            conflicts: self.counters.conflicts.get(),
            unknown: self.counters.unknown.get(),
        }
    }

    /// A write that may be done twice.
    pub(crate) async fn write(
        &self,
        statement: &PreparedStatement,
        values: Values,
    ) -> Result<(), Error> {
        self.counters.requests.increment();
        let done = self.session.execute_unpaged(statement, values).await;
        done.map(drop).map_err(unavailable)
    }

    /// Several writes that may be done twice, of one partition.
    pub(crate) async fn write_all(&self, batch: &Batch, values: Vec<Values>) -> Result<(), Error> {
        self.counters.requests.increment();
        let done = self.session.batch(batch, values).await;
        done.map(drop).map_err(unavailable)
    }

    /// All pages of a read, in order.
    pub(crate) async fn read(
        &self,
        statement: &PreparedStatement,
        values: Values,
    ) -> Result<Vec<QueryRowsResult>, Error> {
        let mut pages = Vec::new();
        let mut from = PagingState::start();
        loop {
            self.counters.requests.increment();
            let asked = self.session.execute_single_page(statement, &values, from);
            let (page, next) = asked.await.map_err(unavailable)?;
            pages.push(page.into_rows_result().map_err(unreadable)?);
            match next {
                PagingStateResponse::HasMorePages { state } => from = state,
                PagingStateResponse::NoMorePages => return Ok(pages),
            }
        }
    }

    /// One conditional batch, sent once.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: it is certain that nothing of it was or will be written.
    pub(crate) async fn decide(
        &self,
        batch: &Batch,
        values: Vec<Values>,
    ) -> Result<Outcome, Error> {
        self.counters.requests.increment();
        match self.session.batch(batch, values).await {
            Ok(answer) => self.outcome(answer),
            Err(error) if is_refused_unread(&error) => Err(unavailable(error)),
            Err(error) => {
                self.counters.unknown.increment();
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "it is not known what became of a commit");
                Ok(Outcome::Unknown)
            }
        }
    }

    fn outcome(&self, answer: QueryResult) -> Result<Outcome, Error> {
        let rows = answer.into_rows_result().map_err(unreadable)?;
        // The other columns vary from answer to answer: only names can be relied on.
        let applied = rows.column_specs().get_by_name("[applied]").map(|(i, _)| i);
        let row = rows.maybe_first_row::<scylla::value::Row>();
        let row = row.map_err(unreadable)?;
        let applied = applied
            .and_then(|i| row.as_ref()?.columns.get(i)?.as_ref()?.as_boolean())
            .ok_or_else(|| Error::Corrupt("an answer without [applied]".into()))?;
        if applied {
            self.counters.commits.increment();
            return Ok(Outcome::Applied);
        }
        self.counters.conflicts.increment();
        Ok(Outcome::Refused)
    }
}

/// What every session has, those that a bench compares with included.
///
/// The home data centre only, quorums and Paxos within it, no client time stamps, replicas in a fixed order (rounds of Paxos meet at one
/// coordinator), and no repetition unless a statement allows it.
///
/// # Errors
/// [`SettingsError`] names the key, and the file.
pub fn builder(settings: &Settings) -> Result<SessionBuilder, SettingsError> {
    let policy = DefaultPolicy::builder()
        .prefer_datacenter(settings.datacenter.clone())
        .permit_dc_failover(false)
        .token_aware(true)
        .enable_shuffling_replicas(false)
        .build();
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(settings.request_timeout))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .load_balancing_policy(policy)
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&settings.contact_points)
        .prefer_datacenter(settings.datacenter.clone())
        .default_execution_profile_handle(profile.into_handle());
    // The driver connects to nodes by their addresses, and gives rustls the address: it must stand in the node's certificate.
    if let Some(tls) = &settings.tls {
        builder = builder.tls_context(Some(tls.client("store.cassandra.tls")?));
    }
    let half = |given, missing| Err(SettingsError::Login { given, missing });
    match (&settings.user, &settings.password) {
        (Some(user), Some(password)) => Ok(builder.user(user, password.expose())),
        (Some(_), None) => half("user", "password"),
        (None, Some(_)) => half("password", "user"),
        (None, None) => Ok(builder),
    }
}

/// The cluster gave no answer, or none that can be used now.
pub(crate) fn unavailable(error: ExecutionError) -> Error {
    Error::Unavailable(Box::new(error))
}

/// An answer is not what the schema says.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::Corrupt(format!("an answer of the cluster: {error}"))
}

/// Whether a conditional write certainly never began. `Unavailable` and `Overloaded` are not among these: a coordinator may say so
/// in a later round, after some replicas accepted the proposal.
fn is_refused_unread(error: &ExecutionError) -> bool {
    if let ExecutionError::LastAttemptError(attempt) = error {
        return matches!(
            attempt,
            RequestAttemptError::SerializationError(_)
                | RequestAttemptError::CqlRequestSerialization(_)
                | RequestAttemptError::UnableToAllocStreamId
                | RequestAttemptError::DbError(
                    DbError::SyntaxError
                        | DbError::Invalid
                        | DbError::Unauthorized
                        | DbError::IsBootstrapping,
                    _,
                )
        );
    }
    matches!(
        error,
        ExecutionError::BadQuery(_)
            | ExecutionError::EmptyPlan
            | ExecutionError::PrepareError(_)
            | ExecutionError::ConnectionPoolError(_)
    )
}

/// A text.
pub(crate) fn text(value: &str) -> Value {
    set(CqlValue::Text(value.to_owned()))
}

/// A blob.
pub(crate) fn blob(value: &[u8]) -> Value {
    set(CqlValue::Blob(value.to_vec()))
}

/// A bigint. Counters and times beyond half of `u64` do not occur; they would be kept as the largest.
pub(crate) fn long(value: u64) -> Value {
    set(CqlValue::BigInt(i64::try_from(value).unwrap_or(i64::MAX)))
}

/// An int; what is too large is kept as the largest.
pub(crate) fn int(value: u64) -> Value {
    set(CqlValue::Int(i32::try_from(value).unwrap_or(i32::MAX)))
}

/// A tinyint.
pub(crate) const fn tiny(value: i8) -> Value {
    set(CqlValue::TinyInt(value))
}

pub(crate) const fn set(value: CqlValue) -> Value {
    MaybeUnset::Set(Some(value))
}

/// A bigint as it was before it was stored.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
