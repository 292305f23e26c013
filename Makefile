# make help lists the commands. Needs Rust (rustup.rs), Python 3.10 or newer, and make; everything else is fetched
# into .local/ and target/. Settings are environment variables or arguments: make run API_PORT=9000
# AWS_PORT (4566), API_PORT (8080), SIMULATOR_PORT (8090), WATCH_PORT (9000), LOCAL_DIR (.local), BUILD_PROFILE (dev),
# TWILIO_BASE_URL, TWILIO_VERIFY_BASE_URL, TWILIO_LOOKUP_BASE_URL, SENDGRID_BASE_URL, RESEND_BASE_URL (the simulator),
# OTP_BACKEND (own) or twilio_verify,
# ROWS (1000), BAD (a thousandth of them), KILL (0: seconds between two kills) of make soak,
# MESSAGES (1000), SEED (by chance), KILL (3; 0: nobody is killed), HEAL_SECONDS (900) of make chaos,
# RUN_ONCE=1 (make run ends after the first messages).

PYTHON ?= python3
VENV := .local/venv
LOCAL := $(VENV)/bin/python -m local
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all:

export PYTHONPATH := infra
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help run up down status test lint advisories watch fuzz bench soak chaos logs clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: $(VENV)/ready ## build, start and deploy it all, send the first messages, stay until Ctrl-C
	@$(LOCAL) run

up: $(VENV)/ready ## the same in the background; again after a change: redeploys what changed
	@$(LOCAL) up

down: ## stop what `make up` started
	@if [ -e $(VENV)/ready ]; then $(LOCAL) down; else echo "Nothing was running"; fi

status: $(VENV)/ready ## whether it is up, its addresses and tokens
	@$(LOCAL) status

test: $(VENV)/ready ## unit tests, then the end-to-end tests on a stack of their own
	@$(LOCAL) test

lint: $(VENV)/ready-lint ## format, clippy, template, OpenAPI drift, banned crates, advisories
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	$(VENV)/bin/cfn-lint template.yaml
	cargo run --quiet --package tests --bin openapi -- --check
	$(VENV)/bin/python -m local.crates

advisories: $(VENV)/ready-lint ## take a new snapshot of RustSec's advisories (needs git; URL=… for a mirror of them)
	$(VENV)/bin/python -m local.crates refresh $(URL)

watch: $(VENV)/ready ## serve the HTTP functions with hot reload, beside a stack that is up
	@$(LOCAL) watch

fuzz: ## give every parser wrong inputs for MINUTES (5) each
	cargo run --quiet --package tests --bin fuzz -- $(or $(MINUTES),5)

bench: $(VENV)/ready ## build the release packages; print sizes, cold starts, the road's times, the bill (PART=bill: that alone)
	@$(VENV)/bin/python -m bench $(PART)

soak: $(VENV)/ready ## a bulk job of ROWS rows on a stack of its own; KILL=3 kills a worker every three seconds
	@$(VENV)/bin/python -m soak

chaos: $(VENV)/ready ## MESSAGES (1000) of every kind while everything fails, on a stack of its own; SEED=… repeats a run
	@$(VENV)/bin/python -m chaos

logs: $(VENV)/ready ## follow what the functions, MiniStack and the simulator print
	@$(LOCAL) logs

clean: down ## remove everything built, installed and stored
	rm -rf .local target

$(VENV)/ready: infra/local/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
		|| { echo "error: Python 3.10 or newer is missing; install it or name it: make … PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Installing the local stack into $(VENV) (once) …"
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null \
		|| { echo "error: $(PYTHON) cannot make a virtual environment; install its venv module (Debian: python3-venv)" >&2; exit 1; }
	@$(PIP) -r $< || { echo "error: installing $< failed" >&2; exit 1; }
	@touch $@

$(VENV)/ready-lint: infra/local/requirements-lint.txt $(VENV)/ready
	@$(PIP) -r $< || { echo "error: installing $< failed" >&2; exit 1; }
	@touch $@
