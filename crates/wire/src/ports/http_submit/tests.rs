use std::sync::Mutex;

use actix_web::{App, HttpServer};
use domain::capacity::Size;
use domain::circle::{Action, AlertKey, Missing, Severity, Signal, Standing, Turn};
use domain::event::{Actor, ActorKind, Ask, Force, Override};
use domain::ids::{GroupId, HomeEpoch, RequestHash, Rev};
use domain::policy::{Adjust, Percent};
use domain::time::Timestamp;
use domain::verdict::{Gate, GateWord, Outcome, Word};

use super::*;
use crate::ports::ops::Found;

/// An owner that gives the verdicts it was told to, in order, and remembers what it was asked.
#[derive(Debug, Default)]
struct Owner {
    asked: Mutex<Vec<(GroupKey, Event)>>,
    poked: Mutex<Vec<GroupKey>>,
    answer: Mutex<Option<Result<Verdict, SubmitError>>>,
}

#[async_trait]
impl Submit for Owner {
    async fn submit(&self, key: &GroupKey, event: Event) -> Result<Verdict, SubmitError> {
        self.asked.lock().unwrap().push((key.clone(), event));
        self.answer.lock().unwrap().clone().unwrap()
    }

    async fn poke(&self, key: &GroupKey) {
        self.poked.lock().unwrap().push(key.clone());
    }

