use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Mutex;

use actix_web::{App, HttpServer};
use domain::control::{Mode, Scope, Switch};
use domain::evidence::{Extent, Fault, Proof, Row, Status};
use domain::ids::{
    ColoId, GroupId, GroupKey, HomeEpoch, Incarnation, Nonce, OpId, ServerId, SlotId,
};
use domain::settle::Outcome;
use domain::slot::{DoubtWhy, FailWhy};
use domain::time::Timestamp;
use domain::trace::Trace;
use domain::turn::ProbeTurn;

use super::*;
use crate::ports::ops::{
    Call, CreateCall, Done, Fares, Found, LookedUp, Names, Priority, Subject, Wait,
};

/// A supervisor that answers what it was told to, and remembers what it was asked.
#[derive(Debug, Default)]
struct Table {
    offers: Mutex<Vec<Offer>>,
    reports: Mutex<Vec<Report>>,
    beats: Mutex<Vec<Heartbeat>>,
    reply: Mutex<Option<Result<Vec<Op>, OpsError>>>,
    /// The places of reports that it does not take.
    again: Mutex<Vec<usize>>,
}

#[async_trait]
impl Ops for Table {
    async fn poll(&self, offer: Offer) -> Result<Vec<Op>, OpsError> {
        self.offers.lock().unwrap().push(offer);
        self.reply.lock().unwrap().clone().unwrap_or(Ok(Vec::new()))
    }

