//! Looks at the cloud: one server, all of a tenant, those with one slot's tag, and what
//! launch configurations name.

use cloud::guard::{self, Priority};
use domain::ids::{ServerId, SlotId, TenantId};
use wire::ports::ops::{Done, LookedUp, Names};

use super::{Came, Hands, Terms};
use crate::{classify, observe};

impl Hands {
    pub(super) async fn read(
        &self,
        tenant: &TenantId,
        slot: SlotId,
        server: ServerId,
        terms: &Terms,
    ) -> Came {
        let admitted = match self
            .admit(guard::Call::Get, tenant, Priority::Doubt, terms.deadline)
            .await
        {
            Ok(admitted) => admitted,
            Err(wait) => return (Done::Nothing(wait), None),
        };
        let began = self.shared.process.clock.mono();
        let answer = self.shared.cloud.get(tenant, server).await;
        drop(admitted);
        match answer {
            Ok(server) => {
                let row = server.map(observe::row);
                let age = std::time::Duration::ZERO;
                (Done::Read { slot, age, row }, Some(began))
            }
            Err(error) => (Done::Nothing(classify::no_answer(&error)), None),
        }
    }

    pub(super) async fn list(
        &self,
        tenant: &TenantId,
        tagged: Option<SlotId>,
        terms: &Terms,
    ) -> Came {
        let Ok(_in_line) = self.shared.lists.try_acquire() else {
            return (Done::Nothing(classify::many_lists()), None);
        };
        let admitted = match self
            .admit(guard::Call::List, tenant, Priority::Doubt, terms.deadline)
            .await
        {
            Ok(admitted) => admitted,
            Err(wait) => return (Done::Nothing(wait), None),
        };
        let began = self.shared.process.clock.mono();
        let answer = match tagged {
            None => self.shared.cloud.list(tenant).await,
            Some(slot) => self.shared.cloud.list_tagged(tenant, slot).await,
        };
        drop(admitted);
        match answer {
            Ok(list) => (observe::listed(list), Some(began)),
            Err(error) => (Done::Nothing(classify::no_answer(&error)), None),
        }
    }

    /// What a launch configuration names: the flavor, and the image where there is one. One of them without an answer is no answer.
    pub(super) async fn look_up(&self, tenant: &TenantId, names: &Names, terms: &Terms) -> Done {
        let urgency = Priority::Housekeeping;
        let admitted = self.admit(guard::Call::Get, tenant, urgency, terms.deadline);
        let admitted = match admitted.await {
            Ok(admitted) => admitted,
            Err(wait) => return Done::Nothing(wait),
        };
        let cloud = &self.shared.cloud;
        let flavor = cloud.flavor(tenant, &names.flavor).await;
        drop(admitted);
        let image = match &names.image {
            Some(image) => cloud.image(tenant, image).await.map(Some),
            None => Ok(None),
        };
        match (flavor, image) {
            (Ok(flavor), Ok(image)) => Done::LookedUp(LookedUp {
                flavor: observe::found(flavor),
                image: image.map(observe::found),
            }),
            (Err(error), _) | (_, Err(error)) => Done::Nothing(classify::no_answer(&error)),
        }
    }
}
