use super::*;

const REQUIRED: &str = r#"
    [worker]
    name = "w-1"
    [supervisors]
    addresses = ["http://127.0.0.1:1"]
    key = "CANARY-key-0123456789abcdef01234"
    [proof.keys]
    1 = "CANARY-proof-0123456789abcdef0123"
    [cloud]
    keystone = "http://127.0.0.1:2/v3"
    region = "ORD"
    [cloud.accounts.acme]
    kind = "password"
    user = "autoscaler"
    password = "CANARY-password"
    project = { id = "p1" }
"#;

fn load(text: &str) -> anyhow::Result<Config> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    Config::load(Some(file.path()))
}

#[test]
fn what_is_required_is_enough() {
    let config = load(REQUIRED).unwrap();
    assert_eq!(config.settings().unwrap().name.as_str(), "w-1");
    assert!(config.proof_keys().is_ok());
    assert_eq!(config.budgets, cloud::guard::Settings::default());
    assert_eq!(config.cloud.timeouts, cloud::openstack::Timeouts::default());
}

#[test]
fn what_is_missing_or_unknown_stops_the_start_and_is_named() {
    for (line, key) in [
        ("name = \"w-1\"", "name"),
        ("key = \"CANARY-key-0123456789abcdef01234\"", "key"),
        ("region = \"ORD\"", "region"),
    ] {
        let error = format!("{:?}", load(&REQUIRED.replace(line, "")).unwrap_err());
        assert!(error.contains(key), "{error}");
        let error = format!(
            "{:?}",
            load(&REQUIRED.replace(line, "typo = 1")).unwrap_err()
        );
        assert!(error.contains("typo"), "{error}");
    }
}

#[test]
fn a_break_glass_file_that_would_name_nothing_on_the_day_it_is_needed_stops_the_start() {
    let with = |path: &str| {
        let named = format!("name = \"w-1\"\nbreak_glass = \"{path}\"");
        load(&REQUIRED.replace("name = \"w-1\"", &named))
    };
    assert!(with("/etc/holt/break-glass").is_ok());
    let error = format!("{:#}", with("break-glass").unwrap_err());
    assert!(
        error.contains("break_glass") && error.contains("absolute"),
        "{error}"
    );
}

#[test]
fn no_secret_is_shown() {
    let config = load(REQUIRED).unwrap();
    let shown = format!("{config:?}{}", chassis::config::print(&config).unwrap());
    assert!(!shown.contains("CANARY"), "{shown}");
}

#[test]
fn a_section_plane_sets_the_fence_up_and_one_that_makes_no_sense_is_named() {
    let with = |lines: &str| load(&format!("{REQUIRED}\n[plane]\n{lines}"));
    let good = "name = \"west\"\nfirst = \"east\"\ntenant = \"acme\"\n";
    let fence = with(good).unwrap().settings().unwrap().fence.unwrap();
    assert_eq!(
        (fence.plane.as_str(), fence.first.as_str()),
        ("west", "east")
    );
    assert_eq!(fence.stale, domain::home::STALE);
    assert_eq!(load(REQUIRED).unwrap().settings().unwrap().fence, None);
    for (lines, named) in [
        (good.replace("acme", "umbrella"), "plane.tenant"),
        (good.replace("west", "no name"), "control plane name"),
        (format!("{good}stale = \"21s\""), "`stale`"),
        (format!("{good}read = \"11s\""), "`read`"),
    ] {
        let error = format!("{:#}", with(&lines).unwrap_err());
        assert!(error.contains(named), "{error}");
    }
}
