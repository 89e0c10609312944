# Everything runs in .venv; `make setup` makes it and the other targets begin with it.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup setup-dev demo run test setup-chain test-chain check setup-bench bench soak bench-rotation bench-engine bench-fairness bench-cost bench-startup bench-limits bench-stored screenshots format lock

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: ## Install the service into .venv (again only when its lock changes)
	@$(PYTHON) scripts/setup.py

setup-dev: setup ## Install the tools of the tests and checks as well
	@$(PYTHON) scripts/setup.py dev

demo: setup ## Start a sandbox service, buy a rotation in every format, show it
	@$(BIN)/python -m app demo

run: setup ## Serve on 127.0.0.1:8402
	@$(BIN)/python -m app serve

test: setup-dev ## Run the tests; branch coverage of app/ must be complete
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest --ignore tests/chain --ignore tests/engine/layered/test_oracle.py
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report
	@$(BIN)/python -m pytest tests/engine/layered/test_oracle.py # a minute walk: too slow to be measured

setup-chain: setup-dev ## Install the local chain and the TypeScript example
	@$(BIN)/python scripts/chain.py

test-chain: setup-chain ## Pay on a local chain with the official clients; shows the balances
	@$(BIN)/python -m pytest tests/chain

check: setup-dev ## Lint, types, import rules, and that openapi.json is current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m app openapi --check

setup-bench: setup-dev ## Install what the benchmarks measure beside the service
	@$(BIN)/python scripts/node_packages.py bench/targets

bench: setup-bench ## Measure the service beside others over HTTP; wants wrk and a quiet machine
	@$(BIN)/python -m bench.http --profile

soak: setup-bench ## Ten minutes at half the maximum load: latency, memory, descriptors
	@$(BIN)/python -m bench.soak

bench-rotation: setup-dev ## Measure a large rotation against encoding alone
	@$(BIN)/python -m bench.rotation

bench-engine: setup-dev ## Measure the layered engine beside a naive one
	@$(BIN)/python -m bench.engine

bench-fairness: setup-dev ## Measure fair rotations beside round robin and the least loaded first
	@$(BIN)/python -m bench.fairness

bench-cost: setup-dev ## Measure what a request costs by part, and what is full first
	@$(BIN)/python -m bench.cost

bench-startup: setup-dev ## Measure how soon a started service answers
	@$(BIN)/python -m bench.startup

bench-limits: setup-dev ## Measure what counting a request costs beside a bare window
	@$(BIN)/python -m bench.limits

bench-stored: setup-dev ## Measure the stored APIs on SQLite and on a large PostgreSQL; wants wrk
	@$(BIN)/python -m bench.stored

screenshots: setup-dev ## Take the pictures of the catalogue again; wants chromium
	@$(BIN)/python -m scripts.screenshots

lock: setup-dev ## Renew the lock files: the newest versions that pyproject.toml admits
	@$(BIN)/python scripts/lock.py --upgrade

format: setup-dev ## Rewrite the code as `make check` wants it
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
