#!/usr/bin/env bash
# A real Apache Cassandra cluster on loopback addresses, one JVM a node, from Maven artifacts.
#
#   cassandra-lab.sh up            fetch what is missing, configure, start all nodes, wait until they serve
#   cassandra-lab.sh down          stop all nodes (data stays)
#   cassandra-lab.sh status        nodetool status, and pid and memory of each node
#   cassandra-lab.sh points        contact points, one "address:port dc" a line
#   cassandra-lab.sh tool N ARG... nodetool on node N (1, 2, ... counted through the data centres)
#   cassandra-lab.sh kill|stop|start|pause|resume N
#                                  SIGKILL, SIGTERM, start again, SIGSTOP, SIGCONT
#   cassandra-lab.sh cut|heal A B  drop all packets between data centres A and B (needs root and iptables)
#   cassandra-lab.sh wipe          down, then forget all data (the fetched jars stay)
#
# Environment, remembered in CASS_DIR by the first "up":
#   CASS_DIR=./.lab/cassandra  all state, logs, pids, configuration
#   CASS_VERSION=5.0.6      (4.1 needs a JDK 11, and there is none here: it dies at start on 17)
#   CASS_DCS="dc1"          data centre names; "dc1 dc2" gives two
#   CASS_NODES=1            nodes a data centre
#   CASS_PAXOS=v2           paxos_variant: v1 or v2
#   CASS_HEAP=512m          heap of one node
#   CASS_TLS=0              1: clients must use TLS; mutual: and show a certificate. CASS_DIR/tls has ca.pem, client.pem and client.key
#   CASS_AUTH=0             1: clients must log in, and have what they were granted; begins with the superuser cassandra, password cassandra
#   CASS_NET=20             other addresses, for a second cluster on one machine
# Node j of data centre i listens on 127.0.(CASS_NET+i).j, CQL port 9042, internode port 7000.
# Needs JDK 11 or 17, Maven and Python 3 (with CASS_TLS openssl), on Linux (all of 127.0.0.0/8 is loopback there), and about 1 GiB of memory a node.
# Nothing outside CASS_DIR and Maven's own repository is written. For tests: loopback only, never encrypted between the nodes.
set -euo pipefail

CASS_DIR=$(realpath -m "${CASS_DIR:-$PWD/.lab/cassandra}")
remembered() { sed -n "s/^$1=//p" "$CASS_DIR/settings" 2>/dev/null || true; }
for v in VERSION DCS NODES PAXOS HEAP TLS AUTH NET; do
  n=CASS_$v; [ -n "${!n:-}" ] || printf -v "$n" %s "$(remembered "$v")"
