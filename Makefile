# make run and make test set up what they need in .venv and, where they may, on the system; see requirements/setup.sh.

ARGS ?=
BIN := .venv/bin
READY := .venv/.ready-
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help run bench bench-kafka kafka soak chaos image test lint format train lock clean
.DEFAULT_GOAL := help

help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 : /p' $(MAKEFILE_LIST) | awk -F' : ' '{printf "%-14s %s\n", $$1, $$2}'

run: $(READY)run  ## listen to the microphone, or play the demo if there is none; ARGS="--file song.mp3" for more
	@$(BIN)/python -m stream $(ARGS)

bench: $(READY)run  ## measure what a window costs on this machine
	@$(BIN)/python -m stream.listen --benchmark $(ARGS)

bench-kafka: $(READY)run  ## measure how fast a Kafka consumer catches up; ARGS="--help" for more
	@$(BIN)/python -m tests.stream.kafka.bench $(ARGS)

kafka: $(READY)run  ## a Kafka broker on 127.0.0.1:9092 until Ctrl-C, for trying things out; ARGS="--help" for more
	@$(BIN)/python -m tests.stream.kafka.broker $(ARGS)

soak: $(READY)run  ## ten hours of sound through one stream, with memory watched; ARGS="--hours 1" for less
	$(BIN)/python -m tests.soak --hours 10 $(ARGS)

chaos: $(READY)run  ## kill Kafka consumers and the broker, and see that no result is lost; ARGS="--seed 1 --faults 100"
	@$(BIN)/python -m tests.stream.kafka.chaos $(ARGS)

image:  ## build the container image, with docker, podman or buildah; ARGS="..." go to it
	@bash docker/build.sh $(ARGS)

test: lint  ## lint, types and all tests, in two processes; ARGS="-k name" for some, ARGS="-n 0 --pdb" in one process
	$(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(READY)dev  ## style, types, and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

format: $(READY)dev  ## put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

train:  ## train the default model anew on a music folder: MUSIC=folder
	@test -n "$(MUSIC)" || { echo "make train MUSIC=folder: the folder with the tables and the songs"; exit 2; }
	@$(MAKE) --no-print-directory $(READY)dev
	$(BIN)/python -m train.default --music "$(MUSIC)" $(ARGS)

LOCK := $(BIN)/uv pip compile -q --universal --fork-strategy fewest --python-version 3.11 --no-emit-index-url \
	--custom-compile-command "make lock" setup.cfg

lock: $(READY)dev  ## choose the exact versions in requirements/ anew
	$(LOCK) --upgrade --extra mic --extra kafka -o requirements/run.txt
	$(LOCK) --upgrade --extra mic --extra kafka --extra dev -c requirements/run.txt -o requirements/dev.txt

clean:  ## remove the environment and what tools left; cache/ (Kafka, prepared songs) and runs/ (trained models) stay
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is brought up to date whenever a lock changes.
$(READY)%: requirements/%.txt requirements/setup.sh requirements/system.sh requirements/system-run.txt \
		requirements/system-test.txt setup.cfg
	@bash requirements/setup.sh $*
	@touch $@
