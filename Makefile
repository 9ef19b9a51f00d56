# The two commands are `make dev` and `make test`; each does all set-up.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 $$HOME/.pyenv/versions/*/bin/python3; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
PY := $(VENV)/bin/python

.PHONY: dev services dev-cloud test lint check bench peers fmt golden lock help
help: ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(VENV)/.installed: requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed."; exit 2; }
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

dev: $(VENV)/.installed ## serve everything on this machine: API :7071, realtime :7072, data in .data/
	@exec $(PY) -m devhost

services: $(VENV)/.installed ## start Cosmos DB, Storage, Redis and SMTP on this machine (needs Node); Ctrl-C stops
	@exec $(PY) -m tests.local_cloud

dev-cloud: $(VENV)/.installed ## the same as dev, on `make services` through the Azure adapters; data in .data/cloud/
	@exec $(PY) -m tests.local_cloud --run $(PY) -m devhost --data .data/cloud

test: $(VENV)/.installed ## all tests; with Node also those against emulators
	@$(PY) -m pytest

lint: $(VENV)/.installed ## style, types, import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

check: lint ## lint, and the tests that need no servers
	@$(PY) -m pytest -q -m "not servers"

fmt: $(VENV)/.installed ## format and fix
	@$(PY) -m ruff check --fix . || true
	@$(PY) -m ruff format .

bench: $(VENV)/.installed ## measure ours beside its peer; writes the table of docs/performance.md (Linux)
	@$(PY) -m bench --page docs/performance.md $(if $(PEERS),--peers)

peers: ## set up what `make bench PEERS=1` measures as well: Synapse, Parse Server, ejabberd; in .build/ (Debian, Node)
	@PYTHON=$(PYTHON) bench/peers/setup.sh t synapse parse ejabberd

golden: $(VENV)/.installed ## rewrite what tests compare with: docs/openapi.json, infra/bicep/data.json, docs/cost.md
	@$(PY) -m tests.golden
	@$(PY) -m tests.costs

UV_COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header
COOLDOWN ?= $(shell date -u -d '7 days ago' +%F)
lock: $(VENV)/.installed ## compile requirements*.txt; new releases wait a week before we take them
	@$(PY) -m pip install --quiet uv
	@$(UV_COMPILE) --exclude-newer $(COOLDOWN) requirements.in -o requirements.txt
	@$(UV_COMPILE) --exclude-newer $(COOLDOWN) requirements-dev.in -o requirements-dev.txt
