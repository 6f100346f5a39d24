use std::{io::Write as _, num::NonZeroU32, time::Duration};

use serde::Deserialize;

use super::*;
use crate::{Secret, telemetry::chain};

const DEFAULTS: &str = r#"
name = "default"
workers = 4
[store]
path = "data.db"
lease = "10s"
rate = "10/s"
tags = ["a"]
[store.cache]
on = true
"#;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    name: String,
    workers: u16,
    key: Option<Secret>,
    store: Store,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    path: String,
    #[serde(with = "duration")]
    lease: Duration,
    rate: Rate,
    tags: Vec<String>,
    cache: Cache,
    #[serde(default)]
    limit: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cache {
    on: bool,
}

fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, Error> {
    let mut on_disk = tempfile::NamedTempFile::new().expect("a file");
    on_disk.write_all(file.as_bytes()).expect("written");
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Layers::new(DEFAULTS)
        .file(Some(on_disk.path()))
        .environment("APP", variables)
        .load()
}

#[test]
fn later_layers_win_key_by_key() {
    let file = "workers = 8\n[store]\nlease = '1m30s'\n[store.cache]\n";
    let variables = [
        ("APP__STORE__RATE", "5/m"),
        ("APP__WORKERS", "16"),
        ("OTHER__WORKERS", "1"),
    ];
    let config = load(file, &variables).expect("a configuration");
    assert_eq!((config.name.as_str(), config.workers), ("default", 16));
    assert_eq!(config.store.lease, Duration::from_secs(90));
    assert_eq!(config.store.rate, "5/m".parse().expect("a rate"));
    assert!(config.store.cache.on, "an empty section takes nothing away");
}

