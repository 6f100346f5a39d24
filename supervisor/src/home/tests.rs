use super::*;

fn at(seconds: u64) -> Mono {
    Mono::from_ms(seconds * 1_000)
}

fn read(epoch: u64, plane: &str, age: u64) -> FenceRead {
    FenceRead {
        claim: Claim {
            epoch: HomeEpoch(epoch),
            plane: plane.parse().ok(),
        },
        age: Duration::from_secs(age),
    }
}

#[test]
fn of_what_workers_read_the_highest_claim_holds_and_the_newest_read_of_it() {
    let keeper = Keeper::default();
    keeper.hear(None, at(1));
    assert_eq!(keeper.read(at(1)), None);
    for (told, heard, age_at_20) in [
        (read(1, "east", 3), at(10), 13),
        // Another worker read the same earlier.
        (read(1, "east", 9), at(11), 13),
        (read(1, "east", 1), at(12), 9),
        // One that has not seen the new one yet.
        (read(0, "west", 0), at(13), 9),
    ] {
        keeper.hear(Some(&told), heard);
        let (claim, age) = keeper.read(at(20)).unwrap();
        assert_eq!((claim.epoch, age.as_secs()), (HomeEpoch(1), age_at_20));
    }
    keeper.hear(Some(&read(2, "west", 30)), at(14));
    let (claim, _) = keeper.read(at(20)).unwrap();
    assert_eq!(
        claim.epoch,
        HomeEpoch(2),
        "an old read of a higher one is news"
    );
}
