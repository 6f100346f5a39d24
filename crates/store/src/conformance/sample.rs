//! Groups, changes and parts of them for tests. Everything is made from plain numbers; nothing is random.

mod hooks;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use domain::capacity::{Bounds, Size};
use domain::circle::{
    Action, AlertKey, Alerts, Circle, Known, Missing, Severity, Signal, Standing, Turn,
};
use domain::event::{Actor, ActorKind, Ask, Event, Force, Override};
use domain::group::{
    Cause, Change, Clocks, Config, Group, Hold, HoldWhy, Phase, ScaleInOrder, State,
};
use domain::ids::{
    DeliveryId, EventId, Incarnation, LaunchHash, Nonce, PolicyId, RequestHash, Rev, ServerId,
    SlotId, WebhookId,
};
use domain::policy::{Adjust, Percent, Policy, Trigger, Webhook};
use domain::schedule::{Cron, Schedule};
use domain::slot::{self, CallToken, DeleteWhy, DoubtWhy, FailWhy, Flags, GoneWhy, Issue, Slot};
use domain::time::Timestamp;
use domain::verdict::{Gate, GateWord, Outcome, Verdict, Word};

pub use hooks::{dead, every_delivery, open};

/// A wall time of the samples.
pub const NOON: Timestamp = Timestamp::from_unix_ms(1_767_268_800_000);

/// An id from its text. For texts that stand in a test.
///
/// # Panics
/// When the text is no such id.
#[must_use]
pub fn text<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a well-formed id")
}

/// A size out of bounds that hold.
fn bounds(min: u32, max: u32) -> Bounds {
    Bounds::new(Size(min), Size(max)).expect("ordered bounds")
}

/// A plain configuration.
#[must_use]
pub fn config() -> Config {
    Config {
        name: String::from("web"),
        bounds: bounds(1, 500),
        cooldown: Duration::from_secs(60),
        launch: LaunchHash([7; 32]),
        metadata: [(String::from("owner"), String::from("team a"))].into(),
        policies: std::iter::once(policy("up", Adjust::Change(2))).collect(),
        scale_in: ScaleInOrder::OldestFirst,
        circle: Circle::default(),
        build_timeout: Duration::from_secs(3600),
        serials: 0,
        hooks: BTreeMap::new(),
        generation: 1,
    }
}

/// A configuration in which every field differs from [`config`], with every kind of adjustment and odd texts.
#[must_use]
pub fn other_config() -> Config {
    // 0.1 as a double: not exact in decimals, so a detour through text would show.
    let tenth = Percent::from_double_bits(0x3fb9_9999_9999_999a).expect("finite");
    Config {
        name: String::from("wéb \"quoted\" \\ \n\t\u{0} \u{1f9a6}"),
        bounds: bounds(0, 10_000),
        cooldown: Duration::ZERO,
        launch: LaunchHash([0xab; 32]),
        metadata: (0..50)
            .map(|i| (format!("key {i} ü"), "v".repeat(i)))
            .collect(),
        policies: [
            policy("change", Adjust::Change(i64::MIN)),
            policy("percent", Adjust::Percent(tenth)),
            policy("desired", Adjust::Desired(Size(u32::MAX))),
            scheduled("at", Schedule::At(NOON)),
            scheduled(
                "cron",
                Schedule::Cron(Cron::parse("*/5 9-17 * * mon").expect("a cron text")),
            ),
        ]
        .into(),
        scale_in: ScaleInOrder::NewestFirst,
        circle: Circle {
            expand: Adjust::Percent(tenth),
            expand_delay: Duration::from_millis(1_001),
            deflate: Adjust::Change(-7),
            deflate_delay: Duration::from_secs(86_400),
            report_delay: Duration::ZERO,
            escalate_after: None,
        },
        build_timeout: Duration::from_millis(14_400_123),
        serials: u32::MAX,
        hooks: hooks::every_hook(),
        generation: u64::MAX,
    }
}

fn scheduled(id: &str, schedule: Schedule) -> (PolicyId, Policy) {
    let (id, mut policy) = policy(id, Adjust::Change(1));
    policy.trigger = Trigger::Schedule(schedule);
    policy.written = Some("{\"name\":\"w\u{e9}b\",\"cooldown\":1.50}".into());
    let webhook = |serial| Webhook {
        name: format!("hook {serial}"),
        metadata: [(String::from("k"), String::from("v"))].into(),
        serial,
    };
    policy.webhooks = (0..3)
        .map(|n| (WebhookId::from_u128(u128::from(n)), webhook(n)))
        .collect();
    (id, policy)
}

fn policy(id: &str, adjust: Adjust) -> (PolicyId, Policy) {
    let id: PolicyId = text(id);
    let policy = Policy {
        id: id.clone(),
        name: format!("policy {id}"),
        adjust,
        cooldown: Duration::from_secs(30),
        debounce: Duration::from_millis(1500),
        trigger: Trigger::Monitoring,
        webhooks: BTreeMap::new(),
        written: None,
    };
    (id, policy)
}

