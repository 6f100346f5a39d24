//! Several supervisors that share a store: who owns what, how events find the owner, and what happens when one dies or leaves.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use chassis::Process;
use chassis::http::Trust;
use chassis::ops::ServerHandle;
use domain::event::Event;
use domain::ids::{ColoId, GroupKey, MemberName};
use domain::member::Shard;
use holt_api::owners::{Calls, Owners};
use store::Stores;
use store::member::Watch;
use wire::ports::submit::{Submit, SubmitError};

use crate::roles::{make_group, one_more, secret, stores, submit};

/// A supervisor as a process of its own would be: its own clock, tasks and listener.
struct Member {
    process: Process,
    name: MemberName,
    listener: ServerHandle,
}

impl Member {
    fn start(stores: &Stores) -> Self {
        let process = Process::system();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let name: MemberName = format!("http://{address}").parse().expect("a name");
        let settings = holt_supervisor::Settings {
            member: Some(name.clone()),
            ..holt_supervisor::Settings::default()
        };
        let supervisor = holt_supervisor::build(&process, settings, stores.clone());
        let key = secret("shared key");
        let listener = holt_supervisor::serve::listen(&process, listener, supervisor, key);
        Self {
            process,
            name,
            listener: listener.expect("served"),
        }
    }

    /// As kill -9 would: nothing is said to anybody.
    async fn die(self) {
        self.process.tasks.abort_all();
        self.listener.stop(false).await;
    }

    /// As SIGTERM would.
    async fn leave(self) {
        self.process.stop.request();
        self.listener.stop(true).await;
        let clock = &self.process.clock;
        self.process
            .tasks
            .drain(clock, Duration::from_secs(3))
            .await;
    }
}

struct Rig {
    process: Process,
    watch: Watch,
    owners: Owners,
    key: GroupKey,
    members: Vec<Member>,
    events: u32,
}

impl Rig {
    fn event(&mut self) -> Event {
        self.events += 1;
        Event {
            id: format!("event-{}", self.events).parse().expect("an id"),
            ..one_more(&self.process)
        }
    }

    /// Sends events until one is decided, and gives how long that took.
    async fn until_decided(&mut self) -> Duration {
        let began = self.process.clock.mono();
        loop {
            let (key, event) = (self.key.clone(), self.event());
            let decided = self.owners.submit(&key, event).await;
            let took = self.process.clock.mono().saturating_since(began);
            if decided.is_ok() {
                return took;
            }
            assert!(took < Duration::from_secs(30), "{decided:?}");
            self.process.clock.sleep(Duration::from_millis(100)).await;
        }
    }

    /// Takes the owner of the group out of the members.
    fn take_owner(&mut self) -> Member {
        let owner = self.watch.owner(&self.key).expect("an owner");
        let place = self.members.iter().position(|m| m.name == owner);
        self.members.remove(place.expect("one of them"))
    }
}

async fn play() {
    let process = Process::system();
    let (_folder, stores) = stores(&process);
    let key = make_group(&process, &stores).await;
    let watch = Watch::start(&process, Arc::clone(&stores.members), ColoId(1), None);
    let calls = Calls {
        key: Some(secret("shared key")),
        trust: Trust::Only(Vec::new()),
        within: Duration::from_secs(2),
    };
    let mut rig = Rig {
        owners: Owners::new(process.clock.clone(), watch.clone(), calls),
        members: (0..3).map(|_| Member::start(&stores)).collect(),
        process,
        watch,
        key,
        events: 0,
    };
    rig.until_decided().await;
    all_agree(&mut rig).await;

    rig.take_owner().die().await;
    let took = rig.until_decided().await;
    assert!(took <= Duration::from_secs(15), "takeover took {took:?}");

    rig.take_owner().leave().await;
    let took = rig.until_decided().await;
    assert!(took <= Duration::from_secs(3), "hand-over took {took:?}");
    rig.process.stop.request();
}

/// Once all three are seen, one owns the group and the others say that they do not.
async fn all_agree(rig: &mut Rig) {
    rig.process.clock.sleep(Duration::from_millis(2_500)).await;
    let owner = rig.watch.owner(&rig.key).expect("an owner");
    let names: Vec<MemberName> = rig.members.iter().map(|m| m.name.clone()).collect();
    assert_eq!(Shard::of(&rig.key).owner(&names), Some(&owner));
    for name in names {
        let event = rig.event();
        let answer = submit(name.as_str()).submit(&rig.key, event).await;
        match answer {
            Ok(_) => assert_eq!(name, owner),
            Err(error) => assert!(error == SubmitError::NotOwner && name != owner, "{error}"),
        }
    }
}

#[test]
fn events_find_the_next_owner_when_a_supervisor_dies_and_when_it_leaves() {
    chassis::spawn::run(play()).expect("a runtime");
}
