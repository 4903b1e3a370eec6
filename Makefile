# Everything a person or CI runs. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
SOURCES := connector portal visits sandbox tests bench
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --generate-hashes --no-header --python-version 3.11

.PHONY: help demo demo-reset test test-fast test-house fuzz faults tour bench check format lock sbom messages chromium node interop data-map

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/installed ## Run the whole house: PostgreSQL, Valkey, sandbox, connector; Ctrl-C stops it, the data is kept
	@exec $(BIN)/python -m sandbox.launcher demo

demo-reset: .venv/installed ## Forget the demo's data
	@exec $(BIN)/python -m sandbox.launcher reset

# Side by side: the tests of a house wait for it a third of their time.
test: .venv/installed chromium interop ## Every test, on two cores
	@$(MAKE) --keep-going --jobs=2 test-fast test-house

test-fast: .venv/installed interop ## The tests that need neither the running house nor a browser
	@$(BIN)/pytest -n 2 -m "not house" </dev/null

test-house: .venv/installed interop ## The flow tests and stories: every process running, Chromium
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m house </dev/null

fuzz: .venv/installed ## Ten thousand launches, callbacks, notifications, answers and forms of junk, and each property at length; writes docs/fuzz.md; SEED=n repeats a run
	@seed="$${SEED:-$$RANDOM}"
	FUZZ="$$seed" $(BIN)/pytest tests/fuzz -m "not house" </dev/null
	$(BIN)/pytest -n 2 -m "hypothesis and not house" --hypothesis-profile at_length --hypothesis-seed "$$seed" </dev/null

tour: node chromium ## Walk the first visit and take the screenshots of docs/tour.md
	@$(BIN)/python -m tests.stories.tour

faults: .venv/installed ## Break every part of the running house under thirty visits; writes docs/faults.md
	@$(BIN)/python -m tests.faults

bench: .venv/installed ## How long the reports take over a million visits (bench/README.md)
	@$(BIN)/python -m bench.reports

# Migrations are compared with the models alone: that the production-like database cannot be reached is no fault.
check: .venv/installed ## Formatting, lint, types, layers, templates, migrations, deployment, requirements, licences
	@step() { printf '%s\n' "-- $$*" >&2; "$$@"; }
	step $(BIN)/ruff format --check .
	step $(BIN)/ruff check .
	step $(BIN)/python -m tests.rules.production $(BIN)/mypy $(SOURCES)
	step $(BIN)/lint-imports --no-cache
	step $(BIN)/djlint --quiet --lint templates
	step $(BIN)/python -m tests.rules.production $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	step $(BIN)/python -m tests.rules.production $(BIN)/python manage.py check --deploy --fail-level WARNING
	step $(BIN)/pip check
	step $(BIN)/python -m tests.rules.requirements
	step $(BIN)/pip-licenses >/dev/null

format: .venv/installed ## Format the code and mend what ruff can
	@$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lock: .venv/installed ## Compile the hash-pinned requirements from pyproject.toml; UPGRADE=--upgrade takes newer ones
	@$(COMPILE) $(UPGRADE) -o requirements.txt
	$(COMPILE) $(UPGRADE) --group dev -c requirements.txt -o requirements-dev.txt

sbom: .venv/installed ## Write the bill of materials (sbom.json, CycloneDX) and docs/licences.md
	@$(BIN)/python -m tests.rules.bill

messages: .venv/installed ## Collect what patients and clinicians read into locale/, and compile the translations
	@$(BIN)/python -m tests.rules.catalogues

data-map: .venv/installed ## Write docs/data-map.md from the models
	@$(BIN)/python -m tests.rules.production $(BIN)/python -m tests.rules.data_map

# The virtual environment, installed again only when the pinned requirements have changed.
.venv/installed: requirements-dev.txt
	@python=
	for candidate in python3 python3.11 python3.12 python3.13 python3.14; do
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi
	done
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed and none was found (Debian: apt-get install python3)." >&2; exit 1; fi
	if ! $(BIN)/python -c '' 2>/dev/null && ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
			echo "Python's venv module is missing. Debian: apt-get install python3-venv" >&2; exit 1
		fi
		apt-get update -qq && apt-get install -y -qq python3-venv </dev/null
	fi
	$(BIN)/python -c '' 2>/dev/null || "$$python" -m venv --clear .venv
	if ! $(BIN)/uv --version >/dev/null 2>&1; then
		echo "Installing the packages (about half a minute) ..."
		sed -n '/^uv==/,/^[a-z]/{/^uv==/p;/^ .*--hash/p}' requirements-dev.txt | sed '$$s/ *\\$$//' >.venv/uv.txt
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r .venv/uv.txt
	fi
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements-dev.txt
	touch $@

# What the stories need: CHROMIUM, one on the PATH, or Debian's package; and, where Debian has it, the same without windows, which is faster.
chromium:
	@if [ -n "$${CHROMIUM:-}" ]; then exit 0; fi
	here() { for name in "$$@"; do if command -v $$name >/dev/null; then return 0; fi; done; return 1; }
	get() { DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -y -qq "$$@" </dev/null >/dev/null; }
	may() { [ "$$(id -u)" = 0 ] && here apt-get; }
	if ! here chromium chromium-browser google-chrome && may; then
		echo "Installing Chromium for the stories ..."
		apt-get update -qq && get chromium || true
	fi
	if ! here chromium-headless-shell && may && apt-cache show chromium-headless-shell >/dev/null 2>&1; then
		echo "Installing Chromium without windows, so that the tests are faster ..."
		get chromium-headless-shell || echo "It cannot be installed; Chromium itself will do." >&2
	fi
	if here chromium chromium-browser google-chrome; then exit 0; fi
	echo "No Chromium, and it cannot be installed from here: the stories will fail by name. Set CHROMIUM, or as root: apt-get install chromium" >&2

# Playwright brings a Node, which drives Chromium and runs what tests/interop needs. A bare Debian lacks one library of it.
node: .venv/installed
	@runs() { $(BIN)/playwright --version >/dev/null 2>&1; }
	if runs; then exit 0; fi
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "Installing libatomic1 for Playwright's Node ..."
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libatomic1 </dev/null >/dev/null || true
	fi
	if runs; then exit 0; fi
	echo "Playwright's Node does not run here: the stories and tests/interop will fail by name. As root: apt-get install libatomic1" >&2

# What tests/interop needs: npm's oidc-provider and xlsx. Only npm itself may be missing.
interop: node tests/interop/node_modules/installed

tests/interop/node_modules/installed: tests/interop/package-lock.json
	@if ! command -v npm >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "Installing npm for the tests against oidc-provider ..."
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm </dev/null >/dev/null || true
	fi
	if npm ci --prefix tests/interop --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; then touch $@; exit 0; fi
	echo "oidc-provider and xlsx cannot be installed from here: tests/interop will fail by name. They need npm (as root: apt-get install npm) and its registry." >&2
