//! Launch bodies, hints and the journal over SQLite.

use std::sync::{MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::ids::{GroupKey, LaunchHash, Rev, TenantId};
use domain::time::Timestamp;
use sha2::{Digest, Sha256};

use super::Inner;
use super::prepare::{Key, Request};
use super::read;
use super::writer::Closed;
use crate::Error;
use crate::group::{CommitRecord, Committed};
use crate::hint::{Board, Hints};
use crate::journal::Journal;
use crate::launch::Launches;

impl Inner {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write that may safely be done twice: an unclear answer is "not available".
    pub(super) async fn write(&self, request: Request) -> Result<(), Error> {
        self.round_trip();
        match self.writer.ask(request).await? {
            Committed::Applied => Ok(()),
            Committed::Unknown | Committed::Conflict(_) => {
                Err(Error::Unavailable(Box::new(Closed)))
            }
        }
    }
}

#[async_trait]
impl Launches for Inner {
    async fn put(&self, tenant: &TenantId, body: &[u8]) -> Result<LaunchHash, Error> {
        let hash = LaunchHash(Sha256::digest(body).into());
        self.write(Request::Launch(tenant.clone(), hash, body.to_vec()))
            .await?;
        Ok(hash)
    }

    async fn get(&self, tenant: &TenantId, hash: LaunchHash) -> Result<Option<Vec<u8>>, Error> {
        self.round_trip();
        let tenant = tenant.clone();
        self.readers
            .small(move |db| read::launch(db, &tenant, &hash.0))
            .await
    }
}

#[async_trait]
impl Hints for Inner {
    async fn mark(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error> {
        self.board().mark(key, at);
        Ok(())
    }

    async fn marked(&self, limit: u32) -> Result<Vec<(GroupKey, Timestamp)>, Error> {
        Ok(self
            .board()
            .marked(usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    async fn clear(&self, key: &GroupKey, at: Timestamp) -> Result<(), Error> {
        self.board().clear(key, at);
        Ok(())
    }
}

#[async_trait]
impl Journal for Inner {
    async fn append(&self, key: &GroupKey, records: &[CommitRecord]) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        self.write(Request::Append(Key::from(key), records.to_vec()))
            .await
    }

    async fn read(
        &self,
        key: &GroupKey,
        after: Option<Rev>,
        limit: u32,
    ) -> Result<Vec<CommitRecord>, Error> {
        self.round_trip();
        let key = Key::from(key);
        self.readers
            .run(move |db| read::journal(db, &key, after, limit))
            .await
    }
}
