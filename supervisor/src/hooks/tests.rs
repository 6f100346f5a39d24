use domain::hook::Format;
use domain::ids::{ColoId, GroupId, HomeEpoch};
use domain::time::Timestamp;
use wire::hooks::message::{Data, Message};
use wire::v2::time::Moment;

use super::*;

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
