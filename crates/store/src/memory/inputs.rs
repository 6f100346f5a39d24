//! Inputs in memory.

use std::time::Duration;

use async_trait::async_trait;
use domain::ids::{InputId, TenantId};
use domain::time::Timestamp;

use super::faults::What;
use super::handle::{Handle, count};
use crate::Error;
use crate::input::{Input, Inputs, Note, Part};

#[async_trait]
impl Inputs for Handle {
    async fn put(&self, input: &Input) -> Result<(), Error> {
        self.call(What::Inputs, None, |w, _| {
            w.inputs.insert(input.id, input.clone());
        })
        .await
    }

    async fn get(&self, id: InputId) -> Result<Option<Input>, Error> {
        self.call(What::Inputs, None, |w, _| w.inputs.get(&id).cloned())
            .await
    }

    async fn of_tenant(
        &self,
        tenant: &TenantId,
        after: Option<InputId>,
        limit: u32,
    ) -> Result<Vec<Input>, Error> {
        self.call(What::Inputs, None, |w, _| {
            let own = w.inputs.values().filter(|input| input.tenant == *tenant);
            own.filter(|input| after.is_none_or(|after| input.id > after))
                .take(count(limit))
                .cloned()
                .collect()
        })
        .await
    }

    async fn remove(&self, tenant: &TenantId, id: InputId) -> Result<(), Error> {
        self.call(What::Inputs, None, |w, _| {
            if w.inputs
                .get(&id)
                .is_some_and(|input| input.tenant == *tenant)
            {
                w.inputs.remove(&id);
                w.input_notes.retain(|(of, _, _), _| *of != id);
            }
        })
        .await
    }

    async fn note(
        &self,
        id: InputId,
        part: Part,
        note: &Note,
        keep: Duration,
    ) -> Result<(), Error> {
        self.call(What::Inputs, None, |w, _| {
            let place = (id, part, note.place.clone());
            w.input_notes
                .insert(place, (note.at.plus(keep), note.clone()));
        })
        .await
    }

    async fn notes(&self, id: InputId, part: Part, now: Timestamp) -> Result<Vec<Note>, Error> {
        self.call(What::Inputs, None, |w, _| {
            let first = (id, part, String::new());
            let own = w
                .input_notes
                .range(first..)
                .take_while(|((of, kind, _), _)| (*of, *kind) == (id, part));
            own.filter(|(_, (until, _))| *until >= now)
                .map(|(_, (_, note))| note.clone())
                .collect()
        })
        .await
    }
}
