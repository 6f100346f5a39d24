//! All on paused time: a second passes when everybody waits for it.

use std::num::NonZeroU32;

use chassis::SimulatedProcess;
use chassis::config::Rate;
use domain::ids::TenantId;

use super::*;

fn process() -> Process {
    Process::simulated(SimulatedProcess::default())
}

fn tenant(name: &str) -> TenantId {
    name.parse().expect("a tenant")
}

fn lane(rate: u32, burst: u32, at_once: u32) -> Lane {
    let count = |count| NonZeroU32::new(count).expect("not zero");
    Lane {
        rate: Rate::PerSecond(count(rate)),
        burst: count(burst),
        at_once: count(at_once),
    }
}

fn guard(process: &Process, create: Lane) -> Guard {
    let settings = Settings {
        create,
        ..Settings::default()
    };
    Guard::new(process, settings)
}

const FAR: Duration = Duration::from_secs(3600);

async fn admit(process: &Process, guard: &Guard, within: Duration) -> Result<Admitted, Refused> {
    let deadline = process.clock.mono() + within;
    guard
        .admit(Call::Create, &tenant("a"), Priority::ScaleUp, deadline)
        .await
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_begin_than_the_budget_has() {
    let process = process();
    let guard = guard(&process, lane(10, 5, 1000));
    let began = process.clock.mono();
    let mut starts = Vec::new();
    for _ in 0..45 {
        drop(admit(&process, &guard, FAR).await.expect("admitted"));
        starts.push(process.clock.mono().saturating_since(began));
    }
    // The burst at once, then ten a second: 40 more take four seconds.
    assert_eq!(starts[4], Duration::ZERO);
    assert!(starts[44] >= Duration::from_secs(4), "{:?}", starts[44]);
    assert!(
        starts[44] <= Duration::from_millis(4100),
        "{:?}",
        starts[44]
    );
    for window in starts.windows(16) {
        assert!(
            window[15] - window[0] >= Duration::from_secs(1),
            "{window:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_room_before_its_deadline_is_refused_and_uses_nothing() {
    let process = process();
    let guard = guard(&process, lane(1, 1, 10));
    let _held = admit(&process, &guard, FAR).await.expect("the burst");
    let began = process.clock.mono();
    let refused = admit(&process, &guard, Duration::from_millis(300)).await;
    assert_eq!(refused.expect_err("refused"), Refused::Late);
    let waited = process.clock.mono().saturating_since(began);
    assert!(
        waited >= Duration::from_millis(300) && waited < Duration::from_millis(310),
        "{waited:?}"
    );
    drop(
        admit(&process, &guard, Duration::from_millis(710))
            .await
            .expect("the next second's"),
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_under_way_than_allowed() {
    let process = process();
    let guard = guard(&process, lane(1000, 1000, 2));
    let first = admit(&process, &guard, FAR).await.expect("admitted");
    let _second = admit(&process, &guard, FAR).await.expect("admitted");
    let third = admit(&process, &guard, Duration::from_millis(300)).await;
    assert_eq!(third.expect_err("refused"), Refused::Late);
    let waiting = {
        let (process, guard) = (process.clone(), guard.clone());
        process.clone().tasks.spawn("third", async move {
            admit(&process, &guard, FAR).await.is_ok()
        })
    };
    process.clock.sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    drop(first);
    assert_eq!(waiting.join().await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn turns_go_by_priority_and_round_by_tenant() {
    let process = process();
    let guard = guard(&process, lane(1, 1, 100));
    let _burst = admit(&process, &guard, FAR).await.expect("the burst");
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    let asks = [
        ("a", Priority::ScaleUp, "a1"),
        ("a", Priority::ScaleUp, "a2"),
        ("a", Priority::ScaleUp, "a3"),
        ("b", Priority::ScaleUp, "b1"),
        ("c", Priority::Housekeeping, "c1"),
        ("b", Priority::ScaleUp, "b2"),
        ("a", Priority::Doubt, "a-doubt"),
    ];
    for (name, priority, label) in asks {
        let (guard, order, clock) = (guard.clone(), Arc::clone(&order), process.clock.clone());
        tasks.push(process.tasks.spawn("ask", async move {
            let deadline = clock.mono() + FAR;
            let leave = guard
                .admit(Call::Create, &tenant(name), priority, deadline)
                .await;
            drop(leave.expect("admitted"));
            order.lock().expect("not poisoned").push(label);
        }));
    }
    for task in tasks {
        task.join().await.expect("ended");
    }
    let order = order.lock().expect("not poisoned").clone();
    // Tenant a has had a turn with the burst, so b is first among equals.
    assert_eq!(order, ["a-doubt", "b1", "a1", "b2", "a2", "a3", "c1"]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_the_queue_to_the_others() {
    let process = process();
    let guard = guard(&process, lane(1, 1, 100));
    let _burst = admit(&process, &guard, FAR).await.expect("the burst");
    let mut first = Box::pin(admit(&process, &guard, FAR));
    let mut second = Box::pin(admit(&process, &guard, FAR));
    let none = process
        .clock
        .timeout(Duration::from_millis(100), &mut first)
        .await;
    assert!(none.is_err());
    let none = process
        .clock
        .timeout(Duration::from_millis(100), &mut second)
        .await;
    assert!(none.is_err());
    drop(first);
    let began = process.clock.mono();
    drop(second.await.expect("admitted"));
    assert!(process.clock.mono().saturating_since(began) <= Duration::from_millis(810));
}

#[tokio::test(start_paused = true)]
async fn one_tenants_throttle_stops_that_tenant_only() {
    let process = process();
    let guard = guard(&process, lane(1000, 1000, 100));
    let wait = Duration::from_secs(30);
    guard.heard(
        Call::Get,
        &tenant("a"),
        Heard::Throttled(Scope::Tenant, wait),
        process.clock.mono(),
    );
    let Err(Refused::Paused(left)) = admit(&process, &guard, Duration::from_secs(5)).await else {
        panic!("not paused");
    };
    assert!(
        left >= wait && left <= wait + wait / 10 + Duration::from_millis(100),
        "{left:?}"
    );
    let deadline = process.clock.mono() + Duration::from_secs(5);
    let other = guard
        .admit(Call::Create, &tenant("b"), Priority::ScaleUp, deadline)
        .await;
    drop(other.expect("another tenant goes on"));
    assert_eq!(guard.reserve(3).left(), 3);
    let began = process.clock.mono();
    drop(admit(&process, &guard, FAR).await.expect("after the pause"));
    assert!(process.clock.mono().saturating_since(began) >= wait);
}

#[tokio::test(start_paused = true)]
async fn a_call_for_everybody_heeds_what_the_colo_was_told_and_not_what_its_tenant_was() {
    let process = process();
    let guard = guard(&process, lane(1000, 1000, 100));
    let (by, wait) = (tenant("a"), Duration::from_secs(30));
    for (scope, is_refused) in [(Scope::Tenant, false), (Scope::Colo, true)] {
        let heard = Heard::Throttled(scope, wait);
        guard.heard(Call::Get, &by, heard, process.clock.mono());
        let deadline = process.clock.mono() + Duration::from_secs(5);
        let whose = Whose::everybody(&by);
        let admitted = guard.admit(Call::Get, whose, Priority::Doubt, deadline);
        assert_eq!(admitted.await.is_err(), is_refused, "{scope:?}");
        let charged = guard.charge(Call::Auth, whose, deadline).await;
        assert_eq!(charged.is_err(), is_refused, "{scope:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_for_everybody_heeds_what_one_of_its_kind_was_told() {
    let process = process();
    let guard = guard(&process, lane(1000, 1000, 100));
    let (by, other) = (tenant("a"), tenant("b"));
    let for_all = Whose::everybody(&by);
    let told = |seconds| Heard::Throttled(Scope::Tenant, Duration::from_secs(seconds));
    let now = process.clock.mono();
    guard.heard(Call::Auth, for_all, told(30), now);
    // Said to a call of the tenant's own: no concern of those for everybody.
    guard.heard(Call::Get, &by, told(90), now);
    let soon = now + Duration::from_secs(5);
    for whose in [for_all, Whose::from(&by)] {
        let admitted = guard.admit(Call::Get, whose, Priority::Doubt, soon).await;
        assert!(matches!(admitted, Err(Refused::Paused(_))), "{whose:?}");
        let charged = guard.charge(Call::Auth, whose, soon).await;
        assert!(matches!(charged, Err(Refused::Paused(_))), "{whose:?}");
    }
    for whose in [Whose::everybody(&other), Whose::from(&other)] {
        let admitted = guard.admit(Call::Get, whose, Priority::Doubt, soon).await;
        drop(admitted.expect("by another account"));
    }
    process.clock.sleep(Duration::from_secs(34)).await;
    let soon = process.clock.mono() + Duration::from_secs(5);
    let charged = guard.charge(Call::Auth, for_all, soon).await;
    assert_eq!(charged, Ok(()), "it has waited as long as it was asked to");
    let charged = guard.charge(Call::Auth, &by, soon).await;
    assert!(matches!(charged, Err(Refused::Paused(_))), "{charged:?}");
}

#[tokio::test(start_paused = true)]
async fn a_503_stops_everybody_and_offers_no_permits() {
    let process = process();
    let guard = guard(&process, lane(1000, 1000, 100));
    let wait = Duration::from_secs(20);
    guard.heard(
        Call::List,
        &tenant("a"),
        Heard::Throttled(Scope::Colo, wait),
        process.clock.mono(),
    );
    assert_eq!(guard.reserve(3).left(), 0);
    let deadline = process.clock.mono() + Duration::from_secs(5);
    for name in ["a", "b"] {
        let refused = guard
            .admit(Call::Get, &tenant(name), Priority::Doubt, deadline)
            .await;
        assert!(matches!(refused, Err(Refused::Paused(_))), "{name}");
        let charged = guard.charge(Call::Auth, &tenant(name), deadline).await;
        assert!(matches!(charged, Err(Refused::Paused(_))), "{name}");
    }
    process.clock.sleep(Duration::from_secs(23)).await;
    assert_eq!(guard.reserve(3).left(), 3);
}

#[tokio::test(start_paused = true)]
async fn nobody_stops_us_for_a_day_by_one_header() {
    let process = process();
    let guard = guard(&process, lane(1000, 1000, 100));
    let day = Duration::from_secs(86_400);
    guard.heard(
        Call::List,
        &tenant("a"),
        Heard::Throttled(Scope::Colo, day),
        process.clock.mono(),
    );
    let began = process.clock.mono();
    drop(admit(&process, &guard, day).await.expect("admitted"));
    let waited = process.clock.mono().saturating_since(began);
    assert!(waited <= Duration::from_secs(662), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_paused_tenant_at_the_head_does_not_hold_up_the_others() {
    let process = process();
    let guard = guard(&process, lane(1, 1, 100));
    let wait = Duration::from_secs(30);
    guard.heard(
        Call::Get,
        &tenant("a"),
        Heard::Throttled(Scope::Tenant, wait),
        process.clock.mono(),
    );
    let paused = {
        let (process, guard) = (process.clone(), guard.clone());
        process.clone().tasks.spawn("paused", async move {
            admit(&process, &guard, FAR).await.is_ok()
        })
    };
    process.clock.sleep(Duration::from_millis(1)).await;
    let began = process.clock.mono();
    for _ in 0..5 {
        let deadline = process.clock.mono() + FAR;
        let other = guard
            .admit(Call::Create, &tenant("b"), Priority::Housekeeping, deadline)
            .await;
        drop(other.expect("admitted"));
    }
    assert!(process.clock.mono().saturating_since(began) <= Duration::from_millis(4100));
    assert_eq!(paused.join().await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn permits_are_no_more_than_can_begin_in_time_or_be_under_way() {
    let process = process();
    // Two a second for five seconds: ten.
    let slow = guard(&process, lane(2, 2, 40));
    assert_eq!(slow.reserve(100).left(), 10);
    let narrow = guard(&process, lane(100, 10, 4));
    assert_eq!(narrow.reserve(100).left(), 4);
}

#[tokio::test(start_paused = true)]
async fn permits_come_back_once_and_only_when_their_holder_is_done() {
    let process = process();
    let guard = guard(&process, lane(100, 10, 4));
    let mut reserved = guard.reserve(3);
    assert_eq!((reserved.left(), guard.reserve(9).left()), (3, 1));
    let taken = reserved.take().expect("a permit");
    drop(reserved);
    assert_eq!(guard.reserve(9).left(), 3);
    drop(taken);
    assert_eq!(guard.reserve(9).left(), 4);
    let mut none = guard.reserve(0);
    assert!(none.take().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_no_queue_still_uses_the_budget() {
    let process = process();
    let guard = guard(&process, lane(1, 1, 100));
    let deadline = process.clock.mono() + FAR;
    guard
        .charge(Call::Create, &tenant("a"), deadline)
        .await
        .expect("the burst");
    let soon = process.clock.mono() + Duration::from_millis(500);
    let late = guard.charge(Call::Create, &tenant("a"), soon).await;
    assert_eq!(late, Err(Refused::Late));
    let began = process.clock.mono();
    drop(admit(&process, &guard, FAR).await.expect("admitted"));
    assert!(process.clock.mono().saturating_since(began) >= Duration::from_millis(999));
}

#[tokio::test(start_paused = true)]
async fn answers_are_counted_by_class() {
    let process = process();
    let guard = guard(&process, lane(1, 1, 1));
    guard.heard(Call::List, &tenant("a"), Heard::Sick, process.clock.mono());
    guard.heard(
        Call::Create,
        &tenant("a"),
        Heard::Served,
        process.clock.mono(),
    );
    let text = process.metrics.text();
    assert!(
        text.contains(r#"cloud_requests_total{call="list",answer="sick"} 1"#),
        "{text}"
    );
    assert!(
        text.contains(r#"cloud_requests_total{call="create",answer="served"} 1"#),
        "{text}"
    );
    assert!(!text.contains("tenant"), "{text}");
}

mod adaptive;
mod told;

#[test]
fn budgets_are_written_as_people_write_them() {
    let settings: Settings =
        toml::from_str("offer_window = \"3s\"\n[create]\nrate = \"30/m\"\nburst = 2\nat_once = 4")
            .expect("well formed");
    assert_eq!(
        settings.create.rate,
        Rate::PerMinute(NonZeroU32::new(30).expect("not zero"))
    );
    assert_eq!(settings.list, Settings::default().list);
    assert_eq!(settings.floor(), 25);
    toml::from_str::<Settings>("[create]\nrate = \"0/s\"\nburst = 1\nat_once = 1")
        .expect_err("no rate");
}
