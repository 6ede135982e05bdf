# Two commands matter: `make demo` and `make test`. Everything is installed into .venv from the hashed lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SHARED_DATA := $(abspath ../shared/data)

# Tests read real data from here when the folder exists; a missing file then fails instead of skipping.
ifeq ($(origin EVENSTOCK_REAL_DATA),undefined)
ifneq ($(wildcard $(SHARED_DATA)/README.md),)
export EVENSTOCK_REAL_DATA := $(SHARED_DATA)
endif
endif

export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.PHONY: help install demo test dev bench soak check docs lock browser clean

help:  ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## Make .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: install Python 3.11, 3.12 or 3.13 (Debian: apt-get install python3 python3-venv)"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else 1)' || { \
	  echo "Evenstock needs Python 3.11, 3.12 or 3.13; this is $$($(PYTHON) --version). Install one and run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python has no venv: install it (Debian: apt-get install python3-venv)"; exit 2; }
	@echo "Installing into $(VENV) (about two minutes)..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: install  ## Run the whole loop on generated data; ends with the plan on screen
	@$(BIN)/evenstock demo

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Chromium for the browser tests..."; apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else echo "Chromium is missing: the browser tests need it (Debian: apt-get install chromium)"; exit 2; fi; }

test: install browser  ## Run every test
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist worksteal

check: install  ## Lint, types, imports, SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/ty check pipelines quality dagster_project cli
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint dbt/models dbt/tests dbt/macros

dev: install  ## Dagster UI on loopback
	@mkdir -p $(or $(EVENSTOCK_HOME),var)/dagster && cp -n deploy/dagster.yaml $(or $(EVENSTOCK_HOME),var)/dagster/dagster.yaml || true
	@DAGSTER_HOME="$(abspath $(or $(EVENSTOCK_HOME),var))/dagster" $(BIN)/python -m dagster_project.custody
	@DAGSTER_HOME="$(abspath $(or $(EVENSTOCK_HOME),var))/dagster" $(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p 3000

bench: install  ## Where a nightly run's time goes, and the ratios; others by name: make bench PART=ingest
	@$(BIN)/python -m benchmarks $(PART)

docs: install  ## Static page of the marts: site/marts.html
	@$(BIN)/python -m dagster_project.mart_docs site

soak: install  ## Long runs: make soak PART=name SEED=0
	@$(BIN)/python -m pytest -q -m soak --timeout=2700 $(if $(PART),-k $(PART),) --soak-seed=$(or $(SEED),0)

lock:  ## Resolve requirements.lock anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --all-extras --no-strip-extras --no-emit-index-url --no-header pyproject.toml -o requirements.lock

clean:  ## Remove the environment and all state
	rm -rf $(VENV) var site dbt/target dbt/logs
