#!/usr/bin/env bash
# The index of history against a real Elasticsearch: the searches that every index passes, and an index that is away.
#
#   deploy/fleet/history.sh            one node
#   deploy/fleet/history.sh 1 3        one node, then three
#
# Starts the cluster with elasticsearch-lab.sh in ES_DIR (default ./.lab/elasticsearch; see there for what it needs), wipes it afterwards, and ends
# with a line for each. With ELASTICSEARCH_NODES set it uses that cluster instead, in indices of its own (t<random>), which it drops again; their
# templates stay. HISTORY_WORKSPACE=1: with the test programs of `cargo test --workspace`, where they are built already; another choice of packages
# would compile them anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export ES_DIR=${ES_DIR:-$PWD/.lab/elasticsearch} CARGO_TERM_COLOR=never
lab=deploy/fleet/elasticsearch-lab.sh

# In the whole workspace the tests go by their names: others are left out too, and need something else.
suite() {
    local names
    if [[ "${HISTORY_WORKSPACE:-0}" != 1 ]]; then
        cargo test -p store-elasticsearch --locked --test it -- --ignored
        return
    fi
    mapfile -t names < <(sed -n '/^#\[ignore = "needs Elasticsearch/{n;s/^async fn \([a-z_]*\)().*/\1/p}' crates/store-elasticsearch/tests/it/main.rs)
    [[ ${#names[@]} -gt 0 ]] || { echo "no test names Elasticsearch" >&2; return 1; }
    cargo test --workspace --locked --test it -- --ignored --exact "${names[@]}"
}

if [[ -n "${ELASTICSEARCH_NODES:-}" ]]; then
    suite
    exit
fi

sizes=("$@")
[[ ${#sizes[@]} -gt 0 ]] || sizes=(1)
trap '"$lab" wipe >/dev/null 2>&1 || true' EXIT
lines=()
for nodes in "${sizes[@]}"; do
    "$lab" wipe >/dev/null 2>&1 || true
    ES_NODES=$nodes "$lab" up
    ELASTICSEARCH_NODES=$("$lab" points | paste -sd,)
    export ELASTICSEARCH_NODES
    from=$SECONDS
    suite
    unset ELASTICSEARCH_NODES
    lines+=("passed: $nodes node(s), $((SECONDS - from)) s")
done
printf '%s\n' "${lines[@]}"