done
VERSION=${CASS_VERSION:-5.0.6} NODES=${CASS_NODES:-1} PAXOS=${CASS_PAXOS:-v2} HEAP=${CASS_HEAP:-512m}
TLS=${CASS_TLS:-0} AUTH=${CASS_AUTH:-0} NET=${CASS_NET:-20}
read -r -a DCS <<<"${CASS_DCS:-dc1}"
TOTAL=$((NODES * ${#DCS[@]}))
LIB=$CASS_DIR/lib-$VERSION

say() { printf '%s\n' "$*" >&2; }
die() { say "cassandra-lab: $*"; exit 1; }

dc_of()   { echo $((($1 - 1) / NODES)); }                                   # node -> index of its data centre
addr_of() { echo "127.0.$((NET + 1 + $(dc_of "$1"))).$((($1 - 1) % NODES + 1))"; }
home_of() { echo "$CASS_DIR/node$1"; }
pid_of()  { cat "$(home_of "$1")/pid" 2>/dev/null || true; }
jmx_of()  { echo $((7199 + $1 + (NET - 20) * 10)); }                        # all nodes' JMX is on 127.0.0.1
alive()   { local p; p=$(pid_of "$1"); [ -n "$p" ] && kill -0 "$p" 2>/dev/null; }
gid_of()  { echo $((7901 + $(dc_of "$1"))); }                               # a group id a data centre, for "cut"

pick_java() {
  local home
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/java-17-openjdk-* /usr/lib/jvm/java-11-openjdk-*; do
    [ -x "$home/bin/java" ] && "$home/bin/java" -version 2>&1 | grep -qE 'version "(11|17)\.' && { JAVA=$home/bin/java; return; }
  done
  die "no JDK 11 or 17 found (set JAVA_HOME)"
}

fetch() {
  [ -e "$LIB/.complete" ] && return
  command -v mvn >/dev/null || die "Maven is needed to fetch Cassandra"
  mkdir -p "$LIB"
  cat >"$CASS_DIR/pom.xml" <<X
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>lab</groupId><artifactId>cassandra-lab</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>$VERSION</version></dependency></dependencies>
</project>
X
  say "fetching Cassandra $VERSION"
  mvn -q -B -f "$CASS_DIR/pom.xml" dependency:copy-dependencies -DoutputDirectory="$LIB" >"$CASS_DIR/mvn.log" 2>&1 || die "fetch failed: see mvn.log"
  touch "$LIB/.complete"
}

# Cassandra reaches into the JDK; a JDK 17 wants each such door named.
write_jvm_files() {
  local p
  for p in java.lang java.lang.module java.io java.nio java.net java.util java.util.concurrent java.util.concurrent.atomic sun.nio.ch jdk.internal.loader \
           jdk.internal.ref jdk.internal.misc jdk.internal.reflect jdk.internal.math jdk.internal.module jdk.internal.util.jar; do
    echo "--add-opens java.base/$p=ALL-UNNAMED"
  done >"$CASS_DIR/modules.args"
  for p in java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch java.base/java.lang.ref java.sql/java.sql jdk.unsupported/sun.misc \
           java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.rmi/sun.rmi.transport.tcp java.management.rmi/com.sun.jmx.remote.internal.rmi \
           jdk.management/com.sun.management.internal; do
    echo "--add-exports $p=ALL-UNNAMED"; echo "--add-opens $p=ALL-UNNAMED"
  done >>"$CASS_DIR/modules.args"
  echo '<configuration><root level="OFF"/></configuration>' >"$CASS_DIR/quiet.xml"
}

certify() { # a name, its subjectAltName: a certificate of the lab's CA in NAME.pem with its chain, and its key in NAME.key
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.req"
  openssl x509 -req -in "$1.req" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile <(echo "subjectAltName=$2") -out "$1.pem"
}

make_certificates() ( # new ones at each "up"
  command -v openssl >/dev/null || die "openssl is needed"
  rm -rf "$CASS_DIR/tls"; mkdir -p "$CASS_DIR/tls"; cd "$CASS_DIR/tls"; umask 077; exec 2>openssl.log
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=cassandra-lab" -keyout ca.key -out ca.pem
  certify client DNS:client
  for ((n = 1; n <= TOTAL; n++)); do
    certify "node$n" "IP:$(addr_of "$n")"
    cat "node$n.key" "node$n.pem" ca.pem >"node$n.both"
  done
)

encryption_of() { # what one node asks of its clients
  local mutual=false
  [ "$TLS" = 0 ] && return
  [ "$TLS" = mutual ] && mutual=true
  cat <<Y
client_encryption_options:
  enabled: true
  optional: false
  require_client_auth: $mutual
  ssl_context_factory: {class_name: org.apache.cassandra.security.PEMBasedSslContextFactory}
  keystore: $CASS_DIR/tls/node$1.both
  truststore: $CASS_DIR/tls/ca.pem
Y
}

token_of() { # evenly spread in a data centre; data centres shifted by a little
  python3 -c "print(-2**63 + 2**64 // $NODES * (($1 - 1) % $NODES) + 1000 * $(dc_of "$1") + 1)"
}

configure() { # one node
  local h a seeds="" i who=(AllowAllAuthenticator AllowAllAuthorizer)
  [ "$AUTH" = 0 ] || who=(PasswordAuthenticator CassandraAuthorizer)
  h=$(home_of "$1") a=$(addr_of "$1")
  for ((i = 1; i <= TOTAL; i += NODES)); do seeds+=${seeds:+,}$(addr_of "$i"):7000; done
  mkdir -p "$h/conf" "$h/log"
  cat >"$h/conf/cassandra.yaml" <<Y
cluster_name: lab
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
num_tokens: 1
initial_token: "$(token_of "$1")"
auto_bootstrap: false
data_file_directories: [$h/data]
commitlog_directory: $h/commitlog
saved_caches_directory: $h/saved_caches
hints_directory: $h/hints
cdc_raw_directory: $h/cdc_raw
commitlog_sync: periodic
commitlog_sync_period: 1000ms
commitlog_segment_size: 16MiB
commitlog_total_space: 256MiB
memtable_heap_space: 64MiB
memtable_offheap_space: 64MiB
file_cache_size: 64MiB
key_cache_size: 8MiB
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{seeds: "$seeds"}]
listen_address: $a
storage_port: 7000
rpc_address: $a
start_native_transport: true
native_transport_port: 9042
endpoint_snitch: GossipingPropertyFileSnitch
dynamic_snitch: false
authenticator: ${who[0]}
authorizer: ${who[1]}
paxos_variant: $PAXOS
cas_contention_timeout: 1800ms
read_request_timeout: 5000ms
write_request_timeout: 2000ms
hinted_handoff_enabled: true
internode_compression: none
concurrent_reads: 8
concurrent_writes: 8
concurrent_compactors: 1
$(encryption_of "$1")
Y
  printf 'dc=%s\nrack=r1\n' "${DCS[$(dc_of "$1")]}" >"$h/conf/cassandra-rackdc.properties"
  cat >"$h/conf/logback.xml" <<X
<configuration><appender name="F" class="ch.qos.logback.core.FileAppender"><file>$h/log/system.log</file>
<encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="F"/></root></configuration>
X
}

start_node() {
  alive "$1" && return
  local h run=()
  h=$(home_of "$1")
  [ "$(id -u)" = 0 ] && run=(setpriv --regid "$(gid_of "$1")" --keep-groups)
  setsid "${run[@]}" "$JAVA" -Xms"$HEAP" -Xmx"$HEAP" -XX:+UseSerialGC -XX:MaxDirectMemorySize=256m -Xss512k -XX:TieredStopAtLevel=4 \
    -Djdk.attach.allowAttachSelf=true -Dcassandra.config="file://$h/conf/cassandra.yaml" -Dcassandra.storagedir="$h" -Dlogback.configurationFile="$h/conf/logback.xml" \
    -Dcassandra.ring_delay_ms=2000 -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.superuser_setup_delay_ms=0 -Dcassandra.consistent.rangemovement=false \
    -Dcassandra.jmx.local.port="$(jmx_of "$1")" -Dcassandra-foreground=yes -Djava.net.preferIPv4Stack=true -Dcassandra.logdir="$h/log" \
    @"$CASS_DIR/modules.args" -cp "$h/conf:$LIB/*" org.apache.cassandra.service.CassandraDaemon >"$h/log/out.log" 2>&1 </dev/null &
  echo $! >"$h/pid"
}

serves() { (exec 3<>"/dev/tcp/$(addr_of "$1")/9042") 2>/dev/null; }

wait_node() {
  local t=$SECONDS
  until serves "$1"; do
    alive "$1" || die "node $1 died: $(home_of "$1")/log"
    [ $((SECONDS - t)) -lt 240 ] || die "node $1 does not serve after 240 s"
    sleep 0.5
  done
}

stop_node() {
  local p i; p=$(pid_of "$1"); [ -n "$p" ] || return 0
  kill -CONT "$p" 2>/dev/null || true; kill "$p" 2>/dev/null || true
  for ((i = 0; i < 60; i++)); do kill -0 "$p" 2>/dev/null || break; sleep 0.5; done
  kill -9 "$p" 2>/dev/null || true; rm -f "$(home_of "$1")/pid"
}

tool() {
  local n=$1; shift
  "$JAVA" -Xmx64m -XX:TieredStopAtLevel=1 -Duser.home="$CASS_DIR" -Dlogback.configurationFile="$CASS_DIR/quiet.xml" @"$CASS_DIR/modules.args" \
    -cp "$LIB/*" org.apache.cassandra.tools.NodeTool -h 127.0.0.1 -p "$(jmx_of "$n")" "$@"
}

cut() { # $1 = -A or -D, then two data centre names: packets that one side's processes send to the other side's addresses
  local i j a b
  for i in "${!DCS[@]}"; do [ "${DCS[$i]}" = "$2" ] && a=$i; [ "${DCS[$i]}" = "$3" ] && b=$i; done
  [ -n "${a:-}" ] && [ -n "${b:-}" ] || die "no such data centre: $2 or $3"
  for i in "$a $b" "$b $a"; do read -r i j <<<"$i"
    iptables -w "$1" OUTPUT -m owner --gid-owner $((7901 + i)) -d "127.0.$((NET + 1 + j)).0/24" -j DROP
  done
}

case ${1:-} in
  up)
    for t in setsid setpriv python3; do command -v "$t" >/dev/null || die "$t is needed"; done
    if alive 1 && ! printf '%s\n' "PAXOS=$PAXOS" "NODES=$NODES" "DCS=${DCS[*]}" "TLS=$TLS" "AUTH=$AUTH" "NET=$NET" | grep -vqxFf "$CASS_DIR/settings" 2>/dev/null; then
      say "already up"; exit 0
    fi
    alive 1 && die "another cluster is up in $CASS_DIR: \"down\" or \"wipe\" it first"
    for ((n = 1; n <= TOTAL; n++)); do            # what answered would be taken for this one's nodes, which then cannot start
      ! serves "$n" || die "a cluster of another folder is up at $(addr_of "$n"): CASS_NET gives other addresses"
    done
    pick_java; mkdir -p "$CASS_DIR"; fetch; write_jvm_files
    printf '%s\n' "VERSION=$VERSION" "DCS=${DCS[*]}" "NODES=$NODES" "PAXOS=$PAXOS" "HEAP=$HEAP" "TLS=$TLS" "AUTH=$AUTH" "NET=$NET" >"$CASS_DIR/settings"
    [ "$TLS" = 0 ] || make_certificates
    for ((n = 1; n <= TOTAL; n++)); do configure "$n"; done
    start_node 1; wait_node 1                     # the seed first: a node that finds no peer gives up
    for ((n = 2; n <= TOTAL; n++)); do start_node "$n"; done
    for ((n = 1; n <= TOTAL; n++)); do wait_node "$n"; done
    for ((t = 0; t < 120; t++)); do
      [ "$(tool 1 status 2>/dev/null | grep -c '^UN')" = "$TOTAL" ] && break; sleep 1
    done
    [ "$(tool 1 status 2>/dev/null | grep -c '^UN')" = "$TOTAL" ] || die "not all nodes joined"
    if [ "$AUTH" != 0 ]; then                     # a task of its own makes the superuser, some time after the start
      for ((t = 0; t < 60; t++)); do grep -qs "Created default superuser" "$CASS_DIR"/node*/log/system.log && break; sleep 1; done
      [ "$t" -lt 60 ] || die "no superuser after 60 s"
    fi
    say "up: Cassandra $VERSION, ${#DCS[@]} data centre(s) of $NODES, $SECONDS s" ;;
  down)   for ((n = 1; n <= TOTAL; n++)); do stop_node "$n" & done; wait ;;
  wipe)   for ((n = 1; n <= TOTAL; n++)); do stop_node "$n" & done; wait; rm -rf "$CASS_DIR"/node* "$CASS_DIR/settings" ;;
  status) pick_java; for ((n = 1; n <= TOTAL; n++)); do alive "$n" && { tool "$n" status; break; }; done || true
          for ((n = 1; n <= TOTAL; n++)); do
            p=$(pid_of "$n"); alive "$n" && s=$(awk '/VmRSS/{print int($2/1024)" MiB"}' "/proc/$p/status") || s=down
            printf '%-3s %-14s %-6s pid %-8s %s\n' "$n" "$(addr_of "$n")" "${DCS[$(dc_of "$n")]}" "${p:--}" "$s"
          done ;;
  points) for ((n = 1; n <= TOTAL; n++)); do echo "$(addr_of "$n"):9042 ${DCS[$(dc_of "$n")]}"; done ;;
  tool)   pick_java; shift; tool "$@" ;;
  kill)   kill -9 "$(pid_of "$2")"; rm -f "$(home_of "$2")/pid" ;;
  stop)   stop_node "$2" ;;
  start)  pick_java; start_node "$2"; wait_node "$2" ;;
  pause)  kill -STOP "$(pid_of "$2")" ;;
  resume) kill -CONT "$(pid_of "$2")" ;;
  cut)    cut -A "$2" "$3" ;;
  heal)   cut -D "$2" "$3" ;;
  *)      sed -n '2,/^set /p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
