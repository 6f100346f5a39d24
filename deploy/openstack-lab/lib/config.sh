# shellcheck shell=bash
# The services' configuration files, written anew at every "up".

authtoken() { # SERVICE USER
  cat <<CONF
auth_type = password
auth_url = $AUTH_URL
username = $1
password = $(secret)
project_name = service
user_domain_name = Default
project_domain_name = Default
CONF
}

conf_shared() { conf_keystone; conf_glance; }
conf_region() { # INDEX REGION
  mkdir -p "$ETC/$2" "$DATA/$2/nova/instances"
  conf_placement "$@"
  conf_neutron "$@"
  conf_nova "$@" "" "compute-$2" fake.FakeDriver
  conf_nova "$@" -broken "broken-$2" fake.FakeBuildAbortDriver
  [ "$OCTAVIA" != 1 ] || conf_octavia "$@"
}

# An in-process cache: so only one process of Keystone may run (two would
# disagree about the catalog for ten minutes), with threads instead.
conf_keystone() {
  cat >"$ETC/keystone.conf" <<CONF
[DEFAULT]
log_file = $LOG/keystone.log
[database]
connection = $(db_url keystone)
[token]
provider = fernet
expiration = 86400
[fernet_tokens]
key_repository = $DATA/fernet
[credential]
key_repository = $DATA/credential
[cache]
enabled = true
backend = dogpile.cache.memory
CONF
}

conf_glance() {
  cat >"$ETC/glance.conf" <<CONF
[DEFAULT]
log_file = $LOG/glance.log
bind_host = 127.0.0.1
bind_port = $P_GLANCE
workers = 1
enabled_backends = disk:file
enabled_import_methods = []
[database]
connection = $(db_url glance)
[glance_store]
default_backend = disk
[disk]
filesystem_store_datadir = $DATA/images
[os_glance_staging_store]
filesystem_store_datadir = $DATA/images-staging
[os_glance_tasks_store]
filesystem_store_datadir = $DATA/images-tasks
[paste_deploy]
flavor = keystone
config_file = $PKG/glance-common/usr/share/glance-common/glance-api-paste.ini
[keystone_authtoken]
www_authenticate_uri = $AUTH_URL
$(authtoken glance)
[oslo_concurrency]
lock_path = $DATA/lock
CONF
}

conf_placement() { # INDEX REGION
  cat >"$ETC/$2/placement.conf" <<CONF
[DEFAULT]
log_file = $LOG/placement-$2.log
[api]
auth_strategy = keystone
[placement_database]
connection = $(db_url "placement_$1")
[keystone_authtoken]
$(authtoken placement)
CONF
}

conf_neutron() { # INDEX REGION
  cat >"$ETC/$2/neutron.conf" <<CONF
[DEFAULT]
log_file = $LOG/neutron-$2.log
state_path = $DATA/$2/neutron
bind_host = 127.0.0.1
bind_port = $(region_port "$1" 1)
api_workers = 1
rpc_workers = 1
rpc_state_report_workers = 0
core_plugin = ml2
service_plugins =
auth_strategy = keystone
api_paste_config = $PKG/neutron-common/usr/share/neutron-common/api-paste.ini
transport_url = $(amqp_url "$2")
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
dhcp_agent_notification = false
[quotas]
quota_port = 20000
[database]
connection = $(db_url "neutron_$1")
[keystone_authtoken]
$(authtoken neutron)
[oslo_concurrency]
lock_path = $DATA/lock
[ml2]
type_drivers = local,flat,vlan
tenant_network_types = local
mechanism_drivers = openvswitch
[securitygroup]
enable_security_group = true
CONF
}

conf_nova() { # INDEX REGION FILE-SUFFIX HOST DRIVER
  cat >"$ETC/$2/nova$3.conf" <<CONF
[DEFAULT]
log_file = $LOG/nova-$2$3.log
host = $4
my_ip = 127.0.0.1
state_path = $DATA/$2/nova
instances_path = $DATA/$2/nova/instances
transport_url = $(amqp_url "$2")
compute_driver = $5
enabled_apis = osapi_compute
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = $(region_port "$1" 2)
osapi_compute_workers = 2
max_concurrent_builds = 20
# Without a default zone ordinary servers would land on the failing host too.
default_schedule_zone = zone-1
sync_power_state_interval = -1
# The periodic audit asks Placement about every server one by one while it holds
# the lock that builds need too: at hundreds of servers it starves them.
update_resources_interval = 3600
heal_instance_info_cache_interval = -1
[api]
auth_strategy = keystone
[wsgi]
api_paste_config = $PKG/nova-common/usr/share/nova-common/api-paste.ini
[api_database]
connection = $(db_url "nova_api_$1")
[database]
connection = $(db_url "nova_$1")
[keystone_authtoken]
$(authtoken nova)
[glance]
endpoint_override = http://127.0.0.1:$P_GLANCE
[placement]
region_name = $2
$(authtoken nova)
[neutron]
region_name = $2
$(authtoken nova)
[conductor]
workers = 1
[scheduler]
workers = 1
[quota]
instances = $QUOTA_INSTANCES
cores = $QUOTA_CORES
ram = $QUOTA_RAM
[vnc]
enabled = false
[oslo_concurrency]
lock_path = $DATA/lock
CONF
}
