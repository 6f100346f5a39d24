//! Leases of supervisors over Cassandra: one partition a colo, quorum writes and reads, no condition: nothing is decided by them.

use async_trait::async_trait;
use domain::ids::{ColoId, Incarnation};
use domain::member::Lease;
use store::Error;
use store::member::{KEPT, Members};

use crate::Inner;
use crate::driver::{Value, blob, int, long, text, unsigned};
use crate::read::each;

fn key(colo: ColoId, lease: &Lease) -> [Value; 3] {
    [
        int(colo.0.into()),
        text(lease.member.as_str()),
        blob(&lease.life.as_u128().to_be_bytes()),
    ]
}

fn bad(why: impl std::fmt::Display) -> Error {
    Error::Corrupt(format!("a lease: {why}"))
}

fn lease(member: &str, life: &[u8], beat: i64) -> Result<Lease, Error> {
    let life: [u8; 16] = life.try_into().map_err(bad)?;
    Ok(Lease {
        member: member.parse().map_err(bad)?,
        life: Incarnation::from_u128(u128::from_be_bytes(life)),
        beat: unsigned(beat),
    })
}

#[async_trait]
impl Members for Inner {
    async fn beat(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        let rest = [long(lease.beat), int(KEPT.as_secs())];
        let values = key(colo, lease).into_iter().chain(rest).collect();
        self.driver.write(&self.statements.beat, values).await
    }

    async fn leave(&self, colo: ColoId, lease: &Lease) -> Result<(), Error> {
        let values = key(colo, lease).into();
        self.driver.write(&self.statements.leave, values).await
    }

    async fn leases(&self, colo: ColoId) -> Result<Vec<Lease>, Error> {
        let values = vec![int(colo.0.into())];
        let pages = self.driver.read(&self.statements.leases, values).await?;
        let mut found = Vec::new();
        each(&pages, |(member, life, beat): (&str, &[u8], i64)| {
            found.push(lease(member, life, beat)?);
            Ok(())
        })?;
        Ok(found)
    }
}
