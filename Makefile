# `make demo` needs Python 3.11 or newer and make, nothing else.
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.11 python3.13 python3.12 python3)
# 3.11 first: it is what constraints.txt was tried with.
FIT := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
# Small matrices: more threads only wait for each other, and a busy machine's for good.
export OMP_NUM_THREADS ?= 1

.PHONY: help demo test check clean

help:  ## list the targets
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/'
	@echo "PYTHON=... picks the interpreter, ARGS=... goes to leadone demo or pytest"

demo: $(VENV)/.light  ## install the runtime (no torch) and watch a real ECG being read
	@$(BIN)/leadone demo $(ARGS)

test: $(VENV)/.full  ## install what the tests need and run them
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.full  ## ruff, formatting and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

include models.mk

clean:  ## remove the environment, caches and builds
	@rm -rf $(VENV) .venv-tflite tests/edge/web/node_modules build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache leadone-demo.html
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@for python in $(CANDIDATES); do \
	  if "$$python" -c '$(FIT)' 2>/dev/null; then exec "$$python" -m venv $(VENV); fi; \
	done; \
	echo "leadone needs Python 3.11 or newer with venv (tried: $(CANDIDATES)); install it or name one: make demo PYTHON=/path/to/python3" >&2; \
	exit 1

# A stamp for each kind of installation: a second call installs nothing.
$(VENV)/.light: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the runtime into $(VENV) ..."
	@$(PIP) -e .
	@touch $@

$(VENV)/.full: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing everything for training and tests into $(VENV) ..."
	@$(PIP) -e ".[train,export,formats,live,firmware,federated,cluster,dev]"
	@touch $@ $(VENV)/.light
