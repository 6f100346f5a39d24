use std::num::NonZeroU32;

use chassis::{Process, SimulatedProcess};
use cloud::guard::{Call, Heard as Answer, Settings};
use domain::control::{Mode, Scope};
use domain::ids::TenantId;

use super::*;

fn at(ms: u64) -> Mono {
    Mono::START + Duration::from_millis(ms)
}

fn switch(mode: Mode) -> Switch {
    Switch {
        scope: Scope::Global,
        mode,
        who: "ann".to_owned(),
        why: "because".to_owned(),
        at: Timestamp::default(),
        until: None,
    }
}

fn turn(place: u32, of: u32) -> Option<ProbeTurn> {
    NonZeroU32::new(of).map(|of| ProbeTurn::new(place, of))
}

fn orders(share: impl Into<Option<u32>>, turn: Option<ProbeTurn>, switches: &[Mode]) -> Orders {
    Orders {
        colo: ColoId(3),
        switches: switches.iter().copied().map(switch).collect(),
        share: share.into(),
        turn,
        answered: false,
        claim: None,
    }
}

#[test]
fn the_strictest_of_all_that_is_fresh_holds() {
    let heard = Heard {
        orders: vec![
            Some((at(10_000), orders(900, turn(2, 3), &[Mode::Slow]))),
            Some((
                at(9_000),
                orders(500, turn(0, 4), &[Mode::Slow, Mode::NoDelete]),
            )),
            Some((at(1_000), orders(1, turn(7, 8), &[Mode::Freeze]))),
            None,
        ],
        glass: Some(vec![switch(Mode::NoCreate)]),
    };
    let standing = heard.standing();
    let modes: Vec<Mode> = standing.switches.iter().map(|s| s.mode).collect();
    assert_eq!(modes, [Mode::Slow, Mode::NoDelete, Mode::NoCreate]);
    assert_eq!((standing.share, standing.turn), (Some(500), turn(2, 4)));
    assert_eq!(
        (standing.colo, standing.as_of),
        (ColoId(3), Some(at(10_000)))
    );
}

#[test]
fn only_the_one_that_deals_the_budget_says_how_much_and_who_probes() {
    let mut heard = Heard {
        orders: vec![
            Some((at(10_000), orders(None, None, &[Mode::Slow]))),
            Some((at(9_000), orders(300, turn(0, 1), &[]))),
        ],
        glass: Some(Vec::new()),
    };
    let standing = heard.standing();
    assert_eq!((standing.share, standing.turn), (Some(300), turn(0, 1)));
    assert_eq!(standing.switches.len(), 1);
    // Nobody deals: the floor is left, and nobody probes.
    heard.orders.pop();
    let standing = heard.standing();
    assert_eq!((standing.share, standing.turn), (None, None));
}

#[test]
fn who_has_heard_nothing_has_no_news_but_the_file() {
    let heard = Heard {
        orders: vec![None],
        glass: Some(vec![switch(Mode::Freeze)]),
    };
    let standing = heard.standing();
    assert_eq!((standing.share, standing.as_of), (None, None));
    assert_eq!(standing.switches.len(), 1);
}

#[test]
fn before_the_file_was_read_there_is_no_news_whatever_supervisors_say() {
    let mut heard = Heard {
        orders: vec![Some((at(10_000), orders(900, turn(0, 1), &[])))],
        glass: None,
    };
    assert_eq!(heard.standing().as_of, None);
    heard.glass = Some(Vec::new());
    assert_eq!(heard.standing().as_of, Some(at(10_000)));
}

#[tokio::test(start_paused = true)]
async fn what_was_told_of_a_probe_is_heard_once() {
    let process = Process::simulated(SimulatedProcess::default());
    let guard = Guard::new(&process, Settings::default());
    guard.share();
    let by: TenantId = "a".parse().unwrap();
    let fails = || {
        let sent = process.clock.mono();
        guard.heard(Call::Create, &by, Answer::Sick, sent);
    };
    let beats = Beats::new(2, None);
    (0..5).for_each(|_| fails());
    beats.note(&guard, |heard| {
        let told = Orders {
            answered: true,
            ..orders(500, None, &[])
        };
        heard.orders[0] = Some((process.clock.mono(), told));
    });
    assert_eq!(guard.phase(), Phase::HalfOpen);
    fails();
    beats.note(&guard, |heard| {
        heard.orders[1] = Some((process.clock.mono(), orders(None, None, &[])));
    });
    assert_eq!(guard.phase(), Phase::Open);
}
