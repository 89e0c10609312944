# Everything runs in a virtual environment; `make setup` makes it and other targets begin with it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
FAST := not (postgres or redis or browser or process or chain or image or slow)
# A worker for each processor; a part, which takes seconds, is run in this process.
WORKERS := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# T=tests/engine/test_walltime.py is a path; T="zone and not gap" is an expression of pytest's -k.
PART = $(if $(T),$(if $(wildcard $(firstword $(subst ::, ,$(T)))),"$(T)",-k "$(T)"),$(WORKERS))
MEASURED := CI=true $(BIN)/coverage run -m pytest -m "not chain and not slow"
SLOW := CI=true $(BIN)/python -m pytest -m "slow and not chain"
# What failed is run once more, alone: a clock is misjudged where others use the same processors.
ALONE = [ $$? -eq 1 ] && echo "== once more, alone: what failed above" && $(1) --last-failed --last-failed-no-failures none

.PHONY: help setup setup-dev demo run test test-all test-slow test-chain setup-all check setup-bench bench soak bench-rotation bench-engine bench-fairness bench-roster bench-cost bench-startup bench-limits bench-stored bench-abuse hostile mutants screenshots lock format

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: ## Install the service into .venv (again only when its lock changes)
	@VENV=$(VENV) $(PYTHON) scripts/setup.py

setup-dev: setup ## Install the tools of the tests and checks as well
	@VENV=$(VENV) $(PYTHON) scripts/setup.py dev

demo: setup ## Start a sandbox service, buy a rotation in every format, show it
	@$(BIN)/python -m app demo

run: setup ## Serve on 127.0.0.1:8402
	@$(BIN)/python -m app serve

test: setup-dev ## Run the tests that need only Python; T=PATH or T=EXPRESSION runs a part
	@$(BIN)/python -m pytest -m "$(FAST)" $(PART)

test-all: setup-all ## Run all tests but the slow ones on everything they need; branch coverage must be complete
ifdef T
	@CI=true $(BIN)/python -m pytest $(PART)
else
	@$(BIN)/coverage erase
	@$(MEASURED) --durations=25 --durations-min=10 $(WORKERS) || { $(call ALONE,$(MEASURED)); }
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report
	@$(MAKE) --no-print-directory test-chain
endif

test-slow: setup-all ## Run the slow tests, one after the other: they watch clocks
	@$(SLOW) --durations=25 || { $(call ALONE,$(SLOW)); }

test-chain: setup-dev ## Pay on a local chain with the official clients; shows the balances
	@$(BIN)/python scripts/chain.py
	@CI=true $(BIN)/python -m pytest tests/chain

setup-all: setup-dev ## Install Redis, PostgreSQL, Chromium and whatever else the tests need
	@$(BIN)/python scripts/programs.py
	@$(BIN)/python scripts/node_packages.py bench/targets tests/support/mcp_clients tests/support/validators tests/support/date_holidays

check: setup-dev ## Lint, types, import rules, and that openapi.json is current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m app openapi --check

setup-bench: setup-dev ## Install what the benchmarks measure beside the service
	@$(BIN)/python scripts/node_packages.py bench/targets

bench: setup-bench ## Measure the service beside others, with Redis and in memory; wants wrk, redis-server and a quiet machine
	@$(BIN)/python -m bench.http --profile

soak: setup-bench ## Ten minutes at half the maximum load, with Redis and PostgreSQL: latency, memory, descriptors
	@$(BIN)/python -m bench.soak

bench-rotation: setup-dev ## Measure a large rotation against encoding alone
	@$(BIN)/python -m bench.rotation

bench-engine: setup-dev ## Measure the layered engine beside a naive one
	@$(BIN)/python -m bench.engine

bench-fairness: setup-dev ## Measure fair rotations beside round robin and the least loaded first
	@$(BIN)/python -m bench.fairness

bench-roster: setup-dev ## Solve published rosters (D=FOLDER has them) and ordinary ones
	@$(BIN)/python -m bench.roster $(D)

bench-cost: setup-dev ## Measure what a request costs by part, and what is full first
	@$(BIN)/python -m bench.cost

bench-startup: setup-dev ## Measure how soon a started service answers
	@$(BIN)/python -m bench.startup

bench-limits: setup-dev ## Measure what counting a request costs beside a bare window
	@$(BIN)/python -m bench.limits

bench-stored: setup-dev ## Measure the stored APIs on a small and a large PostgreSQL, and on SQLite; wants wrk
	@$(BIN)/python -m bench.stored

bench-abuse: setup-dev ## Measure the most expensive requests beside their budgets; wants redis-server
	@$(BIN)/python -m bench.abuse

hostile: setup-dev ## Ten minutes of hostile traffic beside an honest buyer; wants redis-server
	@$(BIN)/python -m bench.hostile

mutants: setup-dev ## Change the code where mistakes cost money, and see that tests notice; P=PART
	@$(BIN)/python scripts/programs.py redis-server
	@CI=true nice -n 19 $(BIN)/python scripts/mutants.py $(P)

screenshots: setup-dev ## Take the pictures of the pages again; wants chromium
	@$(BIN)/python -m scripts.screenshots

lock: setup-dev ## Renew the lock files: the newest versions that pyproject.toml admits
	@$(BIN)/python scripts/lock.py --upgrade

format: setup-dev ## Rewrite the code as `make check` wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