#[test]
fn variables_take_the_type_of_what_they_replace() {
    let variables = [
        ("APP__NAME", "42"),
        ("APP__STORE__CACHE__ON", "false"),
        ("APP__STORE__TAGS", r#"["x", "y"]"#),
        ("APP__STORE__LIMIT", "7"),
        ("APP__KEY", "plain words = fine"),
    ];
    let config = load("", &variables).expect("a configuration");
    assert_eq!((config.name.as_str(), config.store.limit), ("42", Some(7)));
    assert_eq!(config.store.tags, ["x", "y"]);
    assert!(!config.store.cache.on);
    assert_eq!(config.key.expect("a key").expose(), "plain words = fine");
}

#[test]
fn a_password_of_digits_stays_a_text() {
    let variables = [("APP__KEY", "0012345"), ("APP__STORE__LIMIT", "7")];
    let config = load("", &variables).expect("a configuration");
    assert_eq!(config.key.expect("a key").expose(), "0012345");
    let variables = [("APP__KEY", "12345"), ("APP__WORKERS", "many")];
    let error = load("", &variables).expect_err("refused");
    assert!(matches!(&error, Error::Value { key, .. } if key == "workers"));
    let error = load("key = 12345", &[]).expect_err("refused");
    let text = chain(&error).to_string();
    assert!(text.contains("`key`") && !text.contains("12345"), "{text}");
}

fn blamed(file: &str, variables: &[(&str, &str)]) -> (String, Origin, String) {
    let error = load(file, variables).expect_err("refused");
    let Error::Value {
        key,
        origin,
        source,
    } = error
    else {
        panic!("no key named: {}", chain(&error));
    };
    (key, origin, source.to_string())
}

#[test]
fn an_unknown_key_is_named_with_its_file() {
    let (key, origin, why) = blamed("workers = 2\n[store]\nleese = '10s'\n", &[]);
    assert_eq!(key, "store.leese");
    assert!(matches!(origin, Origin::File(_)));
    assert!(why.contains("unknown field `leese`"), "{why}");
}

#[test]
fn an_unknown_section_is_named_with_its_file() {
    let (key, _, why) = blamed("[stoer]\npath = 'x'\n", &[]);
    assert_eq!(key, "stoer.path");
    assert!(why.contains("unknown field `stoer`"), "{why}");
}

#[test]
fn a_bad_value_is_named_with_its_variable() {
    let variables = [("APP__STORE__LEASE", "10 parsecs"), ("APP__WORKERS", "3")];
    let (key, origin, why) = blamed("", &variables);
    assert_eq!(key, "store.lease");
    assert_eq!(origin, Origin::Variable("APP__STORE__LEASE".to_owned()));
    assert!(why.contains("10 parsecs"), "{why}");
    let (key, _, _) = blamed("", &[("APP__WORKERS", "many")]);
    assert_eq!(key, "workers");
    let (key, _, _) = blamed("", &[("APP__WORKERS", "70000")]);
    assert_eq!(key, "workers");
}

#[test]
fn a_file_error_is_not_put_on_an_innocent_variable() {
    let (key, origin, _) = blamed(
        "workers = 'two'\n",
        &[("APP__NAME", "x"), ("APP__STORE__LIMIT", "1")],
    );
    assert_eq!(key, "workers");
    assert!(matches!(origin, Origin::File(_)));
}

#[test]
fn a_missing_key_and_a_broken_file_say_so() {
    let missing = Layers::new("name = 'x'")
        .load::<Config>()
        .expect_err("incomplete");
    assert!(
        chain(&missing)
            .to_string()
            .contains("missing field `workers`")
    );
    let broken = load("name = 'x'\nkey = 'hunter2' 'again'", &[]).expect_err("broken");
    assert!(
        matches!(
            &broken,
            Error::Syntax {
                origin: Origin::File(_),
                line: 2,
                ..
            }
        ),
        "{broken}"
    );
    assert!(!chain(&broken).to_string().contains("hunter2"), "{broken}");
    let absent = Layers::new(DEFAULTS)
        .file(Some(Path::new("/does/not/exist.toml")))
        .load::<Config>();
    assert!(
        absent
            .expect_err("absent")
            .to_string()
            .contains("/does/not/exist.toml")
    );
}

#[test]
fn a_variable_below_a_plain_value_is_refused() {
    let error = load("", &[("APP__NAME__FIRST", "x")]).expect_err("refused");
    assert!(
        matches!(&error, Error::NotASection { key, .. } if key == "name"),
        "{error}"
    );
}

#[test]
fn printing_masks_secrets_and_can_be_read_again() {
    let config =
        load("key = 'hunter2'", &[("APP__STORE__LEASE", "1h1ms")]).expect("a configuration");
    let text = print(&config).expect("toml");
    assert!(
        !text.contains("hunter2") && text.contains("key = \"***\""),
        "{text}"
    );
    assert!(
        text.contains("lease = \"1h1ms\"") && text.contains("rate = \"10/s\""),
        "{text}"
    );
    toml::from_str::<Config>(&text).expect("the same shape");
}

#[test]
fn durations_are_read_and_written_the_same() {
    for (text, ms) in [
        ("0s", 0),
        ("250ms", 250),
        ("90s", 90_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
    ] {
        assert_eq!(
            parse_duration(text),
            Ok(Duration::from_millis(ms)),
            "{text}"
        );
        assert_eq!(
            parse_duration(&format_duration(Duration::from_millis(ms))),
            Ok(Duration::from_millis(ms))
        );
    }
    assert_eq!(format_duration(Duration::from_secs(90)), "1m30s");
    for text in [
        "",
        "90",
        "s",
        "1.5h",
        "-1s",
        "10 s",
        "1w",
        "99999999999999999999s",
        "213503982335d",
    ] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

#[test]
fn rates_are_read_and_never_zero() {
    let ten = NonZeroU32::new(10).expect("not zero");
    assert_eq!("10/s".parse(), Ok(Rate::PerSecond(ten)));
    assert_eq!(" 10 / h ".parse(), Ok(Rate::PerHour(ten)));
    assert_eq!(Rate::PerMinute(ten).interval(), Duration::from_secs(6));
    assert_eq!(Rate::PerMinute(ten).to_string(), "10/m");
    for text in ["", "10", "0/s", "-1/s", "10/d", "1.5/s", "10/s/s"] {
        assert!(text.parse::<Rate>().is_err(), "{text}");
    }
}
