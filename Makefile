# Two commands do everything on a fresh machine: `make quickstart` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

PAPERS := thompson-sampling q-learning network-optimization network-topologies network-real projected-langevin smoothadv

.PHONY: quickstart test check nightly thompson benchmarks clean

quickstart: $(VENV)/run-installed  ## the main job on real data, in a fresh environment
	$(BIN)/harness run suites/quickstart.yaml

test: $(VENV)/dev-installed check  ## everything that CI runs
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

check: $(VENV)/dev-installed  ## formatting, lints, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

nightly: $(VENV)/dev-installed  ## the slow reproductions too
	$(BIN)/python -m pytest -n 2 --dist worksteal
	$(BIN)/harness check suites/smoke.yaml
	$(BIN)/harness check networks/mspd
	for suite in $(PAPERS); do $(BIN)/harness run suites/$$suite.yaml --strict || exit 1; done

$(VENV)/run-installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[bandits]'
	touch $@

$(VENV)/dev-installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[all,dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
