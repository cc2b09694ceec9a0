# Three commands do everything: `make run` (the national plan), `make serve` (the service) and
# `make test` (all checks). All make .venv when it is missing or when a lock has changed, and are quick otherwise.

PYTHON ?= python3.11
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: run serve test test-all lint bench bench-scale lock clean
.DEFAULT_GOAL := run

run: .venv/run.stamp ## Solve the packaged national instance, show the plan and write its report
	$(BIN)/allocator solve norway-2024 --out build/norway-2024 --overwrite
	$(BIN)/allocator report build/norway-2024 --out build/norway-2024.html --overwrite

serve: .venv/run.stamp ## Serve on this machine, to whoever asks on it, until Ctrl-C; what is kept is in build
	mkdir -p build
	$(BIN)/allocator serve --open --database sqlite:///build/service.db

test: .venv/dev.stamp lint ## All checks that fit in twelve minutes on two cores; random cases are the same every time
	$(BIN)/python -m pytest -n 2 -m "not slow" --hypothesis-profile=ci

test-all: test ## Every check: those of `make test`, then the slow ones; CASES=4 tries four times as many random cases
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

lint: .venv/dev.stamp ## Style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev.stamp ## Measure, within 40 minutes; writes benchmarks/results and docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-scale: .venv/dev.stamp ## Measure 35,700 municipalities and the growth from 357, within an hour
	$(BIN)/python -m benchmarks scale

clean: ## Remove everything that was made here
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.lock pyproject.toml | .venv/bin/python
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	$(INSTALL) --require-hashes -r requirements-dev.lock
	touch $@

# Needs uv (`pip install uv`); the locks hold versions and hashes, and no address.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --all-extras --group build pyproject.toml
lock: ## Renew both locks
	$(LOCK) --output-file requirements.lock
	$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock
