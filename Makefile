# Flightmesh. `make help` lists the targets; each installs what it needs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --warn-undefined-variables

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
SEED ?=
ONLY ?=
FIRST ?= 0
SEEDS ?= 100
SOAK_SEEDS ?= 100000

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

$(VENV)/.run: requirements/run.txt pyproject.toml scripts/make_venv.sh
	scripts/make_venv.sh $(PYTHON) $(VENV) run

$(VENV)/.cluster: requirements/cluster.txt pyproject.toml scripts/make_venv.sh
	scripts/make_venv.sh $(PYTHON) $(VENV) cluster

$(VENV)/.dev: requirements/dev.txt pyproject.toml scripts/make_venv.sh
	scripts/make_venv.sh $(PYTHON) $(VENV) dev

.PHONY: setup
setup: $(VENV)/.dev ## Install everything for development into .venv

.PHONY: run
run: $(VENV)/.run ## Start the whole mesh in one process (FLIGHTMESH_DATA_DIR, FLIGHTMESH_HTTP_PORT, FLIGHTMESH_GRPC_PORT)
	@exec $(BIN)/flightmesh run $(ARGS)

.PHONY: cluster
cluster: $(VENV)/.cluster ## Start the mesh of separate processes with its servers (FLIGHTMESH_DATA_DIR and the others of docs/cluster.md)
	@exec $(BIN)/flightmesh cluster run $(ARGS)

# Most tests need nothing but the processor and run on all cores at once. These have sockets, files and processes.
ALONE := tests/simulation/test_simulation.py tests/integration tests/e2e
# ARGS may choose among the tests and leave a part of them none, which is status 5.
OR_NONE := || [ $$? -eq 5 ]

# First what the servers need: who lacks Java is told at once and not after ten minutes.
.PHONY: test
test: $(VENV)/.dev ## Run all checks and all tests, also against real servers: what CI runs
	$(BIN)/python -m launcher.servers install cassandra etcd nats-server
	$(MAKE) verify
	$(BIN)/pytest -n auto --dist worksteal $(ALONE:%=--ignore=%) $(ARGS) $(OR_NONE)
	$(BIN)/pytest $(ALONE) $(ARGS) $(OR_NONE)
	$(BIN)/python scripts/servers/run_tests.py $(ARGS)

.PHONY: test-unit
test-unit: $(VENV)/.dev ## Run the quick tests: unit, contract, tidy
	$(BIN)/pytest -n auto --dist worksteal tests/unit tests/contract tests/tidy $(ARGS)

.PHONY: test-integration
test-integration: $(VENV)/.dev ## Run the tests with sockets, files and processes
	$(BIN)/pytest tests/integration tests/e2e $(ARGS)

.PHONY: sim
sim: $(VENV)/.dev ## Simulate the mesh: SEEDS=n from FIRST=n on, or SEED=n alone with its trace (ONLY=1,4: those faults)
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED) $(if $(ONLY),--only $(ONLY)),--first $(FIRST) --seeds $(SEEDS)) $(ARGS)

.PHONY: sim-mutants
sim-mutants: $(VENV)/.dev ## Switch each rule of the protocol off; print how many seeds find it
	$(BIN)/python -m tests.simulation.mutants_table $(ARGS)

.PHONY: soak
soak: $(VENV)/.dev ## Run the long tests on real servers, kill a mesh 50 times, simulate SOAK_SEEDS seeds from FIRST on (hours)
	$(BIN)/python -m launcher.servers install cassandra etcd nats-server
	$(BIN)/pytest tests/servers/soak
	$(BIN)/python scripts/soak_kill.py --rounds 50
	$(BIN)/python -m tests.simulation --first $(FIRST) --seeds $(SOAK_SEEDS) --complete

.PHONY: servers
servers: $(VENV)/.dev ## Install Cassandra, etcd, nats-server and ghz, pinned, into build/servers
	$(BIN)/python -m launcher.servers install $(ARGS)

.PHONY: test-servers
test-servers: $(VENV)/.dev ## Run the tests against real servers
	$(BIN)/python -m launcher.servers install cassandra etcd nats-server
	$(BIN)/python scripts/servers/run_tests.py $(ARGS)

.PHONY: verify
verify: lint verify-proto ## Run all static checks

.PHONY: lint
lint: $(VENV)/.dev ## Check format, style, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: fmt
fmt: $(VENV)/.dev ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: proto
proto: $(VENV)/.dev ## Generate the Python code of the protos
	$(BIN)/python scripts/generate_protos.py
	$(BIN)/python scripts/generate_api_comments.py

.PHONY: verify-proto
verify-proto: $(VENV)/.dev ## Check that the generated code is that of the protos
	scripts/verify_proto.sh $(BIN)/python

.PHONY: requirements
requirements: $(VENV)/.dev ## Pin the dependencies again (needs uv on the PATH)
	scripts/lock_requirements.sh

.PHONY: bench
bench: $(VENV)/.dev ## Measure the mesh of separate processes on its servers; report in build/bench/
	$(BIN)/python -m launcher.servers install
	$(BIN)/python scripts/bench.py $(ARGS)

.PHONY: bench-embedded
bench-embedded: $(VENV)/.dev ## Measure the embedded mesh; report in build/bench/
	$(BIN)/python scripts/bench_embedded.py $(ARGS)

.PHONY: bench-failover
bench-failover: $(VENV)/.dev ## Break a cluster again and again, measure how long it takes to serve; report in build/bench/
	$(BIN)/python -m launcher.servers install
	$(BIN)/python scripts/bench_failover.py $(ARGS)

.PHONY: clean
clean: ## Remove what was built (data stay)
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
