#!/usr/bin/env bash
# Faults in a fleet of real processes under load, on a Cassandra of three nodes, with a simulated cloud as the ground truth.
#
#   deploy/fleet/chaos.sh [--faults N] [--seed N] [--pause-max SECONDS] [--keep FOLDER]
#
# Processes are killed, stand still, are cut off from each other and from the store, and get wrong clocks; store nodes are killed, stand
# still and come back. The last line is JSON: events acknowledged and their verdicts (equal), servers and active slots (equal), create
# calls per slot (1), foreign servers deleted (0), and how long takeovers took (at most 15 s). Cuts need root and iptables, wrong clocks
# libfaketime (Debian: faketime); without them those faults are left out, as the last line says.
#
# Starts the cluster with cassandra-lab.sh in CASS_DIR, unless CASSANDRA_POINTS names one that this script may kill nodes of with that script.
# HOLT_BINARIES names a folder with the programs; without it they are built. Ports from FLEET_BASE (17000) on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/fleet/lab.sh
fleet_binaries
fleet_store 3
exec_python chaos.py "$@"
