#!/usr/bin/env bash
# The person who made a group leaves: her user is deleted in the real Keystone, and the
# group goes on. Starts the lab, runs `holt serve` with tokens of that Keystone. The last
# line is JSON; exit 0 only if the group scaled, healed and shrank without her.
#
#   HOLT_BIN     the executable (default: built here, release)
#   LAB_DIR, LAB_PORT_BASE: as for openstack-lab.sh
set -euo pipefail

HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
ROOT=$(realpath "$HERE/../..")
export LAB_DIR=${LAB_DIR:-$ROOT/.lab}

if [ -z "${HOLT_BIN:-}" ]; then
  (cd "$ROOT" && cargo build --release --locked --workspace --bin holt) >&2
  HOLT_BIN=${CARGO_TARGET_DIR:-$ROOT/target}/release/holt
fi
HOLT_BIN=$(realpath "$HOLT_BIN")

"$HERE/openstack-lab.sh" up
exec 8>"$LAB_DIR/check.lock"
flock -n 8 || { echo "person.sh: a check runs against this lab" >&2; exit 1; }
echo "commit $(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown)"
facts=$("$HERE/openstack-lab.sh" facts)
PYTHONDONTWRITEBYTECODE=1 python3 "$HERE/person.py" --binary "$HOLT_BIN" --directory "$LAB_DIR" <<<"$facts"
