#!/usr/bin/env bash
# The Cassandra store against real clusters: the conformance suite that every store passes, commits whose answers get lost, and a
# supervisor, a worker and a caller in a life of a group, with a session each.
#
#   deploy/fleet/conformance.sh            one node and three nodes, each with paxos v1 and v2
#   deploy/fleet/conformance.sh 1:v2       only these (nodes:paxos)
#   deploy/fleet/conformance.sh tls mutual one node that asks for TLS and a login: who is let in, what the roles of docs/cassandra.md may do, and
#                                          the conformance suite; and one that also asks for a certificate: who is let in
#
# Starts each cluster with cassandra-lab.sh in CASS_DIR (default ./.lab/cassandra; see there for what it needs), wipes it afterwards, and
# ends with a line for each. With CASSANDRA_POINTS set it uses that cluster instead, in keyspaces of its own (t<random>), which it leaves behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export CASS_DIR=${CASS_DIR:-$PWD/.lab/cassandra} CARGO_TERM_COLOR=never
# Of the concurrent history that is checked for linearizability.
export HISTORY_OPERATIONS=${HISTORY_OPERATIONS:-100000}
lab=deploy/fleet/cassandra-lab.sh

suite() {
    cargo test -p store-cassandra --locked --test it -- --ignored --test-threads 1 --skip tls:: --skip logins::
    cargo test -p holt-tests --locked --test it share_a_cluster -- --ignored
}

# On a cluster that asks for TLS and logins. The rest of the suite puts a proxy in between, which reads what is said.
secured() {
    local tls=$CASS_DIR/tls what=(logins:: a_cluster_passes_the_suite tls:: --skip ask_for_a_certificate)
    export CASSANDRA_CA=$tls/ca.pem CASSANDRA_USER=cassandra CASSANDRA_PASSWORD=cassandra
    if [[ "$1" == mutual ]]; then
        export CASSANDRA_CERTIFICATE=$tls/client.pem CASSANDRA_KEY=$tls/client.key
        what=(tls::)
    fi
    cargo test -p store-cassandra --locked --test it -- --ignored --test-threads 1 "${what[@]}"
    unset CASSANDRA_CA CASSANDRA_USER CASSANDRA_PASSWORD CASSANDRA_CERTIFICATE CASSANDRA_KEY
}

if [[ -n "${CASSANDRA_POINTS:-}" ]]; then
    suite
    exit
fi

clusters=("$@")
[[ ${#clusters[@]} -gt 0 ]] || clusters=(1:v1 1:v2 3:v1 3:v2)
trap '"$lab" wipe >/dev/null 2>&1 || true' EXIT
lines=()
for cluster in "${clusters[@]}"; do
    nodes=${cluster%%:*} paxos=${cluster##*:} tls=0 auth=0 what=suite kind=''
    case $cluster in tls | mutual) nodes=1 paxos=v2 tls=${cluster/tls/1} auth=1 what="secured $cluster" kind=", $cluster" ;; esac
    "$lab" wipe >/dev/null 2>&1 || true
    CASS_DCS=dc1 CASS_NODES=$nodes CASS_PAXOS=$paxos CASS_TLS=$tls CASS_AUTH=$auth "$lab" up
    CASSANDRA_POINTS=$("$lab" points | awk '{print $1}' | paste -sd,)
    export CASSANDRA_POINTS CASSANDRA_COPIES=$nodes
    from=$SECONDS
    $what
    unset CASSANDRA_POINTS
    lines+=("passed: $nodes node(s), paxos $paxos$kind, $((SECONDS - from)) s")
done
printf '%s\n' "${lines[@]}"
