use proptest::prelude::*;

use super::*;

fn plane(name: &str) -> PlaneName {
    name.parse().unwrap()
}

fn claim(epoch: u64, name: &str) -> Claim {
    Claim {
        epoch: HomeEpoch(epoch),
        plane: Some(plane(name)),
    }
}

fn at(seconds: u64) -> Mono {
    Mono::from_ms(seconds * 1_000)
}

fn west(automatic: Automatic) -> Plane {
    Plane {
        own: plane("west"),
        first: plane("east"),
        automatic,
    }
}

const MINUTES: Automatic = Automatic::After(AFTER);

#[test]
fn a_key_pair_is_named_after_colo_and_epoch_in_one_way_only() {
    let (one, seven) = (ColoId(1), HomeEpoch(7));
    assert_eq!(key_pair(one, seven), "holt-home-1-7");
    assert_eq!(key_pair_epoch(one, "holt-home-1-7"), Some(seven));
    for other in [
        "holt-home-2-7",
        "holt-home-1-07",
        "holt-home-01-7",
        "holt-home-1-0",
        "holt-home-1-",
        "holt-home-1--7",
        "holt-home-1-7-2",
        "holt-home-1-+7",
        "mine",
        "",
    ] {
        assert_eq!(key_pair_epoch(one, other), None, "{other}");
    }
}

/// What the plane `west` does: by row, by read, by seconds of silence, by the epoch that an operator wants ended.
fn does(
    row: Option<(u64, &str)>,
    read: Option<(u64, &str)>,
    silent: u64,
    wished: Option<u64>,
) -> Act {
    let claim_of = |(epoch, plane)| claim(epoch, plane);
    let known = Known {
        published: row.map(claim_of),
        read: read.map(claim_of),
        reading: read.map(|_| HEALED),
        silent: Duration::from_secs(silent),
        wished: wished.map(HomeEpoch),
    };
    decide(&west(MINUTES), &known)
}

const SERVED: Act = Act::Stand(Why::Served);
const UNREACHED: Act = Act::Stand(Why::Unreached);
const EAST: Option<(u64, &str)> = Some((0, "east"));

const fn claims(epoch: u64) -> Act {
    Act::Claim(HomeEpoch(epoch))
}

#[test]
fn a_plane_takes_over_after_ten_minutes_of_silence_or_at_once_when_it_is_asked() {
    assert_eq!(does(None, EAST, 599, None), SERVED);
    assert_eq!(does(None, EAST, 600, None), claims(1));
    assert_eq!(does(None, EAST, 0, Some(0)), claims(1));
    // Who cannot reach the colo's Nova could do nothing there.
    assert_eq!(does(None, None, 600, None), UNREACHED);
    assert_eq!(does(None, None, 0, Some(0)), UNREACHED);
    // A wish is about one epoch, and is over when that one is.
    let east = Some((2, "east"));
    assert_eq!(does(east, east, 0, Some(0)), SERVED);
    assert_eq!(does(east, east, 0, Some(2)), claims(3));
    // Whoever won and died before it served is taken over from like any other.
    assert_eq!(does(Some((1, "west")), east, 600, None), claims(3));
    // Every key pair was deleted: the row still knows better.
    assert_eq!(does(Some((4, "east")), EAST, 600, None), claims(5));
}

#[test]
fn when_a_cut_is_over_the_beats_of_the_other_side_are_waited_for() {
    let plane = west(MINUTES);
    let mut known = Known {
        read: Some(claim(0, "east")),
        reading: Some(Duration::from_secs(119)),
        silent: Duration::from_secs(3_600),
        ..Known::default()
    };
    assert_eq!(decide(&plane, &known), Act::Stand(Why::Healing));
    known.wished = Some(HomeEpoch(0));
    assert_eq!(decide(&plane, &known), Act::Claim(HomeEpoch(1)));
    (known.wished, known.reading) = (None, Some(HEALED));
    assert_eq!(decide(&plane, &known), Act::Claim(HomeEpoch(1)));
    // Where silence is short, so is this.
    let hasty = west(Automatic::After(Duration::from_secs(10)));
    known.reading = Some(Duration::from_secs(10));
    assert_eq!(decide(&hasty, &known), Act::Claim(HomeEpoch(1)));
}