/// A state in which every field says something.
#[must_use]
pub fn full_state() -> State {
    State {
        desired: Size(12),
        over: Some(grant()),
        phase: Phase::Paused,
        hold: Some(Hold {
            why: HoldWhy::Quota,
            detail: String::from("Quota exceeded for cores: \"20\" of 20 ü"),
            since: NOON,
            until: Some(NOON.plus(Duration::from_secs(300))),
            strikes: 3,
        }),
        clocks: Clocks {
            group: Some(NOON),
            policy: [
                (text("up"), NOON),
                (text("down"), Timestamp::from_unix_ms(0)),
            ]
            .into(),
            up: Some(NOON),
            down: Some(Timestamp::from_unix_ms(2)),
        },
        shrunk: Some(NOON),
        forced: true,
        timers: [
            (text("at"), NOON),
            (text("cron"), Timestamp::from_unix_ms(1)),
        ]
        .into(),
        posted: DeliveryId(7),
        adoption: domain::group::Adoption::Due,
        degraded: Some(HoldWhy::NoCapacity),
        alerts: Some(alerts()),
        ends: [
            (AlertKey(1), NOON),
            (AlertKey(u64::MAX), Timestamp::from_unix_ms(5)),
        ]
        .into(),
    }
}

/// Alerts in every standing, with every action and every rule for silence.
fn alerts() -> Alerts {
    let actions = [
        Action::Step(None),
        Action::Step(Some(Adjust::Change(5))),
        Action::Notify,
        Action::Nothing,
    ];
    let missing = [Missing::OutOnly, Missing::Hold, Missing::Floor(Size(9))];
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    let standings = [
        Standing::Open,
        Standing::Acknowledged,
        Standing::Steady,
        Standing::Spare,
        Standing::Closed,
        Standing::Unknown,
        Standing::Once,
    ];
    let known = |(n, standing): (usize, Standing)| Known {
        name: format!("alert \"{n}\" \u{fc}"),
        standing,
        severity: severities[n % severities.len()],
        action: actions[n % actions.len()],
        missing: missing[n % missing.len()],
        hearing: (n % 2 == 0).then_some(Duration::from_millis(60_001)),
        since: NOON,
        heard: Timestamp::from_unix_ms(3),
        at: (n % 2 == 1).then_some(Timestamp::from_unix_ms(2)),
    };
    let numbered = standings.into_iter().enumerate();
    Alerts {
        began: NOON,
        known: (0..)
            .map(|n| AlertKey(u64::MAX - n))
            .zip(numbered.map(known))
            .collect(),
        open: Some(NOON),
        over: Some(Timestamp::from_unix_ms(4)),
        stepped: Some(Severity::Warning),
        escalated: true,
        asked: true,
        turns: u32::MAX,
        next: Some(NOON.plus(Duration::from_secs(1))),
    }
}

/// What an input says of an alert.
fn signal() -> Signal {
    Signal {
        alert: AlertKey(7),
        name: String::from("queue too long"),
        standing: Standing::Open,
        severity: Severity::Critical,
        action: Action::Step(None),
        missing: Missing::Floor(Size(3)),
        hearing: Some(Duration::from_secs(300)),
        at: Some(NOON),
    }
}

/// A grant beyond bounds.
#[must_use]
pub fn grant() -> Override {
    Override {
        size: Size(700),
        until: NOON.plus(Duration::from_secs(3600)),
    }
}

/// Who caused the changes of the samples.
#[must_use]
pub fn actor() -> Actor {
    Actor {
        kind: ActorKind::Caller,
        name: String::from("alice"),
        request_id: String::from("req-1"),
        from: Some(IpAddr::from([203, 0, 113, 9])),
    }
}

/// The first change of a new group.
#[must_use]
pub fn first(group: &Group) -> Change {
    Change {
        cause: Cause::Create,
        ..desired(group, group.state.desired.0)
    }
}

/// A change of the desired size and of nothing else.
#[must_use]
pub fn desired(group: &Group, size: u32) -> Change {
    Change {
        config: None,
        state: State {
            desired: Size(size),
            ..group.state.clone()
        },
        slots: Vec::new(),
        verdicts: Vec::new(),
        queued: Vec::new(),
        taken: Vec::new(),
        posts: Vec::new(),
        closed: Vec::new(),
        wake: None,
        cause: Cause::Events,
        actor: actor(),
        at: NOON,
    }
}

/// A slot in that state.
#[must_use]
pub fn slot(id: u128, state: slot::State) -> Slot {
    Slot {
        id: SlotId::from_u128(id),
        proof: SlotId::from_u128(id),
        nonce: Nonce::from_u128(id ^ 0xff),
        launch: LaunchHash([7; 32]),
        state,
        flags: Flags::default(),
        issued: NOON,
        since: NOON,
    }
}

