# `make run` and `make test` need nothing before them: each sets up .venv if it is not there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help install run docs test test-all lint format bench fuzz faults proto clean

help:  ## Say what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-beam.txt requirements-dask.txt requirements-targets.txt requirements-docs.txt requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  -r requirements.txt -r requirements-beam.txt -r requirements-dask.txt -r requirements-dev.txt
	@touch $@

install: $(VENV)/installed  ## Make .venv with everything that training needs

run: install  ## Prepare MNIST, train LeNet, say its accuracy and where the curves are
	$(BIN)/python -m data_prep.mnist --output_dir=data/mnist
	$(BIN)/python -m zoo.train --config=configs/lenet.prototxt --data_dir=data --run_dir=runs/lenet
	$(BIN)/python -m zoo.plot --run_dir=runs/lenet

$(VENV)/installed-docs: $(VENV)/installed requirements-docs.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	@touch $@

docs: $(VENV)/installed-docs  ## Build the documentation as HTML: site/index.html, to be read without a server. DOCS_FLAGS=--norun
	$(BIN)/python -m docs_site $(DOCS_FLAGS)

test: $(VENV)/installed-dev lint  ## The tests that CI runs
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(VENV)/installed-dev lint  ## Every test, the slow ones too
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev  ## Style, imports, likely bugs, the types of the public doors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(VENV)/installed-dev  ## Bring the code into the one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install  ## Speed of LeNet next to a hand-written loop, as a table; says what else is timed
	$(BIN)/python -m benchmarks.lenet
	@echo
	@echo 'More, each teaches with --help:'
	@for file in benchmarks/*.py zoo/benchmark.py; do \
	  grep -q __main__ $$file && grep -q 'command.run' $$file && \
	  printf '  python -m %-28s %s\n' "$$(echo $$file | sed 's|/|.|g; s|\.py$$||')" "$$(head -1 $$file | tr -d '\"')"; done; true

$(VENV)/installed-fuzz: $(VENV)/installed-dev requirements-fuzz.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-fuzz.txt
	@touch $@

fuzz: $(VENV)/installed-fuzz  ## Fuzz every reader and the flags for minutes; a table, and exit code 1 on a finding. FUZZ_FLAGS='--seconds=5'
	$(BIN)/python -m tests.fuzz $(FUZZ_FLAGS)

faults: $(VENV)/installed-dev  ## Kill, fill, corrupt: the matrix of faults, as a table. FAULTS_FLAGS='--only=training --seconds=60'
	$(BIN)/python -m benchmarks.faults $(FAULTS_FLAGS)

proto: $(VENV)/installed-dev  ## Regenerate the Python module of zoo/formats/caffe.proto
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. zoo/formats/caffe.proto

clean:  ## Remove .venv and caches; data and runs stay
	rm -rf $(VENV) .ruff_cache .pytest_cache
