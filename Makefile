# `make run`: the first minute.   `make test`: every check.
# Both make their own virtual environment in .venv; all they ask for is Python >= 3.11 and make.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin

.DEFAULT_GOAL := run
.PHONY: run test check docs pictures lab-score clean

run: .venv/installed-run
	@$(BIN)/nameblind start

test: check
	$(BIN)/pytest

docs: .venv/installed-docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs build/docs
	@echo "The pages: build/docs/index.html"

pictures: .venv/installed-dev
	$(BIN)/python docs/pictures/make.py

# Hours, the first time; what was scored before and still holds is not run again, so it can be interrupted at will.
lab-score: .venv/installed-run
	$(BIN)/nameblind lab score --results build/lab-scores --markdown docs/scorecard.md

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/python:
	@test -n "$(PYTHON)" || { echo "Nameblind needs Python 3.11 or newer; none was found on the PATH." >&2; exit 1; }
	@echo "Making a virtual environment in .venv ..."
ifdef UV
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
else
	@$(PYTHON) -m venv .venv
endif
	@touch $@

.venv/installed-%: .venv/python pyproject.toml
	@echo "Installing what Nameblind needs (a minute, once) ..."
ifdef UV
	@$(UV) pip install --quiet --python $(BIN)/python --editable '.[$(if $(filter dev,$*),dev,report$(comma)lab)]'
else
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(if $(filter dev,$*),dev,report$(comma)lab)]'
endif
	@touch $@

comma := ,

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build reports *.egg-info
