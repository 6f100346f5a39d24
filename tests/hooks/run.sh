#!/usr/bin/env bash
# Hooks of `holt serve` on a simulated cloud, received by a program that verifies signatures with the package `standardwebhooks` of PyPI and answers
# for the servers that wait: the walk of docs/hooks.md. A forged message is refused by the same program. The last line is JSON.
#
#   tests/hooks/run.sh
#
# The package is installed into target/hooks/venv the first time. HOLT names the program to test; without it, it is built. Exit code 3: Python,
# or the package, is not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=tests/hooks
# shellcheck source=tests/service.sh
source tests/service.sh
if ! service_python hooks/venv standardwebhooks; then
    echo '{"ok":false,"left_out":"the package standardwebhooks cannot be installed"}'
    exit 3
fi
python="$service_target/hooks/venv/bin/python"

fail() {
    echo "$1" >&2
    cat "$work"/*.log >&2 || true
    echo "{\"ok\":false,\"why\":\"$1\"}"
    exit 1
}

# until WHAT COMMAND...: tries for a minute.
until_() {
    local what="$1"
    shift
    for _ in $(seq 300); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.2
    done
    fail "never: $what"
}

service_level="info,holt_hooks=debug"
service_config="[hooks]
allow = [\"127.0.0.0/8\"]
plain_http = true"
service_start
HOLT_TOKEN="$(service_token read,crud,trigger)"
export HOLT_TOKEN

echo '{"name":"web","min":0,"max":10,"launch":{"server":{"flavorRef":"1","imageRef":"11111111-1111-4111-8111-111111111111"}}}' >"$work/group.json"
group="$("$HOLT" group create --file "$work/group.json" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["id"])')"
receiver="$(service_port)"
cat >"$work/hook.json" <<HOOK
{"points": ["server.before_active", "server.active", "server.before_delete", "server.gone"],
 "url": "http://127.0.0.1:$receiver/holt",
 "wait": {"deadline_s": 120, "default": "abandon"}}
HOOK
secret="$("$HOLT" hook put "$group" configure --file "$work/hook.json" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["secret"])')"
"$HOLT" event send "$group" --desired 2 >/dev/null

# The receiver is down: the servers wait, and the customer sees why.
troubled() { "$HOLT" hook deliveries "$group" --json | grep -q 'no connection'; }
until_ "the trouble shows" troubled
waiting="$("$HOLT" ledger "$group" --json | grep -o '"configuring"' | wc -l)"
service_child python.log "$python" "$here/receiver.py" "$receiver" "$secret" "$work/receiver.log"
active() { [[ "$("$HOLT" ledger "$group" --state active --json | grep -o '"slot"' | wc -l)" == 2 ]]; }
until_ "two servers are active" active

forged="$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://127.0.0.1:$receiver/holt" -H 'webhook-id: msg_x' \
    -H "webhook-timestamp: $(date +%s)" -H 'webhook-signature: v1,AAAA' -d '{}')"
"$HOLT" group delete "$group" --force >/dev/null
gone() { [[ "$(grep -c '"server.gone"' "$work/receiver.log")" == 2 ]]; }
until_ "two servers are gone" gone

! grep -q "$secret" "$work/holt.log" || fail "the secret is in the log"
python3 - "$work/receiver.log" "$waiting" "$forged" <<'CHECK'
import collections, json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
messages = [line for line in lines if "type" in line]
by_server = collections.defaultdict(list)
for message in messages:
    if message["type"] not in by_server[message["server"]]:
        by_server[message["server"]].append(message["type"])
order = ["server.before_active", "server.active", "server.before_delete", "server.gone"]
answered = sum(1 for line in lines if line.get("answered") == 200)
bad = sum(1 for line in lines if "bad" in line)
ok = (len(by_server) == 2 and all(kinds == order for kinds in by_server.values()) and answered == 4
      and bad == 1 and sys.argv[3] == "401" and int(sys.argv[2]) >= 1)
print(json.dumps({"ok": ok, "servers": len(by_server), "messages": len(messages), "answered": answered, "waited_for_receiver": int(sys.argv[2]),
                  "forged_refused": bad, "order": [kinds for kinds in by_server.values()][:1]}))
sys.exit(0 if ok else 1)
CHECK
