# Two commands on a fresh machine: `make demo` and `make test`. Everything lives in .venv.
PYTHON ?= python3
BIN := .venv/bin
# Threads that spin while they wait make a machine that does something else besides many times slower.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: demo test check bench clean

demo: .venv/.installed
	$(BIN)/rmaudit audit examples/length_confounded/model --out runs/demo

test: .venv/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/shouting.py
	$(BIN)/mypy tests/benchmarks/bench_scoring.py
	cd examples/length_confounded && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml train.py
	cd examples/planted_biases && MYPYPATH=../length_confounded $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/pyproject.toml train.py table.py taste.py
	$(BIN)/lint-imports

bench: .venv/.installed
	$(BIN)/python tests/benchmarks/bench_scoring.py

clean:
	rm -rf .venv runs

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
