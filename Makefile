# make demo: the main job on the shipped model.  make test: lint and tests.  Both set everything up on a fresh machine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first interpreter that starts and is new enough (a version manager may list one that does not start).
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
# .venv is for the Python that it was made with. For another one in PYTHON, such as 3.13, it is .venv-3.13.
VENV ?= $(shell version() { "$$1" -c 'import sys; v = sys.version_info[:2]; v < (3, 11) or print("%d.%d" % v)' 2>/dev/null; }; \
	named="$(filter-out file undefined,$(origin PYTHON))"; wanted="$$(version "$(PYTHON)")"; made="$$(version .venv/bin/python)"; \
	if [ -n "$$named" ] && [ -z "$$wanted" ]; then :; \
	elif [ -z "$$named" ] || [ -z "$$made" ] || [ "$$made" = "$$wanted" ]; then echo .venv; else echo ".venv-$$wanted"; fi)
VENV := $(VENV)
$(if $(VENV),,$(error PYTHON=$(PYTHON) does not start, or is older than 3.11))
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2
DEMO_OUT ?= results/demo

# One thread for each numerical library: workers do not compete, and sums come out in the same order every time.
export OMP_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo test test-all matrix where coverage lint docs notebooks clean

help:
	@echo "make demo      set up and compare rate and spiking weight changes on the shipped model ($(DEMO_OUT))"
	@echo "make test      set up, lint, tests"
	@echo "make test-all  the same with the slow tests"
	@echo "               PYTHON=python3.13: with that Python, in an environment of its own (.venv-3.13)"
	@echo "make matrix    the tests with every Python and the oldest and newest Brian2 of each, as a table"
	@echo "make coverage  which branches of the package the tests take (all but tests/faults)"
	@echo "make lint      ruff and mypy"
	@echo "make docs      the documentation (docs/_build/html/index.html), notebooks run"
	@echo "make notebooks the notebooks, run, as .ipynb files beside their scripts (experiments/notebooks)"
	@echo "make clean     remove caches and build leftovers (keeps $(VENV) and results)"

setup: $(READY)

$(READY): requirements.txt setup.cfg setup.py pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "spikedtp needs Python 3.11 or later: install one, or name it: make PYTHON=/path/to/python" >&2; exit 2; }
	@[ -x $(BIN)/python ] || "$(PYTHON)" -m venv $(VENV)
	@echo "setting up $(VENV): some minutes, most of them for PyTorch"
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)
	$(BIN)/spikedtp compare --out $(DEMO_OUT)

test: lint
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

test-all: lint
	$(BIN)/python -m pytest -n $(WORKERS)

PYTHONS ?= python3.11 python3.12 python3.13

matrix: $(READY)
	$(BIN)/python tests/python_matrix.py $(PYTHONS)

where:
	@echo $(VENV)

coverage: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS) -m "not slow" --ignore tests/faults
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

DOCS_READY := $(VENV)/.docs-ready

$(DOCS_READY): requirements-docs.txt $(READY)
	$(BIN)/python -m pip install --quiet -r requirements-docs.txt
	@touch $@

docs: $(DOCS_READY)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

NOTEBOOKS := $(patsubst %.py,%.ipynb,$(wildcard experiments/notebooks/*.py))

notebooks: $(NOTEBOOKS)

# Only where the script is newer: what was changed in a notebook stays.
%.ipynb: %.py | $(DOCS_READY)
	$(BIN)/jupytext --quiet --to ipynb $<
	$(BIN)/jupyter execute --inplace $@

clean:
	rm -rf build dist *.egg-info docs/_build docs/api docs/rules docs/notebooks docs/gallery.md docs/background.md .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -path './.venv*' -prune -o -name __pycache__ -type d -exec rm -rf {} +
