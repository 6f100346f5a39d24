use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use futures_util::future::{join, join_all};

use super::*;

const TOKEN: About = ([1; 32], 0);

/// Its number among those that were asked, not at once.
async fn question(asked: &AtomicU32) -> u32 {
    let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
    tokio::task::yield_now().await;
    number
}

#[tokio::test]
async fn whoever_asks_the_same_meanwhile_gets_the_one_answer() {
    let (flights, asked) = (Flights::new(), AtomicU32::new(0));
    let many = (0..40).map(|_| flights.answer(TOKEN, question(&asked)));
    assert_eq!(join_all(many).await, [1; 40]);
    assert!(flights.under_way().is_empty(), "nobody waits any more");
    let later = flights.answer(TOKEN, question(&asked)).await;
    assert_eq!(later, 2, "no answer is kept");
}

#[tokio::test]
async fn when_the_one_who_asks_goes_away_the_next_one_asks() {
    let (flights, asked) = (Flights::new(), AtomicU32::new(0));
    let mut first = Box::pin(flights.answer(TOKEN, question(&asked)));
    let mut second = Box::pin(flights.answer(TOKEN, question(&asked)));
    assert!(first.as_mut().now_or_never().is_none(), "it asks");
    assert!(second.as_mut().now_or_never().is_none(), "it waits");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    drop(first);
    assert_eq!(second.await, 2);
    assert!(flights.under_way().is_empty(), "nobody waits any more");
}

#[tokio::test]
async fn other_tokens_and_what_comes_after_a_revocation_are_questions_of_their_own() {
    let (flights, asked) = (Flights::new(), AtomicU32::new(0));
    let other = flights.answer(([2; 32], 0), question(&asked));
    let later = flights.answer(([1; 32], 1), question(&asked));
    let both = join(other, later);
    let all = join(flights.answer(TOKEN, question(&asked)), both).await;
    assert_eq!(all, (1, (2, 3)));
}
