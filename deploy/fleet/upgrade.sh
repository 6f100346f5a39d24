#!/usr/bin/env bash
# A rolling restart of every process of a fleet, and a change of the CA and of every certificate between the roles, under load: no event is
# lost, decided twice, or refused at the one endpoint.
#
#   deploy/fleet/upgrade.sh [--keep FOLDER]
#
# Three api, three supervisors, three workers and a hooks lane on a Cassandra of one node, with a simulated cloud as the ground truth. The last
# line is JSON. CASSANDRA_POINTS, HOLT_BINARIES and FLEET_BASE as for chaos.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/fleet/lab.sh
fleet_binaries
fleet_store 1
exec_python upgrade.py "$@"
