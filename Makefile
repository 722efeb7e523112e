# make run    install, build, start everything, and print the address to open
# make test   install what tests need, then lint, types, import contracts and all tests
# make bench  the benchmarks
# make lint   what `make test` checks before it runs tests
# make picture  take the README's picture anew, from an installation with made-up people
# make lock   pin the newest versions of all packages

PYTHON ?= python3
BIN := .venv/bin
TESTS ?= tests
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := run
.PHONY: run test bench lint lock picture ready-to-run ready-to-test

run: ready-to-run
	@exec $(BIN)/tidings up --steps-before 3

ready-to-run ready-to-test:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is missing: install it with 'sudo apt-get install python3 python3-venv'." >&2; exit 1; }
	@$(PYTHON) -m cli.install $(@:ready-to-%=%)

lint: ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile $(TESTS)

bench: ready-to-test
	$(BIN)/tidings bench all

picture: ready-to-test
	$(BIN)/python docs/pictures.py

# Without annotations and addresses: the files name no registry, so that any mirror will do.
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 \
	--no-annotate --no-header --upgrade pyproject.toml --extra install
lock: ready-to-test
	$(LOCK) -o requirements.lock
	$(LOCK) --extra dev -c requirements.lock -o requirements-dev.lock
	npm install --package-lock-only --no-audit --no-fund
