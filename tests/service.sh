# shellcheck shell=bash
# For scripts that ask a running service: `holt serve` beside a simulated cloud, in a folder of its own. Source it, then call `service_start`.
# It sets: work, base (the address), config, tenant, and the functions below. HOLT names the program to test; without it, it is built.
service_target="${CARGO_TARGET_DIR:-target}"
service_children=()
work="$(mktemp -d)"
tenant=tenant-a

service_stop() {
    local child
    for child in "${service_children[@]}"; do kill "$child" 2>/dev/null || true; done
    rm -rf "$work"
}

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

# service_start [REQUESTS]: starts both, and waits until the api answers. REQUESTS is what the tenant may ask in a second.
service_start() {
    trap service_stop EXIT
    if [[ -z "${HOLT:-}" ]]; then
        cargo build --locked --quiet -p holt
        HOLT="$service_target/debug/holt"
    fi
    HOLT="$(realpath "$HOLT")"
    "$HOLT" cloudsim --listen 127.0.0.1:0 >"$work/cloud.log" 2>&1 &
    service_children+=($!)
    local cloud
    cloud="$(service_said "$work/cloud.log" "cloudsim listens on ")"
    local ports
    ports="$(python3 -c 'import socket
all = [socket.socket() for _ in range(2)]
for s in all: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in all])')"
    base="http://127.0.0.1:${ports% *}"
    ops="http://127.0.0.1:${ports#* }"
    config="$work/holt.toml"
    {
        "$HOLT" token --new-key "$work/keys"
        cat <<CONFIG
[api]
listen = "${base#http://}"
requests = "${1:-2000}/s"
burst = ${1:-2000}
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
level = "warn"
CONFIG
    } >"$work/made.toml"
    # The sections that `holt token --new-key` prints come first; [api] is among ours and holds no key of theirs.
    cp "$work/made.toml" "$config"
    "$HOLT" serve --config "$config" >"$work/holt.log" 2>&1 &
    service_children+=($!)
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
