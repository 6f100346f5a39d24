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
# shellcheck source=tests/service.sh
source tests/service.sh
service_cloud
service_config="[api.v1]
compute_url = \"http://$cloud/compute\""
service_start
service_token read,crud,trigger >"$work/token"
service_child identity.log python3 "$here/identity.py" "$work/identity.port" "$base" "$tenant" "$work/token"
identity="http://127.0.0.1:$(service_said "$work/identity.port" "")/v2.0"
image=11111111-1111-4111-8111-111111111111

run_fog() {
    ruby -e 'require "fog/rackspace"' 2>/dev/null || { echo "fog-rackspace is not there: apt-get install ruby-fog-rackspace" >&2; exit 3; }
    ruby "$here/walk_fog.rb" "$identity" "$image"
}

run_pyrax() {
    local venv="$service_target/clients/venv"
    service_python clients/venv 'pyrax==1.10.0' 'setuptools<81' || exit 3
    HOME="$work" PYTHONPATH="$here/shims" "$venv/bin/python" -W ignore "$here/walk_pyrax.py" "$identity" "$tenant" "$image"
}

for client in "${wanted[@]}"; do
    "run_$client" || { code=$?; echo "-- what holt said:" >&2; tail -20 "$work/holt.log" >&2; exit "$code"; }
done
echo "clients: ${wanted[*]}: ok"
