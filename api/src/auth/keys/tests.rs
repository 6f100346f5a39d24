use serde_json::{Value, json};

use super::from_jwks;

fn kept(keys: &Value) -> Vec<String> {
    from_jwks(&json!({ "keys": keys }).to_string())
        .unwrap()
        .into_keys()
        .collect()
}

#[test]
fn only_public_keys_that_sign_with_the_two_algorithms_are_kept() {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    // 256 bytes; the last character has no bits beyond them.
    let long = format!("{}w", "u".repeat(341));
    let keys = json!([
        {"kty": "OKP", "crv": "Ed25519", "kid": "plain", "x": x},
        {"kty": "OKP", "crv": "Ed25519", "kid": "named", "alg": "EdDSA", "use": "sig", "x": x},
        {"kty": "OKP", "crv": "Ed25519", "kid": "encrypts", "use": "enc", "x": x},
        {"kty": "OKP", "crv": "Ed25519", "x": x},
        {"kty": "RSA", "kid": "rsa", "alg": "RS256", "n": long, "e": "AQAB"},
        {"kty": "RSA", "kid": "other algorithm", "alg": "PS256", "n": long, "e": "AQAB"},
        {"kty": "RSA", "kid": "short", "n": "u".repeat(171), "e": "AQAB"},
        {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0"},
        {"kty": "EC", "crv": "P-256", "kid": "curve", "x": x, "y": x},
    ]);
    assert_eq!(kept(&keys), ["named", "plain", "rsa"]);
}

#[test]
fn what_is_no_key_set_is_refused() {
    for text in ["", "{}", "[]", "{\"keys\": 1}"] {
        assert!(from_jwks(text).is_none(), "{text}");
    }
}
