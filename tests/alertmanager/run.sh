#!/usr/bin/env bash
# Debian's Prometheus and Alertmanager, real processes, against `holt serve` on a simulated cloud: a rule fires, the group grows at once, circles back while the
# rule still fires, and shrinks to min after it has cleared. Delays are seconds, by configuration. The last line is JSON: `ok`, and what was counted.
#
#   tests/alertmanager/run.sh
#
# Needs prometheus and prometheus-alertmanager (`apt-get install prometheus prometheus-alertmanager`), python3 and curl. HOLT names the program
# to test; without it, it is built. Exit code 3: the packages are not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here="$PWD/tests/alertmanager"
for program in prometheus prometheus-alertmanager; do
    command -v "$program" >/dev/null || { echo "$program is not there: apt-get install prometheus prometheus-alertmanager" >&2; exit 3; }
done
target="${CARGO_TARGET_DIR:-target}"
if [[ -z "${HOLT:-}" ]]; then
    cargo build --locked --quiet -p holt
    HOLT="$target/debug/holt"
fi
HOLT="$(realpath "$HOLT")"
work="$(mktemp -d)"
children=()
finish() {
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# until_there FILE PATTERN: waits for a line in a file, and prints what stands behind the pattern there.
until_there() {
    for _ in $(seq 200); do
        if grep -qs "$2" "$1"; then
            grep -m1 -o "$2.*" "$1" | sed "s|^$2||"
            return 0
        fi
        sleep 0.1
    done
    echo "never said: $2" >&2
    cat "$1" >&2
    return 1
}

"$HOLT" cloudsim --listen 127.0.0.1:0 >"$work/cloud.log" 2>&1 &
children+=($!)
cloud="$(until_there "$work/cloud.log" "cloudsim listens on ")"
"$HOLT" token --new-key "$work/keys" >/dev/null
port="$(free_port)"
cat >"$work/holt.toml" <<CONFIG
[api]
listen = "127.0.0.1:$port"
[api.keys]
test = "file:$work/keys/token-key.pub.pem"
[token]
key_file = "$work/keys/token-key.pem"
key_id = "test"
[store]
path = "$work/holt.db"
[worker]
state_dir = "$work/worker"
[proof.keys]
1 = "file:$work/keys/proof.key"
[cloud]
keystone_url = "http://$cloud/identity/v3"
region = "RegionOne"
[cloud.account]
user = "autoscaler"
password = "password"
[cloud.tenants.tenant-a]
project_id = "tenant-a"
[supervisor]
hint_pass = "1s"
[telemetry]
level = "warn"
CONFIG
"$HOLT" serve --config "$work/holt.toml" >"$work/holt.log" 2>&1 &
children+=($!)
HOLT_TOKEN="$("$HOLT" token --config "$work/holt.toml" --tenant tenant-a --rights read,crud,trigger --subject ada)"
export HOLT_TOKEN HOLT_URL="http://127.0.0.1:$port" HOLT_TENANT=tenant-a
for _ in $(seq 200); do
    curl -sf "$HOLT_URL/health/live" >/dev/null && break
    sleep 0.1
done

# The metric that the rule looks at, and the two of them.
metric_port="$(free_port)"
python3 "$here/metric.py" "$metric_port" "$work/load" &
children+=($!)
prometheus_port="$(free_port)"
alertmanager_port="$(free_port)"

cat >"$work/group.json" <<'GROUP'
{"name": "shop", "min": 2, "max": 8,
 "launch": {"server": {"flavorRef": "1", "imageRef": "11111111-1111-4111-8111-111111111111", "name": "shop", "networks": "auto"}},
 "alerts": {"expand_by": 1, "expand_delay_seconds": 10, "deflate_by": 1, "deflate_delay_seconds": 3, "report_delay_seconds": 3}}
GROUP
group="$("$HOLT" group create -f "$work/group.json" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')"
cat >"$work/input.json" <<'INPUT'
{"name": "alertmanager", "format": "alertmanager", "verify": {"by": "bearer"},
 "routes": [{"when": {"labels.team": "web"}, "to": ["{application}"]}]}
INPUT
"$HOLT" input create -f "$work/input.json" --json >"$work/input.made"
read -r input url secret < <(python3 -c 'import json, sys; m = json.load(open(sys.argv[1])); print(m["id"], m["url"], m["secret"])' "$work/input.made")

cat >"$work/rules.yml" <<'RULES'
groups:
  - name: shop
    rules:
      - alert: QueueTooLong
        expr: queue_length > 100
        for: 0s
        labels: {severity: critical, team: web, application: shop}
        annotations: {value: "{{ $value }}"}
RULES
cat >"$work/prometheus.yml" <<PROMETHEUS
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ["$work/rules.yml"]
alerting:
  alertmanagers: [{static_configs: [{targets: ["127.0.0.1:$alertmanager_port"]}]}]
scrape_configs:
  - {job_name: shop, static_configs: [{targets: ["127.0.0.1:$metric_port"]}]}
PROMETHEUS
cat >"$work/alertmanager.yml" <<ALERTMANAGER
global: {resolve_timeout: 5s}
route: {receiver: holt, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 4s}
receivers:
  - name: holt
    webhook_configs:
      - url: "$url"
        http_config: {authorization: {credentials: "$secret"}}
ALERTMANAGER
prometheus-alertmanager --config.file="$work/alertmanager.yml" --storage.path="$work/am" --web.listen-address="127.0.0.1:$alertmanager_port" --cluster.listen-address= >"$work/am.log" 2>&1 &
children+=($!)
prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/prom" --web.listen-address="127.0.0.1:$prometheus_port" >"$work/prom.log" 2>&1 &
children+=($!)

# Hooks join here: a receiver that checks signatures and completes what servers wait for (issue 7, item 4), before the group is created.
code=0
python3 "$here/watch.py" "$group" "$input" "$work/load" || code=$?
if [[ $code -ne 0 ]]; then
    for log in holt am prom; do echo "-- $log:" >&2; tail -15 "$work/$log.log" >&2; done
fi
exit "$code"
