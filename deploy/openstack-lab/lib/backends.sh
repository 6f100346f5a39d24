# shellcheck shell=bash
# MariaDB and RabbitMQ of the lab's own: own data, own ports, loopback only.

secret() { cat "$DATA/secret"; }
make_secret() {
  [ -s "$DATA/secret" ] || (umask 077; openssl rand -hex 12 >"$DATA/secret")
}

sql() { mariadb --no-defaults --socket="$RUN/sql.sock" -uroot "$@"; }
db_url() { echo "mysql+pymysql://lab:$(secret)@127.0.0.1:$P_SQL/$1?charset=utf8"; }
make_db() { local d; for d in "$@"; do sql -e "create database if not exists $d"; done; }

# The root account is known by the operating system's user over the socket; the
# services come over TCP with the lab's secret. Durability is given up for speed.
start_sql() {
  [ ${#RUN} -lt 95 ] || die "LAB_DIR is too long for a unix socket: $LAB_DIR"
  need_port sql "$P_SQL"
  once sql-install mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$DATA/sql" \
    --auth-root-authentication-method=socket --auth-root-socket-user="$(id -un)" --skip-test-db
  start sql mariadbd --no-defaults --user="$(id -un)" --datadir="$DATA/sql" --socket="$RUN/sql.sock" \
    --bind-address=127.0.0.1 --port="$P_SQL" --pid-file="$RUN/sql.self" --skip-name-resolve \
    --innodb-buffer-pool-size=192M --innodb-flush-log-at-trx-commit=0 --max-connections=1000 \
    --performance-schema=OFF --character-set-server=utf8
  wait_for sql 60 sql -e 'select 1'
  once sql-user sql -e "create user lab@'127.0.0.1' identified by '$(secret)'; grant all on *.* to lab@'127.0.0.1';"
}

RABBIT_ENV=(env HOME="$DATA/rabbit" RABBITMQ_NODENAME=lab@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
  RABBITMQ_NODE_PORT="$P_AMQP" RABBITMQ_DIST_PORT="$P_DIST" ERL_EPMD_PORT="$P_EPMD"
  ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_MNESIA_BASE="$DATA/rabbit/mnesia" RABBITMQ_LOG_BASE="$LOG"
  RABBITMQ_ENABLED_PLUGINS_FILE="$DATA/rabbit/plugins" RABBITMQ_PID_FILE="$RUN/rabbit.self"
  RABBITMQ_CONFIG_FILE="$ETC/rabbitmq" RABBITMQ_CONF_ENV_FILE=/dev/null
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none")
start_rabbit() {
  need_port rabbit "$P_AMQP"
  mkdir -p "$DATA/rabbit"; echo '[].' >"$DATA/rabbit/plugins"
  cat >"$ETC/rabbitmq.conf" <<CONF
listeners.tcp.default = 127.0.0.1:$P_AMQP
default_user = lab
default_pass = $(secret)
vm_memory_high_watermark.absolute = 512MB
CONF
  start epmd env ERL_EPMD_ADDRESS=127.0.0.1 epmd -port "$P_EPMD"
  start rabbit "${RABBIT_ENV[@]}" /usr/lib/rabbitmq/bin/rabbitmq-server
  wait_for rabbit 90 listens "$P_AMQP"
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

rabbitctl() { "${RABBIT_ENV[@]}" /usr/lib/rabbitmq/bin/rabbitmqctl -q "$@"; }
make_vhost() { # REGION: one message bus for each
  rabbitctl list_vhosts | grep -qx "$1" || rabbitctl add_vhost "$1"
  rabbitctl set_permissions -p "$1" lab '.*' '.*' '.*'
}
amqp_url() { echo "rabbit://lab:$(secret)@127.0.0.1:$P_AMQP/$1"; }
