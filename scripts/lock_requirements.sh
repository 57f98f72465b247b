#!/usr/bin/env bash
# Pins every dependency with hashes: requirements/run.txt for `make run`, cluster.txt for
# `make cluster`, dev.txt for all.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
    --python-version 3.11 --universal pyproject.toml "$@"
}
compile --extra embedded --extra build --output-file requirements/run.txt
compile --extra embedded --extra cassandra --extra etcd --extra jetstream --extra build \
  --constraint requirements/run.txt --output-file requirements/cluster.txt
compile --all-extras --constraint requirements/cluster.txt --output-file requirements/dev.txt
