#!/usr/bin/env bash
# The stores of a fleet are stopped for some minutes under load, with a simulated cloud as the ground truth.
#
#   deploy/fleet/outage.sh [--seconds N] [--keep FOLDER]
#   ELASTICSEARCH=0 deploy/fleet/outage.sh     Cassandra alone
#
# All nodes of Cassandra are stopped, and started again; then Elasticsearch (which needs a JDK 21 or newer); then both. While Cassandra is away
# every event is refused with 503 (none is acknowledged, since that needs the
# store), and afterwards what was acknowledged has its verdict, once; no slot had two creates; and creates come no faster than the budget
# lets them. The last line is JSON.
#
# Starts a cluster of three nodes with cassandra-lab.sh in CASS_DIR, unless CASSANDRA_POINTS names one that this script may stop with that
# script. HOLT_BINARIES names a folder with the programs; without it they are built. Ports from FLEET_BASE (36000) on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/fleet/lab.sh
fleet_binaries
fleet_store 3
FLEET_BASE=${FLEET_BASE:-36000}
if [[ "${ELASTICSEARCH:-1}" != 0 ]]; then
    # One of its own: it is stopped.
    unset ELASTICSEARCH_NODES
    fleet_elasticsearch
    set -- --elasticsearch "$ELASTICSEARCH_NODES" "$@"
fi
exec_python outage.py "$@"
