//! Leases of an embedded store: in memory, because all that can use the store are in this one process, and die with it.

use std::sync::PoisonError;

use async_trait::async_trait;
use domain::ids::ColoId;
use domain::member::Lease;

use super::Inner;
use crate::Error;
use crate::member::{Leases, Members};

impl Inner {
    fn with_leases<T>(&self, act: impl FnOnce(&mut Leases) -> T) -> T {
        act(&mut self.leases.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Members for Inner {
    async fn beat(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        self.with_leases(|leases| leases.beat(colo, lease));
        Ok(())
    }

    async fn leave(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        self.with_leases(|leases| leases.leave(colo, lease));
        Ok(())
    }

    async fn leases(&self, colo: ColoId) -> Result<Vec<Lease>, Error> {
        Ok(self.with_leases(|leases| leases.of(colo)))
    }
}
