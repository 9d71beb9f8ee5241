# Faisceau. `make run` serves, `make test` proves, `make demo` tells the story of three orders.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv/bin
SABOTAGE ?=
ORDERS ?=
SEED ?=
# Many an image forbids it; then each of a hundred processes would compile all of the code anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test proof demo bench bench-full chaos fmt lock clean local dev

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

run: local ## start everything and serve until Ctrl-C (PORT=..., RUN_DIR=...)
	@exec $(VENV)/python -m commerce.local run

test: dev ## lint, types, import contracts and every test
	@exec $(VENV)/python -m commerce.local.check

proof: dev ## 5,000 random carts and 10,000 lives of bills by engine and oracles, 300 lives through everything; goes on where it stopped
	@$(VENV)/python -m tests.proof.run
	@$(VENV)/python -m tests.proof.billing.lived

demo: local ## drive three orders to their bills and compare each with its promise (SABOTAGE=price|tax|months|start|duplicate)
	@SABOTAGE='$(SABOTAGE)' exec $(VENV)/python -m commerce.local demo

bench: dev ## measure the small sets
	@exec $(VENV)/python -m commerce.local bench

bench-full: dev ## measure with a million accounts
	@exec $(VENV)/python -m commerce.local bench --full

chaos: dev ## kill every process while 1,000 orders run, then count what was lost or doubled (ORDERS=..., SEED=...)
	@ORDERS='$(ORDERS)' SEED='$(SEED)' exec $(VENV)/python -m commerce.local chaos

fmt: dev ## format the code and mend what can be mended
	@$(VENV)/ruff format .
	@$(VENV)/ruff check --fix .

lock: ## resolve requirements/*.in anew, with hashes
	@$(PYTHON) commerce/local/bootstrap.py lock

clean: ## remove the environment, the state of `make run` and every cache
	@if [ -x $(VENV)/python ]; then $(VENV)/python -m commerce.local clean; fi
	@rm -rf .venv .venv-lock static_root .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

local:
	@$(PYTHON) commerce/local/bootstrap.py local

dev:
	@$(PYTHON) commerce/local/bootstrap.py dev
