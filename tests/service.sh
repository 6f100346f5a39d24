# shellcheck shell=bash
# For scripts that ask a running service: `holt serve` beside a simulated cloud, in a folder of its own. Source it, then call `service_start`.
# It sets: work, base (the address), config, tenant, cloud (once it runs), and the functions below. HOLT names the program to test; without it, it
# is built. A script that wants more of the service sets, before service_start: service_config (sections of the configuration), service_level
# (of the log), service_rate (what the tenant may ask in a second).
service_target="${CARGO_TARGET_DIR:-target}"
service_config=""
service_level=warn
service_rate=2000
service_children=()
work="$(mktemp -d)"
tenant=tenant-a

service_stop() {
    local child
    for child in "${service_children[@]}"; do kill "$child" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}

# service_child LOG COMMAND...: starts a process that ends with the script; what it says goes into that file of the folder.
service_child() {
    local log="$1"
    shift
    "$@" >"$work/$log" 2>&1 &
    service_children+=($!)
}

# service_port: prints a port that is free.
service_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# service_said FILE TEXT: waits for a line, and prints what stands behind the text there.
service_said() {
    for _ in $(seq 200); do
        if grep -qs "$2" "$1"; then
            grep -m1 -o "$2.*" "$1" | sed "s|^$2||"
            return 0
        fi
        sleep 0.1
    done
    echo "never said: $2" >&2
    cat "$1" >&2
    return 1
}

# service_token RIGHTS: prints a token.
service_token() {
    "$HOLT" token --config "$config" --tenant "$tenant" --rights "$1" --subject ann --ttl 8h
}

# service_python FOLDER PACKAGE...: has a Python of its own with these packages in target/FOLDER, installed the first time. Fails where they cannot be.
service_python() {
    local venv="$service_target/$1"
    shift
    [[ ! -e "$venv/done" ]] || return 0
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" && touch "$venv/done" && return 0
    echo "cannot be installed: $*" >&2
    return 1
}

# service_cloud: builds the program, and starts a simulated cloud.
service_cloud() {
    trap service_stop EXIT
    if [[ -z "${HOLT:-}" ]]; then
        cargo build --locked --quiet -p holt
        HOLT="$service_target/debug/holt"
    fi
    HOLT="$(realpath "$HOLT")"
    service_child cloud.log "$HOLT" cloudsim --listen 127.0.0.1:0
    cloud="$(service_said "$work/cloud.log" "cloudsim listens on ")"
}

# service_start: starts the service, with a cloud if there is none yet, and waits until the api answers.
service_start() {
    [[ -n "${cloud:-}" ]] || service_cloud
    base="http://127.0.0.1:$(service_port)"
    ops="http://127.0.0.1:$(service_port)"
    config="$work/holt.toml"
    {
        "$HOLT" token --new-key "$work/keys"
        cat <<CONFIG
[api]
listen = "${base#http://}"
requests = "$service_rate/s"
burst = $service_rate
[ops]
listen = "${ops#http://}"
[store]
path = "$work/holt.db"
[worker]
state_dir = "$work/worker"
[cloud]
keystone_url = "http://$cloud/identity/v3"
region = "RegionOne"
[cloud.account]
user = "autoscaler"
password = "password"
[cloud.tenants.$tenant]
[supervisor]
hint_pass = "1s"
[telemetry]
level = "$service_level"
$service_config
CONFIG
    } >"$config"
    service_child holt.log "$HOLT" serve --config "$config"
    export HOLT_URL="$base" HOLT_TENANT="$tenant"
    for _ in $(seq 200); do
        curl -sf "$base/health/ready" >/dev/null && return 0
        sleep 0.1
    done
    echo "holt does not answer" >&2
    cat "$work/holt.log" >&2
    return 1
}

# service_requests: how many requests the api has answered since its start.
service_requests() {
    curl -sf "$ops/metrics" | awk '/^api_(done|refused)_total/ { sum += $NF } END { print sum + 0 }'
}
