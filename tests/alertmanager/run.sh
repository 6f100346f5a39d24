#!/usr/bin/env bash
# Debian's Prometheus and Alertmanager, real processes, against `holt serve` on a simulated cloud: a rule fires, the group grows at once, circles back while the
# rule still fires, and shrinks to min after it has cleared. Every server waits for a receiver that verifies signatures with the package `standardwebhooks` of
# PyPI and lets it go on. Delays are seconds, by configuration. The last line is JSON: `ok`, and what was counted.
#
#   tests/alertmanager/run.sh
#
# Needs prometheus and prometheus-alertmanager (`apt-get install prometheus prometheus-alertmanager`), python3 and curl. HOLT names the program
# to test; without it, it is built. Exit code 3: the packages are not there, or cannot be installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here="$PWD/tests/alertmanager"
for program in prometheus prometheus-alertmanager; do
    command -v "$program" >/dev/null || { echo "$program is not there: apt-get install prometheus prometheus-alertmanager" >&2; exit 3; }
done
# shellcheck source=tests/service.sh
source tests/service.sh
service_python hooks/venv standardwebhooks || exit 3
service_config="[hooks]
allow = [\"127.0.0.0/8\"]
plain_http = true"
service_start
HOLT_TOKEN="$(service_token read,crud,trigger)"
export HOLT_TOKEN

# The metric that the rule looks at, and the two of them.
metric_port="$(service_port)"
service_child metric.log python3 "$here/metric.py" "$metric_port" "$work/load"
prometheus_port="$(service_port)"
alertmanager_port="$(service_port)"

cat >"$work/group.json" <<'GROUP'
{"name": "shop", "min": 0, "max": 8,
 "launch": {"server": {"flavorRef": "1", "imageRef": "11111111-1111-4111-8111-111111111111", "name": "shop", "networks": "auto"}},
 "alerts": {"expand_by": 1, "expand_delay_seconds": 10, "deflate_by": 1, "deflate_delay_seconds": 3, "report_delay_seconds": 3}}
GROUP
group="$("$HOLT" group create -f "$work/group.json" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')"
# Before the first server: what each of them waits for.
receiver="$(service_port)"
cat >"$work/hook.json" <<HOOK
{"points": ["server.before_active", "server.active", "server.before_delete", "server.gone"],
 "url": "http://127.0.0.1:$receiver/holt", "wait": {"deadline_s": 60, "default": "abandon"}}
HOOK
hook_secret="$("$HOLT" hook put "$group" configure --file "$work/hook.json" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["secret"])')"
service_child receiver.log "$service_target/hooks/venv/bin/python" tests/hooks/receiver.py "$receiver" "$hook_secret" "$work/hooks.jsonl"
curl -sf -o /dev/null -X PATCH "$base/v2/$tenant/groups/$group/config" -H "Authorization: Bearer $HOLT_TOKEN" \
    -H 'Content-Type: application/merge-patch+json' -d '{"min": 2}'
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
service_child am.log prometheus-alertmanager --config.file="$work/alertmanager.yml" --storage.path="$work/am" --web.listen-address="127.0.0.1:$alertmanager_port" --cluster.listen-address=
service_child prom.log prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/prom" --web.listen-address="127.0.0.1:$prometheus_port"

code=0
python3 "$here/watch.py" "$group" "$input" "$work/load" "$work/hooks.jsonl" || code=$?
if [[ $code -ne 0 ]]; then
    for log in holt am prom receiver; do echo "-- $log:" >&2; tail -15 "$work/$log.log" >&2; done
fi
exit "$code"