    /// Knows one flavor, and gives no answer about images.
    async fn look_up(&self, tenant: &TenantId, names: Names) -> Option<LookedUp> {
        let is_known = tenant.as_str() == "acme" && names.flavor == "1";
        let flavor = if is_known {
            Found::Usable
        } else {
            Found::Missing
        };
        let image = None;
        names.image.is_none().then_some(LookedUp { flavor, image })
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

fn served(owner: &Arc<Owner>, key: &str) -> HttpSubmit {
    let submit: Arc<dyn Submit> = Arc::<Owner>::clone(owner);
    let server =
        HttpServer::new(move || App::new().service(routes(Arc::clone(&submit), secret("right"))))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    let within = Duration::from_secs(5);
    HttpSubmit::new(&address, secret(key), Trust::Only(Vec::new()), within).unwrap()
}

fn key() -> GroupKey {
    GroupKey {
        tenant: "acme".parse().unwrap(),
        id: GroupId::from_u128(7),
        epoch: HomeEpoch(3),
    }
}

fn asks() -> [Ask; 14] {
    let tenth = Percent::from_double_bits(0.1_f64.to_bits()).unwrap();
    [
        Ask::Policy("up".parse().unwrap()),
        Ask::Adjust(Adjust::Change(-3)),
        Ask::Adjust(Adjust::Change(i64::MIN)),
        Ask::Adjust(Adjust::Percent(tenth)),
        Ask::Adjust(Adjust::Desired(Size(u32::MAX))),
        Ask::Converge,
        Ask::Turn(Turn::Escalate),
        Ask::Turn(Turn::Expand),
        Ask::Turn(Turn::Ask),
        Ask::Turn(Turn::Deflate),
        Ask::Turn(Turn::Floor(Size(7))),
        alert(Action::Step(None), Missing::OutOnly),
        alert(Action::Step(Some(Adjust::Percent(tenth))), Missing::Hold),
        alert(Action::Notify, Missing::Floor(Size(3))),
    ]
}

fn alert(action: Action, missing: Missing) -> Ask {
    Ask::Alert(Box::new(Signal {
        alert: AlertKey(u64::MAX),
        name: "queue \"shop\"".to_owned(),
        standing: Standing::Acknowledged,
        severity: Severity::Warning,
        action,
        missing,
        hearing: Some(Duration::from_secs(90)),
        at: Some(Timestamp::from_unix_ms(1_767_268_800_123)),
    }))
}

fn forces() -> [Force; 3] {
    let grant = Override {
        size: Size(40),
        until: Timestamp::from_unix_ms(77),
    };
    [Force::No, Force::Gates, Force::Override(grant)]
}

fn actor(kind: ActorKind) -> Actor {
    Actor {
        kind,
        name: "ops@\"acme\"".to_owned(),
        request_id: "r-1".to_owned(),
        from: Some(std::net::IpAddr::from([203, 0, 113, 9])),
    }
}

const KINDS: [ActorKind; 5] = [
    ActorKind::Input,
    ActorKind::Caller,
    ActorKind::Capability,
    ActorKind::Schedule,
    ActorKind::System,
];

fn events() -> Vec<Event> {
    let forces = forces().into_iter().cycle();
    let kinds = KINDS.into_iter().cycle();
    asks()
        .into_iter()
        .zip(forces)
        .zip(kinds)
        .map(|((ask, force), kind)| Event {
            id: "e:1/~".parse().unwrap(),
            request: RequestHash([0xa7; 32]),
            ask,
            force,
            actor: actor(kind),
            received: Timestamp::from_unix_ms(1),
            valid_until: Timestamp::from_unix_ms(u64::MAX),
            trace: Some(
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
                    .parse()
                    .unwrap(),
            ),
        })
        .collect()
}

fn words() -> Vec<GateWord> {
    let gates = [
        Gate::Age,
        Gate::Lifecycle,
        Gate::Pause,
        Gate::Policy,
        Gate::PolicyCooldown,
        Gate::GroupCooldown,
        Gate::Debounce,
        Gate::Alert,
        Gate::Missing,
        Gate::Window,
        Gate::Clamp,
        Gate::Change,
    ];
    let capped = Word::Capped {
        asked: Size(9),
        to: Size(4),
    };
    let words = [
        Word::Pass,
        Word::Skipped,
        Word::Wait(Duration::from_millis(1_500)),
        Word::Stop,
        capped,
    ];
    gates
        .into_iter()
        .zip(words.into_iter().cycle())
        .map(|(gate, word)| GateWord { gate, word })
        .collect()
}

fn verdict(event: Event, outcome: Outcome) -> Verdict {
    Verdict {
        event: event.id,
        request: event.request,
        ask: event.ask,
        force: event.force,
        actor: event.actor,
        outcome,
        words: words(),
        before: Size(2),
        after: Size(4),
        at: Timestamp::from_unix_ms(5),
        rev: Rev(u64::MAX),
    }
}

#[actix_web::test]
async fn every_event_and_every_verdict_arrive_as_they_were_sent() {
    let owner = Arc::new(Owner::default());
    let client = served(&owner, "right");
    for (event, outcome) in events().into_iter().cycle().zip(Outcome::ALL) {
        let verdict = verdict(event.clone(), outcome);
        *owner.answer.lock().unwrap() = Some(Ok(verdict.clone()));
        assert_eq!(client.submit(&key(), event.clone()).await, Ok(verdict));
        assert_eq!(owner.asked.lock().unwrap().pop(), Some((key(), event)));
    }
}

#[actix_web::test]
async fn every_error_of_the_port_arrives_as_itself() {
    let owner = Arc::new(Owner::default());
    let client = served(&owner, "right");
    let busy = SubmitError::Busy {
        retry_after: Duration::from_millis(2_750),
    };
    let errors = [
        SubmitError::Unreachable,
        SubmitError::NotOwner,
        SubmitError::NoGroup,
        SubmitError::IdReused,
        busy,
        SubmitError::Unavailable,
    ];
    for error in errors {
        *owner.answer.lock().unwrap() = Some(Err(error.clone()));
        assert_eq!(client.submit(&key(), events().remove(0)).await, Err(error));
    }
}

#[actix_web::test]
async fn without_the_key_nothing_is_passed_on_and_the_owner_counts_as_unreachable() {
    let owner = Arc::new(Owner::default());
    let client = served(&owner, "wrong");
    assert_eq!(
        client.submit(&key(), events().remove(0)).await,
        Err(SubmitError::Unreachable)
    );
    client.poke(&key()).await;
    assert!(owner.asked.lock().unwrap().is_empty());
    assert!(owner.poked.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn a_hint_arrives() {
    let owner = Arc::new(Owner::default());
    let client = served(&owner, "right");
    client.poke(&key()).await;
    assert_eq!(*owner.poked.lock().unwrap(), [key()]);
}

#[test]
fn a_percentage_that_is_no_number_is_refused() {
    let mut message = serde_json::to_value(EventMessage::from(events().remove(3))).unwrap();
    message["ask"] = serde_json::json!({ "percent_bits": f64::NAN.to_bits() });
    let message: EventMessage = serde_json::from_value(message).unwrap();
    assert!(Event::try_from(message).is_err());
}

/// Processes of two versions run side by side while one is rolled out.
#[test]
fn an_alert_without_a_time_is_one_that_was_sent_before_there_were_times() {
    let event = events().pop().unwrap();
    let mut message = serde_json::to_value(EventMessage::from(event.clone())).unwrap();
    let alert = message["ask"]["alert"].as_object_mut().unwrap();
    assert!(alert.remove("at_ms").is_some(), "{alert:?}");
    let message: EventMessage = serde_json::from_value(message).unwrap();
    let Ask::Alert(mut signal) = event.ask.clone() else {
        panic!("{event:?}")
    };
    signal.at = None;
    let ask = Ask::Alert(signal);
    assert_eq!(Event::try_from(message).unwrap(), Event { ask, ..event });
}

#[actix_web::test]
async fn what_a_cloud_says_of_names_arrives_and_no_answer_is_none() {
    let owner = Arc::new(Owner::default());
    let client = served(&owner, "right");
    let tenant = "acme".parse().unwrap();
    let names = |flavor, image| Names::safe(flavor, image).unwrap();
    let found = async |names| client.look_up(&tenant, names).await;
    let of = |flavor| LookedUp {
        flavor,
        image: None,
    };
    assert_eq!(found(names("1", None)).await, Some(of(Found::Usable)));
    assert_eq!(found(names("2", None)).await, Some(of(Found::Missing)));
    assert_eq!(found(names("1", Some("i"))).await, None);
    let stranger = served(&owner, "wrong");
    assert_eq!(stranger.look_up(&tenant, names("1", None)).await, None);
}
