use proptest::prelude::*;

use super::*;

fn pace(interval_ms: u64, burst: u32) -> Pace {
    Pace {
        interval: Duration::from_millis(interval_ms),
        burst,
    }
}

fn at(ms: u64) -> Mono {
    Mono::START + Duration::from_millis(ms)
}

#[test]
fn a_full_bucket_gives_its_burst_and_then_one_per_interval() {
    let mut bucket = Bucket::default();
    for _ in 0..3 {
        bucket.take(at(0), pace(100, 3)).expect("the burst");
    }
    assert_eq!(bucket.take(at(0), pace(100, 3)), Err(at(100)));
    assert_eq!(bucket.take(at(99), pace(100, 3)), Err(at(100)));
    bucket.take(at(100), pace(100, 3)).expect("one more");
    bucket
        .take(at(10_000), pace(100, 3))
        .expect("after a quiet time");
    bucket
        .take(at(10_000), pace(100, 3))
        .expect("the burst again");
}

#[test]
fn a_slow_time_leaves_no_debt_for_a_fast_one() {
    let mut bucket = Bucket::default();
    bucket.take(at(0), pace(60_000, 1)).expect("the first");
    assert_eq!(bucket.take(at(1), pace(60_000, 1)), Err(at(60_000)));
    assert_eq!(bucket.take(at(1), pace(100, 1)), Err(at(101)));
}

proptest! {
    /// However often somebody asks: over any stretch of time no more is given than the burst and what the rate allows.
    #[test]
    fn no_stretch_of_time_gets_more_than_its_budget(
        interval in 1_u64..500,
        burst in 1_u32..10,
        gaps in proptest::collection::vec(0_u64..200, 1..200),
    ) {
        let mut bucket = Bucket::default();
        let mut now = 0;
        let mut given = Vec::new();
        for gap in gaps {
            now += gap;
            match bucket.take(at(now), pace(interval, burst)) {
                Ok(()) => given.push(now),
                Err(later) => prop_assert!(later > at(now)),
            }
        }
        for (first, start) in given.iter().enumerate() {
            for (last, end) in given.iter().enumerate().skip(first) {
                let count = u64::try_from(last - first + 1).expect("small");
                prop_assert!(count <= u64::from(burst) + (end - start) / interval);
            }
        }
    }
}
