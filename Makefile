# Every verb of the project. `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
SPARK_VENV := .venv-spark
SPARK_STAMP := $(SPARK_VENV)/.complete

# Chargehouse speaks to nobody but the workspace.
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export DAGSTER_DISABLE_TELEMETRY := yes

# Whole runs first, file by file: left to itself, xdist begins with the files of many short tests, and the last long file
# then keeps one process alone.
BY_FILE := --dist loadfile --no-loadscope-reorder

.PHONY: help setup setup-system setup-spark run test test-faults test-spark test-spark-rows lint benchmark docs dashboard dagster lock clean

help:  ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

setup: $(STAMP)  ## create .venv with the pinned, hashed packages and the command chargehouse

# uv first, from its own hashed pin: it installs the tree in seconds and compiles it, which halves every later start.
$(STAMP): requirements.lock requirements-uv.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-uv.lock
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --require-hashes --compile-bytecode -r requirements.lock
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

setup-system:  ## install the system programs that some tests need (Debian and Ubuntu; needs root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium postgresql default-jre-headless

setup-spark: setup $(SPARK_STAMP)  ## create .venv-spark with dbt-spark and pyspark, for CHARGEHOUSE_ENGINE=spark

$(SPARK_STAMP): requirements-spark.lock
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SPARK_VENV)
	VIRTUAL_ENV=$(CURDIR)/$(SPARK_VENV) $(BIN)/uv pip install --quiet --no-deps --require-hashes --compile-bytecode -r requirements-spark.lock
	@touch $(SPARK_STAMP)

run: setup  ## make the bundled sample months, process them through Dagster, issue one invoice, print all
	@$(BIN)/chargehouse sample --if-empty
	@$(BIN)/chargehouse run
	@$(BIN)/chargehouse sample --issue
	@$(BIN)/chargehouse invoices
	@echo "Pages:   $(BIN)/chargehouse dashboard"
	@echo "Dagster: $(BIN)/chargehouse dagster"

test: setup  ## run every test (those that need a missing program or folder say so and skip)
	$(BIN)/python -m pytest tests/conventions
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 $(BY_FILE) tests/integration tests/unit
	$(BIN)/python -m pytest tests/browser

test-faults: setup  ## run the long series of kills and damaged deliveries in full
	$(BIN)/python -m pytest -m faults --faults-in-full

test-spark: setup-spark  ## start a Spark cluster on this machine, run the sample months on it, compare with DuckDB
	$(BIN)/python -m pytest tests/spark

test-spark-rows: setup-spark  ## the same on a million made-up rows, or ROWS=…, and what each engine took
	$(BIN)/python -m pytest tests/spark/test_spark_rows.py --spark-rows $(or $(ROWS),1000000)

lint: setup  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	CHARGEHOUSE_WAREHOUSE_FILE=:memory: $(BIN)/sqlfluff lint --quiet --processes 1 dbt_project

benchmark: setup  ## measure what a million rows cost, stage by stage, and write benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

docs: setup  ## write docs/configuration.md and docs/data-quality.md from the declarations
	$(BIN)/python -m orchestration.configuration.reference
	$(BIN)/python -m orchestration.expectations.catalogue

dashboard: setup  ## open the pages
	$(BIN)/chargehouse dashboard

dagster: setup  ## open the orchestrator
	$(BIN)/chargehouse dagster

lock: setup  ## pin the packages again after pyproject.toml changed
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras --no-annotate --no-header --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --group spark --no-annotate --no-header --output-file requirements-spark.lock
	grep -A 200 '^uv==' requirements.lock | awk 'NR > 1 && !/^ / { exit } { print }' > requirements-uv.lock

clean:  ## remove what can be made again (not data/)
	rm -rf $(VENV) $(SPARK_VENV) target logs .pytest_cache .mypy_cache .ruff_cache
