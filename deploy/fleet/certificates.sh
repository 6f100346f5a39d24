#!/usr/bin/env bash
# Certificates between the roles, with openssl alone (docs/fleet.md, "Certificates").
#
#   deploy/fleet/certificates.sh ca FOLDER                  a CA: FOLDER/ca.pem, FOLDER/ca.key
#   deploy/fleet/certificates.sh role FOLDER ROLE OUT       its certificate for api, supervisor, worker or hooks: OUT.pem, OUT.key
#
# DAYS: how long a certificate is good from now on (30). Each began a day ago: clocks of other machines may be behind.
set -euo pipefail
export LC_ALL=C
umask 077

usage() {
    sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

make_ca() {
    local folder=$1
    mkdir -p "$folder"
    openssl req -x509 "${key[@]}" -sha256 -days 3650 -subj "/CN=holt roles $(date -u +%FT%TZ)" \
        -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>/dev/null
}

make_role() {
    local folder=$1 role=$2 out=$3
    case "$role" in api | supervisor | worker | hooks) ;; *) usage ;; esac
    scratch=$(mktemp -d)
    trap 'rm -rf "${scratch:?}"' EXIT
    : >"$scratch/index"
    cat >"$scratch/config" <<CONFIG
[ca]
default_ca = roles
[roles]
database = $scratch/index
new_certs_dir = $scratch
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:$role.holt.internal
CONFIG
    openssl req -new "${key[@]}" -subj "/CN=$role" -keyout "$scratch/key" -out "$scratch/request" 2>/dev/null
    openssl ca -batch -notext -config "$scratch/config" -cert "$folder/ca.pem" -keyfile "$folder/ca.key" \
        -startdate "$(date -u -d '1 day ago' +%Y%m%d%H%M%SZ)" -days "${DAYS:-30}" -in "$scratch/request" -out "$scratch/certificate" 2>/dev/null
    # Each file comes whole. Between the two a process sees a key of another certificate, and goes on with what it has.
    mv "$scratch/key" "$out.key"
    mv "$scratch/certificate" "$out.pem"
}

case "${1:-}" in
ca) [[ $# -eq 2 ]] || usage && make_ca "$2" ;;
role) [[ $# -eq 4 ]] || usage && make_role "$2" "$3" "$4" ;;
*) usage ;;
esac
