//! The way to the owner of a group in a fleet: which supervisor it is, the members' leases say; it is asked over HTTP.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chassis::http::Trust;
use chassis::{Clock, Secret};
use domain::event::Event;
use domain::ids::{GroupKey, MemberName, TenantId};
use domain::member::Shard;
use domain::verdict::Verdict;
use store::member::Watch;
use wire::ports::http_submit::HttpSubmit;
use wire::ports::ops::{LookedUp, Names};
use wire::ports::submit::{Submit, SubmitError};

/// How often a group's owner is looked for in one call: while shards move, two members may each think that the other has them.
const TRIES: u32 = 5;
/// Between two such looks: members look every second, and a caller waits no longer than its deadline anyway.
const APART: Duration = Duration::from_millis(300);

/// What every supervisor is called with.
#[derive(Debug, Clone)]
pub struct Calls {
    /// The key that all roles share, if they have one.
    pub key: Option<Secret>,
    /// Which servers to believe.
    pub trust: Trust,
    /// For one answer.
    pub within: Duration,
}

/// All supervisors of a colo as one port.
#[derive(Debug)]
pub struct Owners {
    clock: Clock,
    watch: Watch,
    calls: Calls,
    clients: Mutex<BTreeMap<MemberName, HttpSubmit>>,
}

impl Owners {
    /// The supervisors that this watch sees. Nothing is sent yet.
    #[must_use]
    pub fn new(clock: Clock, watch: Watch, calls: Calls) -> Self {
        Self {
            clock,
            watch,
            calls,
            clients: Mutex::default(),
        }
    }

    fn client(&self, member: &MemberName) -> Option<HttpSubmit> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(member) {
            return Some(client.clone());
        }
        let Calls { key, trust, within } = self.calls.clone();
        match HttpSubmit::new(member.as_str(), key, trust, within) {
            Ok(client) => {
                clients.insert(member.clone(), client.clone());
                Some(client)
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, %member, "a supervisor's address cannot be used");
                None
            }
        }
    }
}

#[async_trait]
impl Submit for Owners {
    async fn submit(&self, key: &GroupKey, event: Event) -> Result<Verdict, SubmitError> {
        let mut owner = self.watch.owner(key);
        let mut last = SubmitError::Unreachable;
        for _ in 0..TRIES {
            let Some(client) = owner.as_ref().and_then(|member| self.client(member)) else {
                return Err(last);
            };
            last = match client.submit(key, event.clone()).await {
                Err(error @ (SubmitError::NotOwner | SubmitError::Unreachable)) => error,
                done => return done,
            };
            self.watch.look().await;
            let now = self.watch.owner(key);
            if now == owner {
                if last == SubmitError::Unreachable {
                    // It died, and nobody has taken over yet. The inbox takes the event; asking others would only make the caller wait.
                    return Err(last);
                }
                self.clock.sleep(APART).await;
            }
            owner = now;
        }
        Err(last)
    }

    async fn poke(&self, key: &GroupKey) {
        if let Some(client) = self
            .watch
            .owner(key)
            .and_then(|member| self.client(&member))
        {
            client.poke(key).await;
        }
    }

    async fn look_up(&self, tenant: &TenantId, names: Names) -> Option<LookedUp> {
        let owner = self.watch.owner_of(Shard::of_tenant(tenant))?;
        self.client(&owner)?.look_up(tenant, names).await
    }
}
