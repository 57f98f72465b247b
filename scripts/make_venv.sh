#!/usr/bin/env bash
# Makes the virtual environment: make_venv.sh PYTHON VENV run|cluster|dev
set -euo pipefail
python=$1 venv=$2 kind=$3
if ! command -v "$python" >/dev/null; then
  echo "Flightmesh needs Python 3.11 or newer, and there is no '$python'; name yours: make PYTHON=python3.12 ..." >&2
  exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  version=$("$python" --version 2>&1 | head -n 1 || true)
  echo "Flightmesh needs Python 3.11 or newer, and '$python' is $version; name another one: make PYTHON=python3.12 ..." >&2
  exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
  echo "'$python' lacks its venv module; install it (Debian and Ubuntu: apt install python3-venv)" >&2
  exit 1
fi
echo "Installing into $venv; the first time takes up to a minute"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  --require-hashes -r "requirements/$kind.txt"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  --no-deps --no-build-isolation --editable .
# Each set holds those before it.
for held in run cluster dev; do
  touch "$venv/.$held"
  [ "$held" != "$kind" ] || break
done