#[test]
fn a_plane_serves_what_it_has_published_and_nothing_once_another_has_won() {
    let west = Some((1, "west"));
    assert_eq!(does(None, west, 0, None), Act::Open(HomeEpoch(1)));
    assert_eq!(does(west, west, 0, None), Act::Serve(HomeEpoch(1)));
    // Without a read it goes on: its workers change nothing, and what is asked of it is kept.
    assert_eq!(does(west, None, 600, None), Act::Serve(HomeEpoch(1)));
    // Whoever says first that somebody else won is believed.
    assert_eq!(does(west, Some((2, "east")), 0, None), SERVED);
    assert_eq!(does(Some((2, "east")), None, 0, None), SERVED);
}

#[test]
fn a_key_pair_that_names_no_plane_is_nobodys() {
    let known = Known {
        read: Some(Claim {
            epoch: HomeEpoch(3),
            plane: None,
        }),
        ..Known::default()
    };
    assert_eq!(decide(&west(MINUTES), &known), Act::Stand(Why::Served));
}

#[test]
fn what_was_read_once_holds_also_when_nobody_reads_any_more() {
    let own = Plane {
        own: plane("east"),
        ..west(MINUTES)
    };
    let known = Known {
        read: Some(claim(1, "west")),
        silent: AFTER,
        ..Known::default()
    };
    // Nothing was published here, and its worker is gone: that is no reason to serve again.
    assert_eq!(decide(&own, &known), Act::Stand(Why::Unreached));
}

#[test]
fn only_an_operator_takes_over_where_nothing_happens_by_itself() {
    let mut known = Known {
        read: Some(claim(0, "east")),
        reading: Some(Duration::ZERO),
        silent: Duration::from_secs(86_400),
        ..Known::default()
    };
    let plane = west(Automatic::Off);
    assert_eq!(decide(&plane, &known), Act::Stand(Why::Served));
    known.wished = Some(HomeEpoch(0));
    assert_eq!(decide(&plane, &known), Act::Claim(HomeEpoch(1)));
}

#[test]
fn silence_counts_from_the_last_beat_that_was_seen_to_move() {
    let (life, next) = (Incarnation::from_u128(1), Incarnation::from_u128(2));
    let east = claim(0, "east");
    let mut silence = Silence::new(east.clone(), at(100));
    let seconds = Duration::from_secs;
    assert_eq!(silence.look(&east, None, at(130)), seconds(30));
    assert_eq!(silence.look(&east, Some((life, 5)), at(131)), seconds(0));
    assert_eq!(silence.look(&east, Some((life, 5)), at(140)), seconds(9));
    // The row expired in the store: that is no beat.
    assert_eq!(silence.look(&east, None, at(231)), seconds(100));
    assert_eq!(silence.look(&east, Some((next, 1)), at(232)), seconds(0));
    // Another holder has all the time again.
    let west = claim(1, "west");
    assert_eq!(silence.look(&west, None, at(500)), seconds(0));
    assert_eq!(silence.look(&west, None, at(510)), seconds(10));
}

#[test]
fn a_worker_changes_the_cloud_only_within_twenty_seconds_of_a_good_read() {
    let mut fence = Fence::new(plane("east"), STALE);
    assert_eq!(fence.allows(None, at(0)), Err(Refusal::Unread));
    assert!(fence.read(claim(0, "east"), at(10)));
    assert_eq!(fence.allows(Some(HomeEpoch(0)), at(30)), Ok(()));
    let late = Err(Refusal::Stale(Duration::from_millis(20_001)));
    assert_eq!(fence.allows(None, Mono::from_ms(30_001)), late);
    assert_eq!(fence.fresh(at(30)), Some(&claim(0, "east")));
    assert_eq!(fence.fresh(at(31)), None);
    assert!(fence.read(claim(0, "east"), at(31)));
    assert_eq!(fence.allows(None, at(32)), Ok(()));
}

