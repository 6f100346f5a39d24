# shellcheck shell=bash
# Starting, watching and stopping this lab's processes. Each is the leader of a
# session of its own and known by pid and start time, so that a pid that the
# kernel gave to somebody else after a reboot is never taken for ours.

birth() { # PID: its start time in ticks, empty when there is no such process
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}
pid_of() { cut -d' ' -f1 "$RUN/$1.pid" 2>/dev/null; }
alive() { # NAME
  local pid born
  read -r pid born 2>/dev/null <"$RUN/$1.pid" || return 1
  [ -n "$born" ] && [ "$(birth "$pid")" = "$born" ]
}

start() { # NAME COMMAND...
  local name=$1 pid; shift
  alive "$name" && return 0
  setsid "$@" >>"$LOG/$name.out" 2>&1 </dev/null 9>&- &
  pid=$!
  echo "$pid $(birth "$pid")" >"$RUN/$name.pid"
}

# Runs the main() of a Python module under the given name, as the service
# packages' own wrapper scripts would.
MAIN='import sys, importlib; m = sys.argv.pop(1); sys.argv[0] = sys.argv.pop(1); sys.exit(importlib.import_module(m).main())'
start_py() { # NAME MODULE ARGS...
  local name=$1 module=$2; shift 2
  start "$name" "$PY" -c "$MAIN" "$module" "$name" "$@"
}
run_py() { # MODULE ARGS...
  local module=$1; shift
  "$PY" -c "$MAIN" "$module" "$module" "$@"
}
start_uwsgi() { # NAME PORT PROCESSES (MODULE:CALLABLE | /FILE) ENVIRONMENT...
  local name=$1 port=$2 processes=$3 spec=$4 how=--module; shift 4
  case $spec in /*) how=--wsgi-file ;; esac
  start "$name" env PYTHONDONTWRITEBYTECODE=1 "$@" uwsgi_python3 --http-socket "127.0.0.1:$port" "$how" "$spec" \
    --master --processes "$processes" --threads 8 --buffer-size 65535 --lazy-apps --die-on-term --need-app \
    --disable-logging --add-header "Connection: close" --procname-prefix "$name "
}

# Polls until CHECK succeeds; says why not when the process died or time is up.
wait_for() { # NAME SECONDS CHECK...
  local name=$1 limit=$((SECONDS + $2)); shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || { tail -5 "$LOG/$name.out" >&2; die "$name died, see $LOG/$name.out"; }
    [ "$SECONDS" -lt "$limit" ] || die "$name does not answer ($*), see $LOG"
    sleep 0.2
  done
}
wait_http() { # NAME PORT [PATH]
  wait_for "$1" 120 curl -s -m 10 -o /dev/null "http://127.0.0.1:$2${3:-/}"
}

# Fails early when somebody else listens where this process wants to.
need_port() { # NAME PORT
  alive "$1" && return 0
  if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
    die "port $2 (for $1) is taken; choose another LAB_PORT_BASE, or stop the other lab"
  fi
}

once() { # STAMP COMMAND...: runs it until it has succeeded once
  local stamp=$1 started=$SECONDS; shift
  [ -e "$DATA/stamp.$stamp" ] && return 0
  "$@" >>"$LOG/init.$stamp.out" 2>&1 || { tail -15 "$LOG/init.$stamp.out" >&2; die "$stamp failed, see $LOG/init.$stamp.out"; }
  touch "$DATA/stamp.$stamp"
  say "  $stamp: $(since "$started")"
}

names() {
  local file
  for file in "$RUN"/*.pid; do [ ! -e "$file" ] || basename "$file" .pid; done
}

# Stops a process with its whole group: politely, and after 15 s for good.
stop_all() { # NAME...
  local name pid limit
  for name in "$@"; do
    alive "$name" && kill -TERM -- "-$(pid_of "$name")" 2>/dev/null
  done
  for name in "$@"; do
    pid=$(pid_of "$name")
    limit=$((SECONDS + 15))
    while alive "$name" && [ "$SECONDS" -lt "$limit" ]; do sleep 0.25; done
    alive "$name" && kill -KILL -- "-$pid" 2>/dev/null
    rm -f "$RUN/$name.pid"
  done
}
# The services first, then what they need.
down() {
  local services
  mapfile -t services < <(names | grep -vxE 'sql|rabbit|epmd')
  stop_all "${services[@]}"
  stop_all rabbit
  stop_all epmd sql
}
