#!/usr/bin/env bash
# A Python client generated from docs/openapi/v2.json (openapi-python-client, PyPI), its source not touched, walks through the life of a group against a running service.
#
#   tests/clients/python.sh [FOLDER]    FOLDER keeps the generated package; HOLT names the program to test
#
# The generator is installed into target/clients/python the first time; exit code 3: it cannot be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/service.sh
source tests/service.sh
venv="$service_target/clients/python"
service_python clients/python 'openapi-python-client>=0.26,<1' || exit 3
service_start
folder="${1:-$work}"
"$venv/bin/openapi-python-client" generate --path docs/openapi/v2.json --meta none --overwrite --output-path "$folder/holt_client" >"$work/generated.txt" 2>&1 ||
    { cat "$work/generated.txt" >&2; exit 1; }
# An operation that it cannot read is named with its path.
if grep -q "WARNING parsing\|ERROR" "$work/generated.txt"; then
    cat "$work/generated.txt" >&2
    exit 1
fi
PYTHONPATH="$folder" "$venv/bin/python" tests/clients/walk_python.py "$base" "$tenant" \
    "$(service_token read,crud,trigger,audit)" "$(service_token read)"
echo "python client: ok"
