#!/usr/bin/env bash
# A real OpenStack control plane on loopback: Keystone, Glance, Placement,
# Neutron (API only) and Nova with the in-tree fake hypervisor, on MariaDB and
# RabbitMQ, all from Debian packages, without an init system and without
# touching /etc. README.md beside this file says what it needs and leaves behind.
#
#   openstack-lab.sh up        install what is missing, configure, start, seed
#   openstack-lab.sh down      stop everything this lab started (data stays)
#   openstack-lab.sh status    one line per process: name, state, pid, memory
#   openstack-lab.sh creds     URLs, users and ids as shell assignments
#   openstack-lab.sh facts     the same as one JSON object
#   openstack-lab.sh sql DB .. a MariaDB client on one of the lab's databases
#   openstack-lab.sh wipe      down, then forget all data
#
#   LAB_DIR               state, logs, pids, configuration (default: .lab in the repository)
#   LAB_PORT_BASE=21000   first of the ports used
#   LAB_REGIONS=RegionOne space separated; each gets its own Placement, Neutron,
#                         Nova (and Octavia); Keystone and Glance are shared
#   LAB_OCTAVIA=0         1: load balancers too (no-op drivers)
#   LAB_FAULT_HOST=0      1: a second compute host, in the zone "broken", whose
#                         builds always end in ERROR
#   LAB_QUOTA_INSTANCES / LAB_QUOTA_CORES / LAB_QUOTA_RAM: default quota of a project
set -euo pipefail

HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
LAB_DIR=$(realpath -m "${LAB_DIR:-$HERE/../../.lab}")
ETC=$LAB_DIR/etc RUN=$LAB_DIR/run LOG=$LAB_DIR/log DATA=$LAB_DIR/data PKG=$LAB_DIR/pkg
# Debian's own interpreter: the OpenStack libraries are installed for no other.
PY=/usr/bin/python3

say() { printf '%s\n' "$*" >&2; }
die() { say "openstack-lab: $*"; exit 1; }
since() { echo $((SECONDS - $1))s; }

# What the first "up" was told holds for later commands that are told nothing.
remembered() { sed -n "s/^$1=//p" "$LAB_DIR/settings" 2>/dev/null || true; }
setting() { # NAME DEFAULT
  local given=LAB_$1 kept
  kept=$(remembered "$1")
  echo "${!given:-${kept:-$2}}"
}
PORT_BASE=$(setting PORT_BASE 21000)
read -r -a REGIONS <<<"$(setting REGIONS RegionOne)"
OCTAVIA=$(setting OCTAVIA 0)
FAULT_HOST=$(setting FAULT_HOST 0)
QUOTA_INSTANCES=$(setting QUOTA_INSTANCES 1000)
QUOTA_CORES=$(setting QUOTA_CORES 1000)
QUOTA_RAM=$(setting QUOTA_RAM 1000000)

P_KEYSTONE=$PORT_BASE P_GLANCE=$((PORT_BASE + 1)) P_SQL=$((PORT_BASE + 2))
P_AMQP=$((PORT_BASE + 3)) P_DIST=$((PORT_BASE + 4)) P_EPMD=$((PORT_BASE + 5))
AUTH_URL=http://127.0.0.1:$P_KEYSTONE/v3
# Ports of region I: 0 placement, 1 neutron, 2 nova, 3 octavia, 4 octavia health (UDP).
region_port() { echo $((PORT_BASE + 20 + 20 * $1 + $2)); }

# shellcheck source-path=SCRIPTDIR
. "$HERE/lib/packages.sh"
. "$HERE/lib/processes.sh"
. "$HERE/lib/backends.sh"
. "$HERE/lib/config.sh"
. "$HERE/lib/octavia.sh"
. "$HERE/lib/services.sh"
. "$HERE/lib/report.sh"

# Two "up" at once would start everything twice.
locked() {
  mkdir -p "$LAB_DIR"
  exec 9>"$LAB_DIR/lock"
  flock -w 900 9 || die "another openstack-lab.sh has worked on $LAB_DIR for 15 minutes"
}

case ${1:-} in
  up) locked; up ;;
  down) locked; down ;;
  status) status ;;
  creds) creds ;;
  facts) facts ;;
  sql) shift; sql "$@" ;;
  wipe) locked; down; rm -rf "$ETC" "$RUN" "$LOG" "$DATA" "$LAB_DIR/settings" ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
esac
