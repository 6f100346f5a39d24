use std::sync::Arc;

use chassis::Secret;

use super::*;
use crate::openstack::TokenInner;

fn secret() -> Secret {
    Secret::new("x".to_owned()).expect("not empty")
}

fn seat() -> Seat {
    Seat::new(Account::ApplicationCredential {
        id: "ac".to_owned(),
        secret: secret(),
    })
}

fn seconds(seconds: u64) -> Mono {
    Mono::START + Duration::from_secs(seconds)
}

/// A token that came at the start.
fn token(serial: u64, life_s: u64) -> Token {
    let highest = "2.93".parse().expect("a microversion");
    let lived = (Mono::START, Duration::from_secs(life_s));
    Token {
        tenant: "a".parse().expect("a tenant"),
        project: "p1".to_owned(),
        user: "u1".to_owned(),
        serial,
        inner: Arc::new(TokenInner::new(secret(), String::new(), highest, lived)),
    }
}

fn landed(seat: &Seat, token: &Token) {
    seat.landed(&Ok(token.clone()), seconds(600));
}

#[test]
fn a_token_is_good_until_ten_minutes_or_a_tenth_of_its_life_are_left() {
    for (life_s, good_until_s) in [(86_400, 85_800), (6_000, 5_400), (3_600, 3_240), (300, 270)] {
        let seat = seat();
        landed(&seat, &token(1, life_s));
        assert!(
            seat.current(seconds(good_until_s - 1)).is_some(),
            "{life_s}"
        );
        assert!(seat.current(seconds(good_until_s)).is_none(), "{life_s}");
    }
}

#[test]
fn the_second_token_in_a_row_that_is_rejected_makes_the_account_suspect() {
    let seat = seat();
    landed(&seat, &token(1, 3600));
    assert_eq!(seat.rejected(&token(1, 3600), seconds(600)), Rejected::Once);
    // The other calls that used it come back as well: that is still one.
    assert_eq!(seat.rejected(&token(1, 3600), seconds(600)), Rejected::Once);
    assert!(seat.current(seconds(0)).is_none());
    assert_eq!(seat.suspicion(seconds(0)), None);
    landed(&seat, &token(2, 3600));
    assert_eq!(
        seat.rejected(&token(2, 3600), seconds(600)),
        Rejected::Again
    );
    assert!(seat.suspicion(seconds(599)).is_some());
    assert_eq!(seat.suspicion(seconds(600)), None);
}

#[test]
fn a_call_that_is_served_in_between_clears_the_account() {
    let seat = seat();
    for serial in 1..5 {
        landed(&seat, &token(serial, 3600));
        seat.honoured();
        assert_eq!(
            seat.rejected(&token(serial, 3600), seconds(600)),
            Rejected::Once
        );
    }
}

#[test]
fn a_failure_is_shared_by_those_who_waited_and_by_nobody_else() {
    let seat = seat();
    let before = seat.flights();
    assert!(seat.failed_since(before).is_none());
    let failed = Failed::Throttled(Duration::from_secs(5));
    seat.landed(&Err(failed), seconds(600));
    assert!(seat.failed_since(before).is_some());
    assert!(seat.failed_since(seat.flights()).is_none());
    assert_eq!(seat.suspicion(seconds(0)), None, "not the account's fault");
    landed(&seat, &token(1, 3600));
    assert!(seat.failed_since(before).is_none());
}

#[test]
fn a_sign_in_that_lands_ends_the_refusal_of_one_and_not_what_reads_were_refused() {
    let seat = seat();
    let refused = Failed::Refused("no such user".to_owned());
    seat.landed(&Err(refused), seconds(600));
    // By a token of before.
    seat.suspect(seconds(600), "policy".to_owned());
    assert_eq!(seat.refusal(seconds(0)).as_deref(), Some("no such user"));
    landed(&seat, &token(1, 3600));
    assert_eq!(seat.refusal(seconds(0)), None);
    assert_eq!(seat.suspicion(seconds(599)).as_deref(), Some("policy"));
    assert_eq!(seat.suspicion(seconds(600)), None);
}
