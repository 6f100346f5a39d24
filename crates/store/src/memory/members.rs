//! Leases in memory.

use async_trait::async_trait;
use domain::ids::ColoId;
use domain::member::Lease;

use super::faults::What;
use super::handle::Handle;
use crate::Error;
use crate::member::Members;

#[async_trait]
impl Members for Handle {
    async fn beat(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        self.call(What::Members, None, |w, _| w.leases.beat(colo, lease))
            .await
    }

    async fn leave(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        self.call(What::Members, None, |w, _| w.leases.leave(colo, lease))
            .await
    }

    async fn leases(&self, colo: ColoId) -> Result<Vec<Lease>, Error> {
        self.call(What::Members, None, |w, _| w.leases.of(colo))
            .await
    }
}
