use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::Clock;
use domain::access::Right;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Refused, Verifier};
use crate::auth::keys::Keys;
use crate::auth::revoked::Revoked;
use crate::settings::{StartError, Tokens};

/// Wall time at which the clocks of these tests start, in seconds.
const START: u64 = 1_795_269_900;

struct Issuer {
    private: EncodingKey,
    jwks: String,
}

fn issuer(kid: &str) -> Issuer {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    Issuer {
        private: EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref()),
        jwks: json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x}]}).to_string(),
    }
}

impl Issuer {
    fn sign(&self, kid: &str, claims: &Value) -> String {
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

fn claims(exp: u64) -> Value {
    json!({"iss": "holt", "aud": "holt", "sub": "ada", "exp": exp, "holt_tenant": "acme", "holt_rights": ["read", "fly"]})
}

fn verifier(jwks: &str) -> (Clock, Keys, Verifier) {
    let clock = Clock::simulated(START * 1_000, 0);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), jwks).unwrap();
    let settings = Tokens {
        jwks_file: Some(file.path().to_owned()),
        ..Tokens::default()
    };
    let keys = Keys::load(&settings).unwrap();
    let verifier =
        Verifier::new(clock.clone(), keys.clone(), Revoked::nothing(), &settings).unwrap();
    (clock, keys, verifier)
}

fn paused(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(test());
}

#[test]
fn a_remembered_token_ends_to_the_millisecond() {
    paused(async || {
        let issuer = issuer("k");
        let (clock, _, verifier) = verifier(&issuer.jwks);
        let token = issuer.sign("k", &claims(START + 10));
        assert!(verifier.verify(token.as_bytes()).is_ok());
        // 10 s of life and 30 s of leeway, remembered or not.
        clock.sleep(Duration::from_millis(29_000)).await;
        assert!(verifier.verify(token.as_bytes()).is_ok());
        clock.sleep(Duration::from_millis(10_999)).await;
        assert!(verifier.verify(token.as_bytes()).is_ok());
        clock.sleep(Duration::from_millis(1)).await;
        assert_eq!(verifier.verify(token.as_bytes()), Err(Refused::Expired));
    });
}

#[test]
fn a_remembered_token_ends_when_the_wall_clock_jumps() {
    paused(async || {
        let issuer = issuer("k");
        let (clock, _, verifier) = verifier(&issuer.jwks);
        let token = issuer.sign("k", &claims(START + 600));
        assert!(verifier.verify(token.as_bytes()).is_ok());
        clock.jump(631_000);
        assert_eq!(verifier.verify(token.as_bytes()), Err(Refused::Expired));
        clock.jump(-631_000);
        assert!(verifier.verify(token.as_bytes()).is_ok());
    });
}

#[test]
fn not_before_is_kept_with_the_leeway() {
    paused(async || {
        let issuer = issuer("k");
        let (_, _, verifier) = verifier(&issuer.jwks);
        for (ahead, good) in [(0, true), (30, true), (31, false)] {
            let mut claims = claims(START + 600);
            claims["nbf"] = json!(START + ahead);
            let token = issuer.sign("k", &claims);
            assert_eq!(verifier.verify(token.as_bytes()).is_ok(), good, "{ahead}");
        }
    });
}

#[test]
fn a_key_that_is_taken_away_signs_nothing_from_then_on() {
    paused(async || {
        let (old, new) = (issuer("old"), issuer("new"));
        let (_, keys, verifier) = verifier(&old.jwks);
        let token = old.sign("old", &claims(START + 600));
        assert!(verifier.verify(token.as_bytes()).is_ok());
        assert!(
            !keys.replace("no key set"),
            "what is no key set changes nothing"
        );
        assert!(verifier.verify(token.as_bytes()).is_ok());
        assert!(keys.replace(&new.jwks));
        assert_eq!(
            verifier.verify(token.as_bytes()),
            Err(Refused::Invalid),
            "also when it is remembered"
        );
        assert!(
            verifier
                .verify(new.sign("new", &claims(START + 600)).as_bytes())
                .is_ok()
        );
    });
}

#[test]
fn claims_become_a_caller() {
    paused(async || {
        let issuer = issuer("k");
        let (_, _, verifier) = verifier(&issuer.jwks);
        let mut all = claims(START + 600);
        all["holt_tenant"] = json!(["acme", "umbrella"]);
        all["exp"] = json!(1_795_270_500.75);
        let caller = verifier.verify(issuer.sign("k", &all).as_bytes()).unwrap();
        assert_eq!(&*caller.subject, "ada");
        assert_eq!(caller.tenants.len(), 2);
        assert!(caller.rights.has(Right::Read) && !caller.rights.has(Right::Crud));
        assert_eq!(caller.groups, None);
        for (name, value) in [
            ("sub", json!("")),
            ("sub", json!(7)),
            ("holt_tenant", json!("not a tenant")),
            ("holt_tenant", json!(null)),
            ("holt_groups", json!(["not-a-group"])),
            ("holt_rights", json!("read")),
            ("exp", json!(-1)),
            ("exp", json!(null)),
            ("exp", json!(true)),
            ("aud", json!([])),
        ] {
            let mut claims = claims(START + 600);
            claims[name] = value.clone();
            let token = issuer.sign("k", &claims);
            assert_eq!(
                verifier.verify(token.as_bytes()),
                Err(Refused::Invalid),
                "{name}: {value}"
            );
        }
    });
}

#[test]
fn nothing_is_open_by_default() {
    assert!(matches!(
        Keys::load(&Tokens::default()),
        Err(StartError::NoKeys)
    ));
    let with = |pem: &str| Tokens {
        keys: BTreeMap::from([("k".to_owned(), pem.to_owned())]),
        ..Tokens::default()
    };
    for pem in [
        "",
        "secret",
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ] {
        assert!(
            matches!(Keys::load(&with(pem)), Err(StartError::BadKey { .. })),
            "{pem}"
        );
    }
}

#[test]
fn long_leeways_and_memories_stop_the_start() {
    paused(async || {
        let issuer = issuer("k");
        let (clock, keys, _) = verifier(&issuer.jwks);
        let long = Duration::from_secs(31);
        for settings in [
            Tokens {
                leeway: long,
                ..Tokens::default()
            },
            Tokens {
                believed: long,
                ..Tokens::default()
            },
        ] {
            assert!(matches!(
                Verifier::new(clock.clone(), keys.clone(), Revoked::nothing(), &settings),
                Err(StartError::OutOfRange { .. })
            ));
        }
    });
}
