//! What others say: switches, shares, turns.

use std::num::NonZeroU32;

use domain::control::{Mode, Switch};
use domain::ids::{ColoId, GroupId, GroupKey, HomeEpoch};
use domain::time::Timestamp;
use domain::turn::ProbeTurn;

use super::*;

fn switch(scope: &str, mode: Mode) -> Switch {
    Switch {
        scope: domain::control::Scope::parse(scope).expect("a scope"),
        mode,
        who: "ann".to_owned(),
        why: "because".to_owned(),
        at: Timestamp::from_unix_ms(0),
        until: None,
    }
}

fn news(process: &Process, switches: &[Switch]) -> Standing {
    Standing {
        colo: ColoId(1),
        switches: switches.into(),
        share: Some(1_000),
        turn: Some(ProbeTurn::ALONE),
        answered: false,
        as_of: Some(process.clock.mono()),
    }
}

fn key(tenant_name: &str, group: u128) -> GroupKey {
    GroupKey {
        tenant: tenant(tenant_name),
        id: GroupId::new(ColoId(1), group),
        epoch: HomeEpoch(0),
    }
}

async fn tries(
    process: &Process,
    guard: &Guard,
    call: Call,
    key: &GroupKey,
) -> Result<(), Refused> {
    let deadline = process.clock.mono() + Duration::from_secs(2);
    let asked = guard.admit(call, key, Priority::ScaleUp, deadline).await;
    asked.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_switch_stops_the_calls_of_its_scope_and_reads_go_on() {
    let process = process();
    let guard = guard(&process, lane(1000, 1000, 100));
    guard.share();
    let (mine, other) = (key("a", 1), key("b", 2));
    let stop = Err(Refused::Stopped { stale: false });
    let group = format!("group:{}", mine.id);
    let table = [
        ("global", Mode::Freeze, [stop, stop, stop]),
        ("colo:1", Mode::NoCreate, [stop, Ok(()), stop]),
        ("colo:2", Mode::Freeze, [Ok(()), Ok(()), Ok(())]),
        ("tenant:a", Mode::NoDelete, [Ok(()), stop, Ok(())]),
        (&group, Mode::Freeze, [stop, stop, Ok(())]),
        ("global", Mode::Run, [Ok(()), Ok(()), Ok(())]),
    ];
    for (scope, mode, expected) in table {
        guard.hear(&news(&process, &[switch(scope, mode)]));
        let got = [
            tries(&process, &guard, Call::Create, &mine).await,
            tries(&process, &guard, Call::Delete, &mine).await,
            tries(&process, &guard, Call::Create, &other).await,
        ];
        assert_eq!(got, expected, "{scope} {mode:?}");
        assert_eq!(tries(&process, &guard, Call::List, &mine).await, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_with_a_call_that_was_admitted_is_stopped_as_the_call_would_be() {
    let process = process();
    let guard = guard(&process, lane(1000, 1000, 100));
    guard.share();
    let mine = key("a", 1);
    let group = format!("group:{}", mine.id);
    let deadline = process.clock.mono() + Duration::from_secs(2);
    let stop = Err(Refused::Stopped { stale: false });
    for (mode, expected) in [(Mode::Run, Ok(())), (Mode::NoDelete, stop)] {
        guard.hear(&news(&process, &[switch(&group, mode)]));
        let charged = guard.charge(Call::Delete, &mine, deadline).await;
        let checked = guard.recheck(Call::Delete, (&mine).into(), deadline);
        assert_eq!((charged, checked), (expected, expected), "{mode:?}");
        assert_eq!(guard.charge(Call::Get, &mine, deadline).await, Ok(()));
    }
    process.clock.sleep(Duration::from_secs(3)).await;
    guard.hear(&news(&process, &[]));
    let charged = guard.charge(Call::Delete, &mine, deadline).await;
    let checked = guard.recheck(Call::Delete, (&mine).into(), deadline);
    let late = Err(Refused::Late);
    assert_eq!((charged, checked), (late, late));
}

#[tokio::test(start_paused = true)]
async fn the_fence_stops_what_changes_the_cloud_and_what_is_of_another_epoch() {
    use domain::home::{Claim, Fence, STALE};

    let process = process();
    let guard = guard(&process, lane(1000, 1000, 100));
    guard.share();
    let (at_0, own) = (key("a", 1), "east".parse().expect("a name"));
    let at_1 = GroupKey {
        epoch: HomeEpoch(1),
        ..at_0.clone()
    };
    let mut fence = Fence::new(own, STALE);
    let claim = |epoch, plane: &str| Claim {
        epoch: HomeEpoch(epoch),
        plane: plane.parse().ok(),
    };
    let now = || domain::time::Mono::from_ms(process.clock.mono().as_millis());
    let fenced = Err(Refused::Fenced);
    for (read, expected) in [
        (None, [fenced, fenced]),
        (Some(claim(0, "east")), [Ok(()), fenced]),
        (Some(claim(1, "west")), [fenced, fenced]),
        (Some(claim(2, "east")), [fenced, fenced]),
    ] {
        if let Some(read) = read {
            fence.read(read, now());
        }
        guard.fence(&fence);
        guard.hear(&news(&process, &[]));
        for call in [Call::Create, Call::Delete] {
            let of_0 = tries(&process, &guard, call, &at_0).await;
            let of_1 = tries(&process, &guard, call, &at_1).await;
            assert_eq!([of_0, of_1], expected, "{fence:?}");
        }
        assert_eq!(tries(&process, &guard, Call::List, &at_0).await, Ok(()));
    }
    // Time alone closes it again, and no permits are offered then.
    let mut fence = Fence::new("east".parse().expect("a name"), STALE);
    fence.read(claim(0, "east"), now());
    guard.fence(&fence);
    assert!(guard.reserve(1).left() > 0);
    process.clock.sleep(STALE + Duration::from_millis(1)).await;
    guard.hear(&news(&process, &[]));
    assert_eq!(guard.reserve(1).left(), 0);
    assert_eq!(tries(&process, &guard, Call::Create, &at_0).await, fenced);
}

#[tokio::test(start_paused = true)]
async fn a_switch_reaches_those_who_already_wait() {
    let process = process();
    let guard = guard(&process, lane(1, 1, 100));
    guard.share();
    guard.hear(&news(&process, &[]));
    tries(&process, &guard, Call::Create, &key("a", 1))
        .await
        .expect("the burst");
    let waiting = {
        let (process, guard) = (process.clone(), guard.clone());
        process.clone().tasks.spawn("waiting", async move {
            let deadline = process.clock.mono() + FAR;
            let key = key("a", 1);
            let asked = guard
                .admit(Call::Create, &key, Priority::ScaleUp, deadline)
                .await;
            asked.map(drop)
        })
    };
    process.clock.sleep(Duration::from_millis(10)).await;
    guard.hear(&news(&process, &[switch("global", Mode::Freeze)]));
    assert_eq!(
        waiting.join().await,
        Ok(Err(Refused::Stopped { stale: false }))
    );
}

#[tokio::test(start_paused = true)]
async fn old_news_stop_everything_that_changes_the_cloud() {
    let process = process();
    let guard = guard(&process, lane(1000, 1000, 100));
    guard.share();
    let stale = Err(Refused::Stopped { stale: true });
    assert_eq!(
        tries(&process, &guard, Call::Create, &key("a", 1)).await,
        stale
    );
    assert_eq!(guard.reserve(5).left(), 0);
    guard.hear(&news(&process, &[]));
    assert_eq!(
        tries(&process, &guard, Call::Create, &key("a", 1)).await,
        Ok(())
    );
    process.clock.sleep(NEWS_AGE_MAX).await;
    assert_eq!(
        tries(&process, &guard, Call::Delete, &key("a", 1)).await,
        Ok(())
    );
    process.clock.sleep(Duration::from_millis(2)).await;
    for call in [Call::Create, Call::Delete] {
        assert_eq!(tries(&process, &guard, call, &key("a", 1)).await, stale);
    }
    assert_eq!(
        tries(&process, &guard, Call::Get, &key("a", 1)).await,
        Ok(())
    );
    assert_eq!(guard.reserve(5).left(), 0);
}

/// How many creates begin within a number of seconds.
async fn begun(process: &Process, guard: &Guard, seconds: u64) -> usize {
    let end = process.clock.mono() + Duration::from_secs(seconds);
    let mut count = 0;
    while let Ok(leave) = guard
        .admit(Call::Create, &key("a", 1), Priority::ScaleUp, end)
        .await
    {
        drop(leave);
        count += 1;
        guard.hear(&Standing {
            as_of: Some(process.clock.mono()),
            ..guard_news(guard)
        });
    }
    count
}

/// The last news again, which are as fresh as ever.
fn guard_news(guard: &Guard) -> Standing {
    let state = guard.state();
    state.gates.told.last()
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_what_the_share_says_and_never_less_than_the_floor() {
    let table = [(Some(1_000), 100), (Some(500), 50), (None, 2), (Some(0), 2)];
    for (share, expected) in table {
        let process = process();
        let guard = guard(&process, lane(10, 1, 40));
        guard.share();
        guard.hear(&Standing {
            share,
            ..news(&process, &[])
        });
        let count = begun(&process, &guard, 10).await;
        assert!(
            count.abs_diff(expected) <= 1 + expected / 50,
            "{share:?}: {count}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn slow_is_a_tenth_and_leaving_a_freeze_is_gradual() {
    let process = process();
    let guard = guard(&process, lane(10, 1, 40));
    guard.share();
    guard.hear(&news(&process, &[switch("tenant:a", Mode::Slow)]));
    let slow = begun(&process, &guard, 20).await;
    assert!((19..=22).contains(&slow), "{slow}");
    guard.hear(&news(&process, &[switch("global", Mode::Freeze)]));
    guard.hear(&news(&process, &[]));
    let first = begun(&process, &guard, 10).await;
    assert!((11..=14).contains(&first), "an eighth: {first}");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_told_its_turn_waits_for_a_colleague_that_probes() {
    let process = process();
    let guard = guard(&process, lane(10, 5, 40));
    guard.share();
    guard.hear(&news(&process, &[]));
    fails(&process, &guard, Call::Create);
    process.clock.sleep(Duration::from_secs(30)).await;
    let mut told = Standing {
        turn: None,
        ..news(&process, &[])
    };
    guard.hear(&told);
    assert_eq!((guard.phase(), guard.reserve(5).left()), (Phase::Open, 0));
    told.answered = true;
    guard.hear(&told);
    assert_eq!(
        (guard.phase(), guard.reserve(5).left()),
        (Phase::HalfOpen, 2)
    );
}

fn fails(process: &Process, guard: &Guard, call: Call) {
    for _ in 0..5 {
        guard.heard(call, &tenant("a"), Heard::Sick, process.clock.mono());
    }
}

#[tokio::test(start_paused = true)]
async fn a_class_that_nobody_calls_any_more_does_not_count() {
    let process = process();
    let guard = guard(&process, lane(10, 5, 40));
    guard.share();
    fails(&process, &guard, Call::Delete);
    process.clock.sleep(Duration::from_secs(10)).await;
    let sent = process.clock.mono();
    guard.heard(Call::Delete, &tenant("a"), Heard::Served, sent);
    for _ in 0..600 {
        process.clock.sleep(Duration::from_secs(1)).await;
        guard.hear(&news(&process, &[]));
    }
    assert_eq!(guard.phase(), Phase::Closed);
    tries(&process, &guard, Call::Delete, &key("a", 1))
        .await
        .expect("let through");
    assert_eq!(guard.phase(), Phase::HalfOpen, "it is called again");
}

/// Each second those that fail are told their turns, as supervisors do it.
async fn a_second(process: &Process, guards: &[Guard]) {
    process.clock.sleep(Duration::from_secs(1)).await;
    let open: Vec<bool> = guards.iter().map(|g| g.phase() == Phase::Open).collect();
    for (n, guard) in guards.iter().enumerate() {
        let count = |open: &[bool]| u32::try_from(open.iter().filter(|o| **o).count()).unwrap();
        let before = count(&open[..n]);
        let of = before + 1 + count(&open[n + 1..]);
        guard.hear(&Standing {
            turn: NonZeroU32::new(of).map(|of| ProbeTurn::new(before, of)),
            ..news(process, &[])
        });
    }
}

/// Tries to probe with a create; true if it was let through. `ends` is what comes of it.
async fn probes(process: &Process, guard: &Guard, ends: Heard) -> bool {
    if guard.reserve(1).left() == 0 {
        return false;
    }
    let sent = process.clock.mono();
    let asked = tries(process, guard, Call::Create, &key("a", 1)).await;
    guard.heard(Call::Create, &tenant("a"), ends, sent);
    asked.is_ok()
}

#[tokio::test(start_paused = true)]
async fn one_that_has_nothing_to_probe_with_leaves_the_probe_to_another() {
    let process = process();
    let guards = [(); 2].map(|()| guard(&process, lane(10, 5, 40)));
    guards.iter().for_each(Guard::share);
    let [idle, busy] = &guards;
    fails(&process, idle, Call::Delete);
    fails(&process, busy, Call::Create);
    let mut began = 0;
    for _ in 0..90 {
        a_second(&process, &guards).await;
        began += u32::from(probes(&process, busy, Heard::Served).await);
    }
    assert!(began >= 3, "{began}");
    assert_eq!([idle.phase(), busy.phase()], [Phase::Closed; 2]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_cut_off_from_the_cloud_does_not_keep_it_shut_for_the_others() {
    let process = process();
    let guards = [(); 3].map(|()| guard(&process, lane(10, 5, 40)));
    guards.iter().for_each(Guard::share);
    guards
        .iter()
        .for_each(|guard| fails(&process, guard, Call::Create));
    let (mut sent, mut first) = (Vec::new(), None);
    for second in 1..=60 {
        a_second(&process, &guards).await;
        // Whose name comes first reaches nothing; the others would.
        for (n, guard) in guards.iter().enumerate() {
            let ends = if n == 0 { Heard::Silent } else { Heard::Served };
            if probes(&process, guard, ends).await {
                sent.push(second);
                if n > 0 {
                    first.get_or_insert(second);
                }
            }
        }
        if first.is_some() {
            break;
        }
    }
    assert_eq!(first, Some(20), "its turn was the second");
    assert_eq!(sent, [10, 20], "one probe in ten seconds, of all together");
}
