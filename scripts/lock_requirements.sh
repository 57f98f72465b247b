#!/usr/bin/env bash
# Pins every dependency with hashes: requirements/run.txt for `make run`, requirements/dev.txt for all.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
    --python-version 3.11 --universal pyproject.toml "$@"
}
compile --extra embedded --extra build --output-file requirements/run.txt
compile --all-extras --constraint requirements/run.txt --output-file requirements/dev.txt
