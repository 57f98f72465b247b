#!/usr/bin/env bash
# Generates the code of the protos elsewhere and compares: verify_proto.sh PYTHON
set -euo pipefail
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$1" scripts/generate_protos.py "$out"
if ! diff -r --brief -x __pycache__ "$out/flightmesh/api" flightmesh/api; then
  echo "flightmesh/api is not what the protos give: run 'make proto' and commit." >&2
  exit 1
fi
