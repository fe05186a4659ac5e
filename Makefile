# The few commands a person types. Each sets up whatever it needs on first use and asks nothing.

.DEFAULT_GOAL := help
.PHONY: help run advice test check bench mutate clean unsound
.SUFFIXES:
.SILENT:
MAKEFLAGS += --no-print-directory

ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input install

# The first interpreter on the path that is new enough; PYTHON=... names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$python" && break; done)

help:
	echo "make run      trade a simulated day; options after it through ARGS, e.g. ARGS='--seed 7'"
	echo "make advice   trade before a Bedrock on this machine that answers, waits, fails and lies"
	echo "make test     every test"
	echo "make check    format, lint, types, imports and architecture, as .ci/run does"
	echo "make bench    every benchmark; ARGS=--json for numbers a program can read"
	echo "make mutate   break the order path piece by piece; ARGS=all for every module of it"
	echo "make clean    remove .venv, builds and caches; recorded runs stay"

run: $(VENV)/package
	$(BIN)/mytrader run $(ARGS)

# Its client of AWS is an extra, which the pinned requirements of development hold.
advice: $(VENV)/dev
	$(BIN)/mytrader advice demo $(ARGS)

test: $(VENV)/dev
	echo "==> tests"
	$(BIN)/python -m pytest -n auto $(ARGS)

check: $(VENV)/dev
	echo "==> format"
	$(BIN)/ruff format --check .
	echo "==> lint"
	$(BIN)/ruff check .
	echo "==> types"
	$(BIN)/mypy
	echo "==> imports"
	$(BIN)/lint-imports
	echo "==> architecture"
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(VENV)/dev
	for script in benchmarks/*.py; do \
		echo "==> $$script" >&2; \
		$(BIN)/python "$$script" $(ARGS) || exit 1; \
	done

mutate: $(VENV)/dev
	$(BIN)/python scripts/mutate.py $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis .coverage* .mutants
	find mytrader tests scripts benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} + \
		2>/dev/null || true

# A virtual environment knows its own path and its interpreter: when the folder was moved, the
# interpreter is gone or the making was interrupted, it is made anew.
ifneq ($(shell test "$$(cat $(VENV)/made 2>/dev/null)" = "$(CURDIR)" \
	&& $(BIN)/python -c '' 2>/dev/null && echo sound),sound)
$(VENV)/made: unsound
endif

$(VENV)/made:
	test -n "$(PYTHON)" && "$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "mytrader needs Python 3.11 or newer$(if $(PYTHON), and $(PYTHON) is not):" \
			"install one, or name it with PYTHON=/path/to/python3" >&2; exit 2; }
	"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make a virtual environment: install its venv module" \
			"(Debian, Ubuntu: apt install python3-venv)" >&2; exit 2; }
	echo "==> making $(VENV) with $$("$(PYTHON)" --version)"
	rm -rf $(VENV)
	"$(PYTHON)" -m venv $(VENV)
	echo "$(CURDIR)" >$@

$(VENV)/run: requirements/run.txt $(VENV)/made
	echo "==> installing what the trader runs on ($<)"
	$(PIP) --require-hashes -r $<
	touch $@

# Installed in place: an edit of the source needs no second installation.
$(VENV)/package: pyproject.toml mytrader/__init__.py $(VENV)/run
	echo "==> installing mytrader"
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

# ibapi is published as source only; it is built by the setuptools that run.txt pins.
$(VENV)/dev: requirements/dev.txt $(VENV)/package
	echo "==> installing what checks and tests need ($<)"
	$(PIP) --require-hashes --no-build-isolation -r $<
	touch $@
