# shellcheck shell=bash
# Octavia (LAB_OCTAVIA=1): the real API, state machine and task flows over
# drivers that do nothing, so that no balancer carries traffic.

make_ca() {
  openssl req -x509 -newkey rsa:2048 -days 3650 -subj /CN=lab -passout pass:lab-passphrase \
    -keyout "$DATA/ca.key" -out "$DATA/ca.pem"
}

init_octavia() { # INDEX REGION
  make_db "octavia_$1"
  once ca make_ca
  once "octavia-$2" run_py octavia.db.migration.cli --config-file "$ETC/$2/octavia.conf" upgrade head
}

start_octavia() { # INDEX REGION
  start_uwsgi "octavia-api-$2" "$(region_port "$1" 3)" 1 "$ETC/$2/octavia_wsgi.py"
  start_py "octavia-worker-$2" octavia.cmd.octavia_worker --config-file "$ETC/$2/octavia.conf"
}

conf_octavia() { # INDEX REGION
  cat >"$ETC/$2/octavia.conf" <<CONF
[DEFAULT]
log_file = $LOG/octavia-$2.log
transport_url = $(amqp_url "$2")
[api_settings]
bind_host = 127.0.0.1
bind_port = $(region_port "$1" 3)
auth_strategy = keystone
enabled_provider_drivers = amphora:'real Octavia flows over no-op drivers'
default_provider_driver = amphora
[database]
connection = $(db_url "octavia_$1")
[keystone_authtoken]
$(authtoken octavia)
[service_auth]
$(authtoken octavia)
[neutron]
region_name = $2
[oslo_messaging]
topic = octavia_prov
rpc_thread_pool_size = 2
[certificates]
cert_manager = local_cert_manager
cert_generator = local_cert_generator
ca_certificate = $DATA/ca.pem
ca_private_key = $DATA/ca.key
ca_private_key_passphrase = lab-passphrase
server_certs_key_passphrase = insecure-key-do-not-use-this-key
[controller_worker]
workers = 1
amp_flavor_id = 1
amp_boot_network_list = 00000000-0000-0000-0000-000000000001
amp_image_tag = lab
amphora_driver = amphora_noop_driver
compute_driver = compute_noop_driver
network_driver = network_noop_driver
volume_driver = volume_noop_driver
image_driver = image_noop_driver
distributor_driver = distributor_noop_driver
loadbalancer_topology = SINGLE
client_ca = $DATA/ca.pem
[health_manager]
bind_ip = 127.0.0.1
bind_port = $(region_port "$1" 4)
controller_ip_port_list = 127.0.0.1:$(region_port "$1" 4)
heartbeat_key = lab
health_update_driver = health_db
[driver_agent]
status_socket_path = $RUN/octavia-$1-status.sock
stats_socket_path = $RUN/octavia-$1-stats.sock
get_socket_path = $RUN/octavia-$1-get.sock
[task_flow]
jobboard_enabled = false
CONF
  cat >"$ETC/$2/octavia_wsgi.py" <<CONF
from octavia.api.app import setup_app
application = setup_app(argv=["octavia-api", "--config-file", "$ETC/$2/octavia.conf"])
CONF
}
