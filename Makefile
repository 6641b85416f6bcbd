# Two commands: `make run` sets up and plays the main job, `make test` sets up and runs every check.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
READY_TEST := $(VENV)/ready-test

.PHONY: run serve chat train test coverage acceptance format bench lock graph clean

run: $(READY)  ## set up, train what is missing, play a conversation in each language
	$(BIN)/sales-agent train --if-missing
	$(BIN)/sales-agent demo

serve: $(READY)  ## the HTTP server on port 8000
	$(BIN)/sales-agent train --if-missing
	$(BIN)/sales-agent serve

chat: $(READY)  ## talk to the agent in this terminal
	$(BIN)/sales-agent train --if-missing
	$(BIN)/sales-agent chat

train: $(READY)
	$(BIN)/sales-agent train

test: $(READY_TEST)  ## lint, types, import floors, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/pytest --numprocesses=2 --dist=loadfile --durations=10

coverage: $(READY_TEST)  ## the same tests, and what they reach; on Python 3.11 that nearly doubles their time
	$(BIN)/pytest --numprocesses=2 --dist=loadfile --cov --cov-report=term

acceptance: $(READY_TEST) .venv-acceptance/ready tests/acceptance/node_modules  ## real clients hold conversations; needs node
	$(BIN)/sales-agent train --if-missing
	$(BIN)/python -m tests.acceptance .venv-acceptance/bin/python

.venv-acceptance/ready: requirements-acceptance.lock
	$(PYTHON) -m venv .venv-acceptance
	.venv-acceptance/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-acceptance.lock
	touch $@

tests/acceptance/node_modules: tests/acceptance/package-lock.json
	cd tests/acceptance && npm ci --no-audit --no-fund
	touch $@

format: $(READY_TEST)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY_TEST)  ## ours against the textbook stack; about half an hour on two cores
	$(BIN)/sales-agent train --if-missing
	$(BIN)/python -m benchmarks.turns
	$(BIN)/python -m benchmarks.history
	$(BIN)/python -m benchmarks.predictors
	$(BIN)/python -m benchmarks.stream

graph: $(READY)  ## the picture in the README, from the code
	$(BIN)/python -m docs.graph

# Needs uv. The lock names no index; install with any.
lock:
	uv pip compile pyproject.toml --all-extras --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements-test.lock
	uv pip compile tests/acceptance/requirements.in --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements-acceptance.lock
	uv pip compile pyproject.toml --extra encoder --extra build -c requirements-test.lock --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements.lock

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(READY): requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(READY_TEST): requirements-test.lock $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-test.lock
	touch $@

clean:
	rm -rf $(VENV) data
