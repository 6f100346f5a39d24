//! What operators start from: units, examples, the compose file and the chart configure programs with keys that those programs read, and
//! give each role no more than it needs.

mod compose;
mod glass;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{assert_none, files};

/// Reads a configuration file and variables of the environment as the program does.
type Check = fn(Option<&Path>, Vec<(String, String)>) -> Result<(), String>;

/// A role that is a program of its own: its prefix in the environment, the text that lists its keys, and how it reads them.
struct Role {
    name: &'static str,
    prefix: &'static str,
    keys: &'static str,
    check: Check,
}

const ROLES: [Role; 4] = [
    Role {
        name: "api",
        prefix: "HOLT_API",
        keys: "api/src/serve/defaults.toml",
        check: |file, variables| holt_api::serve::check(file, variables).map_err(told),
    },
    Role {
        name: "supervisor",
        prefix: "HOLT_SUPERVISOR",
        keys: "supervisor/src/defaults.toml",
        check: |file, variables| holt_supervisor::serve::check(file, variables).map_err(told),
    },
    Role {
        name: "worker",
        prefix: "HOLT_WORKER",
        keys: "worker/src/config/defaults.toml",
        check: |file, variables| holt_worker::serve::check(file, variables).map_err(told),
    },
    Role {
        name: "hooks",
        prefix: "HOLT_HOOKS",
        keys: "hooks/src/config/defaults.toml",
        check: |file, variables| holt_hooks::serve::check(file, variables).map_err(told),
    },
];

const COMPOSE: &str = "deploy/compose/compose.yml";
const CHART: &str = "deploy/helm/holt/templates/";

fn told(error: anyhow::Error) -> String {
    format!("{error:#}")
}

fn text(path: &str) -> String {
    let found = files().into_iter().find(|(name, _)| name == path);
    found.unwrap_or_else(|| unreachable!("{path} is missing")).1
}

/// Every key of a text of defaults as `section.key`, those that are commented out among them, and every section.
fn keys(defaults: &str) -> BTreeSet<String> {
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in defaults.lines() {
        let line = line.trim_start_matches(['#', ' ']);
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            name.0.clone_into(&mut section);
            found.insert(section.clone());
        } else if let Some((key, _)) = line.split_once(" = ") {
            found.insert(format!("{section}.{key}"));
        }
    }
    found
}

/// Whether a variable sets something that the text knows: a key, or one of a section whose keys are names of the operator's.
fn is_known(keys: &BTreeSet<String>, path: &str) -> bool {
    const NAMED_BY_OPERATORS: [&str; 4] = [
        "api.tokens.keys",
        "proof.keys",
        "api.v1.capabilities.keys",
        "api.colos.apis",
    ];
    let below = |section: &&str| path.starts_with(&format!("{section}."));
    keys.contains(path) || NAMED_BY_OPERATORS.iter().any(below)
}

/// The names of variables in a text, in every role whose prefix the chart puts in.
fn variables(text: &str) -> BTreeSet<String> {
    let prefixes = ["HOLT_API", "HOLT_SUPERVISOR"];
    let texts = prefixes.map(|prefix| text.replace("{{ .prefix }}", prefix));
    let joined = texts
        .join("\n")
        .replace("{{ .Values.tokens.keyId | upper }}", "K");
    let words =
        joined.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || "_-".contains(c)));
    let ours = words.filter(|word| word.starts_with("HOLT_") && word.contains("__"));
    ours.map(str::to_owned).collect()
}

