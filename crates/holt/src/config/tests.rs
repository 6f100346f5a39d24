use std::fs;

use super::*;

#[test]
fn the_defaults_alone_can_be_read_and_printed() {
    let config: Config = Layers::new(DEFAULTS).load().unwrap();
    assert_eq!(config.api.listen.port(), 8070);
    let printed = print(&config).unwrap();
    assert!(printed.contains("[cloud.timeouts]"), "{printed}");
}

/// Whoever uncomments a line of the manual must get something that can be read.
#[test]
fn every_commented_key_of_the_defaults_can_be_read() {
    let text: String = DEFAULTS
        .lines()
        .map(|line| {
            let code = line.strip_prefix("# ").unwrap_or(line);
            let is_key =
                code.starts_with('[') || code.split_once(" = ").is_some_and(|(key, _)| is_key(key));
            if is_key {
                format!("{code}\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let text = text.replace("file:", "of a file: ");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("holt.toml");
    fs::write(&file, text).unwrap();
    let config: Config = Layers::new("").file(Some(&file)).load().unwrap();
    assert_eq!(config.cloud.tenants.len(), 2);
    assert_eq!(config.proof.keys.len(), 1);
    assert_eq!(config.token.key_id.as_deref(), Some("ops-2026"));
}

fn is_key(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

#[test]
fn a_misspelt_key_is_named() {
    let variable = ("HOLT__API__LISTENS".to_owned(), "x".to_owned());
    let layers = Layers::new(DEFAULTS).environment(PREFIX, [variable]);
    let error = layers.load::<Config>().unwrap_err();
    assert!(error.to_string().contains("api.listens"), "{error}");
}

#[test]
fn secrets_are_masked_in_print() {
    let variables = [
        ("HOLT__PROOF__KEYS__1", "0123456789abcdef0123456789abcdef"),
        ("HOLT__CLOUD__ACCOUNT__USER", "autoscaler"),
        ("HOLT__CLOUD__ACCOUNT__PASSWORD", "12345678"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let layers = Layers::new(DEFAULTS).environment(PREFIX, variables);
    let printed = print(&layers.load::<Config>().unwrap()).unwrap();
    assert!(printed.contains("autoscaler"));
    assert!(!printed.contains("12345678") && !printed.contains("abcdef"));
}
