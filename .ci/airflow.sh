#!/usr/bin/env bash
# The Airflow integration, in an environment of its own: Airflow pins much that
# nothing else here wants. Types, then DAGs that are really run.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -n "${ALTCRAFT_SKIP_AIRFLOW:-}" ]; then
    echo "ALTCRAFT_SKIP_AIRFLOW is set, so Airflow was not tried"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
uv pip install --quiet --python "$work/venv" -e '.[airflow]' pytest mypy 'pyright[nodejs]'
"$work/venv/bin/mypy" altcraft_async/integrations/airflow/*.py tests/airflow/*.py
"$work/venv/bin/pyright" --project tests/airflow --pythonpath "$work/venv/bin/python"
"$work/venv/bin/python" -m pytest -c tests/airflow/pytest.ini -q --no-header tests/airflow > "$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
tail -n 1 "$work/log"
