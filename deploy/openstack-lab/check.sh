#!/usr/bin/env bash
# Holt against a real OpenStack: starts the lab, runs `holt serve` behind the
# recording proxy, kills it while creates are unanswered, and counts at the
# cloud. The last line is JSON; exit 0 only if nothing was doubled, lost or foreign.
#
#   check.sh            2 to 40 servers and back, five kills
#   check.sh --short    2 to 5 and back, one kill
#
#   HOLT_BIN     the executable (default: built here, release)
#   LAB_DIR, LAB_PORT_BASE: as for openstack-lab.sh
set -euo pipefail

HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
ROOT=$(realpath "$HERE/../..")
export LAB_DIR=${LAB_DIR:-$ROOT/.lab}
case ${1:-} in
  '' | --short) ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
esac

if [ -z "${HOLT_BIN:-}" ]; then
  (cd "$ROOT" && cargo build --release --locked --package holt) >&2
  HOLT_BIN=${CARGO_TARGET_DIR:-$ROOT/target}/release/holt
fi
HOLT_BIN=$(realpath "$HOLT_BIN")
[ -x "$HOLT_BIN" ] || { echo "check.sh: $HOLT_BIN is not an executable" >&2; exit 1; }

"$HERE/openstack-lab.sh" up
exec 8>"$LAB_DIR/check.lock"
flock -n 8 || { echo "check.sh: another check runs against this lab" >&2; exit 1; }
echo "commit $(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown)${1:+, $1}"
facts=$("$HERE/openstack-lab.sh" facts)
PYTHONDONTWRITEBYTECODE=1 python3 "$HERE/check.py" --binary "$HOLT_BIN" --directory "$LAB_DIR" "$@" <<<"$facts"
