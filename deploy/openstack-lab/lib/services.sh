# shellcheck shell=bash
# "up": databases once, then every service that is not running, then the seed.

up() {
  local started=$SECONDS i
  mkdir -p "$ETC" "$RUN" "$LOG" "$DATA/lock" "$DATA/images"
  install_packages
  make_secret
  printf '%s\n' "PORT_BASE=$PORT_BASE" "REGIONS=${REGIONS[*]}" "OCTAVIA=$OCTAVIA" "FAULT_HOST=$FAULT_HOST" \
    "QUOTA_INSTANCES=$QUOTA_INSTANCES" "QUOTA_CORES=$QUOTA_CORES" "QUOTA_RAM=$QUOTA_RAM" >"$LAB_DIR/settings"
  start_sql
  start_rabbit
  for i in "${!REGIONS[@]}"; do make_vhost "${REGIONS[i]}"; done
  conf_shared
  start_shared
  for i in "${!REGIONS[@]}"; do
    conf_region "$i" "${REGIONS[i]}"
    init_region "$i" "${REGIONS[i]}"
    start_region "$i" "${REGIONS[i]}"
  done
  wait_http glance "$P_GLANCE"
  for i in "${!REGIONS[@]}"; do await_region "$i" "${REGIONS[i]}"; done
  seed resources
  say "up in $(since "$started"); state in $LAB_DIR"
}

# Keystone and Glance, one each for all regions.
start_shared() {
  local user; user=$(id -un)
  make_db keystone glance
  once keystone-db keystone-manage --config-file "$ETC/keystone.conf" db_sync
  once fernet keystone-manage --config-file "$ETC/keystone.conf" fernet_setup --keystone-user "$user" --keystone-group "$(id -gn)"
  once credential keystone-manage --config-file "$ETC/keystone.conf" credential_setup --keystone-user "$user" --keystone-group "$(id -gn)"
  once bootstrap keystone-manage --config-file "$ETC/keystone.conf" bootstrap --bootstrap-password "$(secret)" \
    --bootstrap-public-url "$AUTH_URL" --bootstrap-internal-url "$AUTH_URL" --bootstrap-admin-url "$AUTH_URL" \
    --bootstrap-region-id "${REGIONS[0]}"
  once glance-db run_py glance.cmd.manage --config-file "$ETC/glance.conf" db_sync
  need_port keystone "$P_KEYSTONE"
  start_uwsgi keystone "$P_KEYSTONE" 1 "keystone.server.wsgi:initialize_public_application()" OS_KEYSTONE_CONFIG_FILES="$ETC/keystone.conf"
  wait_http keystone "$P_KEYSTONE" /v3
  seed identity
  need_port glance "$P_GLANCE"
  start_py glance glance.cmd.api --config-file "$ETC/glance.conf"
}

init_region() { # INDEX REGION
  local i=$1 r=$2 e=$ETC/$2 nova=(run_py nova.cmd.manage --config-file "$ETC/$2/nova.conf")
  make_db "placement_$i" "neutron_$i" "nova_api_$i" "nova_$i" "nova_${i}_cell0"
  once "placement-$r" placement-manage --config-file "$e/placement.conf" db sync
  once "neutron-$r" run_py neutron.db.migration.cli --config-file "$e/neutron.conf" upgrade head
  once "nova-api-$r" "${nova[@]}" api_db sync
  once "nova-cell0-$r" "${nova[@]}" cell_v2 map_cell0 --database_connection "$(db_url "nova_${i}_cell0")"
  once "nova-db-$r" "${nova[@]}" db sync
  once "nova-cell1-$r" "${nova[@]}" cell_v2 create_cell --name cell1
  [ "$OCTAVIA" != 1 ] || init_octavia "$i" "$r"
}

start_region() { # INDEX REGION
  local i=$1 r=$2 conf=$ETC/$2/nova.conf
  agent_row "$i" "compute-$r"
  need_port "placement-$r" "$(region_port "$i" 0)"
  start_uwsgi "placement-$r" "$(region_port "$i" 0)" 2 "placement.wsgi:init_application()" OS_PLACEMENT_CONFIG_DIR="$ETC/$r"
  need_port "neutron-$r" "$(region_port "$i" 1)"
  start_py "neutron-$r" neutron.cmd.eventlet.server --config-file "$ETC/$r/neutron.conf"
  start_py "nova-conductor-$r" nova.cmd.conductor --config-file "$conf"
  start_py "nova-scheduler-$r" nova.cmd.scheduler --config-file "$conf"
  need_port "nova-api-$r" "$(region_port "$i" 2)"
  start_py "nova-api-$r" nova.cmd.api_os_compute --config-file "$conf"
  wait_http "placement-$r" "$(region_port "$i" 0)"
  start "nova-compute-$r" "$PY" "$HERE/nova-compute.py" --config-file "$conf"
  if [ "$FAULT_HOST" = 1 ]; then
    agent_row "$i" "broken-$r"
    start "nova-broken-$r" "$PY" "$HERE/nova-compute.py" --config-file "$ETC/$r/nova-broken.conf"
  fi
  [ "$OCTAVIA" != 1 ] || start_octavia "$i" "$r"
}

await_region() { # INDEX REGION
  local want=$((1 + FAULT_HOST))
  wait_http "neutron-$2" "$(region_port "$1" 1)"
  wait_http "nova-api-$2" "$(region_port "$1" 2)"
  wait_for "nova-compute-$2" 90 has_hosts "$1" "$want"
  once "hosts-$2-$want" run_py nova.cmd.manage --config-file "$ETC/$2/nova.conf" cell_v2 discover_hosts
}
has_hosts() { # INDEX COUNT
  # Both ask for more than an earlier life of the lab left behind: a host that has not reported since is no host to the scheduler.
  [ "$(sql -N "nova_$1" -e 'select count(*) from compute_nodes where deleted=0')" -ge "$2" ] &&
    [ "$(sql -N "nova_$1" -e "select count(*) from services where deleted=0 and topic='compute' and last_seen_up > utc_timestamp() - interval 15 second")" -ge "$2" ]
}

# Neutron binds a port only where it believes an agent lives. No agent runs
# here; one row per compute host, its heartbeat far in the future, stands for it.
agent_row() { # INDEX HOST
  sql "neutron_$1" -e "insert into agents (id, agent_type, \`binary\`, topic, host, admin_state_up, created_at,
    started_at, heartbeat_timestamp, configurations, \`load\`)
    select uuid(), 'Open vSwitch agent', 'neutron-openvswitch-agent', 'N/A', '$2', 1, now(), now(), '2037-01-01',
    '{\"bridge_mappings\": {}, \"tunnel_types\": [], \"datapath_type\": \"system\", \"integration_bridge\": \"br-int\"}', 0
    from dual where not exists (select 1 from agents where host='$2')"
}

# The secret goes by environment: an argument would show in the process list.
seed() { # identity | resources
  local with=()
  [ "$OCTAVIA" != 1 ] || with+=(--octavia)
  [ "$FAULT_HOST" != 1 ] || with+=(--fault-host)
  LAB_SECRET=$(secret) "$PY" "$HERE/seed.py" "$1" --auth-url "$AUTH_URL" --port-base "$PORT_BASE" --regions "${REGIONS[*]}" \
    --facts "$DATA/facts.json" "${with[@]}" ||
    die "seeding the $1 failed"
}
