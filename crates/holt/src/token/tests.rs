use chassis::Entropy;
use jsonwebtoken::{DecodingKey, Validation};

use super::*;

#[test]
fn the_snippet_of_new_keys_is_a_configuration_that_signs() {
    let folder = tempfile::tempdir().unwrap();
    let made = keys::make(folder.path(), &Entropy::seeded(1)).unwrap();
    let file = folder.path().join("holt.toml");
    fs::write(&file, snippet(&made)).unwrap();
    let config = config::load_file(&file).unwrap();
    let wish = Wish {
        tenant: "acme".to_owned(),
        rights: rights(&["read".to_owned(), "exceed-limits".to_owned()]).unwrap(),
        subject: "someone".to_owned(),
        ttl: Duration::from_secs(60),
    };
    let token = sign(&config, &wish, 1_000_500).unwrap();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!(header.kid.as_deref(), Some("key-1"));
    let key = DecodingKey::from_ed_pem(config.api.keys["key-1"].expose().as_bytes()).unwrap();
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&["holt"]);
    rules.validate_exp = false;
    let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &rules)
        .unwrap()
        .claims;
    let expected = serde_json::json!({
        "iss": "holt", "aud": "holt", "sub": "someone", "iat": 1_000, "exp": 1_060,
        "holt_tenant": "acme", "holt_rights": ["read", "exceed-limits"],
    });
    assert_eq!(claims, expected);
}

#[test]
fn an_unknown_right_is_refused_with_all_that_there_are() {
    let error = rights(&["write".to_owned()]).unwrap_err().to_string();
    assert!(
        error.contains("`write`") && error.contains("exceed-limits"),
        "{error}"
    );
}
