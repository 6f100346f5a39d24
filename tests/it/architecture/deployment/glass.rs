//! The break-glass file: every deployment names one, where its process sees what an operator writes and where the guide says to write it.
use super::{CHART, assert_none, text};

/// What a configuration says of the file, also where it only shows how.
fn named(config: &str) -> Option<&str> {
    let mut lines = config.lines().map(|line| line.trim_start_matches("# "));
    let line = lines.find(|line| line.starts_with("break_glass = "))?;
    line.split('"').nth(1)
}

/// Whether a process of the unit sees the file of that path on its host.
fn is_seen(unit: &str, path: &str) -> bool {
    let is_hidden = unit.contains("\nTemporaryFileSystem=/etc/holt:");
    let lines = unit.lines();
    let mut bound = lines.filter_map(|line| line.strip_prefix("BindReadOnlyPaths="));
    let is_bound = bound.any(|folder| path.starts_with(&format!("{folder}/")));
    path.starts_with("/etc/holt/") && (is_bound || !is_hidden)
}

#[test]
fn every_example_names_a_break_glass_file_that_its_unit_sees_and_the_guide_writes() {
    let guide = text("docs/guard.md");
    let mut wrong = Vec::new();
    for (example, defaults, program) in [
        (
            "deploy/holt.example.toml",
            "crates/holt/src/config/defaults.toml",
            "holt",
        ),
        (
            "deploy/config/supervisor.toml",
            "supervisor/src/defaults.toml",
            "holt-supervisor",
        ),
        (
            "deploy/config/worker.toml",
            "worker/src/config/defaults.toml",
            "holt-worker",
        ),
    ] {
        let unit = text(&format!("deploy/systemd/{program}.service"));
        for config in [example, defaults] {
            let config_text = text(config);
            let Some(path) = named(&config_text) else {
                wrong.push(format!("{config}: names no file"));
                continue;
            };
            if !is_seen(&unit, path) {
                wrong.push(format!("{config}: {program}.service does not see {path}"));
            }
            if !guide.contains(&format!("> {path} ")) {
                wrong.push(format!("{config}: the guide does not write {path}"));
            }
        }
    }
    assert_none("break-glass files that would do nothing", &wrong);
}

#[test]
fn supervisors_and_workers_of_the_chart_look_where_an_operator_puts_the_break_glass_file() {
    let volumes = text(&format!("{CHART}_helpers.tpl"));
    let map = "configMap: { name: {{ .Release.Name }}-break-glass, optional: true }";
    assert!(volumes.contains(map));
    assert!(volumes.contains("mountPath: /etc/holt/glass,"));
    assert!(
        text("docs/guard.md")
            .contains("create configmap RELEASE-break-glass --from-literal=break-glass=")
    );
    let mut wrong = Vec::new();
    for role in ["supervisor", "worker"] {
        let workload = text(&format!("{CHART}{role}.yaml"));
        for needed in [
            "__BREAK_GLASS, value: /etc/holt/glass/break-glass }",
            "include \"holt.glass-mounts\"",
            "include \"holt.glass-volumes\"",
        ] {
            if !workload.contains(needed) {
                wrong.push(format!("{role}: {needed} is missing"));
            }
        }
    }
    assert_none("workloads", &wrong);
}
