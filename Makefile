PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
VENV = .venv
RUN = $(VENV)/bin/python

# As many workers as cores, and one thread each; a file's tests share what one of them has trained.
# .ci/run sets COVER to `-m coverage run`.
PYTEST = $(RUN) $(COVER) -m pytest -q -n auto --maxprocesses 8 --dist loadfile

.PHONY: help setup demo docs test test-slow check hooks release-check bench-page lock clean

help:                ## show this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 16

# What sablier-runtime is built from: its own files, and the modules of sablier that it copies.
RUNTIME = $(shell find runtime -name '*.py' -not -path '*/tests/*') $(addprefix runtime/,pyproject.toml README.md shared_modules.txt) \
  src/sablier/__init__.py $(addprefix src/sablier/,$(shell cat runtime/shared_modules.txt))

setup: $(VENV)/runtime ## make .venv and install sablier with its development tools, and sablier-runtime

$(VENV)/ready: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -q -e '.[dev]' -c $(CONSTRAINTS)
	@touch $@

$(VENV)/runtime: $(VENV)/ready $(RUNTIME)
	$(RUN) -m pip install -q --no-deps --no-build-isolation --force-reinstall ./runtime
	@touch $@

demo: setup          ## train a detector on rendered parts and judge new ones: demo/report.html
	$(RUN) examples/demo.py demo

docs: setup          ## build the documentation as a site that opens offline: site/index.html
	$(RUN) -m pip install -q -e '.[docs]' -c $(CONSTRAINTS)
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build -q

test: setup          ## run the tests but the slow; those on public sets run when SABLIER_DATA is set
	$(PYTEST) -m "not slow"

test-slow: setup     ## run the slow tests
	$(PYTEST) -m slow

check: setup         ## format, lint and type checks
	$(RUN) -m ruff format --check src tests bench examples runtime conftest.py
	$(RUN) -m ruff check src tests bench examples runtime conftest.py
	$(RUN) -m mypy

hooks: setup         ## run the checks at every commit
	$(RUN) -m pre_commit install

release-check: setup ## build sdist and wheel, install the wheel into an empty environment, run the demo there
	PYTHON=$(PYTHON) .ci/release-check

bench-page: setup    ## write docs/BENCHMARKS.md from bench/results
	$(RUN) bench/page.py

lock: setup          ## pin what is installed now
	$(RUN) -m pip freeze --exclude-editable | grep -v ' @ ' | sed 's/+cpu//' > constraints.txt

clean:               ## remove what the targets above made
	rm -rf $(VENV) demo site
