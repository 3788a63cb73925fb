# Short verbs. Each installs what it needs into .venv; the second time it installs nothing.
# ARGS adds flags: make run ARGS="--arch resnet18 --keep-macs 0.3"

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-all lint types docs notebook bench bench-latency bench-search bench-ablation bench-reliability clean

PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$name && break; done)
ARGS ?=
JOBS ?= 2
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SETTINGS := Makefile pyproject.toml constraints.txt

help:
	@echo "make run            train, prune, cut, export and verify SqueezeNet on the bundled images (ARGS=... adds flags)"
	@echo "make test           run the tests"
	@echo "make test-all       run the tests, the slow ones included"
	@echo "make lint           check style and format (ruff)"
	@echo "make types          check types (mypy)"
	@echo "make docs           build the documentation site: site/index.html"
	@echo "make notebook       run the notebook in docs/ again, in its place (ARGS=\"--out FILE\": elsewhere)"
	@echo "make bench          race all methods on the bundled images (hours)"
	@echo "make bench-latency  test the latency measurement against known speed-ups"
	@echo "make bench-search   measure what a step of the search costs (6 minutes of an idle core)"
	@echo "make bench-ablation change one thing of the search at a time, three seeds (hours; goes on where it stopped)"
	@echo "make bench-reliability  kills, flipped bits, hostile files (45 minutes; goes on where it stopped)"
	@echo "make clean          remove .venv, site/ and caches; never runs/"

run: .venv/run.stamp
	$(BIN)/compress run --arch squeezenet $(ARGS)

test: .venv/dev.stamp
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow" $(ARGS)

test-all: .venv/dev.stamp
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev.stamp
	$(BIN)/mypy

docs: .venv/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet $(ARGS)
	@echo "site/index.html"

notebook: .venv/dev.stamp
	$(BIN)/python -m scripts.run_notebook docs/prune-your-network.ipynb $(ARGS)

bench: .venv/run.stamp
	$(BIN)/compress race --arch squeezenet --keep-macs 0.5,0.25 --seeds 3 --threads 1 $(ARGS)

bench-latency: .venv/run.stamp
	$(BIN)/python -m benchmarks.latency_method $(ARGS)

bench-search: .venv/run.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.search_cost $(ARGS)

bench-ablation: .venv/run.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.ablation --set threads=1 $(ARGS)

bench-reliability: .venv/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.reliability $(ARGS)

clean:
	rm -rf .venv site build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/run.stamp: $(SETTINGS) | .venv/bin/python
	$(PIP_INSTALL) -e .
	@touch $@

.venv/dev.stamp: $(SETTINGS) | .venv/bin/python
	$(PIP_INSTALL) -e ".[dev]"
	@touch $@ .venv/run.stamp

.venv/docs.stamp: $(SETTINGS) | .venv/bin/python
	$(PIP_INSTALL) -e ".[docs]"
	@touch $@ .venv/run.stamp

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "expected Python 3.11, 3.12 or 3.13 with venv (on Debian: python3-venv), found none;" \
	  "try: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 5; }
	@echo "Setting up .venv with $(PYTHON); the first time this takes some minutes." >&2
	$(PYTHON) -m venv .venv
