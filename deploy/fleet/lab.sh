# shellcheck shell=bash
# What the scripts of this folder share: the programs, and a cluster. Source it from the root of the repository.
export CASS_DIR=${CASS_DIR:-$PWD/.lab/cassandra} CARGO_TERM_COLOR=never
fleet_lab=deploy/fleet/cassandra-lab.sh fleet_started=()

# What was started here ends with the script.
fleet_end() {
    local lab
    for lab in "${fleet_started[@]}"; do "$lab" wipe >/dev/null 2>&1 || true; done
}
trap fleet_end EXIT

# fleet_binaries: sets HOLT_BINARIES, building the programs if it is not set.
fleet_binaries() {
    if [[ -z "${HOLT_BINARIES:-}" ]]; then
        cargo build --locked --quiet -p holt -p holt-api -p holt-supervisor -p holt-worker -p holt-hooks
        HOLT_BINARIES=${CARGO_TARGET_DIR:-target}/debug
    fi
}

# fleet_store NODES: sets CASSANDRA_POINTS, starting a cluster that ends with the script if it is not set.
fleet_store() {
    if [[ -z "${CASSANDRA_POINTS:-}" ]]; then
        fleet_started+=("$fleet_lab")
        "$fleet_lab" wipe >/dev/null 2>&1 || true
        CASS_DCS=dc1 CASS_NODES=$1 CASS_PAXOS=${CASS_PAXOS:-v2} "$fleet_lab" up
        CASSANDRA_POINTS=$("$fleet_lab" points | awk '{print $1}' | paste -sd,)
    fi
}

# fleet_elasticsearch: sets ELASTICSEARCH_NODES, starting a node that ends with the script if it is not set.
fleet_elasticsearch() {
    export ES_DIR=${ES_DIR:-$PWD/.lab/elasticsearch} ELASTICSEARCH_NODES=${ELASTICSEARCH_NODES:-}
    if [[ -z "$ELASTICSEARCH_NODES" ]]; then
        fleet_started+=(deploy/fleet/elasticsearch-lab.sh)
        deploy/fleet/elasticsearch-lab.sh wipe >/dev/null 2>&1 || true
        ES_NODES=1 deploy/fleet/elasticsearch-lab.sh up
        ELASTICSEARCH_NODES=$(deploy/fleet/elasticsearch-lab.sh points | head -1)
    fi
}

# exec_python SCRIPT ARGUMENT...: runs one of the scripts beside this one on that cluster.
exec_python() {
    local script=$1
    shift
    PYTHONDONTWRITEBYTECODE=1 python3 "deploy/fleet/$script" --binaries "$HOLT_BINARIES" --points "$CASSANDRA_POINTS" --base "${FLEET_BASE:-17000}" "$@"
}
