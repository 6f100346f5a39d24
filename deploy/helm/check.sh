#!/usr/bin/env bash
# The chart as Helm sees it: lint, and every template rendered, with the values that are there and with each switch on.
#
#   deploy/helm/check.sh            exit code 3: Helm is not there and cannot be made
#
# Without `helm` it is built with Go (two minutes of one core, once), into GOBIN or GOPATH/bin. The cluster's own judgement is not asked: there
# is none here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
if ! command -v helm >/dev/null && command -v go >/dev/null; then
    PATH="$PATH:$(go env GOPATH)/bin"
    command -v helm >/dev/null || go install helm.sh/helm/v3/cmd/helm@v3.22.0 || true
fi
if ! command -v helm >/dev/null; then
    echo "the chart is not checked: neither helm nor go is there" >&2
    exit 3
fi
helm lint --strict holt
# Objects by kind, as they must come out.
rendered() {
    helm template release holt --kube-version 1.30.0 "$@" | awk '/^kind: / { count[$2]++ } END { for (kind in count) print kind, count[kind] }' | sort
}
wanted="Deployment 2
NetworkPolicy 4
PodDisruptionBudget 4
Service 3
StatefulSet 2"
for values in "" "traces.endpoint=http://collector:4318,cassandra.user=holt,secrets.stores=holt-stores,worker.storageClass=fast,elasticsearch.nodes={http://es:9200},elasticsearch.user=holt" "secrets.certificates=holt-tls" "secrets.certificates=holt-tls,secrets.roles="; do
    found="$(rendered --set "$values")"
    if [[ "$found" != "$wanted" ]]; then
        printf 'with "%s" the chart renders\n%s\ninstead of\n%s\n' "$values" "$found" "$wanted" >&2
        exit 1
    fi
done
# An empty `settings:` in a file of values is no map; everything renders as without it.
for role in api supervisor worker hooks; do
    emptied=$(rendered --set "$role.settings=null")
    if [[ "$emptied" != "$wanted" ]]; then
        printf 'with empty %s.settings the chart renders\n%s\ninstead of\n%s\n' "$role" "$emptied" "$wanted" >&2
        exit 1
    fi
done
# Every supervisor is asked by its own name.
helm template release holt --kube-version 1.30.0 --set supervisor.replicas=5 | grep -q 'release-supervisor-4.release-supervisor:8071'
# With certificates every role shows its own, and nobody speaks plain HTTP to a supervisor.
with_certificates=$(helm template release holt --kube-version 1.30.0 --set secrets.certificates=holt-tls,secrets.roles=)
for role in api supervisor worker hooks; do
    grep -q "secretName: holt-tls-$role " <<<"$with_certificates"
    grep -q "HOLT_${role^^}__TLS__KEY_FILE" <<<"$with_certificates"
done
if grep -qE 'http://.*supervisor|internal.key' <<<"$with_certificates"; then
    echo "with certificates alone, a role still speaks plain HTTP or needs the key" >&2
    exit 1
fi
# What the chart has no word for gets to its role, and nowhere else.
more=$(helm template release holt --kube-version 1.30.0 --show-only templates/supervisor.yaml --set supervisor.settings.HOLT_SUPERVISOR__PLANE__NAME=east,supervisor.files={holt-glass})
grep -q '{ name: HOLT_SUPERVISOR__PLANE__NAME, value: "east" }' <<<"$more"
grep -q 'mountPath: /etc/holt/files/holt-glass' <<<"$more"
grep -q 'secretName: holt-glass' <<<"$more"
# Supervisors and workers look where an operator puts the break-glass file, whether it is there or not; nobody else does.
for role in supervisor worker; do
    pod=$(helm template release holt --kube-version 1.30.0 --show-only "templates/$role.yaml")
    grep -q 'BREAK_GLASS, value: /etc/holt/glass/break-glass }' <<<"$pod"
    grep -q '{ name: glass, mountPath: /etc/holt/glass, readOnly: true }' <<<"$pod"
    grep -q 'configMap: { name: release-break-glass, optional: true }' <<<"$pod"
done
# An api that stops serves on until nobody routes to it any more.
helm template release holt --kube-version 1.30.0 --show-only templates/api.yaml | grep -q '{ name: HOLT_API__API__LINGER, value: "10s" }'
# An api reaches what values name besides, and nobody else does.
reached=$(helm template release holt --kube-version 1.30.0 --show-only templates/network.yaml --set 'network.apis[0].cidr=10.2.0.0/16,network.apis[0].port=8070')
[[ "$(grep -c 'cidr: 10.2.0.0/16' <<<"$reached")" == 1 ]]
echo "the chart is sound"