    async fn report(&self, reports: Vec<Report>) -> Result<Vec<usize>, OpsError> {
        self.reports.lock().unwrap().extend(reports);
        match self.reply.lock().unwrap().clone() {
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => Ok(self.again.lock().unwrap().clone()),
        }
    }

    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<Orders, OpsError> {
        self.beats.lock().unwrap().push(heartbeat);
        match self.reply.lock().unwrap().clone() {
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => Ok(orders()),
        }
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

/// A supervisor's listener, and a worker's client of it that shows `key`.
fn served(table: &Arc<Table>, key: &str) -> HttpOps {
    let ops: Arc<dyn Ops> = Arc::<Table>::clone(table);
    let server =
        HttpServer::new(move || App::new().service(routes(Arc::clone(&ops), secret("right"))))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
    let address = format!("http://{}/", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    HttpOps::new(&address, secret(key), Trust::Only(Vec::new())).unwrap()
}

fn orders() -> Orders {
    let switch = |scope: &str, mode, until: Option<u64>| Switch {
        scope: Scope::parse(scope).unwrap(),
        mode,
        who: "ann".to_owned(),
        why: "\"é\n".to_owned(),
        at: Timestamp::from_unix_ms(5),
        until: until.map(Timestamp::from_unix_ms),
    };
    Orders {
        colo: ColoId(7),
        switches: vec![
            switch("global", Mode::Freeze, None),
            switch("tenant:acme", Mode::NoCreate, Some(9)),
        ],
        share: Some(333),
        turn: NonZeroU32::new(5).map(|of| ProbeTurn::new(2, of)),
        answered: false,
        claim: Some(HomeEpoch(4)),
    }
}

#[test]
fn whom_a_supervisor_elects_that_knows_no_turns_probes_alone_and_the_others_do_not() {
    for (elected, turn) in [(true, Some(ProbeTurn::ALONE)), (false, None)] {
        let old = serde_json::json!({
            "colo": 7, "switches": [], "share": 333, "elected": elected, "answered": false
        });
        let message: OrdersMessage = serde_json::from_value(old).expect("orders");
        let orders = message.into_orders().expect("known words");
        assert_eq!(orders.turn, turn);
    }
}

#[actix_web::test]
async fn orders_come_back_for_a_heartbeat_as_they_were_given() {
    let table = Arc::new(Table::default());
    let client = served(&table, "right");
    for fares in [Fares::Well, Fares::Recovering, Fares::Failing] {
        let heartbeat = Heartbeat {
            worker: "w-1".parse().unwrap(),
            incarnation: Incarnation::from_u128(11),
            fares,
            fence: (fares != Fares::Failing).then(|| crate::ports::ops::FenceRead {
                claim: domain::home::Claim {
                    epoch: HomeEpoch(3),
                    plane: (fares == Fares::Well).then(|| "west".parse().unwrap()),
                },
                age: Duration::from_millis(4_321),
            }),
        };
        assert_eq!(client.heartbeat(heartbeat.clone()).await, Ok(orders()));
        assert_eq!(table.beats.lock().unwrap().pop(), Some(heartbeat));
    }
    let stranger = served(&table, "wrong");
    let heartbeat = Heartbeat {
        worker: "w-1".parse().unwrap(),
        incarnation: Incarnation::from_u128(11),
        fares: Fares::Well,
        fence: None,
    };
    assert_eq!(stranger.heartbeat(heartbeat).await, Err(OpsError::Refused));
    assert!(table.beats.lock().unwrap().is_empty());
}

fn group() -> GroupKey {
    GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::from_u128(7),
        epoch: HomeEpoch(3),
    }
}

fn offer() -> Offer {
    Offer {
        worker: "w-1".parse().unwrap(),
        incarnation: Incarnation::from_u128(11),
        creates: 4,
        others: 9,
        tokens: BTreeMap::from([("acme".parse().unwrap(), Duration::from_micros(1_234_567))]),
        wait: Duration::from_millis(50),
    }
}

fn create(slot: u128, launch: &Arc<[u8]>) -> Call {
    Call::Create(Box::new(CreateCall {
        slot: SlotId::from_u128(slot),
        nonce: Nonce::from_u128(2),
        launch: Arc::clone(launch),
        labels: BTreeMap::from([("a".to_owned(), "\"é".to_owned())]),
        priority: Priority::BelowMin,
    }))
}

fn every_op() -> Vec<Op> {
    let launch: Arc<[u8]> = Arc::from(br#"{"server":{"name":"\u0000 x"}}"#.to_vec());
    let slot = SlotId::from_u128(u128::MAX);
    let server = ServerId::from_u128(5);
    let calls = [
        create(1, &launch),
        create(2, &launch),
        Call::Delete {
            slot,
            proof: SlotId::from_u128(6),
            server,
            priority: Priority::UserDelete,
        },
        Call::Void {
            slot,
            incarnation: Incarnation::from_u128(8),
        },
        Call::Read { slot, server },
        Call::ListTagged { slot },
    ];
    let mut ops: Vec<Op> = calls
        .into_iter()
        .map(|call| Op {
            id: OpId::from_u128(1),
            key: Subject::Group(group()),
            call,
            trace: Some(trace()),
        })
        .collect();
    let names = |image| Call::LookUp(Names::safe("1", image).unwrap());
    for call in [Call::List, Call::SignIn, names(None), names(Some("img-1"))] {
        ops.push(Op {
            id: OpId::from_u128(2),
            key: Subject::Tenant(group().tenant),
            call,
            trace: None,
        });
    }
    ops
}

const fn looked_up(flavor: Found, image: Option<Found>) -> Done {
    Done::LookedUp(LookedUp { flavor, image })
}

#[test]
fn only_ids_are_put_into_paths() {
    for id in ["1", "m1.small", "11111111-1111-4111-8111-111111111111"] {
        assert!(Names::safe(id, Some(id)).is_some(), "{id}");
    }
    for no_id in [
        "",
        ".",
        "..",
        "../servers",
        "a/b",
        "a?b",
        "a#b",
        "a%2fb",
        "http://nova/flavors/1",
    ] {
        assert_eq!(Names::safe(no_id, None), None, "{no_id}");
        assert_eq!(Names::safe("1", Some(no_id)), None, "{no_id}");
    }
}

fn trace() -> Trace {
    let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    text.parse().unwrap()
}

fn every_row() -> Vec<Row> {
    let statuses = [
        Status::Building,
        Status::Up,
        Status::Error(Fault::NoCapacity, "no valid host".to_owned()),
        Status::Error(Fault::Quota, String::new()),
        Status::Error(Fault::Other, "x".to_owned()),
        Status::Held,
        Status::Leaving,
        Status::Unknown,
    ];
    let valid = Proof::Valid {
        group: GroupId::from_u128(7),
        slot: SlotId::from_u128(1),
    };
    let proofs = [valid, Proof::None, Proof::Unreadable];
    let both = statuses.into_iter().zip(proofs.into_iter().cycle());
    both.map(|(status, proof)| Row {
        server: ServerId::from_u128(5),
        proof,
        ours: proof == valid,
        status,
    })
    .collect()
}

fn every_done() -> Vec<Done> {
    let server = ServerId::from_u128(5);
    let text = || "why".to_owned();
    let fails = [
        FailWhy::NotSent,
        FailWhy::Refused(text()),
        FailWhy::Quota(text()),
        FailWhy::Token,
        FailWhy::Credential(text()),
        FailWhy::Throttled,
    ];
    let doubts = [
        DoubtWhy::Timeout,
        DoubtWhy::Reset,
        DoubtWhy::Unclear,
        DoubtWhy::WorkerLost,
    ];
    let outcomes = fails
        .into_iter()
        .map(Outcome::NotCreated)
        .chain(doubts.into_iter().map(Outcome::Unknown))
        .chain([
            Outcome::Created(server),
            Outcome::Throttled(Duration::from_secs(3)),
            Outcome::TokenRevoked,
            Outcome::Voided,
            Outcome::Begun,
            Outcome::DeleteAccepted(server),
            Outcome::NotFound(server),
            Outcome::Locked(server),
            Outcome::DeleteUnclear(server),
            Outcome::NotOurs(server),
        ]);
    let slot = SlotId::from_u128(1);
    let age = Duration::from_micros(17);
    let wait = Wait {
        after: Duration::from_secs(9),
        why: text(),
    };
    let listed = [Extent::Complete, Extent::Partial, Extent::Tagged].map(|extent| Done::Listed {
        age,
        extent,
        rows: every_row(),
        others: 3,
    });
    outcomes
        .map(|outcome| Done::Slot { slot, outcome })
        .chain(listed)
        .chain([
            Done::Read {
                slot,
                age,
                row: None,
            },
            Done::Read {
                slot,
                age,
                row: every_row().pop(),
            },
            Done::SignedIn(Ok(())),
            Done::SignedIn(Err(wait.clone())),
            looked_up(Found::Usable, None),
            looked_up(Found::Missing, Some(Found::Inactive)),
            Done::Nothing(wait),
        ])
        .collect()
}

#[actix_web::test]
async fn an_offer_and_every_kind_of_operation_arrive_as_they_were_sent() {
    let table = Arc::new(Table::default());
    *table.reply.lock().unwrap() = Some(Ok(every_op()));
    let client = served(&table, "right");
    assert_eq!(client.poll(offer()).await, Ok(every_op()));
    assert_eq!(*table.offers.lock().unwrap(), [offer()]);
}

fn every_report() -> Vec<Report> {
    let keys = [Subject::Group(group()), Subject::Tenant(group().tenant)];
    every_done()
        .into_iter()
        .zip(keys.into_iter().cycle())
        .map(|(result, key)| Report {
            op: OpId::from_u128(1),
            key,
            worker: "w-1".parse().unwrap(),
            incarnation: Incarnation::from_u128(11),
            result,
            trace: Some(trace()),
        })
        .collect()
}

#[actix_web::test]
async fn every_kind_of_report_arrives_as_it_was_sent_and_the_answer_says_which_were_not_taken() {
    let all: Vec<usize> = (0..every_report().len()).collect();
    for again in [vec![], vec![1, 3], all] {
        let table = Arc::new(Table::default());
        table.again.lock().unwrap().clone_from(&again);
        let client = served(&table, "right");
        assert_eq!(client.report(every_report()).await, Ok(again));
        assert_eq!(*table.reports.lock().unwrap(), every_report());
    }
}

/// It looks at the status and the word alone, and knows two answers: all is durable, or all is to be said again.
#[actix_web::test]
async fn a_worker_of_an_older_version_says_all_again_while_one_report_is_not_taken() {
    for (again, expected) in [(vec![], Ok(())), (vec![1], Err(OpsError::Unreachable))] {
        let table = Arc::new(Table::default());
        *table.again.lock().unwrap() = again;
        let client = served(&table, "right");
        let reports = every_report().into_iter().map(ReportMessage::from);
        let reports: Vec<ReportMessage> = reports.collect();
        let within = Duration::from_secs(5);
        let answer = client
            .peer
            .post::<Acknowledged>(REPORT, &reports, within, 9);
        let answer = answer.await.map(|_acknowledged| ());
        assert_eq!(answer.map_err(|failure| error(&failure)), expected);
    }
}

#[actix_web::test]
async fn an_answer_about_other_reports_acknowledges_none() {
    let table = Arc::new(Table::default());
    *table.again.lock().unwrap() = vec![1];
    let client = served(&table, "right");
    let one = every_report().split_off(every_report().len() - 1);
    assert_eq!(client.report(one).await, Err(OpsError::Unreachable));
}

#[actix_web::test]
async fn a_wrong_key_is_refused_and_nothing_is_passed_on() {
    let table = Arc::new(Table::default());
    for key in ["wrong", "righ", "rightt", "Bearer right"] {
        let client = served(&table, key);
        assert_eq!(client.poll(offer()).await, Err(OpsError::Refused));
        assert_eq!(client.report(Vec::new()).await, Err(OpsError::Refused));
    }
    assert!(table.offers.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn every_error_of_the_port_arrives_as_itself() {
    let table = Arc::new(Table::default());
    let client = served(&table, "right");
    for error in [OpsError::Unreachable, OpsError::Draining, OpsError::Refused] {
        *table.reply.lock().unwrap() = Some(Err(error.clone()));
        assert_eq!(client.poll(offer()).await, Err(error.clone()));
        assert_eq!(client.report(Vec::new()).await, Err(error));
    }
}

#[actix_web::test]
async fn nobody_there_is_unreachable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = HttpOps::new(
        &format!("http://{free}"),
        secret("right"),
        Trust::Only(Vec::new()),
    );
    assert_eq!(
        client.unwrap().poll(offer()).await,
        Err(OpsError::Unreachable)
    );
}

#[test]
fn a_reply_for_another_incarnation_is_not_read() {
    let reply = ReplyMessage::new(Incarnation::from_u128(1), every_op());
    assert!(reply.into_ops(Incarnation::from_u128(2)).is_none());
}

#[test]
fn a_launch_configuration_that_many_creates_share_travels_once() {
    let launch: Arc<[u8]> = Arc::from(vec![b'x'; 10_000]);
    let ops = (0..20).map(|slot| Op {
        id: OpId::from_u128(slot),
        key: Subject::Group(group()),
        call: create(slot, &launch),
        trace: None,
    });
    let reply = ReplyMessage::new(Incarnation::from_u128(1), ops.collect());
    assert!(serde_json::to_vec(&reply).unwrap().len() < 20_000);
}

#[test]
fn an_address_that_is_none_stops_the_start() {
    let client = HttpOps::new("localhost:1", secret("k"), Trust::Only(Vec::new()));
    assert!(matches!(client, Err(PeerError::Address(_))));
}
