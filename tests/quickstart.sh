#!/usr/bin/env bash
# Runs docs/quickstart.md as a new user would: every command of the page in its order, with nothing but the page, and looks whether they print what the page says.
# Ids, times and figures may differ; what a reader copies from an output ("# from above") is copied here too. Addresses are moved to free
# ports. A block after `<!-- varies -->` must run, and is not compared.
#
#   tests/quickstart.sh      HOLT names the program to test; without it, it is built
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ -z "${HOLT:-}" ]]; then
    cargo build --locked --quiet -p holt
    HOLT="${CARGO_TARGET_DIR:-target}/debug/holt"
fi
exec python3 tests/quickstart.py "$(realpath "$HOLT")" docs/quickstart.md
