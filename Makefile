# Everything a person needs: `make demo` and `make test` set up by themselves.
# anjana and pycanon pin numpy 2.0.2, which has no build for Python 3.13: take 3.11 or 3.12 where the machine has them
FITS := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))'
PYTHON ?= $(firstword $(foreach p,python3 python3.11 python3.12 python,$(shell $(p) $(FITS) >/dev/null 2>&1 && echo $(p))) no-python-3.11-or-3.12)
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= out/demo
BENCH ?= out/bench
PATIENTS ?= 100000
# `spark` (some 400 MB, needs Java 17) is added by .ci/run; without it the tests of tests/scale are skipped by name
EXTRAS ?= dev,postgresql,speed
export PYTHONSAFEPATH := 1

.PHONY: setup check fix test demo serve bench docs articles clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@

check: setup  ## changes nothing: format, lint, types, layers, documents in step
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m kiban_applications.documents --check

fix: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

demo: setup
	$(BIN)/kiban --home $(DEMO) demo

serve: setup
	$(BIN)/kiban --home $(DEMO) serve

bench: setup
	$(BIN)/python benchmarks/run.py --patients $(PATIENTS) --folder $(BENCH)

docs articles: setup
	$(BIN)/python -m kiban_applications.documents

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
