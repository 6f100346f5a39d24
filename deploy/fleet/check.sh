#!/usr/bin/env bash
# The fleet, from nothing: Cassandra of three nodes, three api, three supervisors and three workers behind one endpoint, a hooks lane, and the
# suites on them.
#
#   deploy/fleet/check.sh
#
# Needs a JDK 11 or 17 for Cassandra and one of 21 or newer for Elasticsearch, Maven (see cassandra-lab.sh, elasticsearch-lab.sh), the Rust toolchain
# and Python 3.11 or later; about 5 GiB of memory. Runs the conformance suite on the cluster, the history suite on a node of Elasticsearch, then a day
# of groups over HTTP on both. The last line is JSON.
# CASSANDRA_POINTS, HOLT_BINARIES and FLEET_BASE as for chaos.sh; ELASTICSEARCH_NODES names a node of Elasticsearch that is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/fleet/lab.sh
fleet_binaries
fleet_store 3
export CASSANDRA_POINTS CASSANDRA_COPIES=3
# conformance.sh by itself takes 100 000, which is some ten minutes on three nodes of one machine.
HISTORY_OPERATIONS=${HISTORY_OPERATIONS:-20000} deploy/fleet/conformance.sh
fleet_elasticsearch
deploy/fleet/history.sh
exec_python endtoend.py "$@"
