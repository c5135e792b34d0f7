# Everything a checkout needs, from a bare Python 3.11+ and make. `make help` lists the targets.

VENV   ?= .venv
OUTPUT ?= build
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps

export OPENBLAS_NUM_THREADS := 1
export MPLBACKEND := Agg
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A backend chosen for another project must not reach this one.
unexport GEOMSTATS_BACKEND

# The first of these that runs and is new enough; a name on PATH may be a shim that only prints an error.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	if $$p -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then echo $$p; break; fi; done)

# The package index may hold builds of PyTorch with gigabytes of GPU libraries; TORCH_ARGS names another source of builds
# to pip, for instance the CPU index that PyTorch's installation page gives.
TORCH       := torch==2.13.0
TORCH_ARGS  ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup setup-torch setup-peers demo test docs bench lint format wheel-test clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

setup: $(STAMPS)/base $(STAMPS)/test $(STAMPS)/bench $(STAMPS)/docs  ## everything but PyTorch, in $(VENV)

setup-torch: $(STAMPS)/torch  ## PyTorch

setup-peers: $(STAMPS)/torch  ## the packages that the benchmarks compare with
	$(BIN)/python -m pip install --quiet --editable ".[peers]"

demo: $(STAMPS)/base  ## from formula to report, for two losses
	$(BIN)/symport study rosenbrock --output $(OUTPUT)/demo/rosenbrock
	$(BIN)/symport study matrix-factorisation --output $(OUTPUT)/demo/matrix-factorisation
	@echo
	@echo "The reports, to be opened in a browser:"
	@echo "  $(OUTPUT)/demo/rosenbrock/report.html"
	@echo "  $(OUTPUT)/demo/matrix-factorisation/report.html"

test: $(STAMPS)/test  ## the tests; those of PyTorch are skipped by name without it
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

docs: $(STAMPS)/docs $(STAMPS)/torch  ## the documentation, every page executed, warnings as errors
	rm -rf docs/reference/generated
	$(BIN)/python -m sphinx -b html --fresh-env --fail-on-warning --keep-going --nitpicky docs $(OUTPUT)/docs
	@echo "The documentation: $(OUTPUT)/docs/index.html"

bench: $(STAMPS)/bench  ## the benchmarks, with their table
	$(BIN)/python -m pytest benchmarks --benchmark-only --benchmark-sort=name $(PYTEST_ARGS)

lint: $(STAMPS)/test  ## ruff and mypy
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: $(STAMPS)/test  ## let ruff fix and format what it can
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

wheel-test: $(STAMPS)/test  ## build the wheel and use it from another directory
	$(BIN)/python tests/check_wheel.py

clean:  ## remove what the targets made, the environment included
	rm -rf $(VENV) $(OUTPUT) dist docs/_build docs/gallery docs/reference/generated docs/sg_execution_times.rst
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/base: pyproject.toml
	@if ! "$(PYTHON)" -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then \
		echo "there is no usable Python (PYTHON=$(PYTHON))" >&2; \
		echo "  why: Symport needs Python 3.11+" >&2; \
		echo "  try: install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
		exit 1; fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/test $(STAMPS)/bench $(STAMPS)/docs: $(STAMPS)/%: $(STAMPS)/base
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	@touch $@

$(STAMPS)/torch: $(STAMPS)/base
	$(BIN)/python -m pip install --quiet $(TORCH_ARGS) $(TORCH)
	@touch $@
