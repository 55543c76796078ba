# `make` lists the targets.
BIN := .venv/bin
# What is given is text, for `make` and for the shell: a recipe takes it from its environment.
override export NAMES := $(value NAMES)
override export VERSION := $(value VERSION)

.DEFAULT_GOAL := help
.PHONY: help setup lint format fast test boot faults stack docs bench release

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## Install Forge and what its tests need, into .venv
	@generator/bootstrap --group dev --editable .

lint: setup ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

fast: ## Run the rendering and command-line tests, in two to three minutes
	tests/run --fast

test: ## Run every test, as CI does
	tests/run

boot: ## Start every variant, updated and switched projects, and two versions at once, on real servers
	tests/run -m boot tests/boot tests/updates

faults: ## Take away servers and processes under stress; FORGE_FAULT_TASKS=100000 FORGE_STOPS=100 for more of it
	tests/run tests/faults

stack: ## Start two variants in Docker
	tests/run -m stack

docs: setup ## Write docs/options.md anew from copier.yml
	$(BIN)/python docs/options.py

bench: setup ## Measure `forge new` and a generated project: `make bench`, or `make bench NAMES=draining`
	@set -f; $(BIN)/python -m tests.bench $$NAMES

release: ## Make a release: `make release VERSION=X.Y.Z`; pushes nothing
	@python3 generator/release.py "$$VERSION"