#[test]
fn every_variable_of_compose_and_chart_is_a_key_of_its_program() {
    const SERVE: &str = "crates/holt/src/config/defaults.toml";
    let all = ROLES.iter().map(|role| role.keys).chain([SERVE]);
    let all: BTreeMap<&str, _> = all.map(|path| (path, keys(&text(path)))).collect();
    let mut unknown = Vec::new();
    let mut seen = 0;
    for (path, text) in files() {
        if ![COMPOSE, "docs/deploy.md"].contains(&path.as_str()) && !path.starts_with(CHART) {
            continue;
        }
        for variable in variables(&text) {
            seen += 1;
            let (prefix, rest) = variable.split_once("__").unwrap_or_default();
            let role = ROLES.iter().find(|role| role.prefix == prefix);
            // `holt schema apply` reads the keys of `holt serve`.
            let defaults = role.map_or(SERVE, |role| role.keys);
            let key = rest.to_lowercase().replace("__", ".");
            if !is_known(&all[defaults], &key) {
                unknown.push(format!("{path}: {variable}"));
            }
        }
    }
    assert!(seen > 40, "only {seen} variables are named");
    assert_none("variables that no program reads", &unknown);
}

/// The settings of a section by their names, those of its sections among them.
fn settings(section: &str, value: &serde_json::Value, found: &mut Vec<String>) {
    match value.as_object().filter(|members| !members.is_empty()) {
        Some(members) => {
            for (name, value) in members {
                settings(&format!("{section}.{name}"), value, found);
            }
        }
        None => found.push(section.to_owned()),
    }
}

#[test]
fn every_setting_of_the_api_stands_in_the_text_that_says_it_lists_them() {
    let listed = keys(&text("api/src/serve/defaults.toml"));
    let all = serde_json::to_value(holt_api::settings::Settings::default());
    let mut found = Vec::new();
    settings("api", &all.expect("settings are data"), &mut found);
    found.retain(|key| !listed.contains(key));
    assert_none("settings that operators cannot know of", &found);
}

/// A folder that has the secrets, and texts that name them there.
struct Secrets(tempfile::TempDir);

impl Secrets {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Makes each file that stands behind `file:` in a text, and gives the text with the places where they are.
    fn of(&self, text: &str, folder: &str) -> String {
        let place = self.0.path().display().to_string();
        for part in text.split(&format!("file:{folder}")).skip(1) {
            let name: String = part
                .chars()
                .take_while(|c| !"\"' \n]".contains(*c))
                .collect();
            let path = self.0.path().join(&name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "a-secret-of-thirty-two-characters-or-more").expect("written");
        }
        text.replace(&format!("file:{folder}"), &format!("file:{place}/"))
    }

    fn file(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }
}

#[test]
fn every_example_is_read_by_the_program_that_it_is_for() {
    let mut refused = Vec::new();
    for role in &ROLES {
        let secrets = Secrets::new();
        let path = format!("deploy/config/{}.toml", role.name);
        let example = secrets.of(&text(&path), "/etc/holt/");
        let file = secrets.file("example.toml", &example);
        if let Err(error) = (role.check)(Some(&file), Vec::new()) {
            refused.push(format!("{path}: {error}"));
        }
    }
    assert_none("examples that their programs refuse", &refused);
}

#[test]
fn every_program_of_the_compose_file_reads_its_environment() {
    let compose = text(COMPOSE);
    let services = compose::environments(&compose::parsed(&compose));
    let mut refused = Vec::new();
    let mut checked = 0;
    for (service, environment) in services {
        let role = ROLES.iter().find(|role| service.starts_with(role.name));
        let Some(role) = role else { continue };
        let secrets = Secrets::new();
        let variables = environment.into_iter();
        let variables = variables.map(|(name, value)| (name, secrets.of(&value, "/run/secrets/")));
        // What the operator writes for workers.
        let cloud = "[cloud]\nkeystone = \"https://k:5000/v3\"\nregion = \"R\"\n[cloud.accounts.acme]\nkind = \"application_credential\"\nid = \"1\"\nsecret = \"2\"\n";
        let file = (role.name == "worker").then(|| secrets.file("cloud.toml", cloud));
        checked += 1;
        if let Err(error) = (role.check)(file.as_deref(), variables.collect()) {
            refused.push(format!("{service}: {error}"));
        }
    }
    assert_eq!(
        checked, 10,
        "three apis, three supervisors, three workers, a lane"
    );
    assert_none(
        "services that their programs would refuse to start as",
        &refused,
    );
}

