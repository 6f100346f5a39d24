#!/usr/bin/env bash
# schemathesis (PyPI) asks a running service what its OpenAPI document allows and does not allow, with all of its checks: no 5xx, no status that is not
# documented, no answer that does not fit its schema, nothing accepted that the document forbids. Before that, openapi-spec-validator
# (PyPI) says whether the document is OpenAPI 3.1 at all.
#
#   tests/schemathesis.sh 2000      at least so many requests; the last line says how many the service counted
#
# Many requests are made in rounds, each from another seed, to the same service: the generator's own work grows faster than its examples do (with
# 1 700 for each operation it computed for 40 minutes without a request). SEED=n repeats a run. HOLT names the program to test. Both tools are installed into target/schemathesis the first time; exit code 3: they cannot be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wanted="${1:-2000}"
# shellcheck source=tests/service.sh
source tests/service.sh
venv="$service_target/schemathesis"
service_python schemathesis 'schemathesis>=4.32,<5' 'openapi-spec-validator>=0.7,<1' || exit 3
echo "-- is docs/openapi/v2.json OpenAPI 3.1?"
"$venv/bin/openapi-spec-validator" --schema 3.1 docs/openapi/v2.json

service_rate=100000
service_start
token="$(service_token read,crud,trigger,exceed-limits,audit,support,operate)"

# make NAME: prints the id of a group that wants nothing.
make() {
    curl -sf "$base/v2/$tenant/groups" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{
      "name": "'"$1"'", "min": 0, "max": 5, "policies": [{"id": "up", "change": 1}, {"id": "night", "desired": 1, "schedule": {"cron": "0 3 * * *"}}],
      "launch": {"server": {"imageRef": "11111111-1111-4111-8111-111111111111", "flavorRef": "1"}}}' |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'
}
stays="$(make stays)"
goes="$(make goes)"
moves="$(make moves)"
hook="$(curl -sf "$base/v2/$tenant/groups/$stays/policies/up/webhooks" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"name": "x"}' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')"

# One operation gets as many requests as come to it; the fuzzing phase repeats until its examples are used up.
operations="$(python3 -c 'import json; d = json.load(open("docs/openapi/v2.json")); print(sum(len([m for m in p if m != "parameters"]) for p in d["paths"].values()))')"
# An example is a request or a little less, and some hundred requests come from fixed cases, before any example.
examples=$((wanted * 21 / 20 / operations - 12))
if ((examples < 1)); then examples=1; fi
if ((examples > 100)); then examples=100; fi
cat >"$work/schemathesis.toml" <<CONFIG
[parameters]
"path.tenant" = "$tenant"
"path.group" = "$stays"
"path.policy" = "up"
"path.webhook" = "$hook"

# What a schema cannot say (min above max, two of three fields, a moment that has passed) is refused with 422, a tag that nobody gave with 412, a state that does not
# fit with 409, 403 says that there are as many as there may be, and another colo's number is answered 421.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 415, 421, 422]

# What replaces all policies of a group does so to a group of its own: a webhook of a policy that somebody else has just replaced is gone, as it should be, and
# schemathesis would take that for an answer that forgot what was made.
[[operations]]
include-operation-id = ["configureGroup", "patchConfig"]
parameters = { "path.group" = "$moves" }

[[operations]]
include-operation-id = "deleteGroup"
parameters = { "path.group" = "$goes" }

[[operations]]
include-operation-id = ["deletePolicy", "deleteWebhook"]
parameters = { "path.policy" = "fleeting", "path.webhook" = "$goes" }
CONFIG
document="$PWD/docs/openapi/v2.json"
venv="$(realpath "$venv")"
# It leaves caches where it runs.
cd "$work"

# round SEED: asks once; its report and what the service complained of are shown if anything was found.
round() {
    local code=0
    "$venv/bin/schemathesis" --config-file schemathesis.toml run "$document" --url "$base" --header "Authorization: Bearer $token" \
        --checks all --max-examples "$examples" --phases examples,coverage,fuzzing,stateful --seed "$1" --continue-on-failure --no-shrink \
        --suppress-health-check all --workers 1 --request-timeout 20 --warnings off >report.txt 2>&1 || code=$?
    if [[ $code -ne 0 ]] || grep -q '"level":"ERROR"' holt.log; then
        cat report.txt
        echo "-- what holt said:" >&2
        grep '"ERROR"\|ERROR' holt.log | tail -20 >&2 || true
        echo "schemathesis: failed (SEED=$1)" >&2
        return 1
    fi
}

echo "-- $operations operations, up to $examples examples each in each phase of a round"
before="$(service_requests)"
seed="${SEED:-1}"
rounds=0
made=0
while ((made < wanted)); do
    round $((seed + rounds))
    rounds=$((rounds + 1))
    made=$(($(service_requests) - before))
    echo "-- seed $((seed + rounds - 1)): nothing found, $made requests so far"
done
cat report.txt
echo "schemathesis: ok, $made requests in $rounds rounds"
