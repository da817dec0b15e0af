#!/usr/bin/env bash
# The recipes for other people's engines, in an environment of their own: the
# programs of docs/guides/engines.md, run by the engines. Needs redis-server.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -n "${ALTCRAFT_SKIP_ENGINES:-}" ]; then
    echo "ALTCRAFT_SKIP_ENGINES is set, so the engines were not tried"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
# saq's extra hiredis, as its extra redis asks for a redis-py that is too old for RedisLedger.
uv pip install --quiet --python "$work/venv" -e '.[redis]' 'saq[hiredis]' dagster prefect temporalio \
    pytest mypy 'pyright[nodejs]'
"$work/venv/bin/mypy" tests/engines/*.py
"$work/venv/bin/pyright" --project tests/engines --pythonpath "$work/venv/bin/python"
"$work/venv/bin/python" -m pytest -c tests/engines/pytest.ini -q --no-header tests/engines > "$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
tail -n 1 "$work/log"
