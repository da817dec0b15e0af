#!/usr/bin/env bash
# The part of the gate that has environments of its own, so that it can run beside the rest: on two
# cores, both take about as long. Its argument is a folder for what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$1
say() { printf '\n== %s\n' "$*"; }

say "the lowest versions of what is required; branch coverage of the package: 95 % or more"
python3 -m venv "$fresh/floors"
python3 .ci/floors.py > "$fresh/floors.txt" # in a step of its own, whose failure is noticed
"$fresh/floors/bin/pip" install --quiet --constraint "$fresh/floors.txt" -e '.[dev]'
COVERAGE_FILE="$fresh/coverage" "$fresh/floors/bin/pytest" -q -n 2 -p no:cacheprovider \
    --cov --cov-report=term:skip-covered --cov-fail-under=95

say "Airflow"
.ci/airflow.sh

say "other engines"
.ci/engines.sh