#[test]
fn every_unit_is_sandboxed_and_starts_a_program_on_its_own_configuration() {
    // `systemd-analyze security` counts these; what stands here must stand in every unit.
    const SANDBOX: [&str; 12] = [
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=\n",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "PrivateUsers=yes",
        "RestrictNamespaces=yes",
        "MemoryDenyWriteExecute=yes",
        "SystemCallFilter=@system-service",
        "LimitCORE=0",
        "UMask=0077",
    ];
    let mut wrong = Vec::new();
    for role in ["", "api", "supervisor", "worker", "hooks"] {
        let program = if role.is_empty() {
            "holt".to_owned()
        } else {
            format!("holt-{role}")
        };
        let path = format!("deploy/systemd/{program}.service");
        let unit = text(&path);
        let starts = if role.is_empty() {
            "ExecStart=/usr/bin/holt serve --config /etc/holt/holt.toml\n".to_owned()
        } else {
            format!("ExecStart=/usr/bin/{program} /etc/holt/{role}/{role}.toml\n")
        };
        let alone =
            role.is_empty() || unit.contains(&format!("BindReadOnlyPaths=/etc/holt/{role}\n"));
        let needed = SANDBOX.iter().filter(|line| !unit.contains(**line));
        wrong.extend(needed.map(|line| format!("{path}: {} is missing", line.trim())));
        // Only a worker leaves something behind; and it reads the boot's id below /proc/sys.
        let works = role.is_empty() || role == "worker";
        let fits = unit.contains(&starts)
            && alone
            && works == unit.contains("\nStateDirectory=")
            && works != unit.contains("\nProcSubset=pid\n");
        if !fits {
            wrong.push(format!("{path}: not what its role needs"));
        }
    }
    assert_none("units that are too open or cannot work", &wrong);
}

/// One document of a template, by the role that it is about.
fn policy(role: &str) -> String {
    let all = text(&format!("{CHART}network.yaml"));
    let name = format!("name: {{{{ .Release.Name }}}}-{role}\n");
    let found = all.split("\n---\n").find(|part| part.contains(&name));
    found
        .unwrap_or_else(|| unreachable!("no policy of {role}"))
        .to_owned()
}

#[test]
fn the_chart_lets_no_worker_reach_a_store_no_supervisor_a_cloud_and_no_lane_either() {
    let (store, cloud) = (".Values.network.cassandra", ".Values.network.cloud");
    let reaches = |role: &str| {
        let policy = policy(role);
        assert!(policy.contains("policyTypes: [Ingress, Egress]"), "{role}");
        (policy.contains(store), policy.contains(cloud))
    };
    assert_eq!(reaches("api"), (true, false));
    assert_eq!(reaches("supervisor"), (true, false));
    assert_eq!(reaches("worker"), (false, true));
    assert_eq!(reaches("hooks"), (false, false));
}

#[test]
fn an_api_of_the_chart_that_stops_serves_on_until_nobody_routes_to_it() {
    let workload = text(&format!("{CHART}api.yaml"));
    let lingers =
        "HOLT_API__API__LINGER, value: {{ .Values.api.linger | default \"10s\" | quote }} }";
    assert!(workload.contains(lingers));
    assert!(workload.contains("terminationGracePeriodSeconds: 30\n"));
    let values = text("deploy/helm/holt/values.yaml");
    assert!(
        values.contains("\n  linger: 10s "),
        "a third of the grace period"
    );
}

#[test]
fn every_workload_of_the_chart_is_probed_bounded_and_holds_no_secret() {
    let mut wrong = Vec::new();
    for role in &ROLES {
        let path = format!("{CHART}{}.yaml", role.name);
        let workload = text(&path);
        for needed in [
            "include \"holt.probes\"",
            "kind: PodDisruptionBudget",
            "automountServiceAccountToken: false",
            "include \"holt.container-security\"",
            ".resources | nindent",
            "secret: { secretName: {{ .Values.secrets.",
        ] {
            if !workload.contains(needed) {
                wrong.push(format!("{path}: {needed} is missing"));
            }
        }
    }
    assert_none("workloads", &wrong);
}
