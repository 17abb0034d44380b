# Every target sets up what it needs. `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
# Test processes; Redis gives each a database of its own, of its sixteen.
SPREAD := -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder
BIN := .venv/bin
# Each of the processes that tests and the demo start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tact needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv .venv

.venv/run-installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev-installed: requirements.txt requirements-dev.txt requirements-dp.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/run-installed

.venv/benchmark-installed: requirements.txt requirements-benchmark.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-benchmark.txt
	@touch $@ .venv/run-installed

install: .venv/dev-installed ## the virtual environment with everything for development

demo: .venv/run-installed ## the whole street: a shop, a campaign, a measured effect; SERVE=0 stops after the report
	$(BIN)/python -m config.demo $(if $(DATA),--data "$(DATA)" --format "$(FORMAT)") $(if $(filter 0,$(SERVE)),--no-serve) --port $(PORT)

check: .venv/dev-installed ## lint, format, types, walls, migrations, API snapshot
	@$(MAKE) --no-print-directory -j2 types lint

# Takes as long as all the rest, so beside it.
types: .venv/dev-installed
	DEBUG=1 $(BIN)/mypy .

lint: .venv/dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	DEBUG=1 $(BIN)/python manage.py makemigrations --check --dry-run
	$(if $(wildcard docs/openapi.yaml),DEBUG=1 $(BIN)/python manage.py spectacular --validate --fail-on-warn | diff -u docs/openapi.yaml -)

test: .venv/dev-installed ## the suite on the embedded default, pages in a real Chromium included
	$(BIN)/python -m tests.chromium
	$(BIN)/python -m pytest $(SPREAD)

test-services: .venv/dev-installed ## the same and the fault tests on PostgreSQL and Redis
	$(BIN)/python -m tests.private_servers $(SPREAD)

# Each long run is seeded anew; what the suite does a few times it does as often as the project promises.
LONG := RACES=1000 KILLS=100 PEOPLE=3000 ERASED=500 PLANNED=120 SEQUENCES=1000 LOOKS=10000 TRIALS=1000 EXAMPLES=500 HOSTILE=12000 CASES=10000
SEEDS ?= 1

test-faults: .venv/dev-installed ## long fault runs on PostgreSQL and Redis, one for each of SEEDS="1 2 …"
	for seed in $(SEEDS); do \
		SEED=$$seed $(LONG) $(BIN)/python -m tests.private_servers -s -m "" --hypothesis-seed=$$seed tests/faults \
			tests/test_consent_holds.py tests/customers/test_looking.py tests/customers/test_proof_tampering.py \
			tests/recommender/test_freshness.py tests/config/test_hostile_bodies.py \
			tests/customers/test_tracking_hostile.py tests/config/test_fuzzing.py || exit 1; \
	done

CLIENT ?= var/client

client: .venv/dev-installed ## a typed Python client from docs/openapi.yaml, as a wheel in var/client
	rm -rf $(CLIENT)
	mkdir -p $(CLIENT)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/openapi-python-client generate --path docs/openapi.yaml \
		--config config/client.yaml --meta setup --output-path $(CLIENT)/source
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir $(CLIENT) $(CLIENT)/source

mutations: .venv/dev-installed ## break the code a line at a time, in a copy, and see that each rule's test fails
	$(BIN)/python -m tests.mutate

# sqlite_writers is run as a file: its writers' Django must know nothing but their database.
benchmark: .venv/benchmark-installed ## side by side with peers and bare loops, one script after the other; JSON in var/benchmarks/
	@failed=; for script in serving_speed algorithms words pictures delivery_speed intake_speed exports_speed import_speed minimum_orders ledger_speed rights_speed sqlite_writers; do \
		if [ $$script = sqlite_writers ]; then $(BIN)/python benchmarks/$$script.py; else $(BIN)/python -m benchmarks.$$script; fi \
			|| failed="$$failed $$script"; \
	done; [ -z "$$failed" ] || { echo "These failed:$$failed"; exit 1; }

benchmark-pages: .venv/dev-installed ## every page of the desk at 1,000,000 people on PostgreSQL; the list in docs/operations.md
	$(BIN)/python -m benchmarks.pages_speed --write

screenshots: .venv/dev-installed ## every page of the desk at two widths, light and dark, in both languages; docs/screenshots/
	$(BIN)/python -m tests.chromium
	rm -rf docs/screenshots
	SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist load tests/browser/test_every_page.py

pictures: .venv/dev-installed ## the few pictures of docs/pictures, from a copy of what `make demo SERVE=0` left
	$(BIN)/python -m tests.chromium
	$(BIN)/python -m tests.pictures

.PHONY: help install demo check types lint test test-services test-faults client mutations benchmark benchmark-pages screenshots pictures
