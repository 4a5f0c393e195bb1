# The two commands: `make demo` and `make test`. Both set up .venv themselves and can be repeated.
# Elsewhere: TORCH names the PyTorch to install, PIP_INSTALL how (say, with an index of CPU builds).

PYTHON ?= python3
TORCH ?= torch==2.13.0
PIP_INSTALL ?= .venv/bin/python -m pip install --disable-pip-version-check --progress-bar on
STRICT ?=
READY = .venv/.ready
# One process a core, each test where a process is free; PYTEST_ARGS="-n 0" runs them one after the other.
PYTEST = .venv/bin/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

.PHONY: setup models demo test unit lint format clean

setup: $(READY)

# PyTorch first and by itself: a range that admits newer releases would pull gigabytes of CUDA on a machine without a GPU.
$(READY): pyproject.toml
	@echo "setting up .venv (once; some minutes)"
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(PIP_INSTALL) --quiet "$(TORCH)"
	$(PIP_INSTALL) --quiet --editable ".[dev]"
	@touch $@

models: $(READY)
	.venv/bin/sartor models pull

demo: models
	.venv/bin/sartor run examples/billing-notes

test: models
	$(PYTEST) $(if $(STRICT),--no-skips) $(PYTEST_ARGS)

unit: $(READY)
	$(PYTEST) -m "not real and not browser and not slow" $(PYTEST_ARGS)

lint: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: $(READY)
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# `make bench-label-errors` runs bench/label_errors.py.
bench-%: models
	.venv/bin/python bench/$(subst -,_,$*).py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
