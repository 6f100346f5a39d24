#!/usr/bin/env bash
# Clients of the old service, their own source not touched, against `holt serve` on a simulated cloud: pyrax (PyPI) and fog-rackspace (gem). Each walks through
# create, list, show, update, policies, webhooks, execute, state, launch configuration, pause, delete. They ask a stand-in identity service for their token.
#
#   tests/clients/run.sh               both
#   tests/clients/run.sh pyrax         one of them (pyrax, fog)
#
# pyrax is installed into target/clients/venv the first time (some minutes). fog-rackspace has to be there: `apt-get install ruby-fog-rackspace`, or
# `gem install fog-rackspace`. HOLT names the program to test; without it, it is built. Exit code 3: a client is not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=tests/clients
wanted=("$@")
[[ ${#wanted[@]} -gt 0 ]] || wanted=(fog pyrax)
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
    rm -rf "$work"
}
trap finish EXIT

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
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
cat >"$work/holt.toml" <<CONFIG
[api]
listen = "127.0.0.1:$port"
[api.v1]
compute_url = "http://$cloud/compute"
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
"$HOLT" token --config "$work/holt.toml" --tenant tenant-a --rights read,crud,trigger --subject ada >"$work/token"
python3 "$here/identity.py" "$work/identity.port" "http://127.0.0.1:$port" tenant-a "$work/token" &
children+=($!)
identity="http://127.0.0.1:$(until_there "$work/identity.port" "")/v2.0"
for _ in $(seq 200); do
    curl -sf "http://127.0.0.1:$port/health/live" >/dev/null && break
    sleep 0.1
done
image=11111111-1111-4111-8111-111111111111

run_fog() {
    ruby -e 'require "fog/rackspace"' 2>/dev/null || { echo "fog-rackspace is not there: apt-get install ruby-fog-rackspace" >&2; exit 3; }
    ruby "$here/walk_fog.rb" "$identity" "$image"
}

run_pyrax() {
    local venv="$target/clients/venv"
    if [[ ! -e "$venv/done" ]]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check 'pyrax==1.10.0' 'setuptools<81' || { echo "pyrax cannot be installed" >&2; exit 3; }
        touch "$venv/done"
    fi
    HOME="$work" PYTHONPATH="$here/shims" "$venv/bin/python" -W ignore "$here/walk_pyrax.py" "$identity" tenant-a "$image"
}

for client in "${wanted[@]}"; do
    "run_$client" || { code=$?; echo "-- what holt said:" >&2; tail -20 "$work/holt.log" >&2; exit "$code"; }
done
echo "clients: ${wanted[*]}: ok"
