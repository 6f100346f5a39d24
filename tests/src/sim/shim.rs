//! Temporary until api::submit lands.
use std::sync::Arc;
use std::time::Duration;
use chassis::Process;
use domain::draft::Draft;
use domain::event::{Actor, ActorKind, Event};
use domain::group::Cause;
use domain::ids::{Fence, GroupKey};
use domain::time::{Mono, Now, Timestamp};
use domain::verdict::Verdict;
use store::Stores;
use wire::ports::submit::{Submit, SubmitError};
#[derive(Debug)]
pub struct Submitter { process: Process, stores: Stores, owner: Arc<dyn Submit>, deadline: Duration }
#[derive(Debug)]
pub enum Submitted { Decided(Box<Verdict>), Queued }
#[derive(Debug)]
pub enum Never {}
impl Submitter {
    pub fn new(process: Process, stores: Stores, owner: Arc<dyn Submit>, deadline: Duration) -> Self { Self { process, stores, owner, deadline } }
    pub async fn submit(&self, key: &GroupKey, event: Event) -> Result<Submitted, SubmitError> {
        match self.process.clock.timeout(self.deadline, self.owner.submit(key, event.clone())).await {
            Ok(Ok(v)) => return Ok(Submitted::Decided(Box::new(v))),
            Ok(Err(SubmitError::Unreachable)) | Err(_) => {}
            Ok(Err(e)) => return Err(e),
        }
        let now = Now { wall: Timestamp::from_unix_ms(self.process.clock.unix_ms()), mono: Mono::default() };
        let actor = Actor { kind: ActorKind::System, name: "api".into(), request_id: String::new() };
        let r = store::apply::apply(&self.process, &*self.stores.groups, key, Fence(0), None, |v| {
            if v.group.inbox.contains_key(&event.id) { return Ok::<_, Never>(None); }
            let mut d = Draft::new(v.group, now);
            d.queue(event.clone());
            Ok(Some(d.finish(Cause::Queue, actor.clone())))
        }).await;
        let _ = self.stores.hints.mark(key, now.wall).await;
        r.map(|_| Submitted::Queued).map_err(|_| SubmitError::Unavailable)
    }
}
