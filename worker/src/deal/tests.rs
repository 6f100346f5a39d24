use super::*;

#[test]
fn one_supervisor_is_offered_all_that_a_poll_may_offer() {
    let deal = Deal::new(1);
    let first = deal.part(0, 1, 14, 40);
    let second = deal.part(0, 1, 14, 26);
    assert_eq!((first.count, second.count), (14, 14));
}

#[test]
fn those_without_work_hold_no_more_than_their_part() {
    let deal = Deal::new(3);
    let idle: Vec<Part> = [0, 0, 1, 1]
        .into_iter()
        .scan(16, |free, supervisor| {
            let part = deal.part(supervisor, 3, 5, *free);
            *free -= part.count;
            Some(part)
        })
        .collect();
    let held: u32 = idle.iter().map(|part| part.count).sum();
    assert_eq!(held, 12);
    assert_eq!(deal.part(2, 3, 5, 16 - held).count, 4);
}

#[test]
fn when_there_is_less_than_one_for_each_it_goes_round() {
    let deal = Deal::new(3);
    let (first, second) = (deal.part(0, 3, 5, 2), deal.part(1, 3, 5, 1));
    assert_eq!((first.count, second.count), (1, 1));
    let third = deal.part(2, 3, 5, 0);
    assert_eq!(third.count, 0);
    drop(third);
    // The first comes back unused: it gives way, and the third gets it.
    drop(first);
    let again = deal.part(0, 3, 5, 1);
    assert_eq!((again.count, again.is_short), (0, true));
    assert_eq!(deal.part(2, 3, 5, 1).count, 1);
}

#[test]
fn those_that_all_give_way_do_not_starve_each_other() {
    // One permit, and nobody has work: each is offered it again and again all the same, so that whoever has work at last can use it
    // (simulator, schedule 6).
    let deal = Deal::new(3);
    let mut offered = [0; 3];
    for _ in 0..12 {
        let mut free = 1;
        let polls: Vec<Part> = (0..3)
            .map(|supervisor| {
                let part = deal.part(supervisor, 3, 5, free);
                free -= part.count;
                part
            })
            .collect();
        for (part, all) in polls.iter().zip(&mut offered) {
            *all += part.count;
        }
    }
    assert!(offered.iter().all(|n| *n >= 3), "{offered:?}");
}
