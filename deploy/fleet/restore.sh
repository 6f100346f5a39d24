#!/usr/bin/env bash
# Backup and restore of a store under load, with a simulated cloud as the ground truth.
#
#   deploy/fleet/restore.sh                    both: the embedded store, then a Cassandra of three nodes
#   deploy/fleet/restore.sh embedded           only the embedded store (no JDK needed; `.ci/run restore`)
#   deploy/fleet/restore.sh cassandra          only Cassandra: snapshots of every node, the cluster wiped, files put back, repair
#
# The store is copied while events come in; more servers are made and deleted; the store is lost with everything in memory; the copy comes
# back, under a freeze. Groups that find servers which the copy does not know take them in and pause; the freeze is let go of, and only the pause
# holds them back. The last line of each is JSON: servers that lived when the store was lost, how many of them the copy did not know and were
# adopted, how many of these in groups that did not pause (0), servers deleted under the freeze (0), servers that paused groups had too many and
# how many of theirs were deleted before somebody confirmed (0), create calls per slot (1), foreign servers deleted (0). Further arguments go to
# restore.py: --seconds N, --keep FOLDER.
#
# HOLT_BINARIES names a folder with the programs; without it they are built. Ports from FLEET_BASE (36000) on. Needs Python 3; Cassandra
# needs what cassandra-lab.sh says, in a CASS_DIR of its own: the cluster is wiped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/fleet/lab.sh
which=both
case "${1:-}" in
    embedded | cassandra | both) which=$1; shift ;;
esac
base=${FLEET_BASE:-36000}
if [[ $which != cassandra ]]; then
    if [[ -z "${HOLT_BINARIES:-}" ]]; then
        cargo build --locked --quiet --bin holt
        embedded_binaries=${CARGO_TARGET_DIR:-target}/debug
    fi
    python3 deploy/fleet/restore.py --binaries "${HOLT_BINARIES:-$embedded_binaries}" --base "$base" "$@"
fi
if [[ $which != embedded ]]; then
    fleet_binaries
    unset CASSANDRA_POINTS
    fleet_store 3
    python3 deploy/fleet/restore.py --binaries "$HOLT_BINARIES" --base "$base" --points "$CASSANDRA_POINTS" "$@"
fi
