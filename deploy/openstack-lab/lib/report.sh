# shellcheck shell=bash
# What a person or a program wants to know about a lab.

# Memory is the sum of resident sets: shared pages are counted more than once.
group_kib() { ps -e -o pgid=,rss= | awk -v g="$1" '$1==g{s+=$2} END{print s+0}'; }

status() { # exits 1 when anything is down, or nothing was ever started
  local n kib total=0 up=0 down=0
  for n in $(names); do
    if alive "$n"; then
      kib=$(group_kib "$(pid_of "$n")"); total=$((total + kib)); up=$((up + 1))
      printf '%-28s up    %7s  %5s MiB\n' "$n" "$(pid_of "$n")" "$((kib / 1024))"
    else
      down=$((down + 1)); printf '%-28s down\n' "$n"
    fi
  done
  printf '%-28s %2s up %2s down %5s MiB\n' total "$up" "$down" "$((total / 1024))"
  [ "$up" -gt 0 ] && [ "$down" = 0 ]
}

ready() { [ -s "$DATA/facts.json" ] || die "no lab in $LAB_DIR: run $0 up first"; }

creds() {
  local i r
  ready
  echo "export OS_AUTH_URL=$AUTH_URL OS_IDENTITY_API_VERSION=3"
  echo "export OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default OS_REGION_NAME=${REGIONS[0]}"
  echo "export OS_USERNAME=autoscaler OS_PASSWORD=$(secret) OS_PROJECT_NAME=tenant-a"
  echo "# the same password: admin (project admin), tenant-a-user (tenant-a), tenant-b-user (tenant-b); autoscaler is a member of both tenants"
  "$PY" -c 'import json, sys
for key, value in json.load(open(sys.argv[1])).items(): print(f"export LAB_{key}={value}")' "$DATA/facts.json"
  for i in "${!REGIONS[@]}"; do
    r=${REGIONS[i]}
    echo "# $r: nova http://127.0.0.1:$(region_port "$i" 2)/v2.1  neutron http://127.0.0.1:$(region_port "$i" 1)  placement http://127.0.0.1:$(region_port "$i" 0)$([ "$OCTAVIA" != 1 ] || echo "  octavia http://127.0.0.1:$(region_port "$i" 3)")"
  done
}

facts() {
  ready
  LAB_SECRET=$(secret) "$PY" -c 'import json, os, sys
facts = json.load(open(sys.argv[1]))
facts.update(AUTH_URL=sys.argv[2], SQL_SOCKET=sys.argv[3], REGIONS=sys.argv[4].split(), PORT_BASE=int(sys.argv[5]),
             PASSWORD=os.environ["LAB_SECRET"])
print(json.dumps(facts, indent=1))' "$DATA/facts.json" "$AUTH_URL" "$RUN/sql.sock" "${REGIONS[*]}" "$PORT_BASE"
}
