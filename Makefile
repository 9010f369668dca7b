# Every step of .ci/run is a target here. Run them in a virtual environment with `.[test]` installed.
PYTHON ?= python

.PHONY: help install lint format types contracts tests docs-code bench-smoke demo check constraints clean

help:            ## Say what there is.
	@grep -E '^[a-z-]+: *.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 16

install:         ## Install the package for development, with what the tests need.
	$(PYTHON) -m pip install -e '.[test]'

lint:            ## Style and correctness of the source (ruff).
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

format:          ## Put the source into the house's format.
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

types:           ## Types of the package (mypy, strict).
	$(PYTHON) -m mypy

contracts:       ## Floors, exports, sizes, hosts, changelog.
	lint-imports --no-logo
	$(PYTHON) -m pytest -q tests/contracts --deselect tests/contracts/test_pages.py

tests:           ## Every test and every docstring's example.
	$(PYTHON) -m pytest

docs-code:       ## Run the code of README and docs, follow their links.
	$(PYTHON) -m pytest -q tests/contracts/test_pages.py

bench-smoke:     ## Run every benchmark once, small.
	$(PYTHON) -m bench.run --smoke

demo:            ## The first run, on embedded real trades.
	atomloom demo

check: lint types contracts tests docs-code  ## All but the benchmarks and the demo.

constraints:     ## Pin what a clean environment gets today.
	rm -rf .venv-constraints
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/bin/python -m pip install -q '.[test,bench]'
	.venv-constraints/bin/python -m pip freeze --exclude atomloom > constraints.txt
	rm -rf .venv-constraints

clean:           ## Remove caches and compiled kernels (not your runs).
	find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
