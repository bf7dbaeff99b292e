# The commands of this project. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help plans run test fuzz test-yolo test-detector check fmt migrate schema demo bench bench-peers bench-live bench-feed bench-wildlife bench-automl bench-ledger bench-writes lock clean
MAKEFLAGS += --no-print-directory
# What Python compiles is kept: some environments turn that off, and then every process compiles 1 200 modules anew.
unexport PYTHONDONTWRITEBYTECODE

python := .venv/bin/python -m
fieldgraph := $(python) app.cli
resolve := $(python) uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
compile := $(resolve) pyproject.toml

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Run everything on this machine: servers, API, worker, demo accounts
	@./setup.sh
	@exec $(fieldgraph) up --with-parent

test: check ## Check everything, then run the tests; ARGS="tests/setup -x" chooses some
	@$(python) pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

fuzz: check ## Run the property tests for long, each time on other examples; FUZZ=100 for even longer
	@FUZZ=$${FUZZ:-20} $(python) pytest -m fuzz $(ARGS)

test-yolo: check ## Install the extra `yolo` (ultralytics, AGPL-3.0, and PyTorch) and run its tests
	@$(python) uv pip install -q -e ".[yolo]"
	@$(python) pytest -m yolo $(ARGS)

test-detector: check ## Measure the detector on imagery of a town, about 40 minutes; IMAGERY=folder says where it is
	@$(python) pytest -n0 -s -m detector tests/mapping/test_detector.py $(ARGS)

check: ## Format, lint, types, import contracts and the published schema
	@./setup.sh --dev
	$(python) ruff format --check --quiet .
	$(python) ruff check --quiet .
	$(python) mypy
	@.venv/bin/lint-imports
	$(fieldgraph) schema --check

fmt: ## Format, and mend what a machine can mend
	@./setup.sh --dev
	$(python) ruff format .
	$(python) ruff check --fix .

migrate: ## Bring the database of what runs here, or of DATABASE_URL, to the present schema
	@./setup.sh
	@$(fieldgraph) migrate

schema: ## Write schema/schema.graphql from the code
	@./setup.sh
	@$(fieldgraph) schema --write

plans: ## Write the plans in tests/plan/golden anew: their diff shows what a change does to queries
	@./setup.sh --dev
	@$(python) tests.plan.goldens

demo: ## From a village to a model, a memory card to a package, a table to a machine, a sale, a contract; ARGS=wildlife: one of them
	@./setup.sh
	@$(fieldgraph) demo $(ARGS)

bench: ## Measure requests and events per second
	@./setup.sh --dev
	@$(python) tests.bench $(ARGS)

bench-peers: ## Measure us beside other GraphQL servers; ARGS=--growth: on tables that grow
	@./setup.sh --dev
	@$(python) tests.bench.peers $(ARGS)

bench-live: ## Measure one event on its way to 9 000 subscribers, beside graphql-ws on Node
	@./setup.sh --dev
	@$(python) tests.bench.live $(ARGS)

bench-feed: ## Measure the feed of a large community: 1 000 000 posts, 10 000 000 likes
	@./setup.sh --dev
	@$(python) tests.bench.feed $(ARGS)

bench-wildlife: ## Measure a large camera-trap project: 1 000 000 media, 3 000 000 observations
	@./setup.sh --dev
	@$(python) tests.bench.wildlife $(ARGS)

bench-automl: ## Measure tables, lines and answers of machines, beside LightGBM behind Starlette; ARGS="--part read"
	@./setup.sh --dev
	@$(python) uv pip install -q "lightgbm>=4.6"
	@$(python) tests.bench.automl $(ARGS)

bench-ledger: ## Measure postings of money beside pgbench's TPC-B; ARGS="--entries 1000 --entries 10000000" compares two sizes
	@./setup.sh --dev
	@$(python) tests.bench.ledger $(ARGS)

bench-writes: ## Measure mutations beside BEGIN, INSERT, COMMIT; ARGS="--beside folder" measures another checkout, too
	@./setup.sh --dev
	@$(python) tests.bench.writes $(ARGS)

lock: ## Choose the versions of all packages anew within pyproject.toml; ARGS=--upgrade takes the newest
	@./setup.sh --dev
	$(compile) $(ARGS) --output-file requirements.lock
	$(compile) $(ARGS) --extra dev --constraints requirements.lock --output-file requirements-dev.lock
	$(resolve) $(ARGS) --group weights --no-deps --output-file app/weights/requirements.lock
	@if grep -n '://' requirements.lock requirements-dev.lock app/weights/requirements.lock; then echo "A lock must name no host." >&2; exit 1; fi

clean: ## Remove the virtual environment and all caches; the data in .fieldgraph stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .bench-peers
	find . -name __pycache__ -prune -exec rm -rf {} +