/// For which call the slots of the samples were issued.
#[must_use]
pub fn issue() -> Issue {
    Issue {
        worker: text("worker-1"),
        incarnation: Incarnation::from_u128(0x1234),
        token: CallToken::Lives(Duration::from_millis(3_600_001)),
    }
}

/// A server.
#[must_use]
pub fn server(id: u128) -> ServerId {
    ServerId::from_u128(id)
}

/// Every state of a slot, every reason among them.
#[must_use]
pub fn every_place() -> Vec<slot::State> {
    use slot::Hold::{Counted, Released};
    use slot::State::{
        Accepted, Active, Configuring, Deleting, Draining, Failed, Gone, InDoubt, Issued, Lapsed,
        Surplus,
    };
    let s = server(99);
    let deletes = [
        DeleteWhy::ScaleIn,
        DeleteWhy::NoCapacity,
        DeleteWhy::Quota,
        DeleteWhy::Failed,
        DeleteWhy::Stuck,
        DeleteWhy::Surplus,
        DeleteWhy::GroupDeleted,
        DeleteWhy::Abandoned,
    ];
    let doubts = [
        DoubtWhy::Timeout,
        DoubtWhy::Reset,
        DoubtWhy::Unclear,
        DoubtWhy::WorkerLost,
    ];
    let words = String::from("no \"image\" ü");
    let fails = [
        FailWhy::NotSent,
        FailWhy::Refused(words.clone()),
        FailWhy::Quota(words.clone()),
        FailWhy::Token,
        FailWhy::Credential(words),
        FailWhy::Throttled,
    ];
    let mut all = vec![
        Issued(issue()),
        Accepted(s),
        Configuring(s),
        Active(s),
        Draining(s),
        Surplus(s),
        Lapsed(issue(), Counted),
        Lapsed(issue(), Released),
        Lapsed(
            Issue {
                token: CallToken::Revoked,
                ..issue()
            },
            Counted,
        ),
        Gone(s, GoneWhy::External),
        Gone(s, GoneWhy::HandedBack),
    ];
    all.extend(doubts.map(|why| InDoubt(issue(), why)));
    all.extend(deletes.map(|why| Deleting(s, why)));
    all.extend(deletes.map(|why| Gone(s, GoneWhy::Deleted(why))));
    all.extend(fails.map(Failed));
    all
}

/// An event.
#[must_use]
pub fn event(id: &EventId, ask: Ask, force: Force) -> Event {
    Event {
        id: id.clone(),
        request: RequestHash([3; 32]),
        ask,
        force,
        actor: actor(),
        received: NOON,
        valid_until: NOON.plus(Duration::from_secs(600)),
        trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            .parse()
            .ok(),
    }
}

/// A plain verdict on an event, for a commit that follows `rev`.
#[must_use]
pub fn verdict(id: &EventId, rev: Rev, at: Timestamp) -> Verdict {
    Verdict {
        event: id.clone(),
        request: RequestHash([3; 32]),
        ask: Ask::Policy(text("up")),
        force: Force::No,
        actor: actor(),
        outcome: Outcome::Applied,
        words: vec![GateWord {
            gate: Gate::Age,
            word: Word::Pass,
        }],
        before: Size(2),
        after: Size(4),
        at,
        rev: rev.next(),
    }
}

/// Every kind of ask.
fn asks() -> Vec<Ask> {
    vec![
        Ask::Policy(text("up")),
        Ask::Adjust(Adjust::Change(-3)),
        Ask::Converge,
        Ask::Alert(Box::new(signal())),
        Ask::Turn(Turn::Escalate),
        Ask::Turn(Turn::Floor(Size(4))),
        Ask::Turn(Turn::Expand),
        Ask::Turn(Turn::Ask),
        Ask::Turn(Turn::Deflate),
    ]
}

/// Verdicts that together have every outcome, gate, word, ask and force. Give each an event of its own.
#[must_use]
pub fn every_verdict(ids: &[EventId], rev: Rev) -> Vec<Verdict> {
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
    let said = [
        Word::Pass,
        Word::Skipped,
        Word::Wait(Duration::from_millis(1501)),
        Word::Stop,
        Word::Capped {
            asked: Size(900),
            to: Size(500),
        },
    ];
    let asks = asks();
    let forces = [Force::No, Force::Gates, Force::Override(grant())];
    let kinds = [
        ActorKind::Caller,
        ActorKind::Capability,
        ActorKind::Schedule,
        ActorKind::Input,
        ActorKind::System,
    ];
    let each = ids.iter().zip(Outcome::ALL).enumerate();
    each.map(|(i, (id, outcome))| Verdict {
        outcome,
        words: gates
            .iter()
            .zip(said.iter().cycle().skip(i))
            .map(|(gate, word)| GateWord {
                gate: *gate,
                word: *word,
            })
            .collect(),
        ask: asks[i % asks.len()].clone(),
        force: forces[i % forces.len()],
        actor: Actor {
            kind: kinds[i % kinds.len()],
            ..actor()
        },
        ..verdict(id, rev, NOON)
    })
    .collect()
}
