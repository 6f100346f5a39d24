use actix_web::http::header::HeaderValue;

use super::*;

const NOW: u64 = 1_764_300_000_000;

fn signer(keys: &[&str]) -> Signer {
    let keys: Vec<Secret> = keys
        .iter()
        .map(|key| Secret::new(key.repeat(32)).unwrap())
        .collect();
    Signer::new(&keys).unwrap()
}

fn carried() -> Carried {
    Carried {
        from: ColoId(1),
        to: ColoId(2),
        at: Timestamp::from_unix_ms(NOW),
        left: Duration::from_millis(9_950),
        request_id: "0af1".to_owned(),
        address: Some("203.0.113.9".parse().unwrap()),
    }
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_static;
    headers.insert(header::AUTHORIZATION, value("Bearer one"));
    headers.insert(header::USER_AGENT, value("curl"));
    headers
}

fn request<'a>(headers: &'a HeaderMap, method: &'a Method) -> Request<'a> {
    Request {
        method,
        target: "/v2/acme/groups/7?dry=1",
        headers,
        body: b"{}",
    }
}

#[test]
fn what_is_carried_is_believed_for_the_very_request_that_it_was_signed_for() {
    let (signer, headers, now) = (signer(&["a"]), headers(), Timestamp::from_unix_ms(NOW));
    let sent = request(&headers, &Method::POST);
    let value = signer.sign(&carried(), sent);
    assert_eq!(signer.verify(&value, sent, now), Ok(carried()));

    let mut other_token = headers.clone();
    other_token.insert(
        header::AUTHORIZATION,
        HeaderValue::from_static("Bearer two"),
    );
    let mut one_more = headers.clone();
    one_more.insert(header::IF_MATCH, HeaderValue::from_static("\"3\""));
    let tampered = [
        request(&headers, &Method::DELETE),
        request(&other_token, &Method::POST),
        request(&one_more, &Method::POST),
        Request {
            target: "/v2/acme/groups/8?dry=1",
            ..sent
        },
        Request {
            target: "/v2/acme/groups/7",
            ..sent
        },
        Request {
            body: b"{\"a\":1}",
            ..sent
        },
    ];
    for other in tampered {
        let told = signer.verify(&value, other, now);
        assert_eq!(told, Err(NotBelieved::Signature), "{other:?}");
    }
    for (word, other) in [
        ("to=2", "to=1"),
        ("for=203", "for=204"),
        ("left=9", "left=99"),
    ] {
        let told = signer.verify(&value.replace(word, other), sent, now);
        assert_eq!(told, Err(NotBelieved::Signature), "{other}");
    }
}

#[test]
fn it_is_good_for_thirty_seconds_both_ways() {
    let (signer, headers) = (signer(&["a"]), headers());
    let sent = request(&headers, &Method::GET);
    let value = signer.sign(&carried(), sent);
    let told = |now| signer.verify(&value, sent, Timestamp::from_unix_ms(now));
    assert!(told(NOW + 30_000).is_ok());
    assert!(told(NOW - 30_000).is_ok());
    assert_eq!(told(NOW + 30_001), Err(NotBelieved::Time));
    assert_eq!(told(NOW - 30_001), Err(NotBelieved::Time));
}

#[test]
fn keys_rotate_and_strangers_have_none() {
    let (headers, now) = (headers(), Timestamp::from_unix_ms(NOW));
    let sent = request(&headers, &Method::GET);
    let value = signer(&["a"]).sign(&carried(), sent);
    assert!(signer(&["b", "a"]).verify(&value, sent, now).is_ok());
    let stranger = signer(&["b"]).verify(&value, sent, now);
    assert_eq!(stranger, Err(NotBelieved::Signature));
    for broken in ["", "mac=", "from=1;to=2;mac=00", &value[..value.len() - 1]] {
        let told = signer(&["a"]).verify(broken, sent, now);
        assert_eq!(told, Err(NotBelieved::Form), "{broken}");
    }
}

#[test]
fn a_short_key_or_none_stops_the_start() {
    assert!(Signer::new(&[]).is_err());
    assert!(Signer::new(&[Secret::new("short".to_owned()).unwrap()]).is_err());
}
