use chassis::{Process, SimulatedProcess};
use domain::capacity::Size;
use domain::draft::Draft;
use domain::group::Cause;
use domain::hook::{Format, Hook, Point};
use domain::ids::{ColoId, Fence, GroupId, HomeEpoch};
use domain::outbox::{About, Attempts};
use domain::time::Timestamp;
use store::Stores;
use store::memory::Memory;
use store::memory::faults::{Call, Fate, Faults, Plan, What};
use wire::hooks::message::{Data, Message};
use wire::v2::time::Moment;

use super::*;
use crate::Settings;
use crate::home::tests::{actor, large};

fn parcel(tenant: &str, id: u64) -> Parcel {
    let group = GroupKey {
        tenant: tenant.parse().expect("a tenant"),
        id: GroupId::new(ColoId(1), 1),
        epoch: HomeEpoch(0),
    };
    let data = Data {
        tenant: tenant.to_owned(),
        group: group.id.to_string(),
        group_name: "web".into(),
        hook: "a".into(),
        attempt: 1,
        server: None,
        slot: None,
        reason: None,
        detail: None,
        before: None,
        after: None,
        incident: None,
        over: None,
        wait: None,
    };
    Parcel {
        group,
        id: DeliveryId(id),
        made: 0,
        hook: "a".parse().expect("a hook"),
        format: Format::Webhook,
        url: "https://receiver.example".into(),
        keys: Vec::new(),
        message: Message {
            id: format!("msg_{id}"),
            kind: "server.active".into(),
            timestamp: Moment(Timestamp::from_unix_ms(0)),
            data,
        },
    }
}

fn room(messages: u32, of_one: u32, full: &[&str]) -> Room {
    Room {
        messages,
        of_one,
        full: full.iter().map(|t| t.parse().expect("a tenant")).collect(),
        wait: Duration::ZERO,
    }
}

fn fetched(desk: &Desk, room: &Room) -> Vec<(String, u64)> {
    let parcels = desk.fetch(room).into_iter();
    parcels
        .map(|p| (p.group.tenant.to_string(), p.id.0))
        .collect()
}

fn of(tenant: &str, ids: &[u64]) -> Vec<(String, u64)> {
    ids.iter().map(|id| (tenant.to_owned(), *id)).collect()
}

#[test]
fn tenants_take_turns_and_a_busy_one_waits_alone() {
    let desk = Desk::default();
    (1..=5).for_each(|id| assert!(desk.put(parcel("slow", id))));
    (1..=2).for_each(|id| assert!(desk.put(parcel("quick", id))));
    let first = fetched(&desk, &room(3, 2, &[]));
    let expected = [of("slow", &[1]), of("quick", &[1]), of("slow", &[2])].concat();
    assert_eq!(first, expected);
    assert_eq!(fetched(&desk, &room(9, 9, &["slow"])), of("quick", &[2]));
    assert_eq!(fetched(&desk, &room(9, 2, &[])), of("slow", &[3, 4]));
    assert_eq!(fetched(&desk, &room(9, 9, &[])), of("slow", &[5]));
    assert_eq!(fetched(&desk, &room(9, 9, &[])), []);
}

#[test]
fn a_message_lies_on_the_desk_once_and_can_be_taken_back_until_it_is_fetched() {
    let desk = Desk::default();
    let one = parcel("a", 1);
    assert!(desk.put(one.clone()) && desk.put(one.clone()));
    assert!(desk.withdraw(&one.group, one.id));
    assert!(!desk.withdraw(&one.group, one.id));
    assert_eq!(fetched(&desk, &room(9, 9, &[])), []);
    assert!(desk.put(one.clone()));
    assert_eq!(fetched(&desk, &room(9, 9, &[])), of("a", &[1]));
    assert!(!desk.withdraw(&one.group, one.id));
}

#[test]
fn one_tenant_fills_only_its_own_line() {
    let desk = Desk::default();
    let put = (0..2_000).filter(|id| desk.put(parcel("a", *id))).count();
    assert_eq!(put, OF_ONE_MAX);
    assert!(desk.put(parcel("b", 1)));
}

/// The store answers nothing about one group, and takes its time over that.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) GroupKey);

impl Faults for Unreadable {
    fn plan(&self, call: Call<'_>) -> Plan {
        if matches!(call.what, What::Read(_)) && call.key == Some(&self.0) {
            return Plan {
                before: Duration::from_secs(20),
                fate: Fate::Unavailable,
                ..Plan::CLEAN
            };
        }
        Plan::CLEAN
    }
}

/// Posts a message of a group to a hook that nobody fetches for.
async fn post(process: &Process, stores: &Stores, key: &GroupKey, id: DeliveryId) {
    let posted = store::apply::apply(process, &*stores.groups, key, Fence(0), None, |view| {
        let mut draft = Draft::new(view.group, now(process));
        let at = draft.now().wall;
        let mut config = draft.config().clone();
        let hook = Hook {
            points: BTreeSet::from([Point::Scaled]),
            format: Format::Webhook,
            url: "https://receiver.example/".into(),
            wait: None,
            skippable: true,
            enabled: true,
            keys: Vec::new(),
        };
        config.hooks.insert("a".parse().unwrap(), hook);
        draft.configure(config);
        draft.state.posted = id;
        draft.post(Delivery {
            id,
            hook: "a".parse().unwrap(),
            point: Point::Scaled,
            about: About::Size {
                before: Size(0),
                after: Size(1),
            },
            made: at,
            sending: Sending::Due(Attempts {
                begun: at,
                made: 0,
                since: at,
                pause: Duration::ZERO,
                trouble: None,
            }),
            wait: None,
        });
        Ok::<_, ()>(Some(draft.finish(Cause::Converge, actor())))
    });
    posted.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_read_and_one_that_is_full_hold_back_no_report_of_others() {
    let process = Process::simulated(SimulatedProcess::default());
    let sick = parcel("sick", 1).group;
    let faults = Arc::new(Unreadable(sick.clone()));
    let unclear_for = Duration::from_millis(1);
    let stores = Memory::with_faults(process.clock.clone(), faults, unclear_for).handle("a");
    let well = large(&process, &stores).await;
    let id = DeliveryId(1);
    post(&process, &stores, &well, id).await;
    let settings = Settings {
        events_waiting_max: 2,
        ..Settings::default()
    };
    let supervisor = crate::build(&process, settings, stores.clone());

    // Three of them are more than may wait for that group.
    let groups = [&sick, &sick, &sick, &well];
    let report = |group: &GroupKey| Tried {
        group: group.clone(),
        id,
        made: 0,
        sent: Sent::Taken,
    };
    let began = process.clock.mono();
    let again = supervisor.tried(groups.map(report).to_vec()).await;
    assert_eq!(again, Ok(vec![0, 1, 2]), "the healthy one is durable");
    let took = process.clock.mono().saturating_since(began);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let closed = stores.groups.deliveries(&well, None, 9).await.unwrap();
    let sending: Vec<_> = closed.iter().map(|one| &one.sending).collect();
    assert!(
        matches!(sending[..], [Sending::Taken { .. }]),
        "{sending:?}"
    );
}
