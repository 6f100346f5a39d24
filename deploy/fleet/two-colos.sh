#!/usr/bin/env bash
# Two colos: two data centres of real Cassandra, in each a service and a simulated cloud of its own. Colo 1 has a second control plane in the
# other data centre. All under load at both: its first plane and that one's node of Cassandra are killed, the second takes over by itself after
# 10 s of silence, both come back, and the colo is handed back by an operator's word. Then the link between the data centres is cut; each side goes
# on with its own groups, and says of the others' that they cannot be reached; and it is healed.
# The last line is JSON, counted at the clouds; exit 0 only if nothing was lost, doubled or foreign, and takeovers were in time.
#
#   two-colos.sh                the link is cut for 300 s
#   two-colos.sh --cut N        for N seconds
#   two-colos.sh --by-hand      taken over by an operator's word, too
#   two-colos.sh --no-takeover  only the cut
#   two-colos.sh --keep FOLDER  logs and configuration are kept in this folder
#
#   HOLT_BIN     the executable (default: built here)
#   CASS_DIR     as for cassandra-lab.sh, which says what it needs; besides, root and iptables, for the cut
#   PORTS        the first of eight ports that are free (default 18070)
set -euo pipefail

cut=300 takeover=1 by_hand='' keep=''
while [ $# -gt 0 ]; do
  case $1 in
    --cut) cut=$2; shift ;;
    --takeover) ;; # as by default
    --by-hand) by_hand=1 ;;
    --keep) keep=$2; shift ;;
    --no-takeover) takeover= ;;
    *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
  esac
  shift
done
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
  [ -z "$keep" ] || cp -r "$work" "$keep"
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

# plane NAME AUTOMATIC: what a control plane of colo 1 is told about the other one, and whether it takes over by itself. Times are shorter than
# in production, all in the same proportion but for the silence.
plane() {
  [ -n "$takeover" ] || return 0
  cat <<CONFIG
[plane]
name = "$1"
first = "east"
tenant = "tenant-a"
automatic = $2
after = "10s"
read = "1s"
stale = "4s"
[supervisor.rules]
quiesce = "10s"
call = "12s"
[cloud.timeouts]
create = "10s"
CONFIG
}

# valid NAME: ends the script if the configuration of that service is no TOML.
valid() {
  python3 - "$work/$1.toml" "$1" <<'PYTHON'
import sys, tomllib
try:
    tomllib.load(open(sys.argv[1], "rb"))
except tomllib.TOMLDecodeError as error:
    sys.exit(f"the configuration of {sys.argv[2]} is not valid: {error}")
PYTHON
}

# service N GROUP: starts the service of a configuration; two_colos.py can kill it and start it again.
service() {
  printf '#!/bin/sh\nexec setpriv --regid %s --keep-groups "%s" serve --config "%s"\n' "$2" "$HOLT_BIN" "$work/$1.toml" >"$work/start-$1"
  chmod +x "$work/start-$1"
  child "holt-$1.log" "$work/start-$1"
  echo $! >"$work/$1.pid"
}

"$lab" wipe >/dev/null 2>&1 || true
"$lab" up
"$HOLT_BIN" token --new-key "$work/keys" >"$work/keys.toml"
printf '%s' "$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')" >"$work/link.key"
for n in 1 2; do
  other=$((3 - n)) port=$((PORTS + 4 * (n - 1)))
  also='' second='' own=''
  if [ -n "$takeover" ]; then
    # The second control plane of colo 1 has an address in the second data centre.
    west="\"http://127.0.22.101:$((PORTS + 2))\""
    if [ $n = 1 ]; then also='also = { dc2 = 1 }' own="1 = [$west] # own"; else second=", $west"; fi
  fi
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
$other = ["http://127.0.2$other.101:$((PORTS + 4 * (other - 1)))"$second]
$own
[store]
kind = "cassandra"
path = "$work/none.db"
[store.cassandra]
contact_points = ["127.0.2$n.1:9042"]
keyspace = "colo$n"
datacenter = "dc$n"
copies = 1
$also
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
$([ $n = 1 ] && plane east false)
CONFIG
  valid "$n"
  "$HOLT_BIN" schema apply --config "$work/$n.toml" >&2
  child "cloud$n.log" "$HOLT_BIN" cloudsim --listen "127.0.2$n.101:$((port + 1))" --seed "$n"
  service "$n" "$((7900 + n))"
done
if [ -n "$takeover" ]; then
  sed -e "s|^listen = .*|listen = \"127.0.22.101:$((PORTS + 2))\"|" -e 's|^contact_points = .*|contact_points = ["127.0.22.1:9042"]|' \
    -e 's|^datacenter = .*|datacenter = "dc2"|' -e "s|^state_dir = .*|state_dir = \"$work/worker-west\"\nname = \"west-1\"|" -e 's|^name = "east"|name = "west"|' \
    -e "s|^automatic = false|automatic = $([ -n "$by_hand" ] && echo false || echo true)|" \
    -e "s|^1 = .* # own$|1 = [\"http://127.0.21.101:$PORTS\"]|" "$work/1.toml" >"$work/west.toml"
  valid west
  service west 7902
fi
token=$("$HOLT_BIN" token --config "$work/1.toml" --tenant tenant-a --rights read,crud,trigger --subject load --ttl 2h)
operator=$("$HOLT_BIN" token --config "$work/1.toml" --tenant tenant-a --rights operate --subject operator --ttl 2h)
echo "commit $(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown), cut $cut s"
PYTHONDONTWRITEBYTECODE=1 TOKEN=$token OPERATOR=$operator python3 "$HERE/two_colos.py" --ports "$PORTS" --cut "$cut" --lab "$lab" --work "$work" \
  ${takeover:+--takeover} ${by_hand:+--by-hand} || {
  tail -n 20 "$work"/*.log >&2
  exit 1
}
