//! Inputs over Cassandra: one partition an input, and one table that lists those of a tenant. Quorum writes and reads; notes expire by themselves.

use std::time::Duration;

use async_trait::async_trait;
use domain::ids::{InputId, TenantId};
use domain::time::Timestamp;
use scylla::value::CqlValue;
use store::Error;
use store::input::{Input, Inputs, Note, Part};

use crate::Inner;
use crate::driver::{Value, int, long, set, text, tiny};
use crate::read::{each, time};

/// The kind of the input itself.
const SELF: i8 = 0;

const fn kind(part: Part) -> i8 {
    match part {
        Part::Rejected => 1,
        Part::Voter => 2,
    }
}

/// Ids in order of their bytes, as texts sort: hexadecimal digits of one length.
fn key(id: InputId) -> Value {
    set(CqlValue::Blob(id.as_u128().to_be_bytes().to_vec()))
}

fn bad(what: &str, why: &dyn std::fmt::Display) -> Error {
    Error::Corrupt(format!("{what}: {why}"))
}

fn id(bytes: &[u8]) -> Result<InputId, Error> {
    let bytes: [u8; 16] = bytes.try_into().map_err(|e| bad("id of an input", &e))?;
    Ok(InputId::from_u128(u128::from_be_bytes(bytes)))
}

#[async_trait]
impl Inputs for Inner {
    async fn put(&self, input: &Input) -> Result<(), Error> {
        let s = &self.statements.inputs;
        let listed = vec![text(input.tenant.as_str()), key(input.id)];
        // Listed first: what is listed and not there is passed over, what is there and not listed would be lost.
        self.driver.write(&s.list, listed).await?;
        let values = vec![
            key(input.id),
            tiny(SELF),
            text(""),
            text(input.tenant.as_str()),
            long(input.created.unix_ms()),
            text(&input.body),
            int(0),
        ];
        self.driver.write(&s.put, values).await
    }

    async fn get(&self, id: InputId) -> Result<Option<Input>, Error> {
        let values = vec![key(id), tiny(SELF)];
        let pages = self
            .driver
            .read(&self.statements.inputs.rows, values)
            .await?;
        let mut found = None;
        each(&pages, |(_, tenant, at, body): (&str, &str, i64, &str)| {
            found = Some(Input {
                tenant: tenant.parse().map_err(|e| bad("tenant of an input", &e))?,
                id,
                created: time(at),
                body: body.to_owned(),
            });
            Ok(())
        })?;
        Ok(found)
    }

    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<InputId>,
        limit: u32,
    ) -> Result<Vec<Input>, Error> {
        let after = after.map_or_else(|| set(CqlValue::Blob(Vec::new())), key);
        let values = vec![text(tenant.as_str()), after, int(limit.into())];
        let pages = self
            .driver
            .read(&self.statements.inputs.listed, values)
            .await?;
        let mut ids = Vec::new();
        each(&pages, |(bytes,): (Vec<u8>,)| {
            ids.push(id(&bytes)?);
            Ok(())
        })?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let input = Inputs::get(self, id).await?;
            found.extend(input.filter(|input| input.tenant == *tenant));
        }
        Ok(found)
    }

    async fn remove(&self, tenant: &TenantId, id: InputId) -> Result<(), Error> {
        let s = &self.statements.inputs;
        let there = Inputs::get(self, id).await?;
        if there.is_some_and(|input| input.tenant != *tenant) {
            return Ok(());
        }
        self.driver.write(&s.remove, vec![key(id)]).await?;
        let listed = vec![text(tenant.as_str()), key(id)];
        self.driver.write(&s.unlist, listed).await
    }

    async fn note(
        &self,
        id: InputId,
        part: Part,
        note: &Note,
        keep: Duration,
    ) -> Result<(), Error> {
        let values = vec![
            key(id),
            tiny(kind(part)),
            text(&note.place),
            text(""),
            long(note.at.unix_ms()),
            text(&note.body),
            int(keep.as_secs().max(1)),
        ];
        self.driver.write(&self.statements.inputs.put, values).await
    }

    async fn notes(&self, id: InputId, part: Part, _now: Timestamp) -> Result<Vec<Note>, Error> {
        let values = vec![key(id), tiny(kind(part))];
        let pages = self
            .driver
            .read(&self.statements.inputs.rows, values)
            .await?;
        let mut found = Vec::new();
        each(&pages, |(place, _, at, body): (&str, &str, i64, &str)| {
            found.push(Note {
                place: place.to_owned(),
                at: time(at),
                body: body.to_owned(),
            });
            Ok(())
        })?;
        Ok(found)
    }
}
