#!/usr/bin/env bash
# A real Elasticsearch on loopback, one JVM a node, from Maven artifacts.
#
#   elasticsearch-lab.sh up        fetch what is missing, configure, start, wait until the cluster is green or yellow
#   elasticsearch-lab.sh down      stop (data stays)
#   elasticsearch-lab.sh status    cluster health, and pid and memory of each node
#   elasticsearch-lab.sh points    URLs, one a line
#   elasticsearch-lab.sh java      the JDK that it takes; fails without one
#   elasticsearch-lab.sh kill|stop|start|pause|resume N   SIGKILL, SIGTERM, start again, SIGSTOP, SIGCONT
#   elasticsearch-lab.sh wipe      down, then forget all data (the fetched jars stay)
#
# Environment, remembered in ES_DIR by the first "up":
#   ES_DIR=./.lab/elasticsearch   all state, logs, pids, configuration
#   ES_VERSION=9.5.3
#   ES_NODES=1                    1 or 3
#   ES_HEAP=512m                  heap of one node
# Node j listens on 127.0.31.j, HTTP port 9200, node-to-node port 9300.
# Needs a JDK 21 or later (JAVA_HOME, or one in /usr/lib/jvm; the older one that Cassandra needs can stay beside it), Maven and curl, on Linux
# (all of 127.0.0.0/8 is loopback there), and about 1 GiB of memory a node. Nothing outside ES_DIR and Maven's own repository is written.
# For tests: no authentication, no encryption, loopback only.
# What is published as artifacts is the server and its HTTP transport, so the optional modules are absent: no lifecycle policies, no data
# streams, no security, no delete-by-query, no scripts, no analysers but the standard ones, and "GET /" answers 405. Indices, templates, aliases, bulk,
# search, aggregations and snapshots to a folder are all there.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ES_DIR=$(realpath -m "${ES_DIR:-$PWD/.lab/elasticsearch}")
remembered() { sed -n "s/^$1=//p" "$ES_DIR/settings" 2>/dev/null || true; }
for v in VERSION NODES HEAP; do
  n=ES_$v; [ -n "${!n:-}" ] || printf -v "$n" %s "$(remembered "$v")"
done
VERSION=${ES_VERSION:-9.5.3} NODES=${ES_NODES:-1} HEAP=${ES_HEAP:-512m}
LIB=$ES_DIR/lib-$VERSION

say() { printf '%s\n' "$*" >&2; }
die() { say "elasticsearch-lab: $*"; exit 1; }
addr_of() { echo "127.0.31.$1"; }
home_of() { echo "$ES_DIR/node$1"; }
pid_of()  { cat "$(home_of "$1")/pid" 2>/dev/null || true; }
alive()   { local p; p=$(pid_of "$1"); [ -n "$p" ] && kill -0 "$p" 2>/dev/null; }

pick_java() {
  local home
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -x "$home/bin/java" ] && "$home/bin/java" -version 2>&1 | grep -qE 'version "(2[1-9]|[3-9][0-9])' && { JAVA=$home/bin/java; return; }
  done
  die "no JDK 21 or later found (set JAVA_HOME)"
}

fetch() {
  [ -e "$LIB/.complete" ] && return
  command -v mvn >/dev/null || die "Maven is needed to fetch Elasticsearch"
  mkdir -p "$LIB/server" "$LIB/transport-netty4"
  cat >"$ES_DIR/pom.xml" <<X
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>lab</groupId><artifactId>elasticsearch-lab</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.elasticsearch</groupId><artifactId>elasticsearch</artifactId><version>$VERSION</version></dependency>
<dependency><groupId>org.elasticsearch.plugin</groupId><artifactId>transport-netty4</artifactId><version>$VERSION</version></dependency>
</dependencies></project>
X
  say "fetching Elasticsearch $VERSION"
  mvn -q -B -f "$ES_DIR/pom.xml" dependency:copy-dependencies -DoutputDirectory="$LIB/server" >"$ES_DIR/mvn.log" 2>&1 || die "fetch failed: see mvn.log"
  mv "$LIB"/server/netty-*.jar "$LIB"/server/transport-netty4-*.jar "$LIB/transport-netty4/"
  printf '%s\n' "description=HTTP and node-to-node transport" "name=transport-netty4" "version=$VERSION" "elasticsearch.version=$VERSION" \
    "java.version=21" "classname=org.elasticsearch.transport.netty4.Netty4Plugin" >"$LIB/transport-netty4/plugin-descriptor.properties"
  touch "$LIB/.complete"
}

