# Every target sets up what it needs: `make test` is enough in a fresh clone.
# Needs Python 3.11 or newer (PYTHON=python3.12 names another), make, and the package index pip is set to.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help demo test check fuzz audit bench chaos simulate mutants outside format pages adapter lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | sort

demo: .venv/.runtime ## Charge, settle and reconcile at two pretend processors, every step shown and checked
	$(BIN)/hub demo

# Every worker and every process that a test starts would else compile the same modules again.
test demo: export PYTHONDONTWRITEBYTECODE :=
test: .venv/.ready ## Run the tests on SQLite, a real PostgreSQL and a real Valkey
	$(BIN)/python -m pytest -n 5 tests

check: .venv/.ready ## Lint, security rules, format, types, who imports whom, the Dockerfile, what is installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint Dockerfile
	$(BIN)/python -m pip --disable-pip-version-check check

fuzz: .venv/.tools ## Send 100,000 hostile requests, and hostile bytes to every parser; REQUESTS= and RUNS= for other numbers
	$(BIN)/python -m tests.security.fuzzing $(or $(REQUESTS),100000) $(MINUTES)
	$(BIN)/python -m tests.security.covering $(RUNS)

audit: .venv/.tools ## Look every dependency up among known vulnerabilities, which needs a network
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements-dev.lock

bench: .venv/.ready ## Measure the hub against a hand-written floor; PART=webhooks, memory or profile for more
	$(BIN)/python -m benchmarks $(PART)

outside: .venv/.ready ## Hold adapters and sandboxes against what others wrote
	$(BIN)/python -m tests.outside

format: .venv/.ready ## Rewrite the code in the house format
	$(BIN)/ruff format .

pages: .venv/.ready ## Write the reference pages that are made from the code
	$(BIN)/python -m tests.pages

chaos: .venv/.ready ## Kill real processes again and again under load, and count what is lost; KILLS=40 for less
	$(BIN)/python -m tests.chaos $(KILLS)

simulate: .venv/.ready ## Live through worlds in which everything fails; SEEDS=1..500, SEED=7 to see one, WITHOUT=inquiry
	$(BIN)/python -m tests.simulation --seeds $(or $(SEED),$(SEEDS),1..20) $(if $(SEED),--history) $(WITHOUT:%=--without %)

mutants: .venv/.ready ## Put every seeded bug in and see what notices it; NAMES="no_fence …" for some, JOBS=2 for two at once
	$(BIN)/python -m tests.mutants $(NAMES) $(JOBS:%=--jobs %)

adapter: .venv/.ready ## Begin an adapter: make adapter NAME=acme
	@$(BIN)/python -m adapters.scaffold "$$NAME"

# uv reads no pip settings, so it is told pip's index; by the environment, which make does not print.
lock: export UV_DEFAULT_INDEX = $(or $(PIP_INDEX_URL),$(shell $(BIN)/python -m pip config get global.index-url 2>/dev/null))
lock: .venv/bin/uv ## Choose the newest allowed version of every dependency
	$(COMPILE) pyproject.toml --group dev --group build --output-file requirements-dev.lock
	$(COMPILE) pyproject.toml --constraint requirements-dev.lock --output-file requirements.lock
	$(COMPILE) --group build --constraint requirements-dev.lock --output-file requirements-build.lock
	$(COMPILE) --group tools --constraint requirements-dev.lock --output-file requirements-tools.lock

clean: ## Remove the environment and every cache
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "This needs Python 3.11 or newer, and '$(PYTHON)' is not one; name it with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "Making .venv failed; on Debian and Ubuntu the package python3-venv is needed."; exit 1; }

.venv/bin/uv: | .venv/bin/python
	$(PIP) uv

.venv/.runtime: requirements.lock requirements-build.lock pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes -r requirements-build.lock -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.ready: requirements-dev.lock .venv/.runtime
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

.venv/.tools: requirements-tools.lock .venv/.ready
	$(PIP) --require-hashes -r requirements-tools.lock
	@touch $@