#[test]
fn a_worker_that_sees_a_higher_epoch_stops_and_says_whose_it_is() {
    let mut fence = Fence::new(plane("east"), STALE);
    assert!(fence.read(claim(0, "east"), at(10)));
    assert!(fence.read(claim(1, "west"), at(15)));
    let refusal = fence.allows(Some(HomeEpoch(0)), at(15)).unwrap_err();
    assert_eq!(refusal, Refusal::Superseded(claim(1, "west")));
    let told = "another control plane has the colo: epoch 1 is of west";
    assert_eq!(refusal.to_string(), told);
    // Handed back, what was left over from before the takeover is still not done.
    assert!(fence.read(claim(2, "east"), at(40)));
    assert_eq!(fence.allows(Some(HomeEpoch(2)), at(41)), Ok(()));
    let old = Refusal::Epoch {
        asked: HomeEpoch(0),
        present: HomeEpoch(2),
    };
    assert_eq!(fence.allows(Some(HomeEpoch(0)), at(41)), Err(old));
}

#[test]
fn a_read_that_shows_less_than_was_known_counts_for_nothing() {
    let mut fence = Fence::new(plane("west"), STALE);
    assert!(fence.read(claim(3, "west"), at(10)));
    assert!(!fence.read(claim(0, "east"), at(15)));
    assert_eq!(fence.allows(None, at(20)), Ok(()));
    assert!(fence.allows(None, at(31)).is_err());
}

#[test]
fn without_another_plane_nothing_is_held_back() {
    let fence = Fence::Off;
    assert_eq!(fence.allows(Some(HomeEpoch(9)), at(1_000)), Ok(()));
    assert_eq!(fence.fresh(at(0)), None);
}

/// Two planes, each with a worker, and a Nova in which a name is unique.
#[derive(Debug, Clone, Copy)]
enum Step {
    Claim(usize),
    Read(usize),
    Try(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..2_usize).prop_map(Step::Claim),
        (0..2_usize).prop_map(Step::Read),
        (0..2_usize).prop_map(Step::Try),
        (1..12_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    /// Safety 3.10: once the winner has waited, no call of the one before it begins, however reads and stops fall.
    #[test]
    fn whoever_won_and_waited_acts_alone(steps in steps()) {
        let names = [plane("east"), plane("west")];
        let mut fences = names.clone().map(|own| Fence::new(own, STALE));
        let (mut nova, mut won, mut now) = (vec![claim(0, "east")], at(0), at(0));
        for step in steps {
            match step {
                Step::Wait(seconds) => now = now.plus(Duration::from_secs(seconds)),
                Step::Claim(who) => {
                    let next = nova.last().unwrap().epoch.next();
                    nova.push(Claim { epoch: next, plane: Some(names[who].clone()) });
                    won = now;
                }
                Step::Read(who) => {
                    fences[who].read(nova.last().unwrap().clone(), now);
                }
                Step::Try(who) => {
                    let present = nova.last().unwrap();
                    let settled = now.since(won) >= SETTLE || present.epoch == HomeEpoch(0);
                    for epoch in nova.iter().map(|claim| claim.epoch) {
                        if settled && fences[who].allows(Some(epoch), now).is_ok() {
                            prop_assert_eq!(epoch, present.epoch);
                            prop_assert!(present.is_of(&names[who]));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn at_most_one_of_two_planes_serves_whatever_each_has_heard(
        east in prop::option::of(0..5_usize), west in prop::option::of(0..5_usize), rows in 0..5_usize,
    ) {
        // Epochs are given out in turns; each plane has read up to some point, and the rows are as far as they are.
        let history: Vec<Claim> = (0..5).map(|n| claim(n, if n % 2 == 0 { "east" } else { "west" })).collect();
        let knows = |read: Option<usize>| Known {
            published: Some(history[rows].clone()),
            read: read.map(|n| history[n].clone()),
            ..Known::default()
        };
        let named = |own: &str| Plane { own: plane(own), ..west_off() };
        let serve = [decide(&named("east"), &knows(east)), decide(&named("west"), &knows(west))];
        let serving = serve.iter().filter(|act| matches!(act, Act::Serve(_))).count();
        prop_assert!(serving <= 1);
    }
}

fn west_off() -> Plane {
    west(Automatic::Off)
}
