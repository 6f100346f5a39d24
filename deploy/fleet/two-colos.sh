#!/usr/bin/env bash
# Two colos: two data centres of real Cassandra, in each a service and a simulated cloud of its own, under load at both. The link between
# them is cut; each side goes on with its own groups, and says of the others' that they cannot be reached; then it is healed.
# The last line is JSON, counted at the clouds; exit 0 only if nothing was lost, doubled or foreign.
#
#   two-colos.sh              the link is cut for 300 s
#   two-colos.sh --cut N      for N seconds
#
#   HOLT_BIN     the executable (default: built here)
#   CASS_DIR     as for cassandra-lab.sh, which says what it needs; besides, root and iptables, for the cut
#   PORTS        the first of eight ports that are free (default 18070)
#
# Not in it: a takeover of a colo whose control plane died, which is not built (docs/colos.md).
set -euo pipefail

cut=300
case ${1:-} in
  '') ;;
  --cut) cut=$2 ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
esac
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
ROOT=$(realpath "$HERE/../..")
export CASS_DIR=${CASS_DIR:-$ROOT/.lab/cassandra-two} CASS_DCS="dc1 dc2" CASS_NODES=1
PORTS=${PORTS:-18070}
if [ -z "${HOLT_BIN:-}" ]; then
  (cd "$ROOT" && cargo build --locked --package holt) >&2
  HOLT_BIN=${CARGO_TARGET_DIR:-$ROOT/target}/debug/holt
fi
HOLT_BIN=$(realpath "$HOLT_BIN")
lab=$HERE/cassandra-lab.sh work=$(mktemp -d) children=()

end() {
  local child
  "$lab" heal dc1 dc2 >/dev/null 2>&1 || true
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  "$lab" wipe >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap end EXIT

# child LOG COMMAND...: starts a process that ends with the script.
child() {
  local log=$1
  shift
  "$@" >"$work/$log" 2>&1 &
  children+=($!)
}

"$lab" wipe >/dev/null 2>&1 || true
"$lab" up
"$HOLT_BIN" token --new-key "$work/keys" >"$work/keys.toml"
printf '%s' "$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')" >"$work/link.key"
for n in 1 2; do
  other=$((3 - n)) port=$((PORTS + 4 * (n - 1)))
  # The lab's data centres are told apart by group and address: what runs as one's group cannot send to the other's addresses when the link is cut.
  cat "$work/keys.toml" - >"$work/$n.toml" <<CONFIG
[colo]
number = $n
[api]
listen = "127.0.2$n.101:$port"
[api.colos]
keys = ["file:$work/link.key"]
deadline = "5s"
[api.colos.apis]
$other = ["http://127.0.2$other.101:$((PORTS + 4 * (other - 1)))"]
[store]
kind = "cassandra"
path = "$work/none.db"
[store.cassandra]
contact_points = ["127.0.2$n.1:9042"]
keyspace = "colo$n"
datacenter = "dc$n"
copies = 1
[worker]
state_dir = "$work/worker$n"
[cloud]
keystone_url = "http://127.0.2$n.101:$((port + 1))/identity/v3"
region = "RegionOne"
[cloud.account]
user = "autoscaler"
password = "password"
[cloud.tenants.tenant-a]
[supervisor]
hint_pass = "1s"
[telemetry]
level = "warn"
CONFIG
  "$HOLT_BIN" schema apply --config "$work/$n.toml" >&2
  child "cloud$n.log" "$HOLT_BIN" cloudsim --listen "127.0.2$n.101:$((port + 1))" --seed "$n"
  child "holt$n.log" setpriv --regid "$((7900 + n))" --keep-groups "$HOLT_BIN" serve --config "$work/$n.toml"
done
token=$("$HOLT_BIN" token --config "$work/1.toml" --tenant tenant-a --rights read,crud,trigger --subject load --ttl 2h)
echo "commit $(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown), cut $cut s"
PYTHONDONTWRITEBYTECODE=1 TOKEN=$token python3 "$HERE/two_colos.py" --ports "$PORTS" --cut "$cut" --lab "$lab" || {
  tail -n 20 "$work"/*.log >&2
  exit 1
}
