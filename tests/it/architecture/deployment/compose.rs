//! The compose file, read by a parser of YAML: no container engine has read it here.
use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode as _, Yaml};

use super::{COMPOSE, assert_none, text};

/// The one document of the file, with its aliases in place.
pub(super) fn parsed(compose: &str) -> Yaml<'_> {
    let mut documents = Yaml::load_from_str(compose).expect("the compose file is YAML");
    assert_eq!(documents.len(), 1, "{COMPOSE} is one document");
    documents.remove(0)
}

/// The members of a mapping below a node, by name; none if there is no such mapping.
fn members<'a>(node: &'a Yaml<'_>, name: &str) -> Vec<(&'a str, &'a Yaml<'a>)> {
    let mapping = node.as_mapping_get(name).and_then(Yaml::as_mapping);
    let members = mapping.into_iter().flatten();
    members
        .map(|(key, value)| (key.as_str().expect("a name is a text"), value))
        .collect()
}

/// The environment of each service, with what it takes over from above. A container engine takes texts and numbers only.
pub(super) fn environments(compose: &Yaml<'_>) -> BTreeMap<String, Vec<(String, String)>> {
    let mut services = BTreeMap::new();
    for (service, what) in members(compose, "services") {
        let mut environment = Vec::new();
        for (name, value) in members(what, "environment") {
            if name == "<<" {
                let shared = value.as_mapping().expect("an alias of a mapping");
                let shared = shared.iter().map(|(name, value)| (one(name), one(value)));
                environment.extend(shared);
            } else {
                environment.push((name.to_owned(), one(value)));
            }
        }
        environment.retain(|(name, _)| name.starts_with("HOLT_"));
        services.insert(service.to_owned(), environment);
    }
    services
}

fn one(value: &Yaml<'_>) -> String {
    let number = || value.as_integer().expect("a text or a number");
    value
        .as_str()
        .map_or_else(|| number().to_string(), str::to_owned)
}

/// What a service names in a list or as the keys of a mapping.
fn named(service: &Yaml<'_>, what: &str) -> Vec<String> {
    let node = service.as_mapping_get(what);
    let list = node.and_then(Yaml::as_sequence).into_iter().flatten();
    let keys = members(service, what).into_iter();
    let list = list.map(|item| item.as_str().expect("a name").to_owned());
    list.chain(keys.map(|(key, _)| key.to_owned())).collect()
}

#[test]
fn what_a_service_of_the_compose_file_names_is_declared() {
    let compose = text(COMPOSE);
    let compose = parsed(&compose);
    let declared = |what| -> BTreeSet<&str> {
        let all = members(&compose, what).into_iter();
        all.map(|(name, _)| name).collect()
    };
    let mut wrong = Vec::new();
    for (service, what) in members(&compose, "services") {
        for (kind, section) in [
            ("depends_on", "services"),
            ("networks", "networks"),
            ("secrets", "secrets"),
            ("volumes", "volumes"),
        ] {
            let declared = declared(section);
            for name in named(what, kind) {
                // A volume says where it goes; one that begins with a dot is a folder.
                let name = name.split(':').next().unwrap_or_default();
                if !name.starts_with("./") && !declared.contains(name) {
                    wrong.push(format!("{service}: {kind}: {name}"));
                }
            }
        }
    }
    assert_none("names that nothing declares", &wrong);
}

#[test]
fn supervisors_and_workers_of_the_compose_file_see_the_break_glass_file_of_the_host() {
    let compose = text(COMPOSE);
    let compose = parsed(&compose);
    let environments = environments(&compose);
    let mut seen = 0;
    for (service, what) in members(&compose, "services") {
        let has_file = ["supervisor", "worker"]
            .iter()
            .any(|role| service.starts_with(role));
        if !has_file {
            continue;
        }
        let mut variables = environments[service].iter();
        let file = variables.find(|(name, _)| name.ends_with("__BREAK_GLASS"));
        let file = file.map(|(_, path)| path.as_str());
        assert_eq!(file, Some("/etc/holt/glass/break-glass"), "{service}");
        let mounts = named(what, "volumes");
        let mount = "./glass:/etc/holt/glass:ro".to_owned();
        assert!(mounts.contains(&mount), "{service}: {mounts:?}");
        seen += 1;
    }
    assert_eq!(seen, 6, "three supervisors, three workers");
    assert!(text("docs/guard.md").contains("`glass/break-glass` beside the compose file"));
}
