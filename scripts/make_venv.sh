#!/usr/bin/env bash
# Makes the virtual environment: make_venv.sh PYTHON VENV run|dev
set -euo pipefail
python=$1 venv=$2 kind=$3
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Flightmesh needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1 || echo missing)." >&2
  echo "Name another one: make PYTHON=python3.12 ..." >&2
  exit 1
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  --require-hashes -r "requirements/$kind.txt"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  --no-deps --no-build-isolation --editable .
touch "$venv/.$kind"
# The development set holds the other one.
[ "$kind" = run ] || touch "$venv/.run"
