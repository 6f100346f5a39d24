use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_new_pair_signs_what_its_public_half_believes() {
    use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
    let (private, public) = pair(&Entropy::seeded(1)).unwrap();
    let claims = serde_json::json!({ "sub": "someone", "exp": 4_000_000_000_u64 });
    let header = Header::new(Algorithm::EdDSA);
    let key = EncodingKey::from_ed_pem(private.as_bytes()).unwrap();
    let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    let key = DecodingKey::from_ed_pem(public.as_bytes()).unwrap();
    let rules = Validation::new(Algorithm::EdDSA);
    let read = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &rules).unwrap();
    assert_eq!(read.claims, claims);
}

#[test]
fn secret_files_are_for_their_owner_only_and_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path(), &Entropy::seeded(1)).unwrap();
    for file in [&made.private, &made.proof] {
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let before = fs::read(&made.private).unwrap();
    assert!(make(folder.path(), &Entropy::seeded(2)).is_err());
    assert_eq!(fs::read(&made.private).unwrap(), before);
}
