//! Small groups, slots and clocks for the table tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::capacity::{Bounds, Size};
use crate::draft::Draft;
use crate::event::{Actor, ActorKind, Ask, Event, Force};
use crate::evidence::{Extent, Listing, Proof, Row, Status};
use crate::group::{Cause, Change, Config, Group, ScaleInOrder};
use crate::ids::{
    ColoId, Fence, GroupId, GroupKey, HomeEpoch, Incarnation, LaunchHash, Nonce, PolicyId,
    RequestHash, ServerId, SlotId,
};
use crate::policy::{Adjust, Policy, Trigger};
use crate::slot::{CallToken, Flags, Issue, Slot, State};
use crate::time::{Mono, Now, Timestamp};

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn mono(seconds: u64) -> Mono {
    Mono::from_ms(seconds * 1000)
}

pub(crate) fn wall(seconds: u64) -> Timestamp {
    Timestamp::from_unix_ms(1_700_000_000_000 + seconds * 1000)
}

pub(crate) fn at(seconds: u64) -> Now {
    Now {
        wall: wall(seconds),
        mono: mono(seconds),
    }
}

pub(crate) fn group_id() -> GroupId {
    GroupId::new(ColoId(1), 7)
}

pub(crate) fn group(min: u32, max: u32, desired: u32) -> Group {
    let key = GroupKey {
        tenant: "acme".parse().expect("a tenant id"),
        id: group_id(),
        epoch: HomeEpoch(0),
    };
    let config = Config {
        name: "web".into(),
        bounds: Bounds::new(Size(min), Size(max)).expect("bounds"),
        cooldown: Duration::ZERO,
        launch: LaunchHash([1; 32]),
        metadata: BTreeMap::new(),
        policies: BTreeMap::new(),
        scale_in: ScaleInOrder::OldestFirst,
        circle: crate::circle::Circle::default(),
        build_timeout: secs(3600),
        serials: 0,
        hooks: BTreeMap::new(),
        generation: 1,
    };
    let mut group = Group::new(key, config);
    group.state.desired = Size(desired);
    group
}

pub(crate) fn policy(id: &str, adjust: Adjust, cooldown: u64, debounce: u64) -> Policy {
    Policy {
        id: id.parse::<PolicyId>().expect("a policy id"),
        name: id.into(),
        adjust,
        cooldown: secs(cooldown),
        debounce: secs(debounce),
        trigger: Trigger::Webhook,
        webhooks: BTreeMap::new(),
        written: None,
    }
}

pub(crate) fn with_policy(mut group: Group, policy: Policy) -> Group {
    group.config.policies.insert(policy.id.clone(), policy);
    group
}

pub(crate) fn event(id: &str, ask: Ask, force: Force, received: u64) -> Event {
    Event {
        id: id.parse().expect("an event id"),
        request: RequestHash([0; 32]),
        ask,
        force,
        actor: actor(),
        received: wall(received),
        valid_until: wall(received + 600),
        trace: None,
    }
}

pub(crate) fn actor() -> Actor {
    Actor {
        kind: ActorKind::System,
        name: "test".into(),
        request_id: String::new(),
        from: None,
    }
}

pub(crate) fn server(n: u128) -> ServerId {
    ServerId::from_u128(n)
}

pub(crate) fn id(n: u128) -> SlotId {
    SlotId::from_u128(n)
}

pub(crate) fn issue(token_left: u64) -> Issue {
    Issue {
        worker: "w1".parse().expect("a worker name"),
        incarnation: Incarnation::from_u128(1),
        token: CallToken::Lives(secs(token_left)),
    }
}

pub(crate) fn slot(n: u128, state: State) -> Slot {
    Slot {
        id: id(n),
        proof: id(n),
        nonce: Nonce::from_u128(n),
        launch: LaunchHash([1; 32]),
        state,
        flags: Flags::default(),
        issued: wall(u64::try_from(n).expect("a small number")),
        since: wall(u64::try_from(n).expect("a small number")),
    }
}

/// A group whose slots are those; desired is `desired`.
pub(crate) fn group_of(desired: u32, slots: impl IntoIterator<Item = Slot>) -> Group {
    let mut group = group(0, 100, desired);
    slots.into_iter().for_each(|s| group.slots.put(s));
    group
}

/// `n` servers in service, in slots 1 to `n`, with the uuids of the same numbers.
pub(crate) fn actives(n: u128) -> Vec<Slot> {
    (1..=n).map(|i| slot(i, State::Active(server(i)))).collect()
}

pub(crate) fn row(server_no: u128, slot_no: u128, status: Status) -> Row {
    Row {
        server: server(server_no),
        proof: Proof::Valid {
            group: group_id(),
            slot: id(slot_no),
        },
        ours: true,
        status,
    }
}

pub(crate) fn list(began: u64, extent: Extent, rows: Vec<Row>) -> Listing {
    Listing {
        began: mono(began),
        extent,
        about: (extent == Extent::Tagged).then(|| id(1)),
        rows,
        shown: Arc::default(),
    }
}

/// Commits a draft.
pub(crate) fn commit(group: &mut Group, make: impl FnOnce(&mut Draft<'_>), now: Now) -> Change {
    let mut draft = Draft::new(group, now);
    make(&mut draft);
    let change = draft.finish(Cause::Converge, actor());
    group.fold(change.clone(), Fence(0));
    change
}
