# make run     serve the guestbook, as it is developed, on http://localhost:8000
# make lesson  the same for the app of the lesson
# make test    every check there is, in some nine minutes on two processors
# make thorough the tests with four times as many drawn examples, other ones each time, and what they cover
# make mutate  small changes of a room's code (ROOM=wire) that no test notices, for some minutes (MINUTES=30)
# make format  put the code in form
# make images  draw the pictures of docs/map.md again, from the code
# make screenshots  take the pictures of pages in the docs again, in light and dark, at a desk and on a phone
# make bench   measure against peers (benchmarks/README.md)
# make plots   write what was measured into the tables and plots of README and docs
# make soak    ten minutes of load while workers are killed and everything else is done to disturb them; ten of topics; a Redis with faults, quiet rooms
# make trials  tools that others wrote (slowhttptest, h2load, wrk by the thousand, proxies), and what honest clients notice of them
# make fuzz    twelve minutes of random bytes against the wire, two of them against both readers of heads
# make sanitize the compiled reader of heads under AddressSanitizer and UndefinedBehaviorSanitizer

PYTHON ?= python3
BIN := .venv/bin
RUFF_PATHS := src tests examples benchmarks scripts/autobahn.py scripts/draw.py scripts/screenshots.py scripts/starlette_suite.py
# Side by side, in as many processes as tests/conftest.py says; one that is done takes tests from another. The slowest
# are named at the end.
PYTEST := $(BIN)/pytest tests -n auto --dist worksteal --durations=10 --durations-min=5 --timeout=900

# mypy takes one processor. Meanwhile another compiles the tests, which each of the processes above would do for itself.
COMPILED := $(BIN)/pytest tests --collect-only -qq >/dev/null 2>&1

# Tests start some hundred servers: what was compiled for one is kept for the others, whatever the environment says.
export PYTHONDONTWRITEBYTECODE =

.PHONY: run lesson test thorough mutate format images screenshots bench plots soak trials fuzz sanitize clean

run: .venv/.runs
	cd examples/guestbook && exec ../../$(BIN)/fanlight dev guestbook

lesson: .venv/.runs
	cd examples/lesson && exec ../../$(BIN)/fanlight dev

test: .venv/.tests
	@scripts/phase "programs that the tests need" scripts/install-system-packages
	@scripts/phase "the compiled reader" $(MAKE) --no-print-directory .venv/.speed
	@scripts/phase "form" $(BIN)/ruff format --check $(RUFF_PATHS)
	@scripts/phase "lint" $(BIN)/ruff check $(RUFF_PATHS)
	@$(COMPILED) & scripts/phase "types" $(BIN)/mypy; code=$$?; wait; exit $$code
	@echo "== tests: $(PYTEST)"
	@$(PYTEST)

thorough: .venv/.tests
	scripts/install-system-packages
	$(MAKE) .venv/.speed
	$(PYTEST) --hypothesis-profile=full --cov

ROOM ?= wire
MINUTES ?= 30
mutate:
	scripts/mutate $(ROOM) $(MINUTES)

format: .venv/.tests
	$(BIN)/ruff check --fix-only $(RUFF_PATHS)
	$(BIN)/ruff format $(RUFF_PATHS)

images: .venv/.runs
	$(BIN)/python scripts/draw.py

screenshots: .venv/.tests
	$(BIN)/python scripts/screenshots.py $(NAMES)

bench:
	benchmarks/run --setup

plots:
	$(PYTHON) benchmarks/publish.py

soak: .venv/.tests
	scripts/install-system-packages
	$(BIN)/python -m tests.soak.soak --report
	$(BIN)/python -m tests.soak.live --report
	$(BIN)/python -m tests.soak.redis_faults --report
	$(BIN)/python -m tests.soak.quiet --clients 20000 --report

trials: .venv/.tests
	$(BIN)/python -m tests.soak.trials --report

fuzz: .venv/.tests .venv/.speed
	$(BIN)/python -m tests.compiled.mutated_heads 120
	$(BIN)/python tests/fuzz/wire_atheris.py -max_total_time=600

SECONDS ?= 60
sanitize: .venv/.tests
	scripts/sanitize $(SECONDS)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .coverage

# The stamps say that what is installed is what pyproject.toml asks for.
.venv/.runs: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

.venv/.tests: .venv/.runs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,tests]'
	touch $@

.venv/.speed: .venv/.tests speed/fanlight_speed.c speed/fanlight_speed.py speed/setup.py speed/pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps ./speed
	$(BIN)/python -c 'import fanlight_speed'
	touch $@