configure() {
  local h; h=$(home_of "$1")
  mkdir -p "$h/config" "$h/modules" "$h/lib" "$h/plugins" "$h/logs"
  ln -sfn "$LIB/transport-netty4" "$h/modules/transport-netty4"
  printf '%s\n' "status = error" "appender.c.type = Console" "appender.c.name = c" "appender.c.layout.type = PatternLayout" \
    "appender.c.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n" "rootLogger.level = info" "rootLogger.appenderRef.c.ref = c" >"$h/config/log4j2.properties"
}

start_node() {
  alive "$1" && return
  local h i names="" seeds=""; h=$(home_of "$1")
  for ((i = 1; i <= NODES; i++)); do names+=${names:+,}n$i; seeds+=${seeds:+,}$(addr_of "$i"):9300; done
  setsid "$JAVA" -Xms"$HEAP" -Xmx"$HEAP" -XX:+UseSerialGC -Des.path.home="$h" --enable-native-access=ALL-UNNAMED --add-modules jdk.incubator.vector \
    -cp "$LIB/server/*" "$HERE/ElasticsearchNode.java" "$h" "n$1" "$(addr_of "$1")" "$names" "$seeds" >>"$h/logs/out.log" 2>&1 </dev/null &
  echo $! >"$h/pid"
}

wait_up() {
  local t=$SECONDS n=$1
  until curl -sf "http://$(addr_of "$n"):9200/_cluster/health?wait_for_status=yellow&wait_for_nodes=ge(${2:-1})&timeout=1s" >/dev/null 2>&1; do
    alive "$n" || die "node $n died: $(home_of "$n")/logs/out.log"
    [ $((SECONDS - t)) -lt 180 ] || die "node $n is not up after 180 s"
    sleep 0.5
  done
}

stop_node() {
  local p i; p=$(pid_of "$1"); [ -n "$p" ] || return 0
  kill -CONT "$p" 2>/dev/null || true; kill "$p" 2>/dev/null || true
  for ((i = 0; i < 60; i++)); do kill -0 "$p" 2>/dev/null || break; sleep 0.5; done
  kill -9 "$p" 2>/dev/null || true; rm -f "$(home_of "$1")/pid"
}

case ${1:-} in
  up)     for t in setsid curl; do command -v "$t" >/dev/null || die "$t is needed"; done
          if alive 1 && ! grep -qx "NODES=$NODES" "$ES_DIR/settings" 2>/dev/null; then
            die "a cluster of another size is up in $ES_DIR: \"down\" or \"wipe\" it first"
          fi
          pick_java; mkdir -p "$ES_DIR"; fetch
          printf 'VERSION=%s\nNODES=%s\nHEAP=%s\n' "$VERSION" "$NODES" "$HEAP" >"$ES_DIR/settings"
          for ((n = 1; n <= NODES; n++)); do configure "$n"; start_node "$n"; done
          for ((n = 1; n <= NODES; n++)); do wait_up "$n" "$NODES"; done
          say "up: Elasticsearch $VERSION, $NODES node(s), $SECONDS s" ;;
  down)   for ((n = 1; n <= NODES; n++)); do stop_node "$n" & done; wait ;;
  wipe)   for ((n = 1; n <= NODES; n++)); do stop_node "$n" & done; wait; rm -rf "$ES_DIR"/node* "$ES_DIR/settings" ;;
  status) for ((n = 1; n <= NODES; n++)); do
            p=$(pid_of "$n"); alive "$n" && m=$(awk '/VmRSS/{print int($2/1024)" MiB"}' "/proc/$p/status") || m=down
            printf '%-3s %-12s pid %-8s %s %s\n' "$n" "$(addr_of "$n")" "${p:--}" "$m" "$(curl -s -m 2 "http://$(addr_of "$n"):9200/_cat/health?h=status,node.total" || true)"
          done ;;
  java)   pick_java; echo "$JAVA" ;;
  points) for ((n = 1; n <= NODES; n++)); do echo "http://$(addr_of "$n"):9200"; done ;;
  kill)   kill -9 "$(pid_of "$2")"; rm -f "$(home_of "$2")/pid" ;;
  stop)   stop_node "$2" ;;
  start)  pick_java; start_node "$2"; wait_up "$2" ;;
  pause)  kill -STOP "$(pid_of "$2")" ;;
  resume) kill -CONT "$(pid_of "$2")" ;;
  *)      sed -n '2,/^set /p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
