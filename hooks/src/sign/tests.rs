use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use wire::hooks::secret;

use super::*;

const BODY: &str = r#"{"type":"server.active"}"#;

fn signer(kind: KeyKind, text: &str) -> Signer {
    let secret = Secret::new(text.to_owned()).unwrap();
    Signer::new(kind, &secret).unwrap()
}

#[test]
fn a_symmetric_signature_is_the_one_that_the_standard_names() {
    // The example of the specification's reference implementations: secret, id, time, body, signature.
    let signer = signer(KeyKind::Hmac, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signed = header(
        &[signer],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
    );
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn an_asymmetric_signature_verifies_with_the_public_key() {
    let (private, public) = secret::pair(&[7; 32]).unwrap();
    let signed = signer(KeyKind::Ed25519, &private).sign(b"id.1.body");
    let bytes = |text: &str, lead: &str| STANDARD.decode(text.strip_prefix(lead).unwrap()).unwrap();
    let key = UnparsedPublicKey::new(&ED25519, bytes(&public, secret::PUBLIC));
    let signature = bytes(&signed, "v1a,");
    assert!(key.verify(b"id.1.body", &signature).is_ok());
    assert!(key.verify(b"id.2.body", &signature).is_err());
}

#[test]
fn while_keys_are_rotated_both_sign() {
    let one = secret::symmetric(&[1; 32]);
    let (two, _) = secret::pair(&[2; 32]).unwrap();
    let signers = || [signer(KeyKind::Hmac, &one), signer(KeyKind::Ed25519, &two)];
    let signed = header(&signers(), "id", 1, BODY);
    let kinds: Vec<&str> = signed.split(' ').map(|one| &one[..3]).collect();
    assert_eq!(kinds, ["v1,", "v1a"]);
    assert_ne!(signed, header(&signers(), "id", 2, BODY));
}

#[test]
fn what_is_no_key_signs_nothing() {
    for (kind, text) in [
        (KeyKind::Hmac, "whsk_AAAA"),
        (KeyKind::Hmac, "whsec_ not base64"),
        (KeyKind::Ed25519, "whsk_AAAA"),
        (KeyKind::Routing, "whsec_AAAA"),
    ] {
        let secret = Secret::new(text.to_owned()).unwrap();
        assert!(Signer::new(kind, &secret).is_none(), "{text}");
    }
}
